"""`LocalLambda` apart from `invoke`: streams, asynchronous events, addresses, and environment events on demand."""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from awslambdaric_lite.emulator import ApiOptions, EventTooLarge, FunctionConfig, LocalLambda, LocalLambdaClosed
from awslambdaric_lite.emulator.config.options import FunctionSettings
from awslambdaric_lite.emulator.errors import EmulatorError, TooManyRequests, UnknownQualifier
from awslambdaric_lite.emulator.frontend.asynchronous import AsyncOptions
from awslambdaric_lite.emulator.frontend.url_cors import Cors

from .runtimes import STREAMING_RUNTIME, SUPPORT
from .sdk import lambda_client
from .waiting import WAIT, state_of, wait_until

WriteHandler = Callable[[str], Path]
HELD = """
import os, time
def handler(event, context):
    print("runs", flush=True)
    while not os.path.exists("go"):
        time.sleep(0.005)
    return os.getpid()
"""
PID = "import os\ndef handler(event, context):\n    return os.getpid()"


class Log:
    """Lines of a log, and a way to wait for one."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def wait_for(self, line: str, times: int = 1) -> None:
        """Wait until the line has been logged this many times."""
        wait_until(lambda: self.lines.count(line) >= times, f"{line!r} was not logged")


@pytest.fixture
def log() -> Log:
    """Return the log of a function with `on_log=log.lines.append`."""
    return Log()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Yield threads for slow calls."""
    with ThreadPoolExecutor() as executor:
        yield executor


def test_settings_type_matches_function_config() -> None:
    """The typed settings of `LocalLambda` are the fields of `FunctionConfig`."""
    fields = {field.name for field in dataclasses.fields(FunctionConfig)}
    assert set(FunctionSettings.__annotations__) == fields - {"handler", "name"}


