"""Streamed responses are sent with the right bytes, and their generators are closed."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import Reaction, ScriptedServer
from awslambdaric_lite.protocol.http_messages import render_response
from tests.process.lite import bodies, numbered, run_lite, write_app
from tests.support.client_process import GUARD, LITE, ClientProcess, Run, environment

MODE = "Lambda-Runtime-Function-Response-Mode"
STREAM = "def handler(event, context):\n    yield b'one'\n    yield b'two'\n"
EVENT = render_response(200, Event(request_id="id-1").fields(), b"{}")


def run_scripted(
    task_root: Path, source: str, script: Callable[[socket.socket, int], object], happened: threading.Event
) -> Run:
    """Run `app.handler` with that source against a scripted server until an event of the script."""
    write_app(task_root, source)
    with ScriptedServer(script) as server:
        variables = environment(server.address, "app.handler", task_root, {})
        with ClientProcess([*LITE, "app.handler"], variables, task_root) as client:
            assert happened.wait(GUARD)
            client.kill()
            return client.result(None)


def stream(result: Run) -> Request:
    """Return the one streamed response."""
    (request,) = [request for request in result.replies if request.header("Transfer-Encoding") == "chunked"]
    return request


def failure(request: Request) -> dict[str, object]:
    """Decode the error in a stream's trailers."""
    trailers = {name.lower(): value for name, value in request.trailers}
    error: dict[str, object] = json.loads(base64.b64decode(trailers["lambda-runtime-function-error-body"]))
    return error


def test_stream_is_chunked_with_trailers(tmp_path: Path) -> None:
    """A stream is chunked with the response mode, declared trailers, and one chunk for each yielded value."""
    result = run_lite(tmp_path, STREAM, [Event(headers=(("Lambda-Runtime-Invocation-Id", "attempt-1"),))])
    request = stream(result)
    assert request.path.endswith("/invocation/request-0/response")
    names = [name.lower() for name, _ in request.headers]
    assert names == [
        "host",
        "user-agent",
        "content-type",
        "lambda-runtime-invocation-id",
        "lambda-runtime-function-response-mode",
        "transfer-encoding",
        "trailer",
    ]
    assert request.header(MODE) == "streaming"
    assert request.header("Content-Type") == "application/octet-stream"
    assert request.header("Trailer") == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    assert request.chunks == (b"one", b"two")
    assert request.trailers == ()
    assert result.ended_by_test and result.stderr == b""


def test_connection_is_replaced_after_stream(tmp_path: Path) -> None:
    """The poll after a stream uses a new connection; other invocations keep theirs."""
    source = STREAM.replace("def handler", "def stream") + (
        "def handler(event, context):\n    return stream(event, context) if event == 1 else event\n"
    )
    result = run_lite(tmp_path, source, [Event(b"0"), Event(b"1"), Event(b"2"), Event(b"3")])
    assert [request.connection for request in result.requests] == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert [request.status for request in result.replies] == [202] * 4


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ("b'a', bytearray(b'b'), memoryview(b'c'), 'd\\u00e9'", (b"a", b"b", b"c", b"d\xc3\xa9")),
        ("b'', b'a', '', bytearray(), b'b'", (b"a", b"b")),
        ("memoryview(b'abcdef')[::2], memoryview(array('H', [1, 2]))", (b"ace", b"\x01\x00\x02\x00")),
        ("'\\ud800'", (b"\\ud800",)),
        ("b'x' * 1000000, 'y'", (b"x" * 1_000_000, b"y")),
    ],
    ids=["types", "empty ones", "views", "a lone surrogate", "large"],
)
def test_chunks_are_bytes_or_text(tmp_path: Path, chunks: str, expected: tuple[bytes, ...]) -> None:
    """A chunk may be any buffer or a text, which is sent as UTF-8; empty chunks are skipped."""
    result = run_lite(tmp_path, f"from array import array\ndef handler(event, context):\n    yield from [{chunks}]\n")
    assert stream(result).chunks == expected


ITERATOR = """
class Chunks:
    def __init__(self): self.left = [b"two", "one"]
    def __iter__(self): return self
    def __next__(self):
        if not self.left: raise StopIteration
        return self.left.pop()
"""


