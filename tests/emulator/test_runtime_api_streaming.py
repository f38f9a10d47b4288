"""Streamed responses at the Runtime API: what a streaming caller receives, when, and how the stream ends."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite.common.quotas import MAX_PAYLOAD, MAX_STREAM
from awslambdaric_lite.emulator.config.function import ApiOptions, FunctionConfig
from awslambdaric_lite.emulator.host import FunctionHost
from awslambdaric_lite.emulator.results import FunctionOutcome, Invocation
from awslambdaric_lite.emulator.runtime_api import api as api_module
from awslambdaric_lite.emulator.runtime_api import body_forwarder
from awslambdaric_lite.emulator.runtime_api.bandwidth import BURST, REFILL_S, TokenBucket
from awslambdaric_lite.emulator.streams import ResponseStream, StreamHead

from .harness import ApiServer, get, post, reply
from .runtimes import STREAMING_RUNTIME
from .waiting import WAIT

MakeApi = Callable[[ApiOptions], ApiServer]
MIB = 1024 * 1024
DETAILS = b'{"errorMessage":"boom","errorType":"ValueError","stackTrace":[]}'


def head(invocation: Invocation, *headers: str) -> bytes:
    """Return the request head of a streamed response."""
    lines = [
        f"POST /2018-06-01/runtime/invocation/{invocation.request_id}/response HTTP/1.1",
        "Host: localhost",
        "Content-Type: text/plain",
        "Lambda-Runtime-Function-Response-Mode: streaming",
        "Transfer-Encoding: chunked",
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """Encode one chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def trailers(error_type: str, body: str) -> bytes:
    """Return the end of a body with error trailers."""
    return (
        f"0\r\nLambda-Runtime-Function-Error-Type: {error_type}\r\nLambda-Runtime-Function-Error-Body: {body}\r\n\r\n"
    ).encode()


END = b"0\r\n\r\n"


def stream_of(invocation: Invocation) -> ResponseStream:
    """Return the caller's side of the stream."""
    assert invocation.stream is not None
    return invocation.stream


def read_all(api: ApiServer, invocation: Invocation) -> bytes:
    """Read a stream until it ends."""

    async def read() -> bytes:
        parts = []
        while part := await stream_of(invocation).read():
            parts.append(part)
        return b"".join(parts)

    return api.wait(read())


def head_of(api: ApiServer, invocation: Invocation) -> StreamHead | None:
    """Return the head that the caller receives before the body."""

    async def wait() -> StreamHead | None:
        return await stream_of(invocation).head

    return api.wait(wait())


def answer_of(invocation: Invocation) -> FunctionOutcome:
    """Return the result of the invocation."""
    return invocation.answered.result(WAIT)


def test_chunk_reaches_caller_before_next(api: ApiServer) -> None:
    """The caller reads the first chunk before the second one is sent; a complete stream gets 202."""
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
    assert api.requests[1].body == b"onetwo"  # recorded nevertheless


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
def test_error_trailers_fail_invocation(
    api: ApiServer, error_type: str, body: str, recorded: str, details: bytes
) -> None:
    """Error trailers fail the invocation with the classified type and the decoded body, and get 202."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(head(invocation) + chunk(b"part") + trailers(error_type, body)).status == 202
    assert read_all(api, invocation) == b"part"
    answer = answer_of(invocation)
    assert (answer.error_type, answer.payload, answer.error) == (recorded, details, "Unhandled")


def test_undeclared_trailers_are_ignored(api: ApiServer) -> None:
    """Trailers that were not declared are ignored, as by AWS's server."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        sent = head(invocation).replace(b"Trailer: Lambda-Runtime-Function-Error-Type, ", b"Trailer: ")
        assert client.ask(sent + chunk(b"part") + trailers("Runtime.StreamError", "")).status == 202
    answer = answer_of(invocation)
    assert answer.error_type is None
    assert [name for name, _ in answer.trailers] == ["Lambda-Runtime-Function-Error-Body"]


def test_separately_declared_trailers_are_read(api: ApiServer) -> None:
    """Trailers declared in separate headers are read."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        sent = head(invocation).replace(b"Error-Type, Lambda", b"Error-Type\r\nTrailer: Lambda")
        encoded = base64.b64encode(DETAILS).decode()
        assert client.ask(sent + chunk(b"part") + trailers("Runtime.StreamError", encoded)).status == 202
    assert answer_of(invocation).payload == DETAILS


def test_error_body_without_type_is_ignored(api: ApiServer) -> None:
    """An error body trailer without a type is ignored."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.ask(head(invocation) + b"0\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n")
    assert answer_of(invocation).error_type is None


