"""`LocalLambda` with real processes: responses, logs, exits, timeouts, cleanup."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.common.quotas import MAX_PAYLOAD
from awslambdaric_lite.emulator import ApiOptions, EventTooLarge, InvalidFunction, LocalLambda, LocalLambdaClosed

from .runtimes import AWSLAMBDARIC, SUPPORT, needs_awslambdaric
from .waiting import alive, gone, wait_until

WriteHandler = Callable[[str], Path]

ECHO = """
import os, tempfile

calls = 0

def handler(event, context):
    global calls
    calls += 1
    print("call", calls)
    return {"event": event, "calls": calls, "pid": os.getpid(), "tmp": tempfile.gettempdir(), "cwd": os.getcwd()}
"""
OFFICIAL = pytest.param(AWSLAMBDARIC, id="awslambdaric", marks=needs_awslambdaric)


def test_second_invocation_is_warm(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The first invocation starts a process and the second one uses it; each has a report."""
    with LocalLambda(
        "app.handler", task_root=write_handler(ECHO), runtime=socket_runtime, memory_mb=256, timeout_s=60
    ) as function:
        first, second = function.invoke({"n": 1}), function.invoke({"n": 2})
        assert (first.cold, second.cold) == (True, False)
        assert first.json()["event"] == {"n": 1}
        assert second.json()["calls"] == 2
        assert first.json()["pid"] == second.json()["pid"] == function.environments[0].pid
        assert first.error is None
        assert first.report.init_duration_ms is not None and first.report.init_duration_ms > 0
        assert second.report.init_duration_ms is None
        assert first.report.duration_ms > 0
        assert first.report.billed_duration_ms >= first.report.duration_ms + first.report.init_duration_ms
        assert first.report.memory_size_mb == 256
        assert 1 < first.report.max_memory_used_mb < 256


def test_log_has_lines_of_one_invocation(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An invocation's log has INIT_START, init output, START, output of both streams in order, END and REPORT."""
    source = """
import sys, os
print("loading", flush=True)
def handler(event, context):
    for number in range(3):
        print("out", number, flush=True)
        print("err", number, file=sys.stderr, flush=True)
    sys.stdout.write("no newline")
"""
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60) as function:
        first, second = function.invoke(), function.invoke()
        output = ["out 0", "err 0", "out 1", "err 1", "out 2", "err 2", "no newline"]
        init_start, *lines = first.logs.splitlines()
        assert init_start.startswith("INIT_START Runtime Version: ")
        assert lines == [
            "loading",
            f"START RequestId: {first.request_id} Version: $LATEST",
            *output,
            f"END RequestId: {first.request_id}",
            first.report.line(),
        ]
        assert second.logs.splitlines()[1:-2] == output
        assert second.report.line().startswith(f"REPORT RequestId: {second.request_id}\tDuration: ")
        assert second.report.line().endswith(f"\tMax Memory Used: {second.report.max_memory_used_mb} MB\t")


def test_large_output_precedes_end_line(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A megabyte of output is logged completely before the END line."""
    source = "def handler(event, context):\n    print('x' * 999 + '\\n', end='')\n    print(('y' * 99 + '\\n') * 10000)"
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60) as function:
        lines = function.invoke().logs.splitlines()
    assert lines[2] == "x" * 999
    assert lines.count("y" * 99) == 10000
    assert lines[-2].startswith("END ")


def test_on_log_receives_each_line(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`on_log` receives each line of the result's log; an exception in it has no effect."""
    seen: list[str] = []
    root = write_handler(ECHO)
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, on_log=seen.append, timeout_s=60
    ) as function:
        result = function.invoke()
        assert result.logs.splitlines() == seen

    def broken(line: str) -> None:
        raise BrokenPipeError

    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, on_log=broken, timeout_s=60) as function:
        assert "call 1" in function.invoke().logs


