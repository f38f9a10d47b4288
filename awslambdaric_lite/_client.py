"""The Runtime API as a client: one keep-alive connection, and the API's verbs on it. The one module to touch `_socket`.

What this module guarantees: a pending `next` is never abandoned, and no result is lost or computed twice for one
attempt. A reply is kept until its status has been read; if the API hands out the same invocation before that, the reply
is posted again instead of the handler being run again.
"""

import posix
import time

from . import __version__
from ._faults import ApiError, ConnectionLost, LiteError
from ._http import Response, ResponseReader, path_segment, request_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Protocol

    from ._codec import Marshaller
    from ._settings import Address

    class Socket(Protocol):
        """What is used of a socket, whichever module it comes from."""

        def connect(self, address: "tuple[object, ...]") -> None: ...
        def recv(self, size: int) -> bytes: ...
        def recv_into(self, buffer: memoryview) -> int: ...
        def sendall(self, data: "bytes | bytearray") -> None: ...
        def setsockopt(self, level: int, option: int, value: int) -> None: ...
        def settimeout(self, timeout: "float | None") -> None: ...
        def close(self) -> None: ...


try:
    import _socket
except ImportError:  # a Python without CPython's C module
    import socket as _socket  # type: ignore[no-redef]

_VERSION = "/2018-06-01/runtime/"
_CONNECTS = 5  # attempts after the first, 10, 20, 40, 80 and 160 ms apart
_ONE_WRITE = 64 << 10  # bytes of a reply up to which it is copied beside its head, and the next poll may follow it


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
                found = _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM)
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
            raise ConnectionLost(f"cannot connect to {self._address.netloc}: {error}") from error
        self._socket = sock
        return sock

    def send(self, *parts: "bytes | bytearray") -> None:
        """Send bytes, connecting first if need be.

        Raises:
            ConnectionLost: they could not all be sent.
        """
        if self.forked:
            raise ForkedChild
        sock = self._socket or self.open()
        try:
            for part in parts:
                sock.sendall(part)
        except OSError as error:
            raise ConnectionLost(f"sending failed: {error}") from error

    def receive(self) -> Response:
        """Wait for the next response, without a time limit.

        Raises:
            ConnectionLost: the connection ended before a whole response had arrived.
            ProtocolError: what arrived is not a response.
        """
        sock, reader = self._socket, self._reader
        if sock is None:
            raise ConnectionLost("not connected")
        try:
            while (response := reader.read()) is None:
                room = reader.room()
                if room is not None:
                    count = sock.recv_into(room)
                    reader.filled(count)
                    if count:
                        continue
                elif data := sock.recv(reader.wanted):
                    reader.feed(data)
                    continue
                response = reader.end()
                break
        except OSError as error:
            raise ConnectionLost(f"receiving failed: {error}") from error
        if not response.keep_alive:
            self.close()
        return response


class ForkedChild(LiteError):
    """A process forked by user code came back into the loop; it must end without touching the Runtime API."""


class Invocation:
    """One invocation as `next` delivered it; attribute names are those of the official client."""

    __slots__ = (
        "_body",
        "client_context",
        "cognito_identity",
        "content_type",
        "deadline_time_in_ms",
        "invocation_id",
        "invoke_id",
        "invoked_function_arn",
        "tenant_id",
        "x_amzn_trace_id",
    )

    def __init__(self, response: Response) -> None:
        get = response.headers.get
        # Lambda Managed Instances sends some of these empty; empty means absent, as in the official client.
        self.invoke_id = get("lambda-runtime-aws-request-id", "")
        self.x_amzn_trace_id = get("lambda-runtime-trace-id") or None
        self.invoked_function_arn = get("lambda-runtime-invoked-function-arn") or None
        deadline = get("lambda-runtime-deadline-ms", "")
        self.deadline_time_in_ms = int(deadline) if deadline.isascii() and deadline.isdigit() else 0
        self.client_context = get("lambda-runtime-client-context") or None
        self.cognito_identity = get("lambda-runtime-cognito-identity") or None
        self.tenant_id = get("lambda-runtime-aws-tenant-id") or None
        self.content_type = get("content-type") or None
        self.invocation_id = get("lambda-runtime-invocation-id") or None
        self._body = response.body

    def take_body(self) -> "bytes | bytearray":
        """Return the event and let go of it, so that a large one can be freed as soon as it is parsed."""
        body, self._body = self._body, b""
        return body