def test_qualifier_selects_version(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A qualifier selects an alias or a version, and an unknown one is rejected."""
    root = write_handler(
        "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_FUNCTION_VERSION']"
    )
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, aliases={"live": "7"}, timeout_s=60
    ) as function:
        assert function.invoke().json() == "$LATEST"
        assert function.invoke(qualifier="live").json() == function.invoke(qualifier="7").json() == "7"
        for call in (function.invoke, function.invoke_stream, function.invoke_async):
            with pytest.raises(UnknownQualifier):
                call(qualifier="8")


# Streams


def test_first_part_is_readable_before_second(write_handler: WriteHandler) -> None:
    """The first part of a stream is readable before the function yields the second; the result follows the last one."""
    root = write_handler(
        "import os, time\ndef handler(event, context):\n    yield b'one'\n"
        "    while not os.path.exists('go'):\n        time.sleep(0.005)\n    yield b'two'"
    )
    with LocalLambda("app.handler", task_root=root, runtime=STREAMING_RUNTIME, timeout_s=60) as function:
        stream = function.invoke_stream()
        assert next(stream) == b"one"
        (root / "go").touch()
        assert b"".join(stream) == b"two"
        assert stream.content_type == "application/octet-stream"
        assert stream.result.error is None
        assert stream.result.report.request_id == stream.request_id


def test_failed_stream_has_error_result(write_handler: WriteHandler) -> None:
    """A failed stream yields the parts before the error, and its result has the error."""
    root = write_handler(
        "def handler(event, context):\n    if event:\n        yield b'one'\n    raise ValueError('boom')\n    yield"
    )
    with LocalLambda("app.handler", task_root=root, runtime=STREAMING_RUNTIME, timeout_s=60) as function:
        stream = function.invoke_stream({"late": True})
        assert b"".join(stream) == b"one"
        assert stream.result.json()["errorMessage"] == "boom"
        stream = function.invoke_stream()
        assert list(stream) == []
        assert (stream.content_type, stream.result.error) == (None, "Unhandled")


def test_closed_stream_does_not_block_function(write_handler: WriteHandler, log: Log) -> None:
    """A function continues after the caller has closed its stream unread."""
    root = write_handler(
        "def handler(event, context):\n    for _ in range(64):\n        yield bytes(65536)\n"
        "    print('all written', flush=True)"
    )
    with LocalLambda(
        "app.handler", task_root=root, runtime=STREAMING_RUNTIME, on_log=log.lines.append, timeout_s=60
    ) as function:
        with function.invoke_stream() as stream:
            assert next(stream)
        log.wait_for("all written")
        assert stream.result.error is None


def test_rejected_stream_raises_specific_error(
    write_handler: WriteHandler, socket_runtime: list[str], log: Log
) -> None:
    """A stream above the limit, before the start or during close raises a specific exception."""
    root = write_handler(HELD)
    function = LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, concurrency=1, on_log=log.lines.append, timeout_s=60
    )
    with pytest.raises(LocalLambdaClosed):
        function.invoke_stream()
    with function:
        held = function.invoke_stream()
        log.wait_for("runs")
        with pytest.raises(TooManyRequests):
            next(function.invoke_stream())
    with pytest.raises(LocalLambdaClosed):
        next(held)


# Asynchronous events


def test_async_event_is_queued_retried_recorded(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """An asynchronous event is queued, retried with its request id, and recorded after the last failure."""
    root = write_handler("def handler(event, context):\n    raise ValueError(event['n'])")
    options = AsyncOptions(retry_delay_scale=0, maximum_retry_attempts=1, on_failure=tmp_path / "failed")
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, asynchronous=options, timeout_s=60
    ) as function:
        ids = [function.invoke_async({"n": n}) for n in range(20)]
        function.wait_for_async()
    records = [json.loads(line) for line in (tmp_path / "failed").read_text().splitlines()]
    assert {record["requestContext"]["requestId"] for record in records} == set(ids)
    assert {record["requestContext"]["approximateInvokeCount"] for record in records} == {2}


def test_async_event_limit_is_one_mebibyte(write_handler: WriteHandler) -> None:
    """An asynchronous event above one mebibyte is rejected."""
    with LocalLambda("app.handler", task_root=write_handler(PID)) as function, pytest.raises(EventTooLarge):
        function.invoke_async(bytes(1024 * 1024 + 1))


def test_close_warns_of_lost_events(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`close` warns of unfinished asynchronous events, once."""
    function = LocalLambda(
        "app.handler", task_root=write_handler(HELD), runtime=socket_runtime, concurrency=1, timeout_s=60
    )
    function.start()
    for _ in range(3):
        function.invoke_async()
    with pytest.warns(ResourceWarning, match="3 asynchronous events were lost by closing"):
        function.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function.close()  # the second call warns of nothing


# Addresses


def test_addresses_reach_function_until_close(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """boto3 and HTTP clients reach the function at constant addresses until it is closed."""
    root = write_handler("def handler(event, context):\n    return {'statusCode': 201, 'body': 'made'}")
    cors = Cors(allow_origins=["*"])
    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, cors=cors, timeout_s=60) as function:
        client = lambda_client(function.endpoint_url)
        assert json.loads(client.invoke(FunctionName="function")["Payload"].read())["statusCode"] == 201
        assert (function.endpoint_url, function.url) == (function.endpoint_url, function.url)
        with urllib3.PoolManager(retries=False, timeout=WAIT) as http:
            reply = http.request("GET", function.url, headers={"Origin": "http://page"})
            assert (reply.status, reply.data) == (201, b"made")
            assert "Access-Control-Allow-Origin" in reply.headers
            url = function.url
            function.close()
            with pytest.raises(urllib3.exceptions.HTTPError):
                http.request("GET", url)
        with pytest.raises(LocalLambdaClosed):
            _ = function.url
        function.start()
        assert function.invoke().json()["body"] == "made"


# What happens to a function


def test_frozen_function_continues_after_thaw(
    write_handler: WriteHandler, socket_runtime: list[str], log: Log, callers: ThreadPoolExecutor
) -> None:
    """A frozen invocation makes no progress until `thaw`."""
    root = write_handler(HELD)
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, on_log=log.lines.append, timeout_s=60
    ) as function:
        call = callers.submit(function.invoke)
        log.wait_for("runs")
        function.freeze()
        (pid,) = [environment.pid for environment in function.environments]
        wait_until(lambda: state_of(pid) == "T", "the process was not stopped")
        (root / "go").touch()
        function.thaw()
        assert call.result(WAIT).json() == pid


@pytest.mark.parametrize(
    ("end", "error_type"),
    [
        (LocalLambda.crash, "Runtime.ExitError"),
        (lambda function: function.crash(signal.SIGSEGV), "Runtime.ExitError"),
        (LocalLambda.sigterm, "Runtime.ExitError"),
        (LocalLambda.time_out_now, "Sandbox.Timedout"),
    ],
)
def test_ended_invocation_fails_and_next_works(
    end: Callable[[LocalLambda], None],
    error_type: str,
    write_handler: WriteHandler,
    socket_runtime: list[str],
    log: Log,
    callers: ThreadPoolExecutor,
) -> None:
    """A crash, a termination and a timeout fail the running invocation; the next one succeeds."""
    root = write_handler(HELD)
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, timeout_s=60, on_log=log.lines.append
    ) as function:
        call = callers.submit(function.invoke)
        log.wait_for("runs")
        end(function)
        assert call.result(WAIT).json()["errorType"] == error_type
        (root / "go").touch()
        assert function.invoke().error is None


