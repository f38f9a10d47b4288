"""What `LocalLambda` offers beside `invoke`: streams, asynchronous events, addresses, and control over what happens."""

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

import boto3
import pytest
import urllib3

from awslambdaric_lite.emulator import ApiOptions, EventTooLarge, FunctionConfig, LocalLambda, LocalLambdaClosed
from awslambdaric_lite.emulator.config.options import FunctionSettings
from awslambdaric_lite.emulator.errors import EmulatorError, TooManyRequests, UnknownQualifier
from awslambdaric_lite.emulator.frontend.asynchronous import AsyncOptions
from awslambdaric_lite.emulator.frontend.url_cors import Cors

from .command_line import WAIT, wait_until

WriteHandler = Callable[[str], Path]
STREAMING_RUNTIME = [sys.executable, "-S", str(Path(__file__).parents[1] / "support" / "streaming_runtime.py")]
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
    """Lines of log, and a way to wait for one."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def wait_for(self, line: str, times: int = 1) -> None:
        """Wait until it has been logged so often."""
        wait_until(lambda: self.lines.count(line) >= times, f"{line!r} was not logged")


@pytest.fixture
def log() -> Log:
    """The log of a function that is given `on_log=log.lines.append`."""
    return Log()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Threads for calls that take a while."""
    with ThreadPoolExecutor() as executor:
        yield executor


def test_its_settings_are_those_of_the_function() -> None:
    """What type checkers know of LocalLambda's settings is what a function takes."""
    fields = {field.name for field in dataclasses.fields(FunctionConfig)}
    assert set(FunctionSettings.__annotations__) == fields - {"handler", "name"}


def test_versions_and_aliases(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A qualifier is looked up as by the service."""
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


def test_a_stream_is_read_as_it_comes(write_handler: WriteHandler) -> None:
    """The second part is made after the first was read; the result comes at the end."""
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


def test_a_stream_that_fails(write_handler: WriteHandler) -> None:
    """In the middle, the parts until then and the error; before the first part, the error alone."""
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


def test_a_stream_that_is_left_lets_the_function_run_on(write_handler: WriteHandler, log: Log) -> None:
    """Megabytes that nobody reads do not hold it up."""
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


def test_streams_that_cannot_be(write_handler: WriteHandler, socket_runtime: list[str], log: Log) -> None:
    """At the limit, on closing, and before the start, each with its own exception."""
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


def test_asynchronous_events(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """Queued at once, retried with their ids, recorded at the end."""
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


def test_asynchronous_events_have_a_limit_of_their_own(write_handler: WriteHandler) -> None:
    """One mebibyte instead of six."""
    with LocalLambda("app.handler", task_root=write_handler(PID)) as function, pytest.raises(EventTooLarge):
        function.invoke_async(bytes(1024 * 1024 + 1))


def test_lost_events_are_told(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Closing warns of events that have not come to their ends."""
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
        function.close()  # once more, for nothing


# Addresses


def test_addresses(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """boto3 and HTTP clients reach the function; the same addresses each time, until it is closed."""
    root = write_handler("def handler(event, context):\n    return {'statusCode': 201, 'body': 'made'}")
    cors = Cors(allow_origins=["*"])
    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, cors=cors, timeout_s=60) as function:
        client = boto3.client(
            "lambda",
            endpoint_url=function.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
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


def test_freeze_and_thaw(
    write_handler: WriteHandler, socket_runtime: list[str], log: Log, callers: ThreadPoolExecutor
) -> None:
    """In the middle of an invocation: nothing goes on until it is thawed."""
    root = write_handler(HELD)
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, on_log=log.lines.append, timeout_s=60
    ) as function:
        call = callers.submit(function.invoke)
        log.wait_for("runs")
        function.freeze()
        (pid,) = [environment.pid for environment in function.environments]
        wait_until(lambda: _state(pid) == "T", "it is not frozen")
        (root / "go").touch()
        function.thaw()
        assert call.result(WAIT).json() == pid


@pytest.mark.parametrize(
    ("strike", "error_type"),
    [
        (LocalLambda.crash, "Runtime.ExitError"),
        (lambda function: function.crash(signal.SIGSEGV), "Runtime.ExitError"),
        (LocalLambda.sigterm, "Runtime.ExitError"),
        (LocalLambda.time_out_now, "Sandbox.Timedout"),
    ],
)
def test_the_end_of_an_invocation(
    strike: Callable[[LocalLambda], None],
    error_type: str,
    write_handler: WriteHandler,
    socket_runtime: list[str],
    log: Log,
    callers: ThreadPoolExecutor,
) -> None:
    """Crashed, terminated or out of time: the caller is told, and the next invocation works."""
    root = write_handler(HELD)
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, timeout_s=60, on_log=log.lines.append
    ) as function:
        call = callers.submit(function.invoke)
        log.wait_for("runs")
        strike(function)
        assert call.result(WAIT).json()["errorType"] == error_type
        (root / "go").touch()
        assert function.invoke().error is None


def test_a_stale_reply(write_handler: WriteHandler, log: Log, callers: ThreadPoolExecutor) -> None:
    """Cross-wired, the runtime's reply is refused, and the event comes once more; attempts need ids for that."""
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


def test_faults_of_the_network(write_handler: WriteHandler) -> None:
    """One line for a fault that the runtime has to survive, here: a reply whose answer is cut off."""
    options = ApiOptions(record_requests=True)
    with LocalLambda("app.handler", task_root=write_handler(PID), api=options) as function:
        function.invoke()
        function.faults.cut_after(10, on="response")
        assert function.invoke().error is None
        assert function.invoke().error is None
        assert function.faults.waiting == 0


def test_snapshot_and_restore(write_handler: WriteHandler, log: Log) -> None:
    """A new environment goes through its snapshot at once, and the next invocation finds it restored."""
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


def test_reload(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """The code as it is now, and the layers, too, although those were merged."""
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


def test_a_start_that_fails_leaves_nothing(write_handler: WriteHandler, tmp_path: Path) -> None:
    """The exception comes from `start`, and the thread is gone."""
    (tmp_path / "layer.zip").write_bytes(b"no zip")
    before = threading.active_count()
    with pytest.raises(ValueError, match=r"layer\.zip"):
        LocalLambda("app.handler", task_root=write_handler(PID), layers=[tmp_path / "layer.zip"]).start()
    assert threading.active_count() == before


def _state(pid: int | None) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _restorable(folder: Path) -> list[str]:
    """A runtime with SnapStart: plain, but that it waits to be restored first."""
    support = Path(__file__).parents[1] / "support"
    (folder / "restorable.py").write_text(
        f"import os, socket, sys\nsys.path.insert(0, {str(support)!r})\n"
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
