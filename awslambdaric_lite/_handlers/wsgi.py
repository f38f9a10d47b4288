"""WSGI applications: owns the server side of the protocol (PEP 3333)."""

import sys
from functools import lru_cache
from io import BytesIO

from .http_request import HttpRequest, bytes_of, text_of
from .responses import StreamingResponse

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
    *,
    stream: bool = False,
    read: "Callable[[object], HttpRequest]" = HttpRequest,
) -> object:
    """Answer one event, which `read` reads; stream if `stream` allows it and the integration supports it."""
    request = read(event)
    response = _Response()
    body = response.body(application(_environ(request, context), response.start))
    if request.method == "HEAD":  # some applications treat HEAD as GET; no server sends such a body
        for _ in body:
            pass
    if stream and request.accepts_stream:
        first = next(body, b"")  # PEP 3333: headers are sent with the first chunk that is not empty
        return StreamingResponse(_RemainingBody(first, body), response.status, response.headers)
    chunks = b"".join(body)
    return request.render(response.status, response.headers, chunks)


class _Response:
    """The status and headers that the application passes to `start_response`, and the body."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self._written: list[bytes] = []
        self._sent = False

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
        """Yield the chunks that are not empty, in order; close the iterable whatever happens."""
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


class _RemainingBody:
    """The first chunk of a body, which was read already, and the chunks after it."""

    def __init__(self, first: bytes, rest: "Iterator[bytes]") -> None:
        self._first = first
        self._rest = rest

    def __iter__(self) -> "Iterator[bytes]":
        yield self._first
        yield from self._rest

    def close(self) -> None:
        """Close the generator, which closes the iterable that the application returned."""
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
