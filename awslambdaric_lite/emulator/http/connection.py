"""HTTP/1.1 with one client: h11 on an asyncio transport.

Owns framing and the order of requests on a connection. Knows nothing of the Runtime API. An application is told when
the head of a request is in, when its body is, and when it ended early; it answers when it likes, in one piece or in
parts, and may take the body in parts, too. Requests that a client sends ahead (pipelining) wait for the reply to the
one before them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import h11

Framing = Literal["auto", "length", "chunked"]

DECLARED_LENGTH_LIMIT = 2048  # bytes; a Go server declares the length of bodies up to here
MAX_HEAD = 1024 * 1024 + 4096  # bytes of request line and headers, as in Go; more is answered with 431
MAX_UNREAD_BODY = 256 * 1024  # bytes of a refused request that are read to keep the connection, as in Go
_CHUNK = 32 * 1024
_LINGER_S = 0.5
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Headers = Sequence[tuple[str, str]]


@dataclass
class RecordedRequest:
    """A request as it reached the server, and the status it got."""

    method: str
    path: str
    http_version: str
    headers: list[tuple[str, str]]  # in order, spelled as sent
    connection: int  # connections are numbered from 1
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False
    status: int | None = None

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Application(Protocol):
    """What a server calls, always from its event loop. Each method may answer the exchange."""

    def on_head(self, exchange: Exchange) -> None:
        """The request line and headers are in."""

    def on_body(self, exchange: Exchange) -> None:
        """The body is in, to its end; not called where the head was answered."""

    def on_truncated(self, exchange: Exchange) -> None:
        """The client stopped sending before the end of the body."""

    def on_lost(self, exchange: Exchange) -> None:
        """The connection went while the exchange waited for its answer."""


class Exchange:
    """One request and the answer to it."""

    __slots__ = ("_connection", "body", "body_size", "keep", "on_data", "request")

    def __init__(self, connection: Connection, request: RecordedRequest) -> None:
        self._connection: Connection | None = connection
        self.request = request
        self.body = bytearray()
        self.body_size = 0
        self.keep: int | None = None  # keep only so many bytes of the body, but count all
        self.on_data: Callable[[bytes], None] | None = None  # takes the body in parts, instead of `body`

    @property
    def open(self) -> bool:
        """Whether an answer, or the rest of one, is still awaited."""
        return self._connection is not None

    def respond(self, status: int, headers: Headers, body: bytes, framing: Framing = "auto") -> None:
        """Send the answer; does nothing when the client has gone or was answered."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.respond(status, headers, body, framing):
            connection.go_on()

    def start(self, status: int, headers: Headers) -> None:
        """Begin an answer whose body follows with `write`, up to `finish`."""
        if self._connection is not None and not self._connection.start(status, headers):
            self._connection = None

    def write(self, data: bytes) -> None:
        """Send a part of the body; does nothing when the client has gone."""
        if self._connection is not None and data:
            self._connection.write(data)

    async def drained(self) -> None:
        """Wait until the client has read most of what was written, or has gone."""
        if self._connection is not None:
            await self._connection.writable.wait()

    def finish(self) -> None:
        """End a body that was sent in parts."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish()

    def abort(self) -> None:
        """Cut the connection: how an answer that began and cannot go on ends."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.cut()

    def pause(self) -> None:
        """Read no more of the request's body for now, so that its sender feels it."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Go on reading the request's body."""
        if self._connection is not None:
            self._connection.resume()

    def drop(self) -> None:
        """Nobody is there to be answered any more."""
        self._connection = None


