"""Streamed responses at the Runtime API: what a caller who reads along gets, when, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite.emulator.config.function import MAX_PAYLOAD, ApiOptions, FunctionConfig
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.results import Invocation, InvocationOutcome
from awslambdaric_lite.emulator.runtime_api import api as api_module
from awslambdaric_lite.emulator.runtime_api import body_forwarder
from awslambdaric_lite.emulator.runtime_api.bandwidth import BURST, REFILL_S, TokenBucket
from awslambdaric_lite.emulator.streams import MAX_STREAM, ResponseStream, StreamHead

from .harness import WAIT, ApiServer, get, post, reply

MakeApi = Callable[[ApiOptions], ApiServer]
STREAMING_RUNTIME = Path(__file__).parents[1] / "support" / "streaming_runtime.py"
MIB = 1024 * 1024
DETAILS = b'{"errorMessage":"boom","errorType":"ValueError","stackTrace":[]}'


def head(invocation: Invocation, *headers: str) -> bytes:
    """The beginning of a streamed response."""
    lines = [
        f"POST /2018-06-01/runtime/invocation/{invocation.request_id}/response HTTP/1.1",
        "Host: api",
        "Content-Type: text/plain",
        "Lambda-Runtime-Function-Response-Mode: streaming",
        "Transfer-Encoding: chunked",
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def trailers(error_type: str, body: str) -> bytes:
    """The end of a body, with an error."""
    return (
        f"0\r\nLambda-Runtime-Function-Error-Type: {error_type}\r\nLambda-Runtime-Function-Error-Body: {body}\r\n\r\n"
    ).encode()


END = b"0\r\n\r\n"


def stream_of(invocation: Invocation) -> ResponseStream:
    """The caller's side."""
    assert invocation.stream is not None
    return invocation.stream


def read_all(api: ApiServer, invocation: Invocation) -> bytes:
    """Read a stream to its end."""

    async def read() -> bytes:
        parts = []
        while part := await stream_of(invocation).read():
            parts.append(part)
        return b"".join(parts)

    return api.wait(read())


def head_of(api: ApiServer, invocation: Invocation) -> StreamHead | None:
    """What the caller learns before the body."""

    async def wait() -> StreamHead | None:
        return await stream_of(invocation).head

    return api.wait(wait())


def answer_of(invocation: Invocation) -> InvocationOutcome:
    """How it ended."""
    return invocation.answered.result(WAIT)


def test_chunks_reach_the_caller_as_they_come(api: ApiServer) -> None:
    """The first is read before the second is sent; the end is no error, and the runtime gets 202."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"one"))
        assert head_of(api, invocation) == StreamHead("text/plain", streaming=True)
        assert api.wait(stream_of(invocation).read()) == b"one"
        assert not invocation.answered.done()
        client.send(chunk(b"two"))
        assert api.wait(stream_of(invocation).read()) == b"two"
        assert client.ask(END).status == 202
        assert api.wait(stream_of(invocation).read()) == b""
        answer = answer_of(invocation)
        assert (answer.payload, answer.error_type, answer.streaming) == (b"", None, True)
        api.begin(client, request_id="id-2")
    assert api.requests[1].body == b"onetwo"  # recorded all the same


@pytest.mark.parametrize(
    ("error_type", "body", "recorded", "details"),
    [
        ("Runtime.StreamError", base64.b64encode(DETAILS).decode(), "Runtime.StreamError", DETAILS),
        ("Function.ValueError", base64.b64encode(DETAILS).decode(), "Function.ValueError", DETAILS),
        ("Function.lower", base64.b64encode(DETAILS).decode(), "Function.Unknown", DETAILS),
        ("ValueError", base64.b64encode(DETAILS).decode(), "Runtime.Unknown", DETAILS),
        ("Runtime.StreamError", "Requires base64", "Runtime.StreamError", b""),
        ("Runtime.StreamError", "", "Runtime.StreamError", b""),
        ("Runtime.StreamError", "ä", "Runtime.StreamError", b""),
    ],
)
def test_trailers_tell_of_an_error(api: ApiServer, error_type: str, body: str, recorded: str, details: bytes) -> None:
    """The type is classified as ever, the body decoded; what cannot be decoded is empty. The runtime gets 202."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(head(invocation) + chunk(b"part") + trailers(error_type, body)).status == 202
    assert read_all(api, invocation) == b"part"
    answer = answer_of(invocation)
    assert (answer.error_type, answer.payload, answer.error) == (recorded, details, "Unhandled")


