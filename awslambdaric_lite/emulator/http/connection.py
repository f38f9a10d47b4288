"""HTTP/1.1 with one client: h11 on an asyncio transport.

It handles framing and the order of requests on a connection, and does not know the Runtime API. An application is
called when the head of a request has been read, when its body has, and when a request is truncated. It may respond at
any time, in one piece or in parts, and may read the body in parts, too. Pipelined requests wait for the response to
the request before them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import h11

from . import answers
from .authority import Gate
from .exchange import Application, Exchange, Framing, Headers, RecordedRequest
from .faults import Fault, Faults
from .limits import Wait
from .request_form import MAX_HEAD, HeadCheck, check_chunk, read_request

MAX_UNREAD_BODY = 256 * 1024  # bytes of a refused request that are read to keep the connection, as in Go
_READ_SIZE = 32 * 1024  # bytes in a turn of the event loop: some thousand chunks or pipelined requests
_LINGER_S = 0.5
_log = logging.getLogger(__name__)
_ANSWERING = (h11.SEND_RESPONSE, h11.SEND_BODY)


class Connection(asyncio.BufferedProtocol):
    """Connection of one client; a request is read after the response to the one before.

    Nothing is read while the client does not read its responses.

    With `serve_half_closed`, a client that closes its sending side still gets its response; else it is disconnected.
    """

    def __init__(
        self,
        application: Application,
        number: int,
        on_closed: Callable[[Connection], None],
        recorded: list[RecordedRequest] | None,
        faults: Faults,
        gate: Gate,
        *,
        serve_half_closed: bool,
    ) -> None:
        self._application = application
        self._number = number
        self._on_closed = on_closed
        self._recorded = recorded
        self._faults = faults
        self._gate = gate
        self._serve_half_closed = serve_half_closed
        self._head = HeadCheck()
        self._ended = False  # by the client, which sends no more
        self._refused = False  # the rest of the request
        self._requests = 0
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._fault: Fault | None = None  # of the exchange
        self._record = bytearray()  # the body of the exchange, where requests are recorded
        self._receiving = False  # between the head of a request and the end of its body
        self._unread = 0  # discarded bytes of the body of a request that has a response
        self._processing = False
        self._paused = False  # by the application
        self._ahead = False  # the client has pipelined requests, and reading is paused
        self._linger_end: asyncio.TimerHandle | None = None
        self._buffer = bytearray()
        self.writable = asyncio.Event()
        self.writable.set()

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        self._buffer = bytearray(_READ_SIZE)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._linger_end is None:
            data = bytes(memoryview(self._buffer)[:nbytes])
            self._h11.receive_data(data)
            self._process_events(data)

    def eof_received(self) -> bool:
        self._ended = True
        with contextlib.suppress(RuntimeError):  # h11 refuses data after its own error
            self._h11.receive_data(b"")
        self._process_events()
        return self._linger_end is None and self._owes_answer()  # else the transport closes after its pending writes

    def pause_writing(self) -> None:
        self.writable.clear()
        self._update_flow_control()

    def resume_writing(self) -> None:
        self.writable.set()
        self._update_flow_control()
        self._process_events()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()
        if self._linger_end is not None:
            self._linger_end.cancel()
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.open:
            if self._receiving:
                self._application.on_truncated(exchange)
            self._application.on_lost(exchange)
            exchange.drop()
        self._transport = None
        self._on_closed(self)

    # Called by the server

    def wait(self) -> Wait | None:
        """Return what the server waits for, or None while the client waits for the application."""
        if self._transport is None:
            return None
        if self._receiving:
            exchange = self._exchange
            assert exchange is not None
            untimed = self._paused or (exchange.open and not exchange.body_is_timed)
            return None if untimed else Wait("body", self._requests, exchange.body_size)
        if unsent := self._transport.get_write_buffer_size():
            return Wait("response", unsent)
        if self._h11.our_state in _ANSWERING:
            return None
        if self._head.begun:
            return Wait("head", self._requests)
        return Wait("idle" if self._requests else "connected", self._requests)

    def expire(self) -> None:
        """End the connection of a client whose time is over; one that is sending gets status 408."""
        if (wait := self.wait()) is not None and wait.activity in ("head", "body"):
            self._refuse_rest(408)
        else:
            self.cut()

    # Called by the exchange

    def respond(self, status: int, headers: Headers, body: bytes, framing: Framing) -> None:
        """Write a whole response, unless the client has disconnected."""
        if self._fault is not None and self._fault.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self._fault.delay_s, self._respond, status, headers, body, framing)
        else:
            self._respond(status, headers, body, framing)

    def start(self, status: int, headers: Headers) -> bool:
        """Write the head of a response whose body follows in parts; return False for a disconnected client."""
        request = self._request_to_answer(status)
        if request is None:
            return False
        try:
            head = answers.head(self._h11, request, headers, answers.CHUNKED, close=self._has_to_close(request))
        except Exception:
            self._fail(request)
            return False
        self._write(head)
        return True

    def write(self, data: bytes) -> None:
        """Write a part of the body."""
        if self._is_open() and self._exchange is not None and answers.has_body(self._exchange.request):
            self._write(self._h11.send(h11.Data(data=data)) or b"")

    def finish(self) -> None:
        """Write the end of a body that was sent in parts."""
        if self._is_open():
            self._write(self._h11.send(h11.EndOfMessage()) or b"")
        self._go_on()

    def pause(self) -> None:
        """Stop reading."""
        self._paused = True
        self._update_flow_control()

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self._update_flow_control()
            self._process_events()

    def cut(self) -> None:
        """Abort the connection; pending writes are lost."""
        if self._transport is not None:
            self._transport.abort()

    # Writing

    def _respond(self, status: int, headers: Headers, body: bytes, framing: Framing) -> None:
        request = self._request_to_answer(status)
        if request is None:
            return
        try:
            answer = answers.whole(self._h11, request, headers, body, framing, close=self._has_to_close(request))
        except Exception:
            return self._fail(request)
        if self._fault is not None and self._fault.cut_after is not None:
            self._write(answer[: self._fault.cut_after])
            self._linger()
        else:
            self._write(answer)
        self._go_on()
        return None

    def _fail(self, request: RecordedRequest) -> None:
        """Respond with 500 where nothing else can be sent, and log the exception."""
        _log.exception("%s %s: the response cannot be sent", request.method, request.path)
        request.status = 500
        self._write(answers.last_response(500))
        self._linger()

    def _request_to_answer(self, status: int) -> RecordedRequest | None:
        """Return the request with its new status; None if its client has disconnected or has a response."""
        if self._exchange is None or not self._is_open() or self._h11.our_state is not h11.SEND_RESPONSE:
            return None
        self._exchange.request.status = (
            status  # before the write, so that the record is complete when the client has the response
        )
        return self._exchange.request

    def _has_to_close(self, request: RecordedRequest) -> bool:
        """Return whether the rest of the request is too long to be read, or may never be sent."""
        too_long = int(request.header("content-length") or 0) > MAX_UNREAD_BODY
        return self._refused or (self._receiving and (too_long or self._h11.they_are_waiting_for_100_continue))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and self._linger_end is None

    def _owes_answer(self) -> bool:
        return self._serve_half_closed and not self._receiving and self._h11.our_state in _ANSWERING

    def _go_on(self) -> None:
        """Read the next request after a response."""
        self._ahead = False
        self._update_flow_control()
        if self._receiving and self._h11.our_state is h11.MUST_CLOSE:
            self._linger()
        self._process_events()

    def _linger(self) -> None:
        # Half-closed for a while, as in a Go server: closing with unread input would reset the connection, and the
        # client could lose the response.
        if self._transport is not None and self._linger_end is None:
            self._transport.write_eof()
            self._linger_end = asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)
            self._paused = self._ahead = False
            self._update_flow_control()

    # Reading

    def _update_flow_control(self) -> None:
        if self._transport is None:
            return
        if self._paused or self._ahead or not (self.writable.is_set() or self._linger_end):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _process_events(self, data: bytes = b"") -> None:
        """Process events of h11 until it needs more input or the application's response; check new data before."""
        if self._processing:  # a response from within a callback: the loop below continues
            return
        self._processing = True
        try:
            if self._h11.their_state is h11.IDLE:
                self._head.receive(data)
            while self._step():
                pass
        except h11.RemoteProtocolError as error:
            in_body = None if self._ended else 400
            self._refuse_rest(in_body if self._receiving else error.error_status_hint)
        except Exception:
            if self._exchange is None or not self._exchange.open:
                raise
            _log.exception("%s %s failed", self._exchange.request.method, self._exchange.request.path)
            self._exchange.respond(500, answers.PLAIN_TEXT, answers.phrase(500))
        finally:
            self._processing = False

    def _step(self) -> bool:
        if self._transport is None or not self._is_open() or self._paused or not self.writable.is_set():
            return False
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
            self._head = HeadCheck()
            self._head.receive(self._h11.trailing_data[0])
        elif self._h11.our_state in (h11.MUST_CLOSE, h11.CLOSED) and not self._receiving:
            self._transport.close()
            return False
        event = self._h11.next_event()
        if event is h11.PAUSED:
            self._ahead = True
            self._update_flow_control()
            return False
        if event is h11.NEED_DATA:
            if self._receiving:
                check_chunk(self._h11)
            return False
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._take(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self._end(event)
        elif isinstance(event, h11.ConnectionClosed):
            if not self._owes_answer():
                self._transport.close()
            return False
        return True

    def _begin(self, event: h11.Request) -> None:
        authority, recorded = read_request(event, self._number)
        self._exchange = exchange = Exchange(self, recorded)
        self._requests += 1
        self._receiving = True
        self._unread = 0
        if self._recorded is not None:
            self._record.clear()
            self._recorded.append(recorded)
        assert self._transport is not None
        ends = self._transport.get_extra_info("peername"), self._transport.get_extra_info("sockname")
        if (refusal := self._gate.refusal(recorded, authority, *ends)) is not None:
            return exchange.respond(refusal[0], answers.PLAIN_TEXT, refusal[1].encode())
        self._fault = self._faults.take(recorded.path)
        if self._fault is None or not self._inject_fault(exchange, self._fault):
            self._application.on_head(exchange)
        if exchange.open and self._h11.they_are_waiting_for_100_continue:
            self._write(self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        return None

    def _inject_fault(self, exchange: Exchange, fault: Fault) -> bool:
        """Apply a fault to a request; return whether the application must not see the request."""
        assert self._transport is not None
        if fault.reset or fault.garbage is not None:
            exchange.drop()
            fault.spoil(self._transport)
            if not fault.reset:
                self._linger()
        elif fault.status is not None:
            exchange.respond(fault.status, answers.PLAIN_TEXT, answers.phrase(fault.status))
        else:
            return False
        return True

    def _take(self, data: bytes | bytearray) -> None:
        exchange = self._exchange
        assert exchange is not None
        exchange.body_size += len(data)
        if self._recorded is not None:
            self._record += data
        if not exchange.open:
            self._unread += len(data)
            if self._unread > MAX_UNREAD_BODY:
                self._linger()
        elif exchange.on_data is not None:
            exchange.on_data(bytes(data))
        elif exchange.keep is None or len(exchange.body) < exchange.keep:
            exchange.body += data

    def _end(self, event: h11.EndOfMessage) -> None:
        exchange = self._exchange
        assert exchange is not None
        self._receiving = False
        recorded = exchange.request
        recorded.complete = True
        recorded.trailers = answers.text(event.headers.raw_items())
        if self._recorded is not None:
            recorded.body = bytes(self._record)
        if exchange.open:
            self._application.on_body(exchange)

    def _refuse_rest(self, status: int | None) -> None:
        """Respond with a status, unless the application does, and read no more; with None only the application can."""
        exchange = self._exchange
        if exchange is not None and exchange.open and self._receiving:
            self._receiving = False
            self._refused = True
            self._application.on_truncated(exchange)
            if status is not None:
                exchange.respond(status, answers.PLAIN_TEXT, answers.phrase(status))
        elif status is not None and self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._write(answers.last_response(status))
        self._linger()