@pytest.mark.parametrize(
    "source",
    [
        f"{ITERATOR}def handler(event, context): return Chunks()",
        "import io\ndef handler(event, context): return io.BytesIO(b'onetwo')",
        "def handler(event, context): return open('body.bin', 'rb')",
        "import functools\ndef f(a, event, context): yield a + b'two'\nhandler = functools.partial(f, b'one')",
        "class C:\n    def __call__(self, event, context):\n        yield b'one'\n        yield b'two'\nhandler = C()",
        "class C:\n    def m(self, event, context):\n        yield b'onetwo'\nhandler = C().m",
        "async def handler(event, context):\n    yield b'one'\n    yield b'two'",
        "async def f():\n    yield b'onetwo'\ndef handler(event, context): return f()",
        "async def f():\n    yield b'onetwo'\nasync def handler(event, context): return f()",
        f"{ITERATOR}async def handler(event, context): return Chunks()",
    ],
)
def test_generators_iterators_files_are_streamed(tmp_path: Path, source: str) -> None:
    """Generators, iterators and files are streamed, whether returned, yielded or asynchronous."""
    (tmp_path / "body.bin").write_bytes(b"onetwo")
    result = run_lite(tmp_path, source, [Event(), Event()])
    assert [request.body for request in result.replies] == [b"onetwo"] * 2
    assert all(request.header(MODE) == "streaming" for request in result.replies)
    assert b"Warning" not in result.stderr


UNASKED = {
    "filter": "filter(None, ['a', '', 'b'])",
    "map": "map(str, [1])",
    "zip": "zip('ab', 'cd')",
    "enumerate": "enumerate('ab')",
    "reversed": "reversed('ab')",
    "list_reverseiterator": "reversed(['a'])",
    "list_iterator": "iter(['a'])",
    "tuple_iterator": "iter(('a',))",
    "dict_keyiterator": "iter({'a': 1})",
    "dict_valueiterator": "iter({1: 'a'}.values())",
    "dict_reversekeyiterator": "reversed({'a': 1})",
    "set_iterator": "iter({'a'})",
    "range_iterator": "iter(range(2))",
    "bytes_iterator": "iter(b'ab')",
    "callable_iterator": "re.finditer('a', 'a')",
    "chain": "itertools.chain(['a'])",
    "islice": "itertools.islice(['a'], 1)",
    "count": "itertools.count()",
    "_deque_iterator": "iter(collections.deque(['a']))",
    "reader": "csv.reader(['a'])",
    "ScandirIterator": "os.scandir()",
    "TextIOWrapper": "open('app.py')",
    "StringIO": "io.StringIO('ab')",
    "dict_values": "{1: 'a'}.values()",
}


@pytest.mark.parametrize("handler", ["def", "async def"])
def test_iterators_of_the_standard_library_are_not_streamed(tmp_path: Path, handler: str) -> None:
    """An iterator that nobody meant to stream is an error, with the official client's text."""
    source = f"""
import collections, csv, io, itertools, os, re
RESULTS = [{", ".join(f"lambda: {source}" for source in UNASKED.values())}]
{handler} handler(event, context): return RESULTS[event]()
"""
    result = run_lite(tmp_path, source, [Event(b"%d" % number) for number in range(len(UNASKED))])
    errors = [json.loads(request.body) for request in result.replies]
    assert [(error["errorType"], error["errorMessage"]) for error in errors] == [
        ("Runtime.MarshalError", f"Unable to marshal response: Object of type {name} is not JSON serializable")
        for name in UNASKED
    ]


def test_http_response_begins_with_prelude(tmp_path: Path) -> None:
    """The first chunk begins with JSON of status, headers and cookies, and eight NUL bytes."""
    source = """
from awslambdaric_lite import StreamingResponse
def handler(event, context):
    headers = [("X-A", "1"), ("x-a", "2"), ("Set-Cookie", "b=2"), ("X-Text", "\\u00e9")]
    return StreamingResponse(iter(["first", "second"]), 201, headers, cookies=["a=1"], media_type="text/plain")
"""
    request = stream(run_lite(tmp_path, source))
    assert request.header("Content-Type") == "application/vnd.awslambda.http-integration-response"
    prelude, _, body = request.body.partition(b"\0" * 8)
    assert json.loads(prelude) == {
        "statusCode": 201,
        "headers": {"x-a": "1, 2", "x-text": "é", "content-type": "text/plain"},
        "cookies": ["a=1", "b=2"],
    }
    assert prelude.isascii()
    assert (body, request.chunks[1:]) == (b"firstsecond", (b"first", b"second"))


