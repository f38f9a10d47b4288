"""InvokeWithResponseStream as boto3 sees it, with a runtime that streams."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import EventStreamError

from awslambdaric_lite.emulator import ApiOptions

from .front_end import WAIT, FrontEnd, await_that

MakeFrontEnd = Callable[..., FrontEnd]

STREAMING = [sys.executable, "-S", str(Path(__file__).parents[1] / "support" / "streaming_runtime.py")]
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
    b"Host: a\r\nContent-Length: 0\r\n\r\n"
)


def invoke(front_end: FrontEnd, **settings: Any) -> Any:
    """Begin a streamed invocation."""
    return front_end.client().invoke_with_response_stream(**{"FunctionName": "function", **settings})


def body_of(events: list[Any]) -> bytes:
    """The payload, put together."""
    return b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)


def test_chunks_arrive_as_they_are_made(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The second part is made only after the first has been read; then comes the end."""
    gate = tmp_path / "gate"
    source = GATED.format(gate=str(gate), rest='yield b"second"')
    response = invoke(make_front_end(source, runtime=STREAMING, aliases={"live": "3"}), Qualifier="live")
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "3")
    assert response["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    events = iter(response["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first"}}
    gate.touch()
    rest = list(events)
    assert body_of(rest) == b"second"
    assert rest[-1] == {"InvokeComplete": {}}


def test_log_tail(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The end of the log comes with the end of the response."""
    (tmp_path / "gate").touch()
    source = GATED.format(gate=str(tmp_path / "gate"), rest='yield b"second"')
    events = list(invoke(make_front_end(source, runtime=STREAMING), LogType="Tail")["EventStream"])
    log = base64.b64decode(events[-1]["InvokeComplete"]["LogResult"])
    assert b"after the gate" in log and b"REPORT RequestId: " in log


def test_an_ordinary_response(make_front_end: MakeFrontEnd) -> None:
    """A runtime that does not stream is passed on, in chunks as they are read; a proxy result is not interpreted."""
    source = "def handler(event, headers):\n    return {'statusCode': 418, 'body': 'x' * 3_000_000, 'event': event}\n"
    events = list(invoke(make_front_end(source), Payload=b"7")["EventStream"])
    result = json.loads(body_of(events))
    assert (result["statusCode"], len(result["body"]), result["event"]) == (418, 3_000_000, 7)
    assert events[-1] == {"InvokeComplete": {}}


def test_an_error_before_the_first_byte(make_front_end: MakeFrontEnd) -> None:
    """Status 200 without a payload, and an end with the error object."""
    source = "def handler(event, headers):\n    raise ValueError('boom')\n"
    [event] = list(invoke(make_front_end(source), LogType="Tail")["EventStream"])
    end = event["InvokeComplete"]
    assert end["ErrorCode"] == "Unhandled"
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "boom"
    assert b"END RequestId" in base64.b64decode(end["LogResult"])


def test_an_error_in_the_middle(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """What came before is there, and the end tells type and details from the runtime's trailers."""
    (tmp_path / "gate").touch()
    source = GATED.format(gate=str(tmp_path / "gate"), rest='raise ValueError("boom")')
    events = list(invoke(make_front_end(source, runtime=STREAMING))["EventStream"])
    assert body_of(events) == b"first"
    end = events[-1]["InvokeComplete"]
    assert end["ErrorCode"] == "Function.ValueError"
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "boom"


@pytest.mark.parametrize(
    ("rest", "timeout_s", "error_type"),
    [("os._exit(3)", 60.0, "Runtime.ExitError"), ("time.sleep(60)", 1.0, "Sandbox.Timedout")],
    ids=["exit", "time-out"],
)
def test_an_end_of_the_process_in_the_middle(
    make_front_end: MakeFrontEnd, tmp_path: Path, rest: str, timeout_s: float, error_type: str
) -> None:
    """What came before is there, and the stream ends with an error."""
    (tmp_path / "gate").touch()
    source = GATED.format(gate=str(tmp_path / "gate"), rest=rest)
    events = list(invoke(make_front_end(source, runtime=STREAMING, timeout_s=timeout_s))["EventStream"])
    assert body_of(events) == b"first"
    end = events[-1]["InvokeComplete"]
    assert end["ErrorCode"] == "Unhandled"
    assert json.loads(end["ErrorDetails"])["errorType"] in (error_type, "Runtime.TruncatedResponse")


def test_a_dry_run(make_front_end: MakeFrontEnd) -> None:
    """204 when all is well; asynchronous streams there are none."""
    front_end = make_front_end("def handler(event, headers):\n    return 1\n")
    response = invoke(front_end, InvocationType="DryRun")
    response["EventStream"].close()
    assert response["StatusCode"] == 204
    with pytest.raises(Exception, match=r"'Event' at 'invocationType' .*\[RequestResponse, DryRun\]"):
        invoke(front_end, InvocationType="Event")
    assert front_end.host.pool.environments == []


def slow_caller(front_end: FrontEnd) -> socket.socket:
    """A caller who has not read anything yet; returns when so much waits for it that the runtime has to wait, too."""
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    caller.settimeout(WAIT)
    caller.connect(("127.0.0.1", front_end.server.port))
    caller.sendall(REQUEST)
    await_that(lambda: any(stream._waiting >= 256 * 1024 for stream in front_end.api._streams.values()))
    return caller


def test_closing_on_who_reads_slowly(make_front_end: MakeFrontEnd) -> None:
    """A caller who does not read does not keep the function from being closed: its connection is cut."""
    source = "def handler(event, headers):\n    while True: yield b'x' * 65536\n"
    front_end = make_front_end(source, runtime=STREAMING, api=UNLIMITED)
    with slow_caller(front_end) as caller:
        front_end.close_function()
        received = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while part := caller.recv(1024 * 1024):
                received += part
    assert not received.endswith(b"\r\n0\r\n\r\n")


def test_who_reads_slowly_holds_the_runtime_back(make_front_end: MakeFrontEnd) -> None:
    """Unread data does not pile up: the runtime has to wait, and nothing is lost."""
    size = 12 * 1024 * 1024
    source = f"def handler(event, headers):\n    for n in range({size} // 65536): yield bytes([n % 256]) * 65536\n"
    front_end = make_front_end(source, runtime=STREAMING, api=UNLIMITED)
    with slow_caller(front_end) as caller:
        [stream] = front_end.api._streams.values()
        assert stream.size < size
        received = bytearray()
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += caller.recv(1024 * 1024)
    assert body_of(decoded(bytes(received))) == b"".join(bytes([n % 256]) * 65536 for n in range(size // 65536))


def decoded(answer: bytes) -> list[Any]:
    """The events of a chunked answer, as far as they are payload."""
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


def test_a_caller_who_leaves_in_the_middle(make_front_end: MakeFrontEnd) -> None:
    """The function writes its response to the end, and the environment takes the next event."""
    source = """
def handler(event, headers):
    for n in range(160): yield b"x" * 65536
    print("all written")
"""
    front_end = make_front_end(source, runtime=STREAMING, concurrency=1, api=UNLIMITED)
    with socket.create_connection(("127.0.0.1", front_end.server.port), timeout=WAIT) as caller:
        caller.sendall(REQUEST)
        assert caller.recv(10) == b"HTTP/1.1 2"
    await_that(lambda: "all written" in front_end.lines and not front_end.busy)
    assert len(body_of(list(invoke(front_end)["EventStream"]))) == 160 * 65536
    assert len(front_end.host.pool.environments) == 1


def test_closing_in_the_middle(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The stream ends with an error of the service."""
    source = GATED.format(gate=str(tmp_path / "gate"), rest='yield b"second"')
    front_end = make_front_end(source, runtime=STREAMING)
    events = iter(invoke(front_end)["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first"}}
    with ThreadPoolExecutor() as threads:
        closing = threads.submit(front_end.close_function)
        with pytest.raises(EventStreamError, match=r"\(ServiceException\).*closed before"):
            list(events)
        closing.result(WAIT)
