"""The Runtime API as a client: its verbs on one connection.

What this module guarantees: a pending `next` is never abandoned, and no result is lost or computed twice for one
attempt. A reply is kept until its status has been read; if the API hands out the same invocation before that, the reply
is posted again instead of the handler being run again.
"""

import sys
import time

from . import __version__, _function_errors
from ._connection import Connection
from ._http import path_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._codec import Marshaller
    from ._http import Response
    from ._types import Address

_VERSION = "/2018-06-01/runtime/"
_CONNECTS = 5  # attempts after the first, 10, 20, 40, 80 and 160 ms apart
_ONE_WRITE = 64 << 10  # bytes of a reply up to which it is copied beside its head, and the next poll may follow it

# What the Runtime API says in a rehearsal: an event, and the confirmation of its result.
_EVENT = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a":[1]}'
_TAKEN = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


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

    def __init__(self, response: "Response") -> None:
        _, headers, self._body, _ = response
        get = headers.get
        # Lambda Managed Instances sends some of these empty; empty means absent, as in the official client.
        self.invoke_id = get("lambda-runtime-aws-request-id", "")
        self.x_amzn_trace_id = get("lambda-runtime-trace-id") or None
        self.invoked_function_arn = get("lambda-runtime-invoked-function-arn")
        deadline = get("lambda-runtime-deadline-ms", "")
        self.deadline_time_in_ms = (
            int(deadline) if deadline.isascii() and deadline.isdigit() and len(deadline) < 20 else 0
        )
        self.client_context = get("lambda-runtime-client-context") or None
        self.cognito_identity = get("lambda-runtime-cognito-identity") or None
        self.tenant_id = get("lambda-runtime-aws-tenant-id") or None
        self.content_type = get("content-type") or None
        self.invocation_id = get("lambda-runtime-invocation-id") or None

    def take_body(self) -> "bytes | bytearray":
        """Return the event and let go of it, so that a large one can be freed as soon as it is parsed."""
        body, self._body = self._body, b""
        return body


class _Reply:
    """A result on its way: kept until the Runtime API has confirmed it."""

    __slots__ = ("answered", "body", "head", "invocation_id", "repeated", "request_id", "slim_head", "verb")

    def __init__(self, verb: str, request_id: str, invocation_id: "str | None", head: bytes, body: bytes) -> None:
        self.verb = verb
        self.request_id = request_id
        self.invocation_id = invocation_id
        self.head = head
        self.body = body
        self.slim_head = b""  # where an optional header may make the head too large: without it
        self.repeated = False
        self.answered = False