@pytest.mark.parametrize("body", ["'text'", "b'text'", "['te', b'xt']", "io.BytesIO(b'text')", "agen()"])
def test_http_response_body_may_be_iterable(tmp_path: Path, body: str) -> None:
    """The body of an HTTP response may be text, bytes, an iterable, a file or asynchronous."""
    source = f"""
import io
from awslambdaric_lite import StreamingResponse
async def agen():
    yield "te"
    yield b"xt"
def handler(event, context):
    return StreamingResponse({body})
"""
    request = stream(run_lite(tmp_path, source))
    assert request.body == b'{"statusCode":200,"headers":{}}' + b"\0" * 8 + b"text"


def test_empty_stream_has_head_and_prelude(tmp_path: Path) -> None:
    """A stream without a byte still sends its head and prelude."""
    assert stream(run_lite(tmp_path, "def handler(event, context):\n    if event: yield\n")).chunks == (b"",) * 0
    source = "from awslambdaric_lite import StreamingResponse as R\ndef handler(e, c): return R([], 204)"
    assert stream(run_lite(tmp_path, source)).body == b'{"statusCode":204,"headers":{}}' + b"\0" * 8


def test_first_chunk_is_sent_immediately(tmp_path: Path) -> None:
    """The first chunk is sent before the generator continues."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    source = f"""
def handler(event, context):
    yield "first"
    with open({str(gate)!r}) as gate:
        yield gate.read()
"""
    seen: list[bytes] = []

    def on_chunk(chunk: bytes) -> None:
        seen.append(chunk)
        if chunk == b"first":
            gate.write_text("second")

    assert stream(run_lite(tmp_path, source, on_chunk=on_chunk)).chunks == (b"first", b"second")
    assert seen == [b"first", b"second"]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_early_error_is_ordinary(tmp_path: Path, kind: str) -> None:
    """An error before the first byte is posted as an ordinary error with the handler's frames only."""
    source = f"{kind} handler(event, context):\n    yield b''\n    raise ValueError('early')\n"
    result = run_lite(tmp_path, source)
    (request,) = result.replies
    assert request.verb == "error"
    error = json.loads(request.body)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "early")
    (entry,) = error["stackTrace"]
    assert "app.py" in entry and "in handler" in entry
    assert b"[ERROR] ValueError: early" in result.stdout


