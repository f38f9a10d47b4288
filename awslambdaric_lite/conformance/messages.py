"""Events and requests of the Runtime API, as conformance cases and tests write and read them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..protocol.http_messages import ParsedRequest, parse_fields
from ..protocol.replies import event_headers

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:function"
DEADLINE_MS = 4_102_444_800_000  # 2100-01-01
Render = Callable[[Sequence[tuple[str, str]], bytes], bytes]  # makes a response of header fields and a body


@dataclass(frozen=True)
class Event:
    """One invocation.

    Attributes:
        headers: further header fields of the response to `next`; they replace the regular ones of the same name.
        content_type: None sends no such field.
        render: makes the bytes of the response to `next`; None frames it as a Go server does.
    """

    body: bytes = b"{}"
    request_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str | None = "application/json"
    render: Render | None = None

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields of the response to `next`."""
        fields = dict(event_headers(self.request_id, DEADLINE_MS, ARN, content_type=self.content_type or ""))
        if self.content_type is None:
            del fields["Content-Type"]
        return list({**fields, **dict(self.headers)}.items())


@dataclass(frozen=True)
class DueEvent(Event):
    """An event whose deadline is `seconds` after it was sent, however long the client took to start."""

    seconds: float = 0.0

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields with that deadline."""
        deadline_ms = int((time.time() + self.seconds) * 1000)
        return list({**dict(super().fields()), "Lambda-Runtime-Deadline-Ms": str(deadline_ms)}.items())


@dataclass(frozen=True)
class Request:
    """One request as it arrived; header names are as the client wrote them.

    Attributes:
        status: of the response; None without a response.
        unread: the body was not read because of its size.
        chunks: the parts of a chunked body.
        trailers: the fields behind a chunked body.
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

    @classmethod
    def of(cls, parsed: ParsedRequest, connection: int) -> Request:
        """Return a request that arrived over a connection."""
        return cls(
            parsed.method,
            parsed.target,
            tuple(parse_fields(parsed.head)),
            parsed.body,
            connection,
            unread=parsed.unread,
            chunks=parsed.chunks,
            trailers=tuple(parse_fields(parsed.trailers)),
        )

    def header(self, name: str) -> str | None:
        """Return a header field's value, None without one."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def verb(self) -> str:
        """The end of the path: `next`, `response`, `error`, `init/error`, `restore/next` and so on."""
        *_, group, last = self.path.split("/")
        return f"{group}/{last}" if group in ("init", "restore", "event", "extension") else last

    @property
    def request_id(self) -> str:
        """The invocation that the path names."""
        return self.path.split("/invocation/")[-1].rpartition("/")[0]
