"""What keeps a function from being measured.

BenchError
├── ClientFailed     a process did not do what a runtime does: it ended, hung, or sent something else
│   └── InitFailed   it reported that its init failed
└── HandlerFailed    the function that is to be measured fails
"""

from __future__ import annotations


class BenchError(Exception):
    """The root; the text is for the user."""


class ClientFailed(BenchError):
    """The text says what the process did, without its name; `output` is the end of what it wrote."""

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output


class InitFailed(ClientFailed):
    """The runtime reported `init/error`; the text has the type and the message of the error."""


class HandlerFailed(BenchError):
    """The function fails, so that there is nothing to measure; `output` is the end of what it wrote."""

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output
