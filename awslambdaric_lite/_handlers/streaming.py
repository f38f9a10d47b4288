"""Streamed responses: owns sending generators, iterators of user code, binary files and `StreamingResponse`.

Loaded for handlers that return one of these, in init if the handler's code shows it. Writes on the client's connection.
Nothing is sent before the first byte of the body, unless the response asks for its head first, so an earlier failure is
an ordinary error; a later failure is reported in trailers.
"""

import sys
from binascii import b2a_base64
from io import TextIOBase

from .._client import Reply
from .._codec import quote
from .._http import exact_bytes
from .._report import exit_status_of, log_report, make_report, report_json
from .._runtime_errors import ApiError, ConnectionLost, ProtocolError, RuntimeFailure
from .responses import StreamingResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from .._client import LambdaRuntimeClient
    from .._types import LogSink

GeneratorType = type(None for _ in ())
_FILE_PIECE = 64 << 10  # bytes to read of a file in one call
_ONE_WRITE = 64 << 10  # bytes; a chunk up to this size is copied between its framing
_HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class _CutOff(RuntimeFailure):
    """The Runtime API accepts no more of the stream."""


def streams(response: object) -> bool:
    """Return whether a result is streamed.

    The class decides, because a field of a named tuple may be called `read`, and some dicts have every attribute.
    Iterators of the standard library are not streamed: a handler that returns `map(…)` lacks a `list()`.
    """
    kind = type(response)
    try:
        return (
            issubclass(kind, StreamingResponse)
            or kind is GeneratorType
            or hasattr(kind, "__anext__")
            or (callable(getattr(kind, "read", None)) and not issubclass(kind, TextIOBase))
            or (hasattr(kind, "__next__") and not _is_of_standard_library(kind.__next__))  # pyright: ignore[reportAttributeAccessIssue]
        )
    except Exception:
        return False  # the metaclass has no attributes


def _is_of_standard_library(method: object) -> bool:
    """Return whether a method is written in C and belongs to a class of the standard library."""
    owner = getattr(method, "__objclass__", None)
    return owner is not None and str(owner.__module__).partition(".")[0] in sys.stdlib_module_names


def deliver(
    client: "LambdaRuntimeClient",
    response: object,
    invoke_id: str,
    invocation_id: "str | None",
    sink: "LogSink",
    flush: "Callable[[], None]",
    drive: "Callable[[AsyncIterable[object], Callable[[object], None]], None]",
) -> None:
    """Stream a whole response.

    `drive` passes each chunk of an asynchronous body to a function, in an event loop.

    Raises:
        BaseException: whatever the handler raises before anything was sent.
        SystemExit: the handler raised it; its error was sent.
        ApiError: 500, after which the execution environment is lost.
        ProtocolError: the response to the stream is not HTTP/1.1.
    """
    body, content_type, prelude, head_first = response, "application/octet-stream", b"", False
    if isinstance(response, StreamingResponse):
        body, content_type, prelude = response.body_iterator, _HTTP_RESPONSE, _prelude(response)
        head_first = response.head_first
    sender = _Sender(client, invoke_id, invocation_id, content_type, prelude)
    try:
        try:
            if head_first:
                sender.begin()
            if hasattr(body, "__aiter__"):
                drive(body, sender.write)  # pyright: ignore[reportArgumentType]
            else:
                _feed(body, sender.write)
        finally:
            flush()
            close = getattr(body, "close", None)
            if close is not None and not hasattr(body, "__aiter__"):
                close()
        sender.finish()
    except _CutOff as cut:
        sender.report(f"The Runtime API cut the streamed response off: {cut}")
    except BaseException as raised:
        if not sender.began or client.forked or client.finishing:
            raise
        status = None
        if issubclass(type(raised), SystemExit):
            status = exit_status_of(raised)
            client.finishing = True
        report, _ = make_report(raised, invoke_id, status)
        log_report(report, sink)
        flush()
        try:
            sender.finish(_trailers(report["errorType"], report_json(report)))
        except _CutOff as cut:
            sender.report(f"The Runtime API cut the streamed response off: {cut}")
        if client.finishing:
            raise


