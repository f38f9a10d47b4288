"""Errors that prevent a measurement.

BenchError
├── ClientFailed     a process did not behave as a runtime: it exited, hung, or sent something else
│   └── InitFailed   it reported that its init failed
└── HandlerFailed    the measured function fails
"""

from __future__ import annotations


class BenchError(Exception):
    """Base of all errors; the text is for the user."""


class ClientFailed(BenchError):
    """A process did not behave as a runtime; the text starts with a verb, `output` is the end of its output."""

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output


class InitFailed(ClientFailed):
    """The runtime reported `init/error`; the text has the type and the message of the error."""


class HandlerFailed(BenchError):
    """The measured function fails; `output` is the end of its output."""

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output