def test_event_reaches_handler_unchanged(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An object arrives as JSON, bytes unchanged, None as an empty object, and a large event complete."""
    source = "def handler(event, context):\n    return event"
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60) as function:
        events: list[object] = [{"ä": ["€", 1.5, None]}, "text", 0, [], {"large": "x" * 3_000_000}]
        for event in events:
            assert function.invoke(event).json() == event
        assert function.invoke(b' {"raw" : 1} ').json() == {"raw": 1}
        assert function.invoke().json() == {}


def test_invoke_arguments_arrive_as_headers(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Client context, identity, tenant, trace and request id arrive as headers; the deadline is that of the timeout."""
    source = "def handler(event, headers):\n    return headers"
    with LocalLambda(
        "app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=7, function_name="greeter"
    ) as function:
        before = time.time()
        headers = function.invoke(
            client_context={"custom": {"k": "v"}},
            cognito_identity={"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"},
            tenant_id="blue",
            trace_id="Root=1\r\nInjected: header",
            request_id="my-id",
        ).json()
        assert json.loads(headers["lambda-runtime-client-context"]) == {"custom": {"k": "v"}}
        assert json.loads(headers["lambda-runtime-cognito-identity"])["cognitoIdentityId"] == "i"
        assert headers["lambda-runtime-aws-tenant-id"] == "blue"
        assert headers["lambda-runtime-trace-id"] == "Root=1  Injected: header"
        assert "injected" not in headers
        assert headers["lambda-runtime-aws-request-id"] == "my-id"
        assert headers["lambda-runtime-invoked-function-arn"].endswith(":function:greeter")
        assert before + 7 - 0.001 <= int(headers["lambda-runtime-deadline-ms"]) / 1000 <= time.time() + 7
        plain = function.invoke().json()
        assert plain["lambda-runtime-trace-id"].startswith("Root=1-")
        assert "lambda-runtime-client-context" not in plain


def test_process_sees_function_environment(
    write_handler: WriteHandler, socket_runtime: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process sees AWS's variables and the function's, which take precedence, but not the host's."""
    monkeypatch.setenv("HOST_SECRET", "hunter2")
    monkeypatch.setenv("AWS_PROFILE", "production")
    source = "import os\ndef handler(event, context):\n    return dict(os.environ, cwd=os.getcwd())"
    root = write_handler(source)
    env = {"TABLE": "orders", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "TZ": "Europe/Vienna"}
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, env=env, memory_mb=512, timeout_s=60
    ) as function:
        seen = function.invoke().json()
    assert seen["cwd"] == seen["LAMBDA_TASK_ROOT"] == str(root)
    assert seen["_HANDLER"] == "app.handler"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "function"
    assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/function"
    assert seen["AWS_LAMBDA_LOG_STREAM_NAME"].partition("[$LATEST]")[1]
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert seen["AWS_ACCESS_KEY_ID"] and seen["AWS_SECRET_ACCESS_KEY"] and seen["AWS_SESSION_TOKEN"]
    assert {name: seen[name] for name in env} == env
    assert not {"HOST_SECRET", "AWS_PROFILE", "HOME", "PYTHONPATH", "_X_AMZN_TRACE_ID"} & set(seen)


def test_tmpdir_survives_crash_until_close(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An environment's TMPDIR survives a crash of the process and is removed on close."""
    source = """
import os, tempfile
def handler(event, context):
    if event: os._exit(event)
    folder = tempfile.gettempdir()
    names = os.listdir(folder)
    open(os.path.join(folder, "kept"), "w").close()
    return [folder, names]
"""
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60) as function:
        folder, names = function.invoke(0).json()
        assert names == []
        assert function.invoke(3).error_type == "Runtime.ExitError"
        assert function.invoke(0).json() == [folder, ["kept"]]
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), 15)", "Runtime exited with error: signal: terminated"),
        ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
    ],
)
def test_exit_during_invocation_is_exit_error(
    write_handler: WriteHandler, socket_runtime: list[str], statement: str, reason: str
) -> None:
    """An exit during an invocation is `Runtime.ExitError` with AWS's message; the next invocation starts a process."""
    source = f"import os\ndef handler(event, context):\n    print('last words', flush=True)\n    if event: {statement}"
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60) as function:
        assert function.invoke(0).error is None
        result = function.invoke(1)
        text = f"RequestId: {result.request_id} Error: {reason}"
        assert (
            result.payload
            == json.dumps({"errorType": "Runtime.ExitError", "errorMessage": text}, separators=(",", ":")).encode()
        )
        assert (result.error, result.cold) == ("Unhandled", False)
        assert result.logs.splitlines()[1:4] == ["last words", text, "Runtime.ExitError"]
        assert result.report.line().endswith("\tStatus: error\tError Type: Runtime.ExitError\t")
        again = function.invoke(0)
        assert (again.error, again.cold) == (None, True)


