"""One keep-alive connection to the Runtime API. The one module to touch `_socket`."""

import posix
import sys

from . import _function_errors
from ._http import ResponseReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._http import Response
    from ._types import Address, Socket

try:
    import _socket
except ImportError:  # a Python without CPython's C module
    import socket as _socket  # type: ignore[no-redef]

_namespace: "Callable[..., Any]" = type(sys.implementation)  # types.SimpleNamespace


class Connection:
    """One keep-alive connection to the Runtime API, opened when it is first needed and again when it was lost."""

    __slots__ = ("_address", "_reader", "_socket", "forked")

    def __init__(self, address: "Address") -> None:
        self._address = address
        self._socket: "Socket | None" = None
        self._reader = ResponseReader()
        self.forked = False
        posix.register_at_fork(after_in_child=self._give_up)

    def _give_up(self) -> None:
        """In a forked child: the connection is the parent's. Using it would answer the parent's invocation."""
        self.forked = True
        self.close()

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def close(self) -> None:
        """Close the connection, if it is open, and forget what was received on it."""
        sock, self._socket = self._socket, None
        if sock is not None:
            self._reader = ResponseReader()
            try:
                sock.close()
            except OSError:
                pass  # user code closed the descriptor

    def open(self) -> "Socket":
        """Connect once.

        Raises:
            ConnectionLost: no address of the host accepts.
        """
        host, port = self._address.host, self._address.port
        sock: "Socket"
        try:
            if host.replace(".", "").isdigit():
                resolved = [(_socket.AF_INET, (host, port))]
            else:
                found = _socket.getaddrinfo(host.encode("ascii"), port, 0, _socket.SOCK_STREAM)
                resolved = [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]
            for position, (family, address) in enumerate(resolved, 1):
                sock = _socket.socket(family, _socket.SOCK_STREAM)
                try:
                    sock.settimeout(None)  # user code may have called socket.setdefaulttimeout()
                    sock.connect(address)
                    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                except OSError:
                    sock.close()
                    if position == len(resolved):
                        raise
                else:
                    break
        except OSError as error:
            _reraise_foreign(error)
            raise _function_errors.ConnectionLost(f"cannot connect to {self._address.netloc}: {error}") from error
        self._socket = sock
        return sock

    def play(self, pieces: "tuple[bytes, ...]") -> None:
        """Be connected to a recording until `close()`."""
        left = list(pieces)
        # In the place of a socket; a class of its own would cost a cold start 0.03 ms.
        self._socket = _namespace(recv=lambda size: left.pop(0), sendall=lambda data: None, close=lambda: None)

    def send(self, *parts: "bytes | bytearray") -> None:
        """Send bytes, connecting first if need be.

        Raises:
            ConnectionLost: they could not all be sent.
        """
        if self.forked:
            raise _function_errors.ForkedChild
        sock = self._socket or self.open()
        try:
            for part in parts:
                sock.sendall(part)
        except OSError as error:
            _reraise_foreign(error)
            raise _function_errors.ConnectionLost(f"sending failed: {error}") from error

    def receive(self) -> "Response":
        """Wait for the next response, without a time limit.

        Raises:
            ConnectionLost: the connection ended before a whole response had arrived.
            ProtocolError: what arrived is not a response.
        """
        sock, reader = self._socket, self._reader
        if sock is None:
            raise _function_errors.ConnectionLost("not connected")
        try:
            response = None if reader.idle else reader.read()
            while response is None:
                room = reader.room()
                if room is None:
                    data = sock.recv(reader.wanted)
                    response = reader.feed(data) if data else reader.end()
                else:
                    count = sock.recv_into(room)
                    response = reader.filled(count) if count else reader.end()
        except OSError as error:
            _reraise_foreign(error)
            raise _function_errors.ConnectionLost(f"receiving failed: {error}") from error
        if not response[3]:  # the connection does not persist
            self.close()
        return response


def _reraise_foreign(error: OSError) -> None:
    """Let an exception of a signal handler pass, such as its own TimeoutError; those of sockets have a number.

    Taken for a lost connection it would abandon a pending poll, or a reply half sent.
    """
    if error.errno is None:
        raise error
