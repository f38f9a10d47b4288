"""Events that are not HTTP requests: owns posting them to an application, and reading the result of its response."""

from urllib.parse import unquote_to_bytes

from .._codec import Marshaller, loads
from .http_request import HttpRequest, encoded_path, is_websocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .http_request import Fields

_EVENT = "event"
_QUOTED = 2000  # characters of a refused event's response


class EventNotProcessed(Exception):
    """An exception for an event to which the application responds with a status that is not 2xx."""


class EventRequest(HttpRequest):
    """A POST request with the event as JSON, to a path of the application; it has no client."""

    def __init__(self, event: "Any", path: str) -> None:
        """Make the request.

        Raises:
            Fault: the event cannot be encoded as JSON.
        """
        self.event = event
        context = event.get("requestContext") if isinstance(event, dict) else None
        self.context = context if isinstance(context, dict) else {}
        self.integration = _EVENT
        self.accepts_stream = False
        self.method, self.query = "POST", ""
        self.raw_path = encoded_path(path)
        self.root_path, self.path = b"", unquote_to_bytes(self.raw_path)
        self.body = Marshaller("stdlib").marshal_response(event)[0]
        content_type = "application/octet-stream" if isinstance(event, bytes) else "application/json"
        self.headers = [
            ("host", "localhost"),
            ("content-type", content_type),
            ("content-length", str(len(self.body))),
        ]
        self.scheme, self.host, self.port, self.client = "https", "localhost", 443, None

    def render(self, status: int, headers: "Fields", body: bytes) -> "Any":
        """Return the result of the invocation: the value of the response's body.

        A WebSocket API reads an object with a `statusCode`: that of the body, else the response itself.

        Raises:
            EventNotProcessed: the status is not 2xx, so the invocation fails and its sender may retry.
            ValueError: the body is neither JSON nor text.
        """
        if is_websocket(self.event):
            value = _value(body)
            if isinstance(value, dict) and "statusCode" in value:
                return value
            answer = super().render(status, headers, body)
            fields: Any = answer.pop("multiValueHeaders")  # WebSocket APIs read the other field
            answer["headers"] = {name: ",".join(values) for name, values in fields.items()}
            return answer
        if not 200 <= status <= 299:
            text = body.decode("utf-8", "replace")
            raise EventNotProcessed(f"POST {self.raw_path} was answered with status {status}: {text[:_QUOTED]}")
        value = _value(body)
        if isinstance(value, bytes):
            raise ValueError(f"the response to POST {self.raw_path} is neither JSON nor text")
        return value


def _value(body: bytes) -> object:
    """Return the value of a body in JSON, else the text, None for an empty body, the bytes if they are not text."""
    if not body:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return text