def test_exit_after_response_fails_report(write_handler: WriteHandler, tmp_path: Path) -> None:
    """A runtime that exits after the response fails the report; the caller keeps the response."""
    runtime = tmp_path / "once.py"
    runtime.write_text(
        "import sys; sys.path.insert(0, sys.argv[1]); import socket_runtime as r, os, socket\n"
        "host, _, port = os.environ['AWS_LAMBDA_RUNTIME_API'].rpartition(':')\n"
        "api = socket.create_connection((host, int(port))); replies = api.makefile('rb')\n"
        "api.sendall(r.request('GET', 'invocation/next')); _, headers, _ = r.read(replies)\n"
        "id = headers['lambda-runtime-aws-request-id']\n"
        "api.sendall(r.request('POST', f'invocation/{id}/response', b'\"done\"'))\n"  # without a wait for the reply
        "os._exit(5)\n"
    )
    with LocalLambda(
        "app.handler", task_root=tmp_path, runtime=[sys.executable, str(runtime), str(SUPPORT)], timeout_s=60
    ) as function:
        result = function.invoke()
        assert (result.json(), result.error) == ("done", None)
        assert (result.report.status, result.report.error_type) == ("error", "Runtime.ExitError")
        assert function.environments[0].exit_code == 5


def test_timeout_kills_process_group(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A timeout is `Sandbox.Timedout` with AWS's message and kills the process group; the next invocation succeeds."""
    source = """
import os, subprocess, sys, time
def handler(event, context):
    if event:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(os.getpid(), child.pid, flush=True)
        time.sleep(60)
    return "fine"
"""
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=2) as function:
        result = function.invoke(1)
        assert result.json() == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {result.request_id} Error: Task timed out after 2.00 seconds",
        }
        assert result.error == "Unhandled"
        assert f"{result.request_id} Task timed out after 2.00 seconds" in result.logs
        assert result.report.line().endswith("\tStatus: timeout\t")
        assert result.report.duration_ms >= 2000
        pids = [int(pid) for pid in result.logs.splitlines()[2].split()]
        assert gone(pids[0])
        wait_until(lambda: not alive(pids[1]))
        assert function.environments[0].exit_code == -signal.SIGKILL
        assert function.invoke(0).json() == "fine"


def test_timeout_includes_work_after_response(write_handler: WriteHandler, tmp_path: Path) -> None:
    """A runtime that never polls again after its response is killed at the timeout."""
    runtime = tmp_path / "stuck.py"
    runtime.write_text(
        "import sys; sys.path.insert(0, sys.argv[1]); import socket_runtime as r, os, socket, time\n"
        "host, _, port = os.environ['AWS_LAMBDA_RUNTIME_API'].rpartition(':')\n"
        "api = socket.create_connection((host, int(port))); replies = api.makefile('rb')\n"
        "api.sendall(r.request('GET', 'invocation/next')); _, headers, _ = r.read(replies)\n"
        "id = headers['lambda-runtime-aws-request-id']\n"
        "api.sendall(r.request('POST', f'invocation/{id}/response', b'1')); time.sleep(60)\n"
    )
    with LocalLambda(
        "app.handler", task_root=tmp_path, runtime=[sys.executable, str(runtime), str(SUPPORT)], timeout_s=0.5
    ) as function:
        result = function.invoke()
        assert (result.json(), result.error) == (1, None)
        assert result.report.status == "timeout"