def test_trailers_that_were_not_declared_are_ignored(api: ApiServer) -> None:
    """As by a Go server, which reads only those that it was promised."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        sent = head(invocation).replace(b"Trailer: Lambda-Runtime-Function-Error-Type, ", b"Trailer: ")
        assert client.ask(sent + chunk(b"part") + trailers("Runtime.StreamError", "")).status == 202
    answer = answer_of(invocation)
    assert answer.error_type is None
    assert [name for name, _ in answer.trailers] == ["Lambda-Runtime-Function-Error-Body"]


def test_trailers_may_be_declared_one_by_one(api: ApiServer) -> None:
    """A header for each, as the Node.js client sends them."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        sent = head(invocation).replace(b"Error-Type, Lambda", b"Error-Type\r\nTrailer: Lambda")
        encoded = base64.b64encode(DETAILS).decode()
        assert client.ask(sent + chunk(b"part") + trailers("Runtime.StreamError", encoded)).status == 202
    assert answer_of(invocation).payload == DETAILS


def test_an_error_body_without_a_type_is_no_error(api: ApiServer) -> None:
    """The type decides."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.ask(head(invocation) + b"0\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n")
    assert answer_of(invocation).error_type is None


def test_an_ordinary_response_is_passed_on_as_it_is_read(api: ApiServer) -> None:
    """Without the mode header the caller who streams gets the bytes, envelope and all."""
    body = b'{"statusCode":200,"body":"x"}'
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(reply(invocation, body)).status == 202
    assert head_of(api, invocation) == StreamHead("application/octet-stream", streaming=False)
    assert read_all(api, invocation) == body
    assert answer_of(invocation).error_type is None


def test_an_error_before_the_first_byte(api: ApiServer) -> None:
    """No head, no bytes: the error is the answer."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(reply(invocation, DETAILS, kind="error")).status == 202
    assert head_of(api, invocation) is None
    assert read_all(api, invocation) == b""
    assert answer_of(invocation).payload == DETAILS


def test_an_error_post_in_the_middle_is_refused(api: ApiServer) -> None:
    """403: after the first byte only trailers can tell of it."""
    with api.client() as client, api.client() as other:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part"))
        assert api.wait(stream_of(invocation).read()) == b"part"
        refusal = other.ask(reply(invocation, DETAILS, kind="error"))
        assert refusal.status == 403
        assert b"from InvocationResponse to InvocationErrorResponse" in refusal.body
        assert client.ask(END).status == 202
    assert answer_of(invocation).error_type is None


def test_a_mode_that_there_is_not(api: ApiServer) -> None:
    """The caller has an error, and no bytes."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(reply(invocation, b"{}", "Lambda-Runtime-Function-Response-Mode: STREAMING")).status == 400
    assert head_of(api, invocation) is None
    assert answer_of(invocation).error_type == "Runtime.InvalidResponseModeHeader"


@pytest.mark.parametrize("rest", [b"", b"5\r\nab"], ids=["between-chunks", "in-a-chunk"])
def test_a_stream_that_breaks_off(api: ApiServer, rest: bytes) -> None:
    """The caller gets what came and then the error; the runtime, if it still listens, a 400."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part") + rest)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read().status == 400
    assert read_all(api, invocation).startswith(b"part")
    assert answer_of(invocation).error_type == "Runtime.TruncatedResponse"
    with api.client() as client:
        api.begin(client, request_id="id-2")


