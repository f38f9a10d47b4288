"""The emulator's exceptions. Function errors are results, not exceptions: see `InvokeResult.error`.

EmulatorError
├── InvalidFunction     the function cannot be set up as described
├── UnknownQualifier    there is no such version or alias
├── EventTooLarge       the service would refuse the event
├── TooManyRequests     every environment is taken, and no further one may be started
├── AddressUnavailable  a port is taken, or an address is not of this machine
└── LocalLambdaClosed   the local Lambda was closed, or not started yet
"""

from __future__ import annotations


class EmulatorError(Exception):
    """The root of everything that the emulator raises on purpose."""


class InvalidFunction(EmulatorError, ValueError):
    """A setting of the function has a value that Lambda would not take."""


class EventTooLarge(EmulatorError, ValueError):
    """The event exceeds the limit of a synchronous invocation."""


class LocalLambdaClosed(EmulatorError, RuntimeError):
    """An invocation was asked of a local Lambda that is not running."""


class UnknownQualifier(EmulatorError, LookupError):
    """An invocation names a version or an alias that the function does not have."""


class TooManyRequests(EmulatorError, RuntimeError):
    """A synchronous invocation finds the function at its concurrency limit."""


class AddressUnavailable(EmulatorError, OSError):
    """An address or a port cannot be listened on; `is_of_address` says that no port would do."""

    def __init__(self, text: str, *, is_of_address: bool = False) -> None:
        super().__init__(text)
        self.is_of_address = is_of_address
