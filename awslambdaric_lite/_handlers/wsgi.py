"""WSGI applications: owns the server side of the protocol (PEP 3333)."""

import sys
from io import BytesIO

from .http_request import HttpRequest
from .http_response import end_to_end, has_no_content, header_text, render
from .responses import ApplicationResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def handle(
    application: "Application",
    event: "Any",
    context: "Any",
    log: "Callable[[BaseException], None]",
    *,
    stream: bool = False,
) -> ApplicationResponse:
    """Call the application with one event until its response is complete, or has begun if it is streamed.

    The response is streamed if `stream` allows it and the integration supports it. `log` receives an error of `close()`
    that follows another error.
    """
    request = HttpRequest(event)
    exchange = _Response(log)
    body = exchange.body(application(_environ(request, context), exchange.start))
    first = next(body, b"")  # PEP 3333: headers are sent with the first chunk that is not empty
    headers = end_to_end(exchange.headers)
    if has_no_content(request, exchange.status):
        first = b""
        for _ in body:
            pass
    if stream and request.accepts_stream:
        return ApplicationResponse(exchange.close, None, _RemainingBody(first, body), exchange.status, headers)
    return ApplicationResponse(exchange.close, render(request, exchange.status, headers, b"".join((first, *body))))


class _Response:
    """The status and headers that the application passes to `start_response`, and the body."""

    def __init__(self, log: "Callable[[BaseException], None]") -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self._log = log
        self._written: list[bytes] = []
        self._sent = False
        self._result: object = None

    def start(self, status: str, headers: "list[tuple[str, str]]", exc_info: "Any" = None) -> "Callable[[bytes], None]":
        """Implement `start_response`: a second call needs an error, and is refused after the body has begun."""
        if exc_info is not None:
            try:
                if self._sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # breaks a reference cycle
        elif self.status:
            raise AssertionError("start_response was called twice without exc_info")
        self.status = int(status[:3])
        self.headers = [(_from_latin_1(name), _from_latin_1(value)) for name, value in headers]
        return self._written.append

    def body(self, result: "Iterable[bytes]") -> "Iterator[bytes]":
        """Yield the chunks that are not empty, in order; close the iterable if not all of them are taken."""
        self._result = result
        whole = False
        try:
            yield from self._drain()
            for chunk in result:
                yield from self._drain()
                if chunk:
                    self._begin()
                    yield chunk
            self._begin()
            yield from self._drain()
            whole = True
        finally:
            if not whole:
                try:
                    self.close()
                except Exception as error:  # the error that ended the body is the one to report
                    self._log(error)

    def close(self) -> None:
        """Close the iterable that the application returned, once."""
        result, self._result = self._result, None
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


class _RemainingBody:
    """The first chunk of a body, which was read already, and the chunks after it."""

    def __init__(self, first: bytes, rest: "Iterator[bytes]") -> None:
        self._first = first
        self._rest = rest

    def __iter__(self) -> "Iterator[bytes]":
        yield self._first
        yield from self._rest

    def close(self) -> None:
        """Close the generator, which closes the iterable that the application returned if chunks are left."""
        self._rest.close()  # type: ignore[attr-defined]


def _environ(request: HttpRequest, context: "Any") -> "dict[str, Any]":
    """Return the environment of one request; each character of text is one byte (PEP 3333, "Unicode Issues")."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": _as_latin_1(request.query),
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
            environ[key] = _as_latin_1(value)
        elif key != "CONTENT_LENGTH":
            key = f"HTTP_{key}"
            joint = "; " if key == "HTTP_COOKIE" else ","
            text = _as_latin_1(value)
            environ[key] = f"{environ[key]}{joint}{text}" if key in environ else text
    return environ


def _as_latin_1(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _from_latin_1(text: str) -> str:
    """Return header text whose characters are bytes (PEP 3333) as text."""
    return header_text(text.encode("latin-1"))