def test_a_stream_that_is_reset(api: ApiServer) -> None:
    """The same for a runtime that dies."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part"))
        assert api.wait(stream_of(invocation).read()) == b"part"
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert answer_of(invocation).error_type == "Runtime.TruncatedResponse"
    assert read_all(api, invocation) == b""


def test_a_stream_that_is_too_large(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller gets as much as may be and the error, the runtime a 413 in the middle; on it goes."""
    assert MAX_STREAM == 200 * MIB
    for module in (body_forwarder, api_module):
        monkeypatch.setattr(module, "MAX_STREAM", 1000)
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(head(invocation) + chunk(b"x" * 600) + chunk(b"y" * 401)).status == 413
        assert read_all(api, invocation) == b"x" * 600 + b"y" * 400
        answer = answer_of(invocation)
        assert json.loads(answer.payload) == {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size (1001 bytes) exceeded maximum allowed payload size (1000 bytes).",
        }
        client.send(END)  # of the body that nobody wants: the connection stays
        api.begin(client, request_id="id-2")


def test_a_stream_of_exactly_the_limit(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is well."""
    monkeypatch.setattr(body_forwarder, "MAX_STREAM", 1000)
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(head(invocation) + chunk(b"x" * 1000) + END).status == 202
    assert len(read_all(api, invocation)) == 1000
    assert answer_of(invocation).error_type is None


@pytest.mark.parametrize(("size", "status"), [(MAX_PAYLOAD, 202), (MAX_PAYLOAD + 1, 413)])
def test_a_caller_who_waits_for_everything_gets_no_more_than_ever(api: ApiServer, size: int, status: int) -> None:
    """The limit of buffered invokes holds although the runtime streams."""
    with api.client() as client:
        invocation = api.begin(client)
        assert client.ask(head(invocation) + chunk(b"x" * size) + END).status == status
    answer = answer_of(invocation)
    assert answer.error_type == (None if status == 202 else "Function.ResponseSizeTooLarge")


def test_a_streaming_caller_may_get_more(api: ApiServer) -> None:
    """Beyond the limit of buffered invokes, even without the mode header."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        reader = api.start(_count(stream_of(invocation)))
        client.send(reply(invocation, b"x" * (MAX_PAYLOAD + 1)))
        assert reader.result(WAIT) == MAX_PAYLOAD + 1
        assert client.read().status == 202


def test_a_slow_reader_holds_the_runtime_back(make_api: MakeApi) -> None:
    """While nobody reads, the runtime can send only so much; once somebody does, everything arrives."""
    api = make_api(ApiOptions(stream_bytes_per_s=None))
    data = chunk(b"x" * 65536)
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation))
        client.socket.settimeout(0.5)  # of silence, which is not luck: a server that reads takes it in microseconds
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 500:
                client.socket.sendall(data)
                sent += 1
        taken = stream_of(invocation).size
        assert taken < 2 * MIB
        reader = api.start(_count(stream_of(invocation)))
        client.socket.settimeout(WAIT)
        client.socket.shutdown(socket.SHUT_WR)  # a chunk was cut somewhere: the stream ends as a truncated one
        assert reader.result(WAIT) >= sent * 65536
    assert answer_of(invocation).error_type == "Runtime.TruncatedResponse"


async def _count(stream: ResponseStream) -> int:
    total = 0
    while part := await stream.read():
        total += len(part)
    return total


def test_the_runtime_is_not_told_that_the_caller_has_gone(make_api: MakeApi) -> None:
    """It writes to its end and gets 202."""
    api = make_api(ApiOptions(stream_bytes_per_s=None))
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"first"))
        assert api.wait(stream_of(invocation).read()) == b"first"
        api.run(stream_of(invocation).abandon)
        assert client.ask(chunk(b"x" * 3_000_000) + END).status == 202
    assert stream_of(invocation).size == 3_000_005
    assert answer_of(invocation).error_type is None


def test_the_platform_takes_a_burst_and_then_so_much_a_second(make_api: MakeApi) -> None:
    """6 MiB at once; the rest at the rate of the option."""
    rate = 8 * MIB
    api = make_api(ApiOptions(stream_bytes_per_s=rate))
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        started = time.monotonic()
        reader = api.start(_count(stream_of(invocation)))
        client.send(head(invocation) + chunk(b"x" * (BURST + 4 * MIB)) + END)
        assert reader.result(WAIT) == BURST + 4 * MIB
        assert time.monotonic() - started >= 4 * MIB / rate - 2 * REFILL_S
        assert client.read().status == 202