class LambdaRuntimeClient:
    """The verbs of the Runtime API (version 2018-06-01) that a function needs.

    Methods that instrumentation tools replace carry the names and signatures of the official client.

    Attributes:
        finishing: the process ends after the reply in hand, so that no further invocation may be asked for.
        marshaller: of the class, where function authors may put their own, as in the official client.
    """

    marshaller: "Marshaller"

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
        LambdaRuntimeClient.marshaller = marshaller
        self._connection = Connection(address)
        self._notice = notice
        self._pipeline = pipeline
        self._netloc = address.netloc
        self._target = address.prefix + _VERSION
        python = ".".join(map(str, sys.version_info[:3]))
        self._common = f"Host: {address.netloc}\r\nUser-Agent: aws-lambda-python/{python}-{__version__}\r\n"
        self._poll_request = f"GET {self._target}invocation/next HTTP/1.1\r\n{self._common}\r\n".encode("latin-1")
        self._reply: "_Reply | None" = None  # not confirmed yet
        self._status_due = False  # its status was not read yet
        self._polled = False  # a poll left together with a reply and has no answer yet
        self._kept_alive = False  # the server has kept a connection open after an answer

    @property
    def forked(self) -> bool:
        """Whether this process was forked by user code, so that the Runtime API is not its to talk to."""
        return self._connection.forked

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
            response = self._exchange(self._poll_request, sent=self._polled)
            self._polled = False
            self._kept_alive = self._connection.is_open
            status = response[0]
            if status != 200:
                raise _function_errors.ApiError("GET invocation/next", status, response[2])
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
                raise _function_errors.ApiError(f"the {reply.verb} to {reply.request_id}", status, text)
            reply.repeated = True
            self._connection.close()  # the one that lost the reply may be lost by now as well
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
        head = self._reply_head("response", invoke_id, invocation_id, content_type, len(body))
        self._post(_Reply("response", invoke_id, invocation_id, head, body))

    def post_invocation_error(
        self,
        invoke_id: str,
        error_response_data: "str | bytes",
        xray_fault: str,
        invocation_id: "str | None" = None,
    ) -> None:
        """Post the error of an invocation; `xray_fault` is one line of ASCII JSON, empty for none."""
        body = error_response_data if isinstance(error_response_data, bytes) else error_response_data.encode()
        head = self._reply_head("error", invoke_id, invocation_id, "application/json", len(body))
        reply = _Reply("error", invoke_id, invocation_id, head, body)
        if xray_fault:
            reply.slim_head = head
            reply.head = head[:-2] + f"Lambda-Runtime-Function-XRay-Error-Cause: {xray_fault}\r\n\r\n".encode()
        self._post(reply)

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
        head = (
            f"POST {self._target}init/error HTTP/1.1\r\n{self._common}Content-Type: application/json\r\n"
            f"Lambda-Runtime-Function-Error-Type: {name}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        status, _, answer, _ = self._exchange(head.encode("latin-1") + body)
        if status != 202:
            raise _function_errors.ApiError("POST init/error", status, answer)

    def rehearse(self, answer: "Callable[[Invocation], None]") -> None:
        """Take made-up invocations, let `answer` answer them, and forget it all; nothing reaches the network.

        The first real invocation then finds code, caches and memory in place. Init has the CPU for that, an invocation
        at 128 MB has a fourteenth of it: benchmark cpu_first, 160 us without and 125 with.
        """
        connection = self._connection
        connection.play((_EVENT, _TAKEN) * 3 + (_EVENT,))
        for _ in range(3):
            answer(self.wait_next_invocation())
        self.wait_next_invocation()
        connection.close()
        self._kept_alive = False

    def _reply_head(
        self, verb: str, request_id: str, invocation_id: "str | None", content_type: str, length: int
    ) -> bytes:
        plain = request_id.isascii() and request_id.replace("-", "").isalnum()
        segment = request_id if plain else path_segment(request_id)
        echo = f"Lambda-Runtime-Invocation-Id: {invocation_id}\r\n" if invocation_id else ""
        return (
            f"POST {self._target}invocation/{segment}/{verb} HTTP/1.1\r\n{self._common}"
            f"Content-Type: {content_type}\r\n{echo}Content-Length: {length}\r\n\r\n"
        ).encode()

    def _post(self, reply: _Reply) -> None:
        self._reply = reply
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
                # A round trip and two wake-ups less: benchmark event_to_next, 99 us instead of 200 with PIPELINE=0.
                connection.send(b"".join((reply.head, body, self._poll_request)))
            elif one_write:
                connection.send(reply.head + body)
            else:
                connection.send(reply.head, body)
        except _function_errors.ConnectionLost:
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
            status, _, answer, _ = self._connection.receive()
        except _function_errors.ConnectionLost:
            self._connection.close()
            self._polled = False
            return  # unknown: `next` will tell
        if not self._connection.is_open:
            self._polled = False  # the poll behind the reply was not read
        reply.answered = True
        if status == 202 or status == 200:
            self._reply = None
            return
        if status >= 500:
            raise _function_errors.ApiError(f"the {reply.verb} to {reply.request_id}", status, answer)
        if status == 431 and reply.slim_head:
            reply.head, reply.slim_head = reply.slim_head, b""
            self._connection.close()
            self._send(reply, poll=False)
            return
        if reply.repeated and status in (400, 403, 410):
            return  # the first one had arrived
        text = str(answer[:500], "utf-8", "backslashreplace").strip()
        self._notice(reply.request_id, f"The Runtime API refused the {reply.verb} with {status}: {text}")
        if status == 413 or status == 410:
            self._reply = None  # the service has closed the invocation itself; a retry of it is to run

    def _exchange(self, request: bytes, *, sent: bool = False) -> "Response":
        """Send a request, unless it is on its way already, and read its response; over a new connection if need be."""
        connection = self._connection
        attempt = 0
        while True:
            try:
                if not sent:
                    connection.send(request)
                return connection.receive()
            except _function_errors.ConnectionLost as lost:
                connection.close()
                sent = False
                attempt = self._pause(attempt, lost)

    def _confirm(self, reply: _Reply) -> None:
        """Post a last reply again while it is unknown whether it arrived: no `next` will follow that could tell."""
        attempt = 0
        while not reply.answered:
            attempt = self._pause(attempt, _function_errors.ConnectionLost("no confirmation of the last reply"))
            reply.repeated = True
            self._send(reply, poll=False)

    def _pause(self, attempt: int, lost: "_function_errors.ConnectionLost") -> int:
        """Wait before another attempt to reach the API; return its number.

        Raises:
            ConnectionLost: enough attempts were made.
        """
        if attempt == _CONNECTS:
            where = f"the Runtime API at {self._netloc} (AWS_LAMBDA_RUNTIME_API)"
            text = f"{where} is gone, {_CONNECTS} more connections brought no answer: {lost}"
            raise _function_errors.ConnectionLost(text) from lost
        time.sleep(0.01 * 2**attempt)
        return attempt + 1
