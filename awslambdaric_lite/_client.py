"""The client of the Runtime API: owns the order of requests and responses on one connection.

A pending `next` is never abandoned, and no result is lost or computed twice for one attempt. The client keeps a reply
until the API confirms it. If the API delivers the same invocation again before that, the client posts the reply again
instead of running the handler again.

The client's state is what the API owes. A poll is the request `next`, a reply is a result or an error.

    state             sent, not answered    next response         then
    NOTHING           -                     -                     -
    STATUS            reply                 status of the reply   NOTHING
    STATUS_AND_EVENT  reply, poll           status of the reply   EVENT
    EVENT             poll                  invocation            NOTHING

    in state          what happens                                         new state
    NOTHING           wait_next_invocation() sends a poll and waits        NOTHING
    NOTHING           a reply is sent alone, then its status is read       STATUS, then NOTHING
    NOTHING           a reply and the next poll are sent in one write      STATUS_AND_EVENT
    STATUS_AND_EVENT  wait_next_invocation() reads the status              EVENT; NOTHING if the API closed
    EVENT             wait_next_invocation() reads the invocation          NOTHING
    any               the connection is lost                               NOTHING

A poll leaves with a reply if the connection is open, the reply is small, pipelining is on and the process goes on
(`finishing` is false). What the status of a reply means:

    200 to 299                confirmed: the client forgets the reply
    500 and above             ApiError: the execution environment is lost
    431                       sent again without the X-Ray cause, if it has one; else as any other status
    400, 403, 410, repeated   the API had received the first copy
    410, 413                  logged and forgotten: the service has closed the invocation itself
    any other                 logged; kept until the next invocation shows whether the API delivers it again
    none, connection lost     kept likewise

A kept reply is sent again, once, if the API delivers its invocation again.
"""

import sys
import time

from . import __version__, _function_errors
from ._connection import Connection
from ._http import exact_bytes, path_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._codec import Marshaller
    from ._http import Response
    from ._types import Address, ErrorReport

_sleep = time.sleep  # as it is before user code runs, which may replace it
_VERSION = "/2018-06-01/runtime/"
_CONNECTS = 5  # attempts after the first, 10, 20, 40, 80 and 160 ms apart
_ONE_WRITE = 64 << 10  # bytes; a body up to this size is copied behind its head, and the next poll may follow it

# What the Runtime API owes (`LambdaRuntimeClient.owed`): a set of two bits, see above.
NOTHING, STATUS, EVENT = 0, 1, 2

# The recorded responses of a warm-up: an invocation, and the confirmation of its result.
_INVOCATION = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a":[1]}'
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


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
        valid = deadline.isascii() and deadline.isdigit() and len(deadline) < 20
        self.deadline_time_in_ms = int(deadline) if valid else 0
        self.client_context = get("lambda-runtime-client-context") or None
        self.cognito_identity = get("lambda-runtime-cognito-identity") or None
        self.tenant_id = get("lambda-runtime-aws-tenant-id") or None
        self.content_type = get("content-type") or None
        self.invocation_id = get("lambda-runtime-invocation-id") or None

    def take_body(self) -> "bytes | bytearray":
        """Return the event and drop this reference to it, so that a large event can be freed when it is parsed."""
        body, self._body = self._body, b""
        return body


class Reply:
    """A result or an error, kept until the Runtime API confirms it."""

    __slots__ = ("answered", "body", "head", "invocation_id", "repeated", "request_id", "slim_head", "verb")

    def __init__(self, verb: str, request_id: str, invocation_id: "str | None", head: bytes, body: bytes) -> None:
        self.verb = verb
        self.request_id = request_id
        self.invocation_id = invocation_id
        self.head = head
        self.body = body
        self.slim_head = b""  # the head without the X-Ray cause, which may make it too large
        self.repeated = False
        self.answered = False


