"""Destinations of telemetry: a batch is one POST, or lines over a TCP connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

import h11

from .subscription import Destination

_HOST = "127.0.0.1"  # whatever host the extension named: its listener is in the same environment
_READ_SIZE = 64 * 1024


class DeliveryFailed(Exception):
    """The listener cannot be reached, or refuses the batch."""


class Sender(Protocol):
    """Sender of batches to one destination."""

    async def send(self, events: Sequence[bytes]) -> None:
        """Send events, each of them JSON.

        Raises:
            DeliveryFailed: the delivery failed and may be retried.
        """

    def close(self) -> None:
        """Close what is open."""


def sender(destination: Destination) -> Sender:
    """Return the sender for a destination."""
    if destination.url is None:
        return TcpSender(destination.port)
    return HttpSender(destination.port, destination.url)


class HttpSender:
    """Sender of one POST with an array of events, each on a new connection: the listener may be frozen in between."""

    def __init__(self, port: int, url: str) -> None:
        parts = urlsplit(url)
        self._port = port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._host = parts.netloc

    async def send(self, events: Sequence[bytes]) -> None:
        body = b"[" + b",".join(events) + b"]"
        headers = {"Host": self._host, "Content-Type": "application/json", "Content-Length": str(len(body))}
        request = h11.Request(method="POST", target=self._target, headers=[*headers.items(), ("Connection", "close")])
        protocol = h11.Connection(h11.CLIENT)
        try:
            reader, writer = await asyncio.open_connection(_HOST, self._port)
        except OSError as error:
            raise DeliveryFailed(str(error)) from error
        try:
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(protocol.send(event) or b"")
            await writer.drain()
            status = await _status(protocol, reader)
        except (OSError, h11.ProtocolError) as error:
            raise DeliveryFailed(str(error)) from error
        finally:
            writer.transport.abort()
        if status >= 400:
            raise DeliveryFailed(f"the listener answered {status}")

    def close(self) -> None:
        """Do nothing: no connection stays open."""


class TcpSender:
    """Sender of one line for each event, on one connection that stays open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection is open at both ends."""
        if self._reader is None or self._writer is None:
            return False
        return not self._reader.at_eof() and not self._writer.transport.is_closing()

    async def send(self, events: Sequence[bytes]) -> None:
        try:
            if not self.connected:
                self.close()
                self._reader, self._writer = await asyncio.open_connection(_HOST, self._port)
            assert self._writer is not None
            self._writer.write(b"".join(event + b"\n" for event in events))
            await self._writer.drain()
        except OSError as error:
            self.close()
            raise DeliveryFailed(str(error)) from error
        except asyncio.CancelledError:
            self.close()  # else each attempt would add to what the listener has not read
            raise

    def close(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._writer.transport.abort()
            self._writer = None


async def _status(protocol: h11.Connection, reader: asyncio.StreamReader) -> int:
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(_READ_SIZE))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif isinstance(event, h11.ConnectionClosed):
            raise DeliveryFailed("the listener closed the connection")