def test_buffered_response_is_streamed_unchanged(api: ApiServer) -> None:
    """A response without the mode header reaches a streaming caller unchanged."""
    body = b'{"statusCode":200,"body":"x"}'
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(reply(invocation, body)).status == 202
    assert head_of(api, invocation) == StreamHead("application/octet-stream", streaming=False)
    assert read_all(api, invocation) == body
    assert answer_of(invocation).error_type is None


def test_error_before_response_has_no_stream(api: ApiServer) -> None:
    """An error instead of a response gives the caller no head and no bytes."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(reply(invocation, DETAILS, kind="error")).status == 202
    assert head_of(api, invocation) is None
    assert read_all(api, invocation) == b""
    assert answer_of(invocation).payload == DETAILS


def test_error_post_during_stream_gets_403(api: ApiServer) -> None:
    """An error request during a stream gets 403."""
    with api.client() as client, api.client() as other:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part"))
        assert api.wait(stream_of(invocation).read()) == b"part"
        refusal = other.ask(reply(invocation, DETAILS, kind="error"))
        assert refusal.status == 403
        assert b"from InvocationResponse to InvocationErrorResponse" in refusal.body
        assert client.ask(END).status == 202
    assert answer_of(invocation).error_type is None


def test_invalid_mode_fails_without_bytes(api: ApiServer) -> None:
    """An unknown response mode fails the invocation without bytes for the caller."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(reply(invocation, b"{}", "Lambda-Runtime-Function-Response-Mode: STREAMING")).status == 400
    assert head_of(api, invocation) is None
    assert answer_of(invocation).error_type == "Runtime.InvalidResponseModeHeader"


@pytest.mark.parametrize("rest", [b"", b"5\r\nab"], ids=["between-chunks", "in-a-chunk"])
def test_truncated_stream_fails_after_its_bytes(api: ApiServer, rest: bytes) -> None:
    """A truncated stream gives the caller its bytes and then the error; the runtime gets 400."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part") + rest)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read().status == 400
    assert read_all(api, invocation).startswith(b"part")
    assert answer_of(invocation).error_type == "Runtime.TruncatedResponse"
    with api.client() as client:
        api.begin(client, request_id="id-2")


def test_reset_stream_fails_as_truncated(api: ApiServer) -> None:
    """A reset stream fails the invocation as truncated."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part"))
        assert api.wait(stream_of(invocation).read()) == b"part"
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert answer_of(invocation).error_type == "Runtime.TruncatedResponse"
    assert read_all(api, invocation) == b""


