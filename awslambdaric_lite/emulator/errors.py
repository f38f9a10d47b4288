"""The emulator's exceptions. Function errors are results, not exceptions: see `InvokeResult.error`.

EmulatorError
├── InvalidFunction     the function cannot be set up as described
├── EventTooLarge       the service would refuse the event
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
