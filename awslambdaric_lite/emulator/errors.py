"""The emulator's exceptions. Function errors are results, not exceptions: see `InvokeResult.error`.

EmulatorError
├── InvalidFunction     the function cannot be set up as described
├── InvalidSource       an event source cannot be set up as described
├── QueueUnavailable    a queue cannot be found, created or polled
├── UnknownFunction     the project does not have that function
├── UnknownQualifier    the function does not have that version or alias
├── EventTooLarge       the event exceeds the service's limit
├── TooManyRequests     every environment is busy, and the function or the account is at its concurrency limit
├── FunctionUnavailable the function cannot run on this machine
├── AddressUnavailable  a port is in use, or an address is not local
└── LocalLambdaClosed   the local Lambda was closed, or not started yet
"""

from __future__ import annotations

from typing import Literal

Limit = Literal["function", "account"]
"""Whose concurrency limit is reached."""


class EmulatorError(Exception):
    """Base of the exceptions that the emulator raises on purpose."""


class InvalidFunction(EmulatorError, ValueError):
    """A setting of the function has a value that Lambda would refuse."""


class InvalidSource(EmulatorError, ValueError):
    """A setting of an event source has a value that Lambda would refuse."""


class QueueUnavailable(EmulatorError, OSError):
    """A queue does not exist at its endpoint, the endpoint does not answer, or it may not be changed."""


class EventTooLarge(EmulatorError, ValueError):
    """The event exceeds the limit of a synchronous invocation."""


class LocalLambdaClosed(EmulatorError, RuntimeError):
    """A local Lambda that is not running got an invocation."""


class UnknownQualifier(EmulatorError, LookupError):
    """An invocation names a version or an alias that the function does not have."""


class TooManyRequests(EmulatorError, RuntimeError):
    """A synchronous invocation finds the function, or the account, at its concurrency limit."""

    def __init__(self, text: str, limited_by: Limit = "function") -> None:
        super().__init__(text)
        self.limited_by = limited_by


class FunctionUnavailable(EmulatorError, RuntimeError):
    """A function cannot run on this machine; the text says why, and the cure."""


class UnknownFunction(EmulatorError, LookupError):
    """An invocation names a function that the project does not have."""


class AddressUnavailable(EmulatorError, OSError):
    """An address or a port cannot be opened for listening; `is_of_address` tells whether this holds for every port."""

    def __init__(self, text: str, *, is_of_address: bool = False) -> None:
        super().__init__(text)
        self.is_of_address = is_of_address
