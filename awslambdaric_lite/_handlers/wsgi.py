"""WSGI applications: owns the server side of the protocol (PEP 3333)."""

import sys
from functools import lru_cache
from io import BytesIO

from .http_request import HttpRequest, bytes_of, text_of
from .http_response import end_to_end, has_no_content
from .responses import ApplicationResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_SINGLE = ("CONTENT_TYPE", "CONTENT_LENGTH")


def handle(
    application: "Application",
    event: "Any",
    context: "Any",
    log: "Callable[[BaseException], None]",
    *,
    stream: bool = False,
    read: "Callable[[object], HttpRequest]" = HttpRequest,
) -> ApplicationResponse:
    """Call the application with one event until its response is complete, or has begun if it is streamed.

    The response is streamed if `stream` allows it and the integration supports it. `log` receives an error of `close()`
    that follows another error. `read` reads the event.
    """
    request = read(event)
    exchange = _Response(log)
    body = exchange.body(application(_environ(request, context), exchange.start))
    first = next(body, b"")  # PEP 3333: headers are sent with the first chunk that is not empty
    status, headers = exchange.status, end_to_end(exchange.headers)
    if has_no_content(request.method, status):
        first = b""
        for _ in body:
            pass
    if stream and request.accepts_stream:
        chunks = _RemainingBody(first, body)
        return ApplicationResponse(exchange.close, body=chunks, status_code=status, headers=headers)
    whole = b"".join((first, *body))
    try:
        return ApplicationResponse(exchange.close, request.render(status, headers, whole))
    except BaseException:
        exchange.close_and_log()
        raise


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
        self.headers = [(name, _as_text(value)) for name, value in headers]
        return self._written.append

    def body(self, result: "Iterable[bytes]") -> "Iterator[bytes]":
        """Yield the chunks that are not empty, in order; close the iterable if the caller stops before the last one."""
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
                self.close_and_log()

    def close(self) -> None:
        """Close the iterable that the application returned, once."""
        result, self._result = self._result, None
        close = getattr(result, "close", None)
        if close is not None:
            close()

    def close_and_log(self) -> None:
        """Close the iterable after an error, which is the one to report; log the error of `close()`."""
        try:
            self.close()
        except Exception as error:
            self._log(error)

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
        "REQUEST_METHOD": _as_latin_1(request.method),
        "SCRIPT_NAME": request.root_path.decode("latin-1"),
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": request.query,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": _as_latin_1(request.host),
        "SERVER_PORT": str(request.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": _as_latin_1(request.client or ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "apig_wsgi.full_event": request.event,
        "apig_wsgi.context": context,
        "apig_wsgi.request_context": request.context,
    }
    for name, value in request.headers:
        key = _key(name)
        text = value if value.isascii() else _as_latin_1(value)  # ASCII: an eighth less in it
        environ[key] = f"{environ[key]},{text}" if key in environ and key not in _SINGLE else text
    return environ


@lru_cache(128)  # names repeat: benchmark request_wsgi_apigw, an eighth less
def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in _SINGLE else f"HTTP_{key}"


def _as_latin_1(text: str) -> str:
    return bytes_of(text).decode("latin-1")


def _as_text(value: str) -> str:
    """Return a header of the application: the characters are bytes, unless the application violates PEP 3333."""
    try:
        return text_of(value.encode("latin-1"))
    except UnicodeEncodeError:
        return value
