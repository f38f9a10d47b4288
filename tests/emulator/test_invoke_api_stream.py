"""InvokeWithResponseStream as boto3 sends it, with a streaming runtime."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import EventStreamError

from awslambdaric_lite.emulator import ApiOptions

from .front_end import FrontEnd
from .runtimes import STREAMING_RUNTIME
from .waiting import WAIT, wait_until

MakeFrontEnd = Callable[..., FrontEnd]

GATED = """
import os, time
def handler(event, headers):
    yield b"first"
    while not os.path.exists({gate!r}): time.sleep(0.005)
    print("after the gate")
    {rest}
"""
UNLIMITED = ApiOptions(stream_bytes_per_s=None)
REQUEST = (
    b"POST /2021-11-15/functions/function/response-streaming-invocations HTTP/1.1\r\n"
    b"Host: localhost\r\nContent-Length: 0\r\n\r\n"
)


def invoke(front_end: FrontEnd, **settings: Any) -> Any:
    """Start a streamed invocation."""
    return front_end.client().invoke_with_response_stream(**{"FunctionName": "function", **settings})


def body_of(events: list[Any]) -> bytes:
    """Return the concatenated payload of the events."""
    return b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)


def test_first_chunk_arrives_before_second(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The first chunk arrives before the function yields the second one; then the stream completes."""
    gate = tmp_path / "gate"
    source = GATED.format(gate=str(gate), rest='yield b"second"')
    response = invoke(make_front_end(source, runtime=STREAMING_RUNTIME, aliases={"live": "3"}), Qualifier="live")
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "3")
    assert response["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    events = iter(response["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first"}}
    gate.touch()
    rest = list(events)
    assert body_of(rest) == b"second"
    assert rest[-1] == {"InvokeComplete": {}}


def test_stream_ends_with_log_tail(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The last event of a stream has the log tail."""
    (tmp_path / "gate").touch()
    source = GATED.format(gate=str(tmp_path / "gate"), rest='yield b"second"')
    events = list(invoke(make_front_end(source, runtime=STREAMING_RUNTIME), LogType="Tail")["EventStream"])
    log = base64.b64decode(events[-1]["InvokeComplete"]["LogResult"])
    assert b"after the gate" in log and b"REPORT RequestId: " in log


def test_buffered_response_is_streamed_in_chunks(make_front_end: MakeFrontEnd) -> None:
    """A buffered response is streamed in chunks, and a proxy result is not mapped."""
    source = "def handler(event, headers):\n    return {'statusCode': 418, 'body': 'x' * 3_000_000, 'event': event}\n"
    events = list(invoke(make_front_end(source), Payload=b"7")["EventStream"])
    result = json.loads(body_of(events))
    assert (result["statusCode"], len(result["body"]), result["event"]) == (418, 3_000_000, 7)
    assert events[-1] == {"InvokeComplete": {}}


def test_error_before_payload_ends_stream(make_front_end: MakeFrontEnd) -> None:
    """An error before the first byte yields status 200 and one last event with the error object."""
    source = "def handler(event, headers):\n    raise ValueError('boom')\n"
    [event] = list(invoke(make_front_end(source), LogType="Tail")["EventStream"])
    end = event["InvokeComplete"]
    assert end["ErrorCode"] == "Unhandled"
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "boom"
    assert b"END RequestId" in base64.b64decode(end["LogResult"])


def test_error_trailers_end_stream(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """An error during a stream ends it with type and details from the runtime's trailers."""
    (tmp_path / "gate").touch()
    source = GATED.format(gate=str(tmp_path / "gate"), rest='raise ValueError("boom")')
    events = list(invoke(make_front_end(source, runtime=STREAMING_RUNTIME))["EventStream"])
    assert body_of(events) == b"first"
    end = events[-1]["InvokeComplete"]
    assert end["ErrorCode"] == "Function.ValueError"
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "boom"


@pytest.mark.parametrize(
    ("rest", "timeout_s", "error_type"),
    [("os._exit(3)", 60.0, "Runtime.ExitError"), ("time.sleep(60)", 1.0, "Sandbox.Timedout")],
    ids=["exit", "timeout"],
)
def test_process_failure_ends_stream_with_error(
    make_front_end: MakeFrontEnd, tmp_path: Path, rest: str, timeout_s: float, error_type: str
) -> None:
    """An exit or a timeout during a stream ends it with an error, after the payload before it."""
    (tmp_path / "gate").touch()
    source = GATED.format(gate=str(tmp_path / "gate"), rest=rest)
    events = list(invoke(make_front_end(source, runtime=STREAMING_RUNTIME, timeout_s=timeout_s))["EventStream"])
    assert body_of(events) == b"first"
    end = events[-1]["InvokeComplete"]
    assert end["ErrorCode"] == "Unhandled"
    assert json.loads(end["ErrorDetails"])["errorType"] in (error_type, "Runtime.TruncatedResponse")


def test_streamed_dry_run_gets_204(make_front_end: MakeFrontEnd) -> None:
    """A streamed dry run gets 204; the type Event is rejected for streams."""
    front_end = make_front_end("def handler(event, headers):\n    return 1\n")
    response = invoke(front_end, InvocationType="DryRun")
    response["EventStream"].close()
    assert response["StatusCode"] == 204
    with pytest.raises(Exception, match=r"'Event' at 'invocationType' .*\[RequestResponse, DryRun\]"):
        invoke(front_end, InvocationType="Event")
    assert front_end.host.pool.environments == []


def slow_caller(front_end: FrontEnd) -> socket.socket:
    """Connect a caller that does not read."""
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    caller.settimeout(WAIT)
    caller.connect(("127.0.0.1", front_end.server.port))
    caller.sendall(REQUEST)
    return caller


def test_close_disconnects_slow_caller(make_front_end: MakeFrontEnd, paused_at: SimpleQueue[int]) -> None:
    """Closing the function disconnects a caller that does not read."""
    source = "def handler(event, headers):\n    while True: yield b'x' * 65536\n"
    front_end = make_front_end(source, runtime=STREAMING_RUNTIME, api=UNLIMITED)
    with slow_caller(front_end) as caller:
        paused_at.get(timeout=WAIT)
        front_end.close_function()
        received = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while part := caller.recv(1024 * 1024):
                received += part
    assert not received.endswith(b"\r\n0\r\n\r\n")


def test_slow_caller_pauses_runtime(make_front_end: MakeFrontEnd, paused_at: SimpleQueue[int]) -> None:
    """A caller that does not read pauses the runtime, and no byte is lost."""
    size = 12 * 1024 * 1024
    source = f"def handler(event, headers):\n    for n in range({size} // 65536): yield bytes([n % 256]) * 65536\n"
    front_end = make_front_end(source, runtime=STREAMING_RUNTIME, api=UNLIMITED)
    with slow_caller(front_end) as caller:
        assert paused_at.get(timeout=WAIT) < size
        received = bytearray()
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += caller.recv(1024 * 1024)
    assert body_of(decoded(bytes(received))) == b"".join(bytes([n % 256]) * 65536 for n in range(size // 65536))


def decoded(answer: bytes) -> list[Any]:
    """Return the payload events of a chunked response."""
    _, _, rest = answer.partition(b"\r\n\r\n")
    buffer = EventStreamBuffer()
    at = 0
    while True:
        end = rest.index(b"\r\n", at)
        length = int(rest[at:end], 16)
        if not length:
            break
        buffer.add_data(rest[end + 2 : end + 2 + length])
        at = end + 2 + length + 2
    return [{m.headers[":event-type"]: {"Payload": m.payload}} for m in buffer]


def test_disconnected_caller_does_not_stop_stream(make_front_end: MakeFrontEnd) -> None:
    """A disconnected caller does not stop the function, and its environment serves the next event."""
    source = """
def handler(event, headers):
    for n in range(160): yield b"x" * 65536
    print("all written")
"""
    front_end = make_front_end(source, runtime=STREAMING_RUNTIME, concurrency=1, api=UNLIMITED)
    with socket.create_connection(("127.0.0.1", front_end.server.port), timeout=WAIT) as caller:
        caller.sendall(REQUEST)
        assert caller.recv(10) == b"HTTP/1.1 2"
    wait_until(lambda: "all written" in front_end.lines and not front_end.busy)
    assert len(body_of(list(invoke(front_end)["EventStream"]))) == 160 * 65536
    assert len(front_end.host.pool.environments) == 1


def test_close_ends_stream_with_error(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """Closing the function ends a running stream with a service error."""
    source = GATED.format(gate=str(tmp_path / "gate"), rest='yield b"second"')
    front_end = make_front_end(source, runtime=STREAMING_RUNTIME)
    events = iter(invoke(front_end)["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first"}}
    with ThreadPoolExecutor() as threads:
        closing = threads.submit(front_end.close_function)
        with pytest.raises(EventStreamError, match=r"\(ServiceException\).*closed before"):
            list(events)
        closing.result(WAIT)