def test_oversized_stream_is_cut_with_413(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An oversized stream is cut at the limit and fails; the runtime gets 413, and the next invocation works."""
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
        client.send(END)  # of the rejected body: the connection stays open
        api.begin(client, request_id="id-2")


def test_stream_of_exact_limit_is_accepted(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of exactly the limit is accepted."""
    monkeypatch.setattr(body_forwarder, "MAX_STREAM", 1000)
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        assert client.ask(head(invocation) + chunk(b"x" * 1000) + END).status == 202
    assert len(read_all(api, invocation)) == 1000
    assert answer_of(invocation).error_type is None


@pytest.mark.parametrize(("size", "status"), [(MAX_PAYLOAD, 202), (MAX_PAYLOAD + 1, 413)])
def test_buffered_caller_keeps_buffered_limit(api: ApiServer, size: int, status: int) -> None:
    """The limit of buffered responses applies to a buffered caller of a streaming runtime."""
    with api.client() as client:
        invocation = api.begin(client)
        assert client.ask(head(invocation) + chunk(b"x" * size) + END).status == status
    answer = answer_of(invocation)
    assert answer.error_type == (None if status == 202 else "Function.ResponseSizeTooLarge")


def test_streaming_caller_exceeds_buffered_limit(api: ApiServer) -> None:
    """A streaming caller receives more than the buffered limit, even without the mode header."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        reader = api.start(_count(stream_of(invocation)))
        client.send(reply(invocation, b"x" * (MAX_PAYLOAD + 1)))
        assert reader.result(WAIT) == MAX_PAYLOAD + 1
        assert client.read().status == 202


def test_slow_reader_pauses_runtime(make_api: MakeApi) -> None:
    """A caller that does not read pauses the runtime; afterwards all bytes arrive."""
    api = make_api(ApiOptions(stream_bytes_per_s=None))
    data = chunk(b"x" * 65536)
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation))
        client.socket.settimeout(0.5)  # a server that reads needs microseconds
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 500:
                client.socket.sendall(data)
                sent += 1
        taken = stream_of(invocation).size
        assert taken < 2 * MIB
        reader = api.start(_count(stream_of(invocation)))
        client.socket.settimeout(WAIT)
        client.socket.shutdown(socket.SHUT_WR)  # within a chunk, so the stream is truncated
        assert reader.result(WAIT) >= sent * 65536
    assert answer_of(invocation).error_type == "Runtime.TruncatedResponse"


async def _count(stream: ResponseStream) -> int:
    total = 0
    while part := await stream.read():
        total += len(part)
    return total


def test_disconnected_caller_does_not_stop_stream(make_api: MakeApi) -> None:
    """The runtime gets 202 for its whole stream although the caller has disconnected."""
    api = make_api(ApiOptions(stream_bytes_per_s=None))
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"first"))
        assert api.wait(stream_of(invocation).read()) == b"first"
        api.run(stream_of(invocation).abandon)
        assert client.ask(chunk(b"x" * 3_000_000) + END).status == 202
    assert stream_of(invocation).size == 3_000_005
    assert answer_of(invocation).error_type is None


def test_stream_is_throttled_after_burst(make_api: MakeApi) -> None:
    """A stream is read at full speed up to 6 MiB and then at the configured rate."""
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


def test_interrupt_disconnects_streaming_runtime(api: ApiServer) -> None:
    """`interrupt` closes the runtime's connection without an answer; a later reply gets 400."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"part"))
        assert api.wait(stream_of(invocation).read()) == b"part"
        api.run(api.api.interrupt)
        assert client.at_end()
    assert not invocation.answered.done()
    with api.client() as client:
        assert client.ask(reply(invocation)).status == 400


def test_timeout_ends_stream_after_first_part(write_handler: Callable[[str], Path]) -> None:
    """A timeout during a real runtime's stream follows the first part."""
    root = write_handler("import time\ndef handler(event, context):\n    yield b'part'\n    time.sleep(60)\n")
    function = FunctionConfig("app.handler", root, timeout_s=60.0, runtime=STREAMING_RUNTIME)

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


def test_pipelined_poll_follows_stream(api: ApiServer) -> None:
    """A poll sent with the last bytes of a stream is served after it."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        client.send(head(invocation) + chunk(b"x") + END + get())
        assert client.read().status == 202
        api.await_next()
        api.deliver(b"2", request_id="id-2")
        assert client.read().body == b"2"


def test_prelude_is_passed_as_bytes(api: ApiServer) -> None:
    """The Runtime API passes the prelude of an HTTP response unchanged."""
    prelude = b'{"statusCode":201}' + bytes(8)
    content_type = "application/vnd.awslambda.http-integration-response"
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        sent = head(invocation).replace(b"text/plain", content_type.encode())
        assert client.ask(sent + chunk(prelude) + chunk(b"body") + END).status == 202
    assert head_of(api, invocation) == StreamHead(content_type, streaming=True)
    assert read_all(api, invocation) == prelude + b"body"


@given(st.lists(st.tuples(st.integers(1, 4 * MIB), st.floats(0, 3)), max_size=30), st.sampled_from([2.0 * MIB, 5e5]))
def test_bucket_never_exceeds_burst_and_rate(reads: list[tuple[int, float]], rate: float) -> None:
    """A client that waits as instructed never exceeds the burst, the rate and one read."""
    bucket, now, taken = TokenBucket(rate, 100.0), 100.0, 0
    for size, pause in reads:
        now += pause
        assert taken <= BURST + rate * (now - 100.0) + 1
        wait = bucket.take(size, now)
        taken += size
        assert wait >= 0
        now += wait


def test_bucket_refills_in_steps() -> None:
    """The bucket refills in steps of 125 ms."""
    bucket = TokenBucket(2.0 * MIB, 0.0)
    assert bucket.take(BURST, 0.0) == 0
    assert bucket.take(1, 0.1) == pytest.approx(REFILL_S - 0.1)
    assert bucket.take(MIB // 4 - 1, REFILL_S) == 0
    assert bucket.take(MIB // 2, REFILL_S) == pytest.approx(2 * REFILL_S)


def test_abandoned_stream_still_completes(api: ApiServer) -> None:
    """A stream that is abandoned before its first byte completes, and later invocations are served."""
    with api.client() as client:
        invocation = api.begin(client, streamed=True)
        api.run(stream_of(invocation).abandon)
        assert client.ask(head(invocation) + chunk(b"x") + END).status == 202
        assert answer_of(invocation).error_type is None
        follower = api.begin(client, request_id="id-2")
        assert client.ask(post(f"invocation/{follower.request_id}/response")).status == 202