class _Sender:
    """One streamed response: its head, alone or with the first byte, then chunks, the last chunk and the status."""

    __slots__ = ("_client", "_connection", "_head", "_invocation_id", "_invoke_id", "_prelude", "_whole", "began")

    def __init__(
        self,
        client: "LambdaRuntimeClient",
        invoke_id: str,
        invocation_id: "str | None",
        content_type: str,
        prelude: bytes,
    ) -> None:
        self.began = False
        self._whole = True  # every chunk was sent completely
        self._client = client
        self._invoke_id = invoke_id
        self._invocation_id = invocation_id
        self._prelude = prelude
        head, self._connection = client.open_stream(invoke_id, invocation_id, content_type)
        self._head = head + (
            b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
            b"Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
        )

    def begin(self) -> None:
        """Send the head and the prelude.

        Raises:
            _CutOff: the Runtime API accepts no more.
        """
        self._send(self._head_and_prelude())

    def write(self, chunk: object) -> None:
        """Send a chunk; skip an empty one, because it would end the body.

        Raises:
            TypeError: the chunk is neither bytes nor text.
            _CutOff: the Runtime API accepts no more.
        """
        data = _bytes(chunk)
        size = len(data)
        if not size:
            return
        begin = b"" if self.began else self._head_and_prelude()
        if size <= _ONE_WRITE:
            self._send(b"".join((begin, b"%x\r\n" % size, data, b"\r\n")))
        else:
            self._send(begin + b"%x\r\n" % size, data, b"\r\n")

    def finish(self, trailers: bytes = b"") -> None:
        """Send the last chunk and read the confirmation.

        Raises:
            _CutOff: the connection was lost before the confirmation.
            ApiError: 500, after which the execution environment is lost.
            ProtocolError: the response is not HTTP/1.1.
        """
        begin = b"" if self.began else self._head_and_prelude()
        self._send(begin + b"0\r\n" + trailers + b"\r\n")
        try:
            self._read_response()
        except ConnectionLost as lost:
            raise _CutOff(str(lost)) from lost

    def report(self, text: str) -> None:
        """Close the connection and log `text` as a warning.

        The stream cannot be repeated, and the handler must not run twice, so an error answers a repeated invocation.
        """
        self._connection.close()
        self._client.report(self._invoke_id, text)
        request_id = self._invoke_id
        error = {"errorMessage": text, "errorType": "Runtime.StreamError", "requestId": request_id, "stackTrace": []}
        body = report_json(error).encode()  # type: ignore[arg-type]
        head = self._client.reply_head("error", request_id, self._invocation_id, "application/json", len(body))
        self._client.reply = Reply("error", request_id, self._invocation_id, head, body)

    def _head_and_prelude(self) -> bytes:
        self.began = True
        prelude = self._prelude
        return self._head + (b"%x\r\n%b\r\n" % (len(prelude), prelude) if prelude else b"")

    def _send(self, *parts: "bytes | memoryview") -> None:
        if not self._whole:
            raise _CutOff("interrupted in the middle of a chunk")
        self._whole = False  # stays so if a signal handler raises here or the connection is lost
        try:
            self._connection.send(*parts)  # type: ignore[arg-type]
            self._whole = True
        except ConnectionLost as lost:
            # A server may respond and close before it has read all of a body that it refuses: read its response.
            try:
                status = self._read_response()
            except ConnectionLost:
                raise _CutOff(str(lost)) from lost
            raise _CutOff(f"the response was {status} before the end of the stream") from lost

    def _read_response(self) -> int:
        """Read the response to the stream, close the connection, and return the status."""
        try:
            status, _, body, _ = self._connection.receive()
        except ProtocolError:
            self._client.finishing = True
            raise
        finally:
            # The developer guide ("Building a custom runtime") asks for the connection to be closed after a stream.
            self._connection.close()
        if status >= 500:
            self._client.finishing = True
            raise ApiError(f"the response to {self._invoke_id}", status, body)
        if status >= 300:
            text = str(body[:500], "utf-8", "backslashreplace").strip()
            self.report(f"The Runtime API refused the response with {status}: {text}")
        return status


def _feed(body: object, write: "Callable[[object], None]") -> None:
    """Write a body that needs no event loop: text or bytes, a file, or an iterable of either."""
    read = getattr(body, "read", None)
    if read is not None:
        while piece := read(_FILE_PIECE):
            write(piece)
    elif isinstance(body, (bytes, bytearray, memoryview, str)):
        write(body)
    else:
        chunks: Iterable[object] = body  # type: ignore[assignment]
        for chunk in chunks:
            write(chunk)


def _bytes(chunk: object) -> "bytes | memoryview":
    if type(chunk) is bytes:
        return chunk
    if isinstance(chunk, str):
        return str.encode(chunk, "utf-8", "backslashreplace")  # a subclass may override the method
    if issubclass(type(chunk), bytes):
        return exact_bytes(chunk)  # type: ignore[arg-type]  # a subclass may override `__buffer__`
    try:
        view = memoryview(chunk)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"a streamed response is made of bytes or str, not of {type(chunk).__name__}") from None
    return view.cast("B") if view.c_contiguous else view.tobytes()


def _prelude(response: StreamingResponse) -> bytes:
    """Encode status, headers and cookies for the streaming integration: ASCII JSON, then eight NUL bytes."""
    headers = ",".join(f"{quote(name)}:{quote(value)}" for name, value in response.joined_headers().items())
    cookies = f',"cookies":[{",".join(map(quote, response.cookies))}]' if response.cookies else ""
    return f'{{"statusCode":{response.status_code},"headers":{{{headers}}}{cookies}}}'.encode() + b"\0" * 8


def _trailers(kind: str, error: str) -> bytes:
    """Encode the trailers of a failed stream; the platform accepts types like `Function.ValueError`."""
    error_type = "Runtime.StreamError"
    if kind.startswith("Runtime."):
        error_type = kind
    elif kind[:1].isupper() and len(kind) > 1 and _LETTERS.issuperset(kind):
        error_type = f"Function.{kind}"
    body = b2a_base64(error.encode(), newline=False)
    return (
        f"Lambda-Runtime-Function-Error-Type: {error_type}\r\nLambda-Runtime-Function-Error-Body: ".encode()
        + body
        + b"\r\n"
    )