def test_a_stream_that_is_interrupted(api: ApiServer) -> None:
    """Out of time: the runtime's connection is cut and nothing is told; a later reply is to an unknown invocation."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part"))
        assert api.wait(stream_of(invocation).read()) == b"part"
        api.run(api.api.interrupt)
        assert client.at_end()
    assert not invocation.answered.done()
    with api.client() as client:
        assert client.ask(reply(invocation)).status == 400


def test_a_time_out_in_the_middle_of_a_stream(write_handler: Callable[[str], Path]) -> None:
    """With a real runtime: the caller has the first part, then the time-out."""
    root = write_handler("import time\ndef handler(event, context):\n    yield b'part'\n    time.sleep(60)\n")
    runtime = [sys.executable, "-S", str(STREAMING_RUNTIME)]
    function = FunctionConfig("app.handler", root, timeout_s=60.0, runtime=runtime)

    async def run() -> None:
        host = FunctionHost(function)
        await host.start()
        try:
            invocation = Invocation(b"{}", stream=ResponseStream())
            host.submit(invocation)
            assert await stream_of(invocation).read() == b"part"
            host.pool.environments[0].time_out_now()
            answer = await asyncio.wait_for(asyncio.wrap_future(invocation.answered), WAIT)
            assert answer.error_type == "Sandbox.Timedout"
            assert await stream_of(invocation).read() == b""
        finally:
            await host.close()

    asyncio.run(run())


def test_pipelined_poll_behind_a_stream(api: ApiServer) -> None:
    """A poll sent with the last bytes of a stream is served after it."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"x") + END + get())
        assert client.read().status == 202
        api.await_next()
        api.deliver(b"2", request_id="id-2")
        assert client.read().body == b"2"


def test_the_prelude_of_an_http_response_is_only_bytes(api: ApiServer) -> None:
    """The Runtime API passes it on; who maps it to HTTP is the front end."""
    prelude = b'{"statusCode":201}' + bytes(8)
    content_type = "application/vnd.awslambda.http-integration-response"
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        sent = head(invocation).replace(b"text/plain", content_type.encode())
        assert client.ask(sent + chunk(prelude) + chunk(b"body") + END).status == 202
    assert head_of(api, invocation) == StreamHead(content_type, streaming=True)
    assert read_all(api, invocation) == prelude + b"body"


@given(st.lists(st.tuples(st.integers(1, 4 * MIB), st.floats(0, 3)), max_size=30), st.sampled_from([2.0 * MIB, 5e5]))
def test_the_bucket_never_lets_more_through_than_burst_and_rate(reads: list[tuple[int, float]], rate: float) -> None:
    """Who waits as told has at any moment taken no more than the burst, the rate times the time, and one read."""
    bucket, now, taken = TokenBucket(rate, 100.0), 100.0, 0
    for size, pause in reads:
        now += pause
        assert taken <= BURST + rate * (now - 100.0) + 1
        wait = bucket.take(size, now)
        taken += size
        assert wait >= 0
        now += wait


def test_the_bucket_refills_in_steps() -> None:
    """Nothing for 125 ms, then a step's worth."""
    bucket = TokenBucket(2.0 * MIB, 0.0)
    assert bucket.take(BURST, 0.0) == 0
    assert bucket.take(1, 0.1) == pytest.approx(REFILL_S - 0.1)
    assert bucket.take(MIB // 4 - 1, REFILL_S) == 0
    assert bucket.take(MIB // 2, REFILL_S) == pytest.approx(2 * REFILL_S)


def test_a_reader_that_left_before_the_first_byte(api: ApiServer) -> None:
    """An abandoned stream still learns how it ended, and later invocations are served."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        api.run(stream_of(invocation).abandon)
        assert client.ask(head(invocation) + chunk(b"x") + END).status == 202
        assert answer_of(invocation).error_type is None
        follower = api.begin(client, request_id="id-2")
        assert client.ask(post(f"invocation/{follower.request_id}/response")).status == 202
