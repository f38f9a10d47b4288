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
    """A refusal of the Runtime API after which the process must exit.

    Parameters and attributes have the official client's names, because `_official` provides this class.
    """

    def __init__(self, endpoint: str, response_code: int, response_body: "bytes | bytearray | str") -> None:
        body = response_body.encode() if isinstance(response_body, str) else bytes(response_body)
        text = str(body[:500], "utf-8", "backslashreplace").strip()
        super().__init__(f"the Runtime API answered {endpoint} with {response_code}: {text or '(no body)'}")
        self.endpoint = endpoint
        self.response_code = self.status = response_code
        self.response_body = body


class ForkedChild(RuntimeFailure):
    """A request in a forked child, whose result the Runtime API would take for the parent's."""

    def __str__(self) -> str:
        return "forked child returned from the handler; exiting it (use os._exit in children)"
