"""The exceptions of the runtime, and what each of them means for the process. Imports nothing.

LiteError
 +-- Fault           the function's fault: reported to the Runtime API as the result of the invocation or of init
 +-- SettingError    a variable is missing or malformed: one line on stderr, exit 1
 +-- ConnectionLost  the Runtime API closed or refused a connection: reconnect, a bounded number of times
 +-- ProtocolError   the Runtime API sent what is not HTTP/1.1: exit 1
 +-- ApiError        the Runtime API answered with a status that ends the process: exit 1
 +-- ForkedChild     a child of the process, forked by user code, came back into the loop: it ends at once
"""


class LiteError(Exception):
    """Root of everything that the runtime raises on its own account."""


class Fault(LiteError):
    """An error with a name of its own in the Runtime API; names and texts are those of the official client.

    Attributes:
        error_type: such as `Runtime.HandlerNotFound`.
        trace: ready-made entries for `stackTrace`.
    """

    def __init__(self, error_type: str, message: str, trace: "list[str] | None" = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace or []


class SettingError(LiteError):
    """An environment variable cannot be used as it is; the text names it and the cure."""


class ConnectionLost(LiteError):
    """The connection to the Runtime API could not be opened, or ended before a whole response had arrived."""


class ProtocolError(LiteError):
    """The Runtime API sent bytes that are not an HTTP/1.1 response; the text shows them."""


class ApiError(LiteError):
    """The Runtime API refused a request in a way that leaves nothing to do but end."""

    def __init__(self, request: str, status: int, body: "bytes | bytearray") -> None:
        text = str(body[:500], "utf-8", "backslashreplace").strip()
        super().__init__(f"the Runtime API answered {request} with {status}: {text or '(no body)'}")
        self.status = status


class ForkedChild(LiteError):
    """The Runtime API is the parent's to talk to: a child's answer would be taken for the parent's."""