class _Reply:
    """A result on its way: kept until the Runtime API has confirmed it."""

    __slots__ = ("body", "head", "invocation_id", "repeated", "request_id", "slim_head", "what")

    def __init__(
        self, what: str, request_id: str, invocation_id: "str | None", head: bytes, body: bytes, slim_head: bytes
    ) -> None:
        self.what = what
        self.request_id = request_id
        self.invocation_id = invocation_id
        self.head = head
        self.body = body
        self.slim_head = slim_head  # without the optional header that may make the head too large
        self.repeated = False


class LambdaRuntimeClient:
    """The verbs of the Runtime API (version 2018-06-01) that a function needs.

    Methods that instrumentation tools replace carry the names and signatures of the official client.

    Attributes:
        finishing: the process ends after the reply in hand, so that no further invocation may be asked for.
    """

    def __init__(
        self,
        address: "Address",
        marshaller: "Marshaller",
        notice: "Callable[[str, str], None]",
        *,
        pipeline: bool = True,
    ) -> None:
        """Create a client that connects when it is first used.

        `notice(request_id, text)` is told what the API refused; `pipeline` allows a reply and the poll that follows it
        to leave in one write.
        """
        self.finishing = False
        self.marshaller = marshaller
        self._connection = Connection(address)
        self._notice = notice
        self._pipeline = pipeline
        self._host = address.netloc
        self._target = address.prefix + _VERSION
        version = _python_version()
        self._agent = f"User-Agent: aws-lambda-python/{version}-{__version__}\r\n"
        self._poll_request = request_head("GET", f"{self._target}invocation/next", self._host, self._agent)
        self._reply: "_Reply | None" = None  # not confirmed yet
        self._status_due = False  # its status was not read yet
        self._polled = False  # a poll was written and has no answer yet
        self._kept_alive = False  # the server has kept a connection open after an answer

    def wait_next_invocation(self) -> Invocation:
        """Wait for the next invocation, as long as it takes.

        Raises:
            ApiError: the Runtime API refused, or hands out an invocation for ever whose result it does not take.
            ConnectionLost: the Runtime API is gone.
            ProtocolError: it does not speak HTTP/1.1.
        """
        while True:
            if self._status_due:
                self._read_status()
            response = self._poll()
            if response.status != 200:
                raise ApiError("GET invocation/next", response.status, response.body)
            invocation = Invocation(response)
            reply = self._reply
            if reply is None:
                return invocation
            if reply.request_id != invocation.invoke_id or reply.invocation_id != invocation.invocation_id:
                self._reply = None
                return invocation
            # The same invocation again, and the API never confirmed its result: the handler must not run twice.
            if reply.repeated:
                text = b"the same invocation is handed out again and its result is not accepted"
                raise ApiError(f"{reply.what} of {reply.request_id}", response.status, text)
            reply.repeated = True
            self._send(reply, poll=False)

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: "str | bytes",
        content_type: str = "application/json",
        invocation_id: "str | None" = None,
    ) -> None:
        """Post the result of an invocation."""
        body = result_data if isinstance(result_data, bytes) else result_data.encode()
        self._post("response", invoke_id, invocation_id, body, f"Content-Type: {content_type}\r\n")

    def post_invocation_error(
        self,
        invoke_id: str,
        error_response_data: "str | bytes",
        xray_fault: str,
        invocation_id: "str | None" = None,
    ) -> None:
        """Post the error of an invocation; `xray_fault` is one line of ASCII JSON, empty for none."""
        body = error_response_data if isinstance(error_response_data, bytes) else error_response_data.encode()
        cause = f"Lambda-Runtime-Function-XRay-Error-Cause: {xray_fault}\r\n" if xray_fault else ""
        self._post("error", invoke_id, invocation_id, body, "Content-Type: application/json\r\n", cause)

    def post_init_error(
        self, error_response_data: "dict[str, object]", error_type_override: "str | None" = None
    ) -> None:
        """Post an error of init, after which the process must end.

        `error_response_data` has the keys `errorMessage`, `errorType`, `requestId` and `stackTrace`.

        Raises:
            ApiError: the Runtime API did not take it.
            ConnectionLost: the Runtime API is gone.
        """
        name = error_type_override or str(error_response_data["errorType"])
        if not (name.isascii() and name.isprintable()):
            name = "Runtime.Unknown"
        body, _ = self.marshaller.marshal_response(error_response_data)
        fields = f"{self._agent}Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: {name}\r\n"
        response = self._exchange(
            request_head("POST", f"{self._target}init/error", self._host, fields, len(body)) + body
        )
        if response.status != 202:
            raise ApiError("POST init/error", response.status, response.body)

    def _post(
        self, verb: str, request_id: str, invocation_id: "str | None", body: bytes, fields: str, optional: str = ""
    ) -> None:
        target = f"{self._target}invocation/{path_segment(request_id)}/{verb}"
        fields = self._agent + fields
        if invocation_id:
            fields += f"Lambda-Runtime-Invocation-Id: {invocation_id}\r\n"
        slim_head = b""
        if optional:
            slim_head = request_head("POST", target, self._host, fields, len(body))
        head = request_head("POST", target, self._host, fields + optional, len(body))
        reply = self._reply = _Reply(f"POST {verb}", request_id, invocation_id, head, body, slim_head)
        self._send(reply, poll=self._pipeline and self._kept_alive)
        if self.finishing:
            self._confirm(reply)

    def _send(self, reply: _Reply, *, poll: bool) -> None:
        """Write a reply; its status is read at once, or before the next invocation if the poll leaves with it."""
        body = reply.body
        connection = self._connection
        one_write = len(body) <= _ONE_WRITE
        poll = poll and one_write and not self.finishing and connection.is_open
        try:
            if poll:
                # Reply and next poll in one write save a round trip and two wake-ups:
                # benchmark event_to_next, tiny event, against the same code with PIPELINE=0.
                connection.send(b"".join((reply.head, body, self._poll_request)))
            elif one_write:
                connection.send(reply.head + body)
            else:
                connection.send(reply.head, body)
        except ConnectionLost:
            # A server may answer and close before it has read all of a body that it refuses: look for its answer.
            poll = False
        self._polled = poll
        self._status_due = True
        if not poll:
            self._read_status()

    def _read_status(self) -> None:
        """Read what the API says of the reply, and decide whether it is settled.

        Raises:
            ApiError: 500, after which the execution environment is lost.
        """
        self._status_due = False
        reply = self._reply
        assert reply is not None
        try:
            response = self._connection.receive()
        except ConnectionLost:
            self._connection.close()
            self._polled = False
            return  # unknown: `next` will tell
        if not self._connection.is_open:
            self._polled = False  # the poll behind the reply was not read
        status = response.status
        if status == 202 or status == 200:
            self._reply = None
            return
        if status >= 500:
            raise ApiError(f"{reply.what} of {reply.request_id}", status, response.body)
        if status == 431 and reply.slim_head:
            reply.head, reply.slim_head = reply.slim_head, b""
            self._connection.close()
            self._send(reply, poll=False)
            return
        if reply.repeated and status in (400, 403, 410):
            return  # the first one had arrived
        text = str(response.body[:500], "utf-8", "backslashreplace").strip()
        self._notice(reply.request_id, f"The Runtime API refused {reply.what} with {status}: {text}")
        if status == 413 or status == 410:
            self._reply = None  # the service has closed the invocation itself; a retry of it is to run

    def _poll(self) -> Response:
        """Ask for the next invocation, over a new connection where the old one is dead."""
        connection = self._connection
        attempt = 0
        while True:
            try:
                if not self._polled:
                    connection.send(self._poll_request)
                    self._polled = True
                response = connection.receive()
            except ConnectionLost:
                connection.close()
                self._polled = False
                attempt = _pause(attempt)
            else:
                self._polled = False
                self._kept_alive = connection.is_open
                return response

    def _exchange(self, request: bytes) -> Response:
        """Send one request that may be sent again if the connection dies, and read its response."""
        connection = self._connection
        attempt = 0
        while True:
            try:
                connection.send(request)
                return connection.receive()
            except ConnectionLost:
                connection.close()
                attempt = _pause(attempt)

    def _confirm(self, reply: _Reply) -> None:
        """Post a last reply again until its status is known: no `next` will follow that could tell."""
        attempt = 0
        while self._reply is reply and not reply.repeated and not self._connection.is_open:
            attempt = _pause(attempt)
            self._send(reply, poll=False)


def _pause(attempt: int) -> int:
    """Wait before another attempt to reach the API; called in an `except ConnectionLost` block or with time to spare.

    Raises:
        ConnectionLost: enough attempts were made.
    """
    if attempt == _CONNECTS:
        raise ConnectionLost("the Runtime API is gone: no answer after five more connections")
    time.sleep(0.01 * 2**attempt)
    return attempt + 1


def _python_version() -> str:
    import sys

    return f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