class LambdaRuntimeClient:
    """The requests of the Runtime API (version 2018-06-01) that a function needs.

    Methods that instrumentation tools replace have the names and signatures of the official client.

    Attributes:
        reply: the last reply, until the API confirms it.
        finishing: the process exits after the current reply, so it must not poll again.
        pipeline: the next poll may leave with a reply.
        marshaller: an attribute of the class, which function authors may replace, as in the official client.
        report: `report(request_id, text)` logs a warning about an invocation.
    """

    marshaller: "Marshaller"

    def __init__(
        self,
        address: "Address",
        marshaller: "Marshaller",
        report: "Callable[[str, str], None]",
        *,
        pipeline: bool = True,
    ) -> None:
        """Create a client that connects when it is first used.

        `report(request_id, text)` logs what the API refused; `pipeline` allows a reply and the next poll in one write.
        """
        self.finishing = False
        LambdaRuntimeClient.marshaller = marshaller
        self._connection = Connection(address)
        self.report = report
        self.pipeline = pipeline
        self._netloc = address.netloc
        self._target = address.prefix + _VERSION
        python = ".".join(map(str, sys.version_info[:3]))
        self._common = f"Host: {address.netloc}\r\nUser-Agent: aws-lambda-python/{python}-{__version__}\r\n"
        self._poll_request = f"GET {self._target}invocation/next HTTP/1.1\r\n{self._common}\r\n".encode("latin-1")
        self.reply: "Reply | None" = None
        self.owed = NOTHING

    @property
    def forked(self) -> bool:
        """Whether user code forked this process; only its parent may use the connection to the Runtime API."""
        return self._connection.forked

    def wait_next_invocation(self) -> Invocation:
        """Wait for the next invocation without a time limit.

        Raises:
            ApiError: the Runtime API refused the poll, or delivers an invocation again although it got the result.
            ConnectionLost: the Runtime API cannot be reached any more.
            ProtocolError: the response is not HTTP/1.1.
        """
        while True:
            if self.owed & STATUS:
                self._read_status()
            response = self._exchange(self._poll_request, sent=self.owed == EVENT)
            self.owed = NOTHING
            status = response[0]
            if status != 200 and (status // 100 != 2 or status == 204):
                raise _function_errors.ApiError("GET invocation/next", status, response[2])
            invocation = Invocation(response)
            reply = self.reply
            if reply is None:
                return invocation
            if reply.request_id != invocation.invoke_id or reply.invocation_id != invocation.invocation_id:
                self.reply = None
                return invocation
            # The API delivers the invocation again and never confirmed its result: the handler must not run twice.
            if reply.repeated:
                text = b"the same invocation is handed out again and its result is not accepted"
                raise _function_errors.ApiError(f"the {reply.verb} to {reply.request_id}", status, text)
            reply.repeated = True
            self._connection.close()  # the connection that lost the reply may be lost, too
            self._send(reply, poll=False)

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: "str | bytes",
        content_type: str = "application/json",
        invocation_id: "str | None" = None,
    ) -> None:
        """Post the result of an invocation."""
        body = result_data if type(result_data) is bytes else exact_bytes(result_data)
        head = self.reply_head("response", invoke_id, invocation_id, content_type, len(body))
        self.post_reply(Reply("response", invoke_id, invocation_id, head, body))

    def post_invocation_error(
        self,
        invoke_id: str,
        error_response_data: "str | bytes",
        xray_fault: str,
        invocation_id: "str | None" = None,
    ) -> None:
        """Post the error of an invocation; `xray_fault` is one line of ASCII JSON, empty for none."""
        body = error_response_data if type(error_response_data) is bytes else exact_bytes(error_response_data)
        head = self.reply_head("error", invoke_id, invocation_id, "application/json", len(body))
        reply = Reply("error", invoke_id, invocation_id, head, body)
        if xray_fault:
            reply.slim_head = head
            reply.head = head[:-2] + f"Lambda-Runtime-Function-XRay-Error-Cause: {xray_fault}\r\n\r\n".encode()
        self.post_reply(reply)

    def post_init_error(self, error_response_data: "ErrorReport", error_type_override: "str | None" = None) -> None:
        """Post an error of init, after which the process must exit.

        `error_response_data` has the keys `errorMessage`, `errorType`, `requestId` and `stackTrace`.

        Raises:
            ApiError: the Runtime API refused the error.
            ConnectionLost: the Runtime API cannot be reached any more.
        """
        name = error_type_override or str(error_response_data["errorType"])
        if not (name.isascii() and name.isprintable()):
            name = "Runtime.Unknown"
        self.post_error("init/error", name, error_response_data)

    def post_error(self, path: str, error_type: str, report: "ErrorReport") -> None:
        """Post an error that belongs to no invocation.

        Raises:
            ApiError: the Runtime API refused the error.
            ConnectionLost: the Runtime API cannot be reached any more.
        """
        body = exact_bytes(self.marshaller.marshal_response(report)[0])
        headers = f"Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: {error_type}\r\n"
        status, _, answer, _ = self.request("POST", path, f"{headers}Content-Length: {len(body)}\r\n", body)
        if status // 100 != 2:
            raise _function_errors.ApiError(f"POST {path}", status, answer)

    def request(self, method: str, path: str, headers: str = "", body: bytes = b"") -> "Response":
        """Send a request and return its response, over a new connection if the connection is lost.

        `path` is relative to `/2018-06-01/runtime/`; each line of `headers` ends with CRLF.

        Raises:
            ConnectionLost: the Runtime API cannot be reached any more.
        """
        head = f"{method} {self._target}{path} HTTP/1.1\r\n{self._common}{headers}\r\n"
        return self._exchange(head.encode("latin-1") + body)

    def open_stream(
        self, request_id: str, invocation_id: "str | None", content_type: str
    ) -> "tuple[bytes, Connection]":
        """Return the head of a response whose length is unknown, without its last line, and the connection for it."""
        head = self.reply_head("response", request_id, invocation_id, content_type, 0)
        return head.removesuffix(b"Content-Length: 0\r\n\r\n"), self._connection

    def warm_up(self, answer: "Callable[[Invocation], None]") -> None:
        """Replay recorded invocations, have `answer` answer them, and forget them; nothing reaches the network.

        The first real invocation then finds code, caches and memory in place. Init has the CPU for that, an invocation
        at 128 MB has a fourteenth of it: benchmark cpu_first, a fifth less CPU.
        """
        connection = self._connection
        connection.replay((_INVOCATION, _ACCEPTED) * 3 + (_INVOCATION,))
        for _ in range(3):
            answer(self.wait_next_invocation())
        self.wait_next_invocation()
        connection.close()

    def reply_head(
        self, verb: str, request_id: str, invocation_id: "str | None", content_type: str, length: int
    ) -> bytes:
        plain = request_id.isascii() and request_id.replace("-", "").isalnum()
        segment = request_id if plain else path_segment(request_id)
        echo = f"Lambda-Runtime-Invocation-Id: {invocation_id}\r\n" if invocation_id else ""
        return (
            f"POST {self._target}invocation/{segment}/{verb} HTTP/1.1\r\n{self._common}"
            f"Content-Type: {content_type}\r\n{echo}Content-Length: {length}\r\n\r\n"
        ).encode()

    def post_reply(self, reply: Reply) -> None:
        """Send the reply to an invocation; results and errors both pass through this method."""
        self.reply = reply
        self._send(reply, poll=self.pipeline)
        if self.finishing:
            self._confirm(reply)

    def _send(self, reply: Reply, *, poll: bool) -> None:
        """Write a reply; read its status now, or before the next invocation if the poll leaves with the reply."""
        body = reply.body
        connection = self._connection
        one_write = len(body) <= _ONE_WRITE
        poll = poll and one_write and not self.finishing and connection.socket is not None
        try:
            if poll:
                # A round trip and two wake-ups less: benchmark event_to_next, half the time of PIPELINE=0.
                connection.send(b"".join((reply.head, body, self._poll_request)))
            elif one_write:
                connection.send(reply.head + body)
            else:
                connection.send(reply.head, body)
        except _function_errors.ConnectionLost:
            # A server may respond and close before it has read all of a body that it refuses: read its response.
            poll = False
        if poll:
            self.owed = STATUS | EVENT
        else:
            self.owed = STATUS
            self._read_status()

    def _read_status(self) -> None:
        """Read the status of the reply and apply the second table above.

        Raises:
            ApiError: 500, after which the execution environment is lost.
        """
        self.owed &= EVENT
        reply = self.reply
        assert reply is not None
        try:
            status, _, answer, _ = self._connection.receive()
        except _function_errors.ConnectionLost:
            self._connection.close()
            self.owed = NOTHING
            return
        if self._connection.socket is None:
            self.owed = NOTHING  # the API did not read the poll behind the reply
        reply.answered = True
        if status == 202 or 200 <= status < 300:
            self.reply = None
            return
        if status >= 500:
            raise _function_errors.ApiError(f"the {reply.verb} to {reply.request_id}", status, answer)
        if status == 431 and reply.slim_head:
            reply.head, reply.slim_head = reply.slim_head, b""
            self._connection.close()
            self._send(reply, poll=False)
            return
        if reply.repeated and status in (400, 403, 410):
            return
        text = str(answer[:500], "utf-8", "backslashreplace").strip()
        self.report(reply.request_id, f"The Runtime API refused the {reply.verb} with {status}: {text}")
        if status == 413 or status == 410:
            self.reply = None

    def _exchange(self, request: bytes, *, sent: bool = False) -> "Response":
        """Send a request, unless it was `sent` before, and read its response; over a new connection if needed."""
        connection = self._connection
        attempt = 0
        while True:
            try:
                if not sent:
                    connection.send(request)
                return connection.receive(sent)
            except _function_errors.ConnectionLost as lost:
                connection.close()
                sent = False
                self.owed = NOTHING
                attempt = self._pause(attempt, lost)

    def _confirm(self, reply: Reply) -> None:
        """Post the last reply again until the API responds to it, because no `next` follows that would show a loss."""
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
            text = f"{where} cannot be reached, {_CONNECTS} more attempts failed: {lost}"
            raise _function_errors.ConnectionLost(text) from lost
        _sleep(0.01 * 2**attempt)
        return attempt + 1
