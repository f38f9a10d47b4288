"""Events and requests of the Runtime API, and their form on the wire: an independent, plain HTTP/1.1."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:function"
DEADLINE_MS = 4_102_444_800_000  # 2100-01-01

_CHUNKED_ABOVE = 2048  # bytes: Go's net/http declares no length for what outgrows its buffer
_CHUNK = 4096
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 410: "Gone"}


@dataclass(frozen=True)
class Event:
    """One invocation to hand out.

    Attributes:
        headers: further header fields of the answer to `next`; one of a name that is there already replaces it.
        content_type: None sends none.
    """

    body: bytes = b"{}"
    request_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str | None = "application/json"

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields of the answer to `next`."""
        given = {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(DEADLINE_MS),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            **({} if self.content_type is None else {"Content-Type": self.content_type}),
            **dict(self.headers),
        }
        return list(given.items())


@dataclass(frozen=True)
class DueEvent(Event):
    """An event whose deadline is so many `seconds` after it was handed out, however long the client took to start."""

    seconds: float = 0.0

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields with that deadline."""
        deadline_ms = int((time.time() + self.seconds) * 1000)
        return list({**dict(super().fields()), "Lambda-Runtime-Deadline-Ms": str(deadline_ms)}.items())


@dataclass(frozen=True)
class Request:
    """One request as it arrived; header names are as the client wrote them.

    Attributes:
        status: of the answer; None if there was none, or it told nothing of the state.
        unread: the body was left unread because of its size.
        chunks: how a chunked body was cut.
        trailers: what followed a chunked body.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int
    status: int | None = None
    unread: bool = False
    chunks: tuple[bytes, ...] = ()
    trailers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        """Return a header field's value, None without one."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def verb(self) -> str:
        """What the request asks for: `next`, `response`, `error`, `init/error`, `restore/next` or the like."""
        *_, group, last = self.path.split("/")
        return f"{group}/{last}" if group in ("init", "restore", "event", "extension") else last

    @property
    def request_id(self) -> str:
        """The invocation that the path names."""
        return self.path.split("/invocation/")[-1].rpartition("/")[0]


def render(status: int, fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Render a response as the Runtime API does: chunked where the body is large."""
    chunked = len(body) > _CHUNKED_ABOVE
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in fields)]
    head = "\r\n".join([*lines, f"{framing[0]}: {framing[1]}", "", ""]).encode()
    if not chunked:
        return head + body
    pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def read_request(
    stream: IO[bytes], connection: int, limit: int | None = None, on_chunk: Callable[[bytes], object] | None = None
) -> Request | None:
    """Read one request from a buffered stream; None at its end, also in the middle of a request.

    `on_chunk` gets each chunk of a chunked body as it arrives; the next one is read when it returns.
    """
    readline = stream.readline
    words = readline().decode("latin-1").split()
    if len(words) != 3:
        return None
    headers: list[tuple[str, str]] = []
    while (line := readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("utf-8", "surrogateescape").rstrip("\r\n").partition(":")
        headers.append((name, value.strip()))
    known = {name.lower(): value for name, value in headers}
    chunks: list[bytes] = []
    trailers: list[tuple[str, str]] = []
    if known.get("transfer-encoding") == "chunked":
        while size := int(readline().split(b";")[0] or b"-1", 16):
            chunks.append(stream.read(max(size, 0)))
            if size < 0 or len(chunks[-1]) < size:
                return None
            readline()
            if on_chunk is not None:
                on_chunk(chunks[-1])
        while (line := readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
            trailers.append((name, value.strip()))
        body = b"".join(chunks)
    else:
        length = int(known.get("content-length", "0"))
        if limit is not None and length > limit:
            return Request(words[0], words[1], tuple(headers), b"", connection, unread=True)
        body = stream.read(length)
        if len(body) < length:
            return None
    return Request(words[0], words[1], tuple(headers), body, connection, chunks=tuple(chunks), trailers=tuple(trailers))
