"""The keep-alive connection to the Runtime API: owns the socket. No other module imports `_socket`."""

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
# As they are before user code runs, which may replace them. (`from … import` costs more instructions: guard.)
_make_socket, _resolve, _register_at_fork = _socket.socket, _socket.getaddrinfo, posix.register_at_fork


class Connection:
    """One keep-alive connection to the Runtime API, opened at the first request and again after it was lost.

    Attributes:
        forked: user code forked this process; only its parent may use the connection.
        socket: None without a connection.
    """

    __slots__ = ("_address", "_reader", "forked", "socket")

    def __init__(self, address: "Address") -> None:
        self._address = address
        self.socket: "Socket | None" = None
        self._reader = ResponseReader()
        self.forked = False
        _register_at_fork(after_in_child=self._close_in_child)

    def _close_in_child(self) -> None:
        """Close the connection in a forked child, which would otherwise answer its parent's invocation."""
        self.forked = True
        self.close()

    def close(self) -> None:
        """Close the connection, if it is open, and discard received bytes."""
        sock, self.socket = self.socket, None
        if sock is not None:
            self._reader = ResponseReader()
            try:
                sock.close()
            except OSError:
                pass  # user code closed the descriptor

    def open(self) -> "Socket":
        """Connect once.

        Raises:
            ConnectionLost: no address of the host accepts the connection.
        """
        host, port = self._address.host, self._address.port
        sock: "Socket"
        try:
            if host.replace(".", "").isdigit():
                resolved = [(_socket.AF_INET, (host, port))]
            else:
                found = _resolve(host.encode("ascii"), port, 0, _socket.SOCK_STREAM)
                resolved = [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]
            for position, (family, address) in enumerate(resolved, 1):
                sock = _make_socket(family, _socket.SOCK_STREAM)  # pyright: ignore[reportAssignmentType]
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
        self.socket = sock
        return sock

    def replay(self, pieces: "tuple[bytes, ...]") -> None:
        """Receive recorded bytes instead of the network's, until `close()`."""
        left = list(pieces)
        # A namespace instead of a class, which would cost 0.2 % more instructions at a cold start (guard).
        self.socket = _namespace(recv=lambda size: left.pop(0), sendall=lambda data: None, close=lambda: None)

    def send(self, *parts: "bytes | bytearray") -> None:
        """Send bytes; connect first if necessary.

        Raises:
            ConnectionLost: not all of them could be sent.
        """
        if self.forked:
            raise _function_errors.ForkedChild
        sock = self.socket or self.open()
        try:
            for part in parts:
                sock.sendall(part)
        except OSError as error:
            _reraise_foreign(error)
            raise _function_errors.ConnectionLost(f"sending failed: {error}") from error

    def receive(self, behind: int = 0) -> "Response":
        """Wait for the next response, without a time limit.

        `behind`: it follows another one, with which some of its bytes may have arrived. Otherwise bytes that arrived
        with the previous response belong to no request, and the connection is lost.

        Raises:
            ConnectionLost: the connection ended before a whole response had arrived.
            ProtocolError: the bytes are not a response.
        """
        sock, reader = self.socket, self._reader
        if sock is None:
            raise _function_errors.ConnectionLost("not connected")
        try:
            response = None
            if not reader.idle:
                if not behind:
                    raise _function_errors.ConnectionLost("a response was followed by bytes that belong to no request")
                response = reader.read()
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
    """Raise an exception again that a signal handler raised, e.g. a TimeoutError; errors of sockets have a number.

    The client would take it for a lost connection and abandon a pending poll or a reply that is half sent.
    """
    if error.errno is None:
        raise error