@pytest.mark.usefixtures("patient_platform")
def test_init_error_is_returned_to_caller(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The first caller receives the init error and its logs; the next invocation repeats the init."""
    source = "print('importing', flush=True)\nraise ValueError('no luck')"
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60) as function:
        result = function.invoke()
        assert result.json() == {"errorMessage": "no luck", "errorType": "ValueError", "stackTrace": []}
        assert (result.error, result.cold) == ("Unhandled", True)
        assert "\nimporting\nINIT_REPORT Init Duration: " in result.logs
        assert "\tPhase: init\tStatus: error\tError Type: Runtime.Unknown\n" in result.logs
        assert result.report.status == "error"  # waits for the exit
        assert function.environments[0].exit_code == 1
        (function.function.task_root / "app.py").write_text("def handler(event, context):\n    return 'mended now'")
        assert function.invoke().json() == "mended now"


def test_exit_during_init_is_exit_error(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An exit during init is `Runtime.ExitError` with the id of the waiting invocation."""
    with LocalLambda(
        "app.handler", task_root=write_handler("import os; os._exit(9)"), runtime=socket_runtime, timeout_s=60
    ) as function:
        result = function.invoke()
        assert result.json()["errorMessage"] == (
            f"RequestId: {result.request_id} Error: Runtime exited with error: exit status 9"
        )
        assert result.report.status == "error"


def test_timed_out_init_is_repeated_in_invocation(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A timed-out init is killed and repeated once within the invocation's timeout."""
    source = """
import os, time
while not os.path.exists("timed-out"):
    time.sleep(0.005)
def handler(event, context):
    return "at the second try"
"""
    root = write_handler(source)

    def on_log(line: str) -> None:
        if line.startswith("INIT_REPORT "):
            (root / "timed-out").touch()

    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, init_timeout_s=0.5, timeout_s=60, on_log=on_log
    ) as function:
        result = function.invoke()
        assert result.json() == "at the second try"
        assert "\tPhase: init\tStatus: timeout\n" in result.logs
        assert result.report.init_duration_ms is None


def test_endless_init_times_out_invocation(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An init that exceeds the init limit and then the function's timeout times out the invocation."""
    root = write_handler("import time; time.sleep(60)")
    with LocalLambda(
        "app.handler", task_root=root, runtime=socket_runtime, init_timeout_s=0.3, timeout_s=0.3
    ) as function:
        result = function.invoke()
    assert result.error_type == "Sandbox.Timedout"
    assert result.report.status == "timeout"


@pytest.mark.parametrize(("command", "reason"), [("./missing", "no such file"), ("./app.py", "permission denied")])
def test_unexecutable_runtime_is_invalid_entrypoint(write_handler: WriteHandler, command: str, reason: str) -> None:
    """A runtime that cannot be executed is `Runtime.InvalidEntrypoint` with the file and the reason."""
    with LocalLambda("app.handler", task_root=write_handler(ECHO), runtime=[command], timeout_s=60) as function:
        result = function.invoke()
        assert result.error_type == "Runtime.InvalidEntrypoint"
        assert command in result.json()["errorMessage"]
        assert reason in result.json()["errorMessage"]
        assert result.report.status == "error"


def test_idle_process_exit_is_not_reported(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A process that exits between invocations is replaced without an error."""
    with LocalLambda("app.handler", task_root=write_handler(ECHO), runtime=socket_runtime, timeout_s=60) as function:
        pid = function.invoke().json()["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: function.environments[0].pid is None)
        result = function.invoke()
        assert (result.error, result.cold, result.json()["calls"]) == (None, True, 1)


def test_exit_after_first_poll_is_reported(write_handler: WriteHandler, tmp_path: Path) -> None:
    """A process that exits right after its first poll is reported without a wait for the timeout."""
    runtime = tmp_path / "brief.py"
    runtime.write_text(
        "import sys; sys.path.insert(0, sys.argv[1]); import socket_runtime as r, os, socket\n"
        "host, _, port = os.environ['AWS_LAMBDA_RUNTIME_API'].rpartition(':')\n"
        "socket.create_connection((host, int(port))).sendall(r.request('GET', 'invocation/next'))\n"
        "os._exit(4)\n"
    )
    command = [sys.executable, "-S", str(runtime), str(SUPPORT)]
    with LocalLambda("app.handler", task_root=tmp_path, runtime=command, timeout_s=60) as function:
        result = function.invoke()
        assert result.json()["errorMessage"].endswith("exit status 4")


def test_exit_is_noticed_without_pidfd(
    write_handler: WriteHandler, socket_runtime: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread notices a process's exit on kernels without process descriptors."""

    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    source = "import os\ndef handler(event, context):\n    if event: os._exit(event)"
    with LocalLambda("app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60) as function:
        assert function.invoke(0).error is None
        assert function.invoke(3).error_type == "Runtime.ExitError"
        assert function.invoke(0).error is None


def test_close_waits_for_answered_invocation(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`close` lets an answered invocation complete, so that logs and report are available afterwards."""
    root = write_handler(ECHO)
    for _ in range(5):
        with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, timeout_s=60) as function:
            result = function.invoke()
        assert result.logs.endswith(result.report.line() + "\n")
        assert result.report.status == "success"


def test_threads_get_matching_responses(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Each of many threads gets the response to its event, from at most as many environments."""
    root = write_handler(ECHO)
    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, concurrency=8, timeout_s=60) as function:
        answers: dict[int, int] = {}

        def call(number: int) -> None:
            answers[number] = function.invoke(number).json()["event"]

        threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == {number: number for number in range(8)}
        assert 1 <= len(function.environments) <= 8


def test_close_fails_running_and_queued_invocations(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`close` kills the process and fails running and queued invocations with `LocalLambdaClosed`."""
    source = "import time, os\ndef handler(event, context):\n    print(os.getpid(), flush=True)\n    time.sleep(60)"
    started = threading.Event()
    lines: list[str] = []

    def on_log(line: str) -> None:
        lines.append(line)
        if line.isdigit():
            started.set()

    function = LocalLambda(
        "app.handler", task_root=write_handler(source), runtime=socket_runtime, timeout_s=60, on_log=on_log
    )
    failures: list[Exception] = []

    def call() -> None:
        try:
            function.invoke()
        except Exception as error:
            failures.append(error)

    with function:
        threads = [threading.Thread(target=call) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert started.wait(60)
    for thread in threads:
        thread.join(60)
    assert [type(failure) for failure in failures] == [LocalLambdaClosed] * 2
    assert gone(int(next(line for line in lines if line.isdigit())))
    with pytest.raises(LocalLambdaClosed, match="with"):
        function.invoke()


def test_closed_lambda_can_start_again(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`close` can be called twice, and a closed local Lambda can be started again."""
    function = LocalLambda("app.handler", task_root=write_handler(ECHO), runtime=socket_runtime, timeout_s=60)
    for _ in range(2):
        with function:
            assert function.invoke().json()["calls"] == 1
        function.close()


def test_close_leaves_no_thread_or_descriptor(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The numbers of threads and descriptors are the same after close as before the start."""
    root = write_handler(ECHO)
    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, timeout_s=60) as function:
        function.invoke()
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, timeout_s=60) as function:
        function.invoke()
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


def test_oversized_event_is_rejected_with_sizes(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An event above the limit is rejected with both sizes before anything starts."""
    with (
        LocalLambda("app.handler", task_root=write_handler(ECHO), runtime=socket_runtime, timeout_s=60) as function,
        pytest.raises(EventTooLarge, match=f"{MAX_PAYLOAD + 1} bytes.*{MAX_PAYLOAD}"),
    ):
        function.invoke(b"x" * (MAX_PAYLOAD + 1))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"task_root": "/no/such/folder"}, "task root /no/such/folder"),
        ({"timeout_s": 0}, "timeout"),
        ({"timeout_s": float("inf")}, "timeout inf s is out of range"),
        ({"memory_mb": 127}, "Lambda takes 128 MB and more"),
        ({"concurrency": 0}, "concurrency"),
        ({"init_timeout_s": 0}, "init timeout"),
        ({"runtime": "python3 -m x"}, "list"),
        ({"runtime": []}, "list"),
        ({"env": {"A=B": "c"}}, "A=B"),
        ({"env": {"PORT": 80}}, "PORT is int"),
    ],
)
def test_invalid_setting_is_rejected_with_range(settings: dict[str, object], text: str) -> None:
    """A setting outside Lambda's range is rejected by the constructor; the error states setting and range."""
    with pytest.raises(InvalidFunction, match=text):
        LocalLambda("app.handler", **settings)  # type: ignore[arg-type]


def test_empty_handler_is_rejected_with_example() -> None:
    """An empty handler is rejected; the error contains an example."""
    with pytest.raises(InvalidFunction, match=r"app\.handler"):
        LocalLambda("")


@pytest.mark.parametrize("runtime", [pytest.param(None, id="awslambdaric_lite"), OFFICIAL])
@pytest.mark.parametrize("framing", ["auto", "chunked", "length"])
def test_real_clients_work_with_each_framing(
    write_handler: WriteHandler, runtime: list[str] | None, framing: str
) -> None:
    """This package's client and the official one handle responses, errors, large events and init errors in either
    framing.
    """
    source = """
import sys
def handler(event, context):
    if event == "raise": raise ValueError("boom")
    return {"event": event, "id": context.aws_request_id}
"""
    root = write_handler(source)
    options = ApiOptions(record_requests=True, event_framing=framing)  # type: ignore[arg-type]
    with LocalLambda("app.handler", task_root=root, runtime=runtime, api=options, timeout_s=30) as function:
        small = function.invoke({"n": 1})
        assert small.json() == {"event": {"n": 1}, "id": small.request_id}
        large = {"text": "x" * 100_000}
        assert function.invoke(large).json()["event"] == large
        failed = function.invoke("raise")
        assert (failed.error, failed.json()["errorType"]) == ("Unhandled", "ValueError")
        assert "[ERROR] ValueError: boom" in failed.logs
        assert function.invoke(2).cold is False
        paths = [request.path.rpartition("/")[2] for request in function.environments[0].requests]
        assert paths[:8] == ["next", "response", "next", "response", "next", "error", "next", "response"]
    with LocalLambda("missing.handler", task_root=root, runtime=runtime, timeout_s=30) as function:
        result = function.invoke()
        assert result.json()["errorType"] == "Runtime.ImportModuleError"
        assert result.report.status == "error"  # waits for the exit
        assert function.environments[0].exit_code == 1