class Connection(asyncio.Protocol):
    """One client. Reads a request only after the one before has been answered."""

    def __init__(
        self,
        application: Application,
        number: int,
        on_closed: Callable[[Connection], None],
        recorded: list[RecordedRequest] | None,
    ) -> None:
        self._application = application
        self._number = number
        self._on_closed = on_closed
        self._recorded = recorded
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._receiving = False  # between the head of a request and the end of its body
        self._unread = 0  # bytes of an answered request's body that were thrown away
        self._advancing = False
        self._lingering = False
        self._paused = False
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            return
        self._h11.receive_data(data)
        self._advance()

    def eof_received(self) -> bool:
        with contextlib.suppress(RuntimeError):  # h11: after its own error it takes no more
            self._h11.receive_data(b"")
        self._advance()
        return False  # closes the transport after what was written

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.open:
            if self._receiving:
                self._application.on_truncated(exchange)
            self._application.on_lost(exchange)
            exchange.drop()
        self._transport = None
        self._on_closed(self)

    def respond(self, status: int, headers: Headers, body: bytes, framing: Framing) -> bool:
        """Write the answer in one piece; return whether there was somebody to write it to."""
        chunked = framing == "chunked" or (framing == "auto" and len(body) > DECLARED_LENGTH_LIMIT)
        framed = (b"Transfer-Encoding", b"chunked") if chunked else (b"Content-Length", b"%d" % len(body))
        out = self._head(status, headers, framed)
        if out is None or self._transport is None:
            return False
        view = memoryview(body)
        step = _CHUNK if chunked else max(len(body), 1)
        out += [self._h11.send(h11.Data(data=bytes(view[at : at + step]))) for at in range(0, len(body), step)]
        out.append(self._h11.send(h11.EndOfMessage()))
        self._transport.write(b"".join(part for part in out if part))
        return True

    def start(self, status: int, headers: Headers) -> bool:
        """Write the head of an answer whose body comes in parts; return whether there was somebody to write it to."""
        out = self._head(status, headers, (b"Transfer-Encoding", b"chunked"))
        if out is None or self._transport is None:
            return False
        self._transport.write(b"".join(part for part in out if part))
        return True

    def write(self, data: bytes) -> None:
        """Write a part of the body."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._h11.send(h11.Data(data=data)) or b"")

    def finish(self) -> None:
        """Write the end of a body that came in parts."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._h11.send(h11.EndOfMessage()) or b"")
        self.go_on()

    def pause(self) -> None:
        """Stop reading."""
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
            self._advance()

    def _head(self, status: int, headers: Headers, framed: tuple[bytes, bytes]) -> list[bytes | None] | None:
        transport = self._transport
        if transport is None or transport.is_closing() or self._h11.our_state is not h11.SEND_RESPONSE:
            return None
        fields = [(name.encode(), value.encode()) for name, value in headers]
        fields.append((b"Date", _http_date()))
        if status != 204:  # which has no body, and must not frame one (RFC 9110, section 8.6)
            fields.append(framed)
        if self._receiving and self._announced_length() > MAX_UNREAD_BODY:
            fields.append((b"Connection", b"close"))
        assert self._exchange is not None
        self._exchange.request.status = status  # before the write: whoever sees the answer sees the record of it, too
        return [self._h11.send(h11.Response(status_code=status, headers=fields))]

    def go_on(self) -> None:
        """After an answer: take the next request."""
        if self._receiving and self._h11.our_state is h11.MUST_CLOSE:
            self._linger()
        self._advance()

    def cut(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _announced_length(self) -> int:
        assert self._exchange is not None
        return int(self._exchange.request.header("content-length") or 0)

    def _linger(self) -> None:
        # Half-closed for a while, as a Go server does: closing with unread input would reset the connection and the
        # client might never see the answer.
        self._lingering = True
        if self._transport is not None:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def _advance(self) -> None:
        """Take events from h11 until it wants more input or the application's answer."""
        if self._advancing:  # an answer given from within a callback: the loop below goes on
            return
        self._advancing = True
        try:
            while self._step():
                pass
        except h11.RemoteProtocolError as error:
            self._protocol_error(error)
        finally:
            self._advancing = False

    def _step(self) -> bool:
        if self._transport is None or self._lingering or self._paused:
            return False
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        elif self._h11.our_state in (h11.MUST_CLOSE, h11.CLOSED) and not self._receiving:
            self._transport.close()
            return False
        event = self._h11.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return False
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._take(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self._end(event)
        elif isinstance(event, h11.ConnectionClosed):
            self._transport.close()
            return False
        return True

    def _begin(self, event: h11.Request) -> None:
        if sum(len(name) + len(value) + 4 for name, value in event.headers) > MAX_HEAD:
            raise h11.RemoteProtocolError("headers too large", error_status_hint=431)  # h11 looks only between reads
        recorded = RecordedRequest(
            method=event.method.decode("ascii"),
            path=event.target.decode("latin-1"),
            http_version=event.http_version.decode("ascii"),
            headers=_text(event.headers.raw_items()),
            connection=self._number,
        )
        self._exchange = Exchange(self, recorded)
        self._receiving = True
        self._unread = 0
        if self._recorded is not None:
            self._recorded.append(recorded)
        self._application.on_head(self._exchange)
        if self._exchange.open and self._h11.they_are_waiting_for_100_continue and self._transport is not None:
            self._transport.write(self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")

    def _take(self, data: bytes | bytearray) -> None:
        exchange = self._exchange
        assert exchange is not None
        exchange.body_size += len(data)
        if exchange.on_data is not None and exchange.open:
            exchange.on_data(bytes(data))
        elif exchange.keep is None or len(exchange.body) < exchange.keep:
            exchange.body += data
        if not exchange.open:
            self._unread += len(data)
            if self._unread > MAX_UNREAD_BODY:
                self._linger()

    def _end(self, event: h11.EndOfMessage) -> None:
        exchange = self._exchange
        assert exchange is not None
        self._receiving = False
        recorded = exchange.request
        recorded.complete = True
        recorded.trailers = _text(event.headers.raw_items())
        if self._recorded is not None:
            recorded.body = bytes(exchange.body)
        if exchange.open:
            self._application.on_body(exchange)

    def _protocol_error(self, error: h11.RemoteProtocolError) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.open and self._receiving:
            self._receiving = False
            self._application.on_truncated(exchange)
        elif self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self._transport is not None:
            text = b"431 Request Header Fields Too Large" if error.error_status_hint == 431 else b"400 Bad Request"
            self._transport.write(
                b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%s" % (text, text)
            )
        if self._transport is not None:
            self._transport.close()


def _text(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("ascii"), value.decode("utf-8", "surrogateescape")) for name, value in headers]


def _http_date() -> bytes:
    now = time.gmtime()  # by hand: strftime would speak the language of the process
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT"
    return f"{_DAYS[now.tm_wday]}, {now.tm_mday:02} {_MONTHS[now.tm_mon - 1]} {now.tm_year} {clock}".encode()
