"""WSGI applications as handlers (PEP 3333)."""

import sys
from io import BytesIO

from .http_request import HttpRequest
from .responses import StreamingResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def handle(application: "Application", event: "Any", context: "Any", *, stream: bool = False) -> object:
    """Answer one event, streamed if that is wanted and the front can."""
    request = HttpRequest(event)
    response = _Response()
    body = response.body(application(_environ(request, context), response.start))
    if request.method == "HEAD":  # some applications answer it as GET; no server sends such a body
        for _ in body:
            pass
    if stream and request.accepts_stream:
        first = next(body, b"")  # headers are due with the first chunk that is not empty
        return StreamingResponse(_Rest(first, body), response.status, response.headers)
    chunks = b"".join(body)
    return request.render(response.status, response.headers, chunks)


class _Response:
    """What the application says through `start_response`."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: "list[tuple[str, str]]" = []
        self._written: "list[bytes]" = []
        self._sent = False

    def start(self, status: str, headers: "list[tuple[str, str]]", exc_info: "Any" = None) -> "Callable[[bytes], None]":
        """`start_response`: may be called again only with an error, and not once the body has begun."""
        if exc_info is not None:
            try:
                if self._sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # a circle
        elif self.status:
            raise AssertionError("start_response was called twice without exc_info")
        self.status = int(status[:3])
        self.headers = list(headers)
        return self._written.append

    def body(self, result: "Iterable[bytes]") -> "Iterator[bytes]":
        """The chunks that are not empty, in order; the iterable is closed whatever happens."""
        try:
            yield from self._drain()
            for chunk in result:
                yield from self._drain()
                if chunk:
                    self._begin()
                    yield chunk
            self._begin()
            yield from self._drain()
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _drain(self) -> "Iterator[bytes]":
        while self._written:
            chunk = self._written.pop(0)
            if chunk:
                self._begin()
                yield chunk

    def _begin(self) -> None:
        if not self.status:
            raise AssertionError("the application returned without calling start_response")
        self._sent = True


class _Rest:
    """A chunk that was taken already, and the ones behind it."""

    def __init__(self, first: bytes, rest: "Iterator[bytes]") -> None:
        self._first = first
        self._rest = rest

    def __iter__(self) -> "Iterator[bytes]":
        yield self._first
        yield from self._rest

    def close(self) -> None:
        """Close the generator behind, and with it what the application returned."""
        self._rest.close()  # type: ignore[attr-defined]


def _environ(request: HttpRequest, context: "Any") -> "dict[str, Any]":
    """The environment of one request; text is bytes in disguise, each character one (PEP 3333, "Unicode Issues")."""
    environ: "dict[str, Any]" = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": _disguised(request.query),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": request.host,
        "SERVER_PORT": str(request.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.client,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "apig_wsgi.full_event": request.event,
        "apig_wsgi.context": context,
        "apig_wsgi.request_context": request.event["requestContext"],
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = _disguised(value)
        elif key != "CONTENT_LENGTH":
            key = f"HTTP_{key}"
            joint = "; " if key == "HTTP_COOKIE" else ","
            text = _disguised(value)
            environ[key] = f"{environ[key]}{joint}{text}" if key in environ else text
    return environ


def _disguised(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


# Frames of these run before the application's own and are no news to whoever reads its stack trace.
OWN = (handle.__code__, _Response.body.__code__, _Rest.__iter__.__code__)
