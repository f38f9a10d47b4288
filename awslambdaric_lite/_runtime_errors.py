"""What ends the runtime or its connection; `_function_errors` hands these out. Imports nothing.

RuntimeFailure
 +-- SettingError    a variable is missing or malformed: one line on stderr, exit 1
 +-- ConnectionLost  the Runtime API closed or refused a connection: reconnect, a bounded number of times
 +-- ProtocolError   the Runtime API sent what is not HTTP/1.1: exit 1
 +-- ApiError        the Runtime API answered with a status that ends the process: exit 1
 +-- ForkedChild     a child of the process, forked by user code, came back into the loop: it ends at once
"""


class RuntimeFailure(Exception):
    """Root of what the runtime raises where it is not the function's fault."""


class SettingError(RuntimeFailure):
    """An environment variable cannot be used as it is; the text names it and the cure."""


class ConnectionLost(RuntimeFailure):
    """The connection to the Runtime API could not be opened, or ended before a whole response had arrived."""


class ProtocolError(RuntimeFailure):
    """The Runtime API sent bytes that are not an HTTP/1.1 response; the text shows them."""


class ApiError(RuntimeFailure):
    """The Runtime API refused a request in a way that leaves nothing to do but end."""

    def __init__(self, request: str, status: int, body: "bytes | bytearray") -> None:
        text = str(body[:500], "utf-8", "backslashreplace").strip()
        super().__init__(f"the Runtime API answered {request} with {status}: {text or '(no body)'}")
        self.status = status


class ForkedChild(RuntimeFailure):
    """The Runtime API is the parent's to talk to: a child's answer would be taken for the parent's."""
