"""Errors that end the runtime or its connection; `_function_errors` imports them on demand. Imports nothing.

RuntimeFailure
 +-- SettingError    a variable is missing or malformed: one line on stderr, exit 1
 +-- ConnectionLost  the Runtime API closed or refused a connection: reconnect, a limited number of times
 +-- ProtocolError   the Runtime API sent bytes that are not HTTP/1.1: exit 1
 +-- ApiError        the Runtime API responded with a status that ends the process: exit 1
 +-- ForkedChild     a child that user code forked returned into the loop: exit 1, without cleaning up
"""


class RuntimeFailure(Exception):
    """Base class of errors that are not the function's fault."""


class SettingError(RuntimeFailure):
    """An invalid environment variable; the text names the variable and the cure."""


class ConnectionLost(RuntimeFailure):
    """A connection to the Runtime API that could not be opened, or ended before a whole response arrived."""


class ProtocolError(RuntimeFailure):
    """Bytes of the Runtime API that are not an HTTP/1.1 response; the text shows them."""


class ApiError(RuntimeFailure):
    """A refusal of the Runtime API after which the process must exit."""

    def __init__(self, request: str, status: int, body: "bytes | bytearray") -> None:
        text = str(body[:500], "utf-8", "backslashreplace").strip()
        super().__init__(f"the Runtime API answered {request} with {status}: {text or '(no body)'}")
        self.status = status


class ForkedChild(RuntimeFailure):
    """A request in a forked child, whose result the Runtime API would take for the parent's."""

    def __str__(self) -> str:
        return "forked child returned from the handler; exiting it (use os._exit in children)"