def test_invalid_http_response_is_ordinary_error(tmp_path: Path) -> None:
    """An HTTP response with an invalid status is posted as an ordinary error."""
    source = "from awslambdaric_lite import StreamingResponse as R\ndef handler(e, c): return R([], 99)"
    (request,) = run_lite(tmp_path, source).replies
    assert (request.verb, json.loads(request.body)["errorType"]) == ("error", "ValueError")


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("raised", "error_type", "name"),
    [
        ("ValueError('late')", "Function.ValueError", "ValueError"),
        ("type('snake_case', (Exception,), {})('late')", "Runtime.StreamError", "snake_case"),
        ("KeyboardInterrupt('late')", "Function.KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_late_error_is_sent_in_trailers(tmp_path: Path, kind: str, raised: str, error_type: str, name: str) -> None:
    """An error after the first byte is sent in trailers and logged, and the loop continues."""
    source = f"{kind} handler(event, context):\n    yield b'begun'\n    raise {raised}\n"
    result = run_lite(tmp_path, source, [Event(), Event()])
    assert [request.verb for request in result.replies] == ["response"] * 2
    request = result.replies[0]
    assert (request.body, request.status) == (b"begun", 202)
    assert dict(request.trailers)["Lambda-Runtime-Function-Error-Type"] == error_type
    error = failure(request)
    assert (error["errorType"], error["errorMessage"], error["requestId"]) == (name, "late", "request-0")
    assert str(error["stackTrace"]).count("File ") == 1 and "in handler" in str(error["stackTrace"])
    assert result.stdout.count(f"[ERROR] {name}: late".encode()) == 2
    assert result.ended_by_test


def test_wrong_chunk_type_is_named(tmp_path: Path) -> None:
    """The error for a wrong chunk names its type and the allowed types."""
    result = run_lite(tmp_path, "def handler(event, context):\n    yield b'x'\n    yield {'a': 1}\n")
    assert failure(stream(result))["errorMessage"] == "a streamed response is made of bytes or str, not of dict"


def test_sys_exit_ends_stream_and_process(tmp_path: Path) -> None:
    """`sys.exit` in a stream sends the error in trailers, then ends the process."""
    source = "import sys\ndef handler(event, context):\n    yield b'x'\n    sys.exit(3)\n"
    result = run_lite(tmp_path, source)
    assert failure(stream(result))["errorType"] == "Runtime.ExitError"
    assert result.exit_code == 3


CLEANED = """
def handler(event, context):
    try:
        while True:
            yield b"x" * {size}
    finally:
        print("cleaned up")
"""


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_disconnected_server_closes_generator(tmp_path: Path, asynchronous: bool) -> None:
    """If the server disconnects, the generator is closed, one line is logged, and the loop continues."""
    count = 0

    def on_chunk(chunk: bytes) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise ConnectionResetError

    source = ("async " if asynchronous else "") + CLEANED.format(size=1000).lstrip()
    source = source.replace("yield", "if event == 'short': return\n            yield")
    result = run_lite(tmp_path, source, [Event(), Event(b'"short"')], on_chunk=on_chunk)
    assert [request.request_id for request in result.replies] == ["request-1"]
    assert result.stdout.count(b"cleaned up") == 2
    (line,) = [line for line in result.stdout.decode().splitlines() if "cut the streamed response off" in line]
    assert line.startswith("[WARNING]\t") and "\trequest-0\t" in line
    assert result.ended_by_test and result.stderr == b""


@pytest.mark.parametrize("status", [400, 403, 410, 413])
def test_refused_stream_is_logged(tmp_path: Path, status: int) -> None:
    """A stream that the API refuses after its last chunk is logged, and the loop continues."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=status) if request.request_id == "request-0" else None

    result = run_lite(tmp_path, STREAM, [Event(), Event()], react=react)
    assert [request.verb for request in result.replies] == ["response", "response"]
    assert f"refused the response with {status}".encode() in result.stdout
    assert result.ended_by_test


def test_server_error_after_stream_is_fatal(tmp_path: Path) -> None:
    """A 500 for a stream ends the process."""
    result = run_lite(tmp_path, STREAM, react=lambda request, _: Reaction(500) if request.verb == "response" else None)
    assert result.exit_code == 1
    assert b"answered the response to request-0 with 500" in result.stderr


@pytest.mark.parametrize("ending", ["", "raise ValueError('while closing')"], ids=["quiet", "failing"])
def test_refusal_during_stream_ends_it(tmp_path: Path, ending: str) -> None:
    """If the server refuses a stream and closes, the next request is a poll on a new connection.

    A generator that fails while it is closed sends nothing either.
    """
    polls: list[bytes] = []
    polled_again = threading.Event()

    def script(sock: socket.socket, number: int) -> None:
        polls.append(sock.recv(65536))
        if number:
            polled_again.set()
        else:
            sock.sendall(EVENT)
            sock.recv(65536)  # the beginning of the stream
            sock.sendall(render_response(400, [("Connection", "close")], b'{"errorType":"InvalidRequestID"}'))
            sock.shutdown(socket.SHUT_WR)
        sock.recv(1 << 20)

    result = run_scripted(tmp_path, CLEANED.format(size=100_000) + f"        {ending}\n", script, polled_again)
    assert len(polls) == 2 and polls[1].startswith(b"GET ")
    assert b"cleaned up" in result.stdout
    assert b"The Runtime API" in result.stdout


def test_slow_reader_pauses_generator(tmp_path: Path) -> None:
    """The generator pauses while the sockets' buffers are full."""
    counter = tmp_path / "counter"
    source = f"""
def handler(event, context):
    with open({str(counter)!r}, "wb", 0) as file:
        for number in range(2000):
            file.write(b".")
            yield b"x" * 100_000
"""
    sizes: list[int] = []
    stalled = threading.Event()

    def on_chunk(chunk: bytes) -> None:
        if not stalled.is_set():
            size = -1
            while size != counter.stat().st_size:  # until the generator pauses
                size = counter.stat().st_size
                threading.Event().wait(0.2)
            sizes.append(size)
            stalled.set()

    result = run_lite(tmp_path, source, on_chunk=on_chunk)
    assert len(stream(result).body) == 200_000_000
    assert 0 < sizes[0] < 400


def test_long_stream_needs_constant_memory(tmp_path: Path) -> None:
    """A stream of 200 MB needs no more memory than one of 2 MB."""
    source = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
def handler(event, context):
    for number in range(event):
        yield b"x" * 1_000_000
    print("peak", peak())
"""
    result = run_lite(tmp_path, source, [Event(b"2"), Event(b"200")], on_chunk=lambda chunk: None)
    small, large = (int(line.split()[1]) for line in result.stdout.split(b"\n") if line.startswith(b"peak"))
    assert large < small + 2000  # KB


def test_replaced_functions_handle_streams(tmp_path: Path) -> None:
    """A replaced `handle_event_request` runs for streams; `post_invocation_result` does not."""
    source = """
import __main__
bootstrap = __main__.bootstrap
handle, post = bootstrap.handle_event_request, bootstrap.LambdaRuntimeClient.post_invocation_result
def handled(*arguments, **named):
    print("handled")
    return handle(*arguments, **named)
def posted(self, *arguments, **named):
    print("posted")
    return post(self, *arguments, **named)
bootstrap.handle_event_request = handled
bootstrap.LambdaRuntimeClient.post_invocation_result = posted
def handler(event, context):
    yield b"x"
"""
    result = run_lite(tmp_path, source)
    assert stream(result).body == b"x"
    assert result.stdout.split() == [b"handled"]


def test_replaced_marshaller_encodes_results(tmp_path: Path) -> None:
    """A marshaller that user code replaces during import encodes ordinary results."""
    source = """
import __main__
class Mine:
    def unmarshal_request(self, request, content_type=None): return 1
    def marshal_response(self, response):
        return b"mine", "text/plain"
__main__.bootstrap.LambdaRuntimeClient.marshaller = Mine()
async def handler(event, context):
    return {"a": 1}
"""
    (request,) = run_lite(tmp_path, source).replies
    assert (request.body, request.header("Content-Type")) == (b"mine", "text/plain")


def test_user_code_runs_without_active_exception(tmp_path: Path) -> None:
    """Generators and coroutines run while no exception of the runtime is active."""
    source = """
import asyncio, sys
def stream(event, context):
    yield repr(sys.exc_info()[1])
async def wait(event, context):
    return repr(sys.exc_info()[1])
async def astream(event, context):
    yield repr(sys.exc_info()[1])
def handler(event, context):
    return [stream, wait, astream][event](event, context)
"""
    assert bodies(run_lite(tmp_path, source, numbered(3))) == [b"None", b'"None"', b"None"]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_attribute_named_read_is_not_streamed(tmp_path: Path, kind: str) -> None:
    """An object with a `read` attribute that is not a method is an ordinary result."""
    source = f"""
from collections import namedtuple
class Open(dict):
    def __getattr__(self, name): return self.get(name, Open())
Rights = namedtuple("Rights", "read write")
{kind} handler(event, context):
    return [Open(a=1), Rights(True, False)][event]
"""
    result = run_lite(tmp_path, source, numbered(2))
    assert [json.loads(body) for body in bodies(result)] == [{"a": 1}, {"read": True, "write": False}]


def test_generator_failing_to_close_is_logged(tmp_path: Path) -> None:
    """The error of a generator that fails while it is closed is logged, and nothing else is sent."""
    count = 0

    def on_chunk(chunk: bytes) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise ConnectionResetError

    source = """
def handler(event, context):
    if event == "short": return
    try:
        while True: yield b"x" * 1000
    except GeneratorExit:
        raise ValueError("while closing")
"""
    result = run_lite(tmp_path, source, [Event(), Event(b'"short"')], on_chunk=on_chunk)
    assert [request.verb for request in result.requests] == ["next", "next", "response", "next"]
    assert b"[ERROR] ValueError: while closing" in result.stdout
    assert result.stdout.count(b"cut the streamed response off") == 1
    assert result.ended_by_test


def test_body_failing_to_close_is_reported(tmp_path: Path) -> None:
    """An error while a body is closed is sent in trailers after its chunks."""
    source = """
class Body:
    def __iter__(self): return iter([b"x"])
    def close(self): raise ValueError("while closing")
from awslambdaric_lite import StreamingResponse
def handler(event, context): return StreamingResponse(Body())
"""
    request = stream(run_lite(tmp_path, source))
    assert request.body.endswith(b"\0x")
    assert failure(request)["errorMessage"] == "while closing"


def test_interrupted_chunk_ends_the_connection(tmp_path: Path) -> None:
    """An exception of a signal handler within a chunk ends the connection without trailers."""
    received: list[bytes] = []
    polled_again, ended = threading.Event(), threading.Event()
    source = """
import signal
def alarm(*_): raise TimeoutError("too slow")
def handler(event, context):
    data = b"x" * 50_000_000
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    yield data
"""

    def script(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        if number:
            polled_again.set()
            sock.recv(1)
            return
        sock.sendall(EVENT)
        assert polled_again.wait(GUARD)  # the alarm rings while the test does not read
        try:
            while data := sock.recv(1 << 20):
                received.append(data)
        finally:
            ended.set()

    result = run_scripted(tmp_path, source, script, ended)
    body = b"".join(received).partition(b"\r\n\r\n")[2]
    assert 0 < len(body) < 50_000_000
    assert set(body.partition(b"\r\n")[2]) == set(b"x")
    assert b"[ERROR] TimeoutError: too slow" in result.stdout
    assert b"cut the streamed response off" in result.stdout


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_forked_child_does_not_stream(tmp_path: Path, asynchronous: bool) -> None:
    """A forked child that continues a generator exits without a request, and the parent's stream is complete."""
    source = f"""
import os
{"async " if asynchronous else ""}def handler(event, context):
    yield b"before "
    pid = os.fork()
    if pid:
        yield str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    else:
        yield b"of the child"
"""
    result = run_lite(tmp_path, source, [Event(), Event()])
    assert [request.body for request in result.replies] == [b"before 1"] * 2
    assert b"forked child returned from the handler" in result.stderr


def test_chunks_of_threads_keep_order(tmp_path: Path) -> None:
    """Chunks that another thread produces are sent in their order."""
    source = """
import queue, threading
def handler(event, context):
    chunks = queue.Queue(1)
    def produce():
        for number in range(100): chunks.put(b"%d " % number)
        chunks.put(None)
    thread = threading.Thread(target=produce)
    thread.start()
    yield from iter(chunks.get, None)
    thread.join()
"""
    assert stream(run_lite(tmp_path, source)).body == b"".join(b"%d " % number for number in range(100))


def test_coroutine_may_return_stream(tmp_path: Path) -> None:
    """A coroutine may return a `StreamingResponse` with an asynchronous body."""
    source = """
import asyncio
from awslambdaric_lite import StreamingResponse
async def body():
    for number in range(3):
        await asyncio.sleep(0)
        yield str(number)
async def inner():
    await asyncio.sleep(0)
    return StreamingResponse(body(), 202)
def handler(event, context): return inner()
"""
    assert stream(run_lite(tmp_path, source)).body == b'{"statusCode":202,"headers":{}}' + b"\0" * 8 + b"012"


@pytest.mark.parametrize(
    "reaction",
    [Reaction(ignored=True, cut=0), Reaction(ignored=True, cut=30), Reaction(ignored=True, status=400)],
    ids=["closed", "closed in the response", "refused"],
)
@pytest.mark.parametrize("function", ["def", "async def"])
def test_unconfirmed_stream_is_not_made_again(tmp_path: Path, function: str, reaction: Reaction) -> None:
    """An error answers an invocation that returns although its response was streamed: its handler runs once."""
    source = f"""
{function} handler(event, context):
    print("runs", event)
    yield f"{{event}}"
"""

    def react(request: Request, number: int) -> Reaction | None:
        return reaction if request.verb == "response" and number == 1 else None

    result = run_lite(tmp_path, source, numbered(3), react=react)
    assert [line for line in result.stdout.splitlines() if b"runs" in line] == [b"runs 0", b"runs 1", b"runs 2"]
    assert [(request.verb, request.request_id[-1]) for request in result.replies if request.status == 202] == [
        ("response", "0"),
        ("error", "1"),
        ("response", "2"),
    ]
    [error] = [json.loads(request.body) for request in result.replies if request.verb == "error"]
    assert (error["errorType"], error["requestId"]) == ("Runtime.StreamError", "request-1")


@pytest.mark.parametrize("response", [b"\x16\x03\x01\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"])
def test_malformed_response_to_stream_ends_process(tmp_path: Path, response: bytes) -> None:
    """The process exits if the response to a stream is not HTTP/1.1; the handler is not blamed for it."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(edit=lambda _: [response], close=True) if request.verb == "response" else None

    source = "def handler(event, context):\n    yield 'text'\n"
    result = run_lite(tmp_path, source, numbered(2), react=react)
    assert [request.verb for request in result.requests] == ["next", "response"]
    assert (result.exit_code, result.stdout, result.stderr.count(b"\n")) == (1, b"", 1)