def test_stale_reply_is_rejected_and_redelivered(
    write_handler: WriteHandler, log: Log, callers: ThreadPoolExecutor
) -> None:
    """A stale reply is rejected with 410 and the event delivered again; this needs attempt ids."""
    root = write_handler(HELD)
    options = ApiOptions(invocation_ids=True, record_requests=True)
    with LocalLambda("app.handler", task_root=root, api=options, timeout_s=60, on_log=log.lines.append) as function:
        with pytest.raises(EmulatorError, match="no invocation is running"):
            function.deliver_stale_reply()
        call = callers.submit(function.invoke)
        log.wait_for("runs")
        function.deliver_stale_reply()
        (root / "go").touch()
        log.wait_for("runs", times=2)
        assert call.result(WAIT).error is None
        requests = function.environments[0].requests
        assert [each.status for each in requests if each.path.endswith("/response")] == [410, 202]
    with LocalLambda("app.handler", task_root=root, timeout_s=60, on_log=log.lines.append) as function:
        (root / "go").unlink()
        call = callers.submit(function.invoke)
        log.wait_for("runs", times=3)
        with pytest.raises(EmulatorError, match=r"ApiOptions\(invocation_ids=True\)"):
            function.deliver_stale_reply()
        (root / "go").touch()
        assert call.result(WAIT).error is None


def test_runtime_survives_injected_fault(write_handler: WriteHandler) -> None:
    """This package's runtime survives an HTTP reply that is cut."""
    options = ApiOptions(record_requests=True)
    with LocalLambda("app.handler", task_root=write_handler(PID), api=options) as function:
        function.invoke()
        function.faults.cut_after(10, on="response")
        assert function.invoke().error is None
        assert function.invoke().error is None
        assert function.faults.waiting == 0


def test_snapshot_restore_replaces_environment(write_handler: WriteHandler, log: Log) -> None:
    """`snapshot_restore` starts a restored environment for the next invocation, or raises the restore error."""
    root = write_handler(PID)
    with LocalLambda(
        "app.handler", task_root=root, runtime=_restorable(root), snap_start=True, on_log=log.lines.append, timeout_s=60
    ) as function:
        function.snapshot_restore()
        log.wait_for("restored")
        (environment,) = function.environments
        result = function.invoke()
        assert (result.json(), result.cold) == (environment.pid, False)
        function.snapshot_restore()
        assert [each.pid for each in function.environments] != [environment.pid]
        (root / "fail").touch()
        with pytest.raises(EmulatorError, match=r"cannot be restored: .*Runtime\.RestoreError"):
            function.snapshot_restore()
    with LocalLambda("app.handler", task_root=root) as function, pytest.raises(EmulatorError, match="snap_start=True"):
        function.snapshot_restore()


def test_reload_updates_code_and_layers(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """`reload` starts environments with the current code and layers."""
    for name in ("one", "two"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / f"{name}.py").write_text("VALUE = 1")
    root = write_handler("import one, two\ndef handler(event, context):\n    return [one.VALUE, two.VALUE, 'old']")
    layers = [tmp_path / "one", tmp_path / "two"]
    runtime = [sys.executable, *socket_runtime[2:]]
    with LocalLambda("app.handler", task_root=root, runtime=runtime, layers=layers, timeout_s=60) as function:
        assert function.invoke().json() == [1, 1, "old"]
        (tmp_path / "two" / "python" / "two.py").write_text("VALUE = 22")
        write_handler("import one, two\ndef handler(event, context):\n    return [one.VALUE, two.VALUE, 'newer']")
        function.reload()
        result = function.invoke()
        assert (result.json(), result.cold) == ([1, 22, "newer"], True)


def test_failed_start_leaves_no_thread(write_handler: WriteHandler, tmp_path: Path) -> None:
    """A failed `start` raises the error and leaves no thread."""
    (tmp_path / "layer.zip").write_bytes(b"no zip")
    before = threading.active_count()
    with pytest.raises(ValueError, match=r"layer\.zip"):
        LocalLambda("app.handler", task_root=write_handler(PID), layers=[tmp_path / "layer.zip"]).start()
    assert threading.active_count() == before


def _restorable(folder: Path) -> list[str]:
    """Return the command of a runtime that waits for a restore before its loop."""
    (folder / "restorable.py").write_text(
        f"import os, socket, sys\nsys.path.insert(0, {str(SUPPORT)!r})\n"
        "import socket_runtime as plain\n"
        "host, _, port = os.environ['AWS_LAMBDA_RUNTIME_API'].rpartition(':')\n"
        "api = socket.create_connection((host, int(port)))\nreplies = api.makefile('rb')\n"
        "api.sendall(plain.request('GET', 'restore/next'))\nplain.read(replies)\n"
        "print('restored', flush=True)\n"
        "if os.path.exists('fail'):\n"
        '    body = b\'{"errorMessage": "no", "errorType": "Runtime.RestoreError"}\'\n'
        "    api.sendall(plain.request('POST', 'restore/error', body))\n    plain.read(replies)\n    sys.exit(1)\n"
        "replies.close()\napi.close()\nplain.main()\n"
    )
    return [sys.executable, "-S", str(folder / "restorable.py")]
