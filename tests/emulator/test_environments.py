"""The life cycle of an execution environment: freeze, thaw, crash, timeout, memory limit, cleanup."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.environments.memory import descendants

from .environment_harness import HELD, answered, completed, running
from .runtimes import SUPPORT
from .waiting import Gate, alive, state_of, until

WriteHandler = Callable[[str], Path]

COUNTING = """
import mmap, os, threading, time
memory = mmap.mmap(os.open(os.environ["COUNTER"], os.O_RDWR), 8)
def count():
    number = 0
    while True:
        number += 1
        memory[:] = number.to_bytes(8, "little")
        time.sleep(0.0005)
threading.Thread(target=count, daemon=True).start()
def handler(event, context):
    if event.get("gate"):
        print("held", flush=True)
        open(event["gate"]).read()
    return os.getpid()
"""
"""A handler whose background thread counts in a shared file."""
_OBSERVED_S = 0.1  # the counter would increase by 200 if its thread ran


class Counter:
    """Number that the background thread has reached."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "counter"
        self._path.write_bytes(bytes(8))
        self.env = {"COUNTER": str(self._path)}

    @property
    def value(self) -> int:
        return int.from_bytes(self._path.read_bytes(), "little")

    async def moves(self) -> None:
        """Wait until the number increases."""
        before = self.value
        await until(lambda: self.value > before)

    def stands(self) -> bool:
        """Return whether the number stays unchanged for a while."""
        before = self.value
        time.sleep(_OBSERVED_S)
        return self.value == before


def test_environment_is_frozen_between_invocations(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """Background threads run only during invocations, because the environment is frozen between them."""

    async def scenario() -> None:
        counter, gate = Counter(tmp_path), Gate(tmp_path)
        async with running(write_handler(COUNTING), socket_runtime, env=counter.env) as function:
            for number in (1, 2):
                held = function.submit({"gate": str(gate.path)})
                await function.held(number)
                await counter.moves()
                await gate.open_from_loop()
                pid = json.loads((await answered(held)).payload)
                await completed(held)
                await until(lambda pid=pid: state_of(pid) == "T")  # type: ignore[misc]
                assert counter.stands()

    asyncio.run(scenario())


def test_freeze_false_keeps_threads_running(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """With `freeze=False` background threads run between invocations."""

    async def scenario() -> None:
        counter = Counter(tmp_path)
        async with running(write_handler(COUNTING), socket_runtime, env=counter.env, freeze=False) as function:
            await function.invoke()
            await counter.moves()

    asyncio.run(scenario())


def test_frozen_invocation_completes_after_thaw(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """`freeze()` stops an invocation's processes, and after `thaw()` the invocation completes."""

    async def scenario() -> None:
        counter, gate = Counter(tmp_path), Gate(tmp_path)
        async with running(write_handler(COUNTING), socket_runtime, env=counter.env) as function:
            held = function.submit({"gate": str(gate.path)})
            await function.held()
            (environment,) = function.host.pool.environments
            environment.freeze()
            await until(lambda: state_of(environment.pid or 0) == "T")
            assert counter.stands()
            environment.thaw()
            await counter.moves()
            await gate.open_from_loop()
            assert json.loads((await answered(held)).payload) == environment.pid
            assert (await completed(held)).report.status == "success"

    asyncio.run(scenario())


def test_timeout_and_close_kill_frozen_processes(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """A timeout and closing the host both kill frozen processes."""

    async def scenario() -> None:
        gate = Gate(tmp_path)
        async with running(write_handler(HELD), socket_runtime, concurrency=2, timeout_s=60.0) as function:
            held = function.submit({"gate": str(gate.path)})
            await function.held()
            (environment,) = function.host.pool.environments
            pid = environment.pid or 0
            environment.freeze()
            environment.time_out_now()
            assert (await answered(held)).error_type == "Sandbox.Timedout"
            await completed(held)
            assert not alive(pid)
            idle = (await function.invoke())[0]["pid"]
            await until(lambda: state_of(idle) == "T")
        assert not alive(idle)

    asyncio.run(scenario())


def test_time_out_now_times_out_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """`time_out_now` fails the running invocation like a timeout."""

    async def scenario() -> None:
        gate = Gate(tmp_path)
        async with running(write_handler(HELD), socket_runtime, timeout_s=60.0) as function:
            held = function.submit({"gate": str(gate.path)})
            await function.held()
            function.host.pool.environments[0].time_out_now()
            assert json.loads((await answered(held)).payload)["errorMessage"].endswith(
                "Task timed out after 60.00 seconds"
            )
            assert (await completed(held)).report.status == "timeout"

    asyncio.run(scenario())


@pytest.mark.usefixtures("patient_platform")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_crash_fails_only_running_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    """`crash` fails a running invocation; a crash between invocations only makes the next one start a new process."""

    async def scenario() -> None:
        gate = Gate(tmp_path)
        async with running(write_handler(HELD), socket_runtime) as function:
            held = function.submit({"gate": str(gate.path)})
            await function.held()
            (environment,) = function.host.pool.environments
            environment.crash(number)
            assert (await answered(held)).error_type == "Runtime.ExitError"
            await completed(held)
            assert environment.exit_code == -number
            seen, _ = await function.invoke()
            environment.crash(number)
            again, _ = await function.invoke()
            assert again["pid"] != seen["pid"]

    asyncio.run(scenario())


def test_sigterm_reaches_frozen_process_group(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """`sigterm` thaws the environment and signals its whole process group."""
    source = """
import os, signal, sys, time
trace = os.path.join(os.environ["LAMBDA_TASK_ROOT"], "trace-")
child = 0
def terminated(*_):
    if child: os.waitpid(child, 0)
    open(trace + str(os.getpid()), "w").close()
    os._exit(0)
signal.signal(signal.SIGTERM, terminated)
def handler(event, context):
    global child
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        os.write(tell, b".")
        while True: time.sleep(0.01)
    os.read(ready, 1)
    return child
"""

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime) as function:
            child, _ = await function.invoke()
            (environment,) = function.host.pool.environments
            pid = environment.pid
            environment.sigterm()
            await until(lambda: (tmp_path / f"trace-{pid}").exists() and (tmp_path / f"trace-{child}").exists())
            await until(lambda: environment.pid is None)
            assert environment.exit_code == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("end", ["os._exit(1)", "while True: pass", "os.kill(os.getpid(), 9)"])
def test_reset_environment_keeps_tmp_and_stream(
    write_handler: WriteHandler, socket_runtime: list[str], end: str
) -> None:
    """After a crash or a timeout the environment keeps `/tmp` and its log stream; no init duration is reported."""
    source = f"""
import os, tempfile
kept = os.path.join(tempfile.gettempdir(), "kept")
def handler(event, context):
    if event.get("end"):
        open(kept, "w").close()
        print("held", flush=True)
        {end}
    return [os.path.exists(kept), os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]]
"""

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime, timeout_s=60.0) as function:
            (kept, stream), first = await function.invoke()
            assert (kept, first.report.init_duration_ms is None) == (False, False)
            ending = function.submit({"end": True})
            await function.held()
            if end.startswith("while"):
                function.host.pool.environments[0].time_out_now()
            ended = await completed(ending)
            assert ended.report.status == ("timeout" if end.startswith("while") else "error")
            answer, again = await function.invoke()
            assert answer == [True, stream]
            assert again.report.init_duration_ms is None
            assert "Init Duration" not in again.logs.splitlines()[-1]

    asyncio.run(scenario())


FAILS_ONCE = """
import os, tempfile
marker = os.path.join(tempfile.gettempdir(), "tried")
print("importing", flush=True)
if not os.path.exists(marker):
    open(marker, "w").close()
    {failure}
def handler(event, context):
    return "at the second try"
"""


@pytest.mark.parametrize(
    ("failure", "error_type"),
    [("raise ValueError('no luck')", "Runtime.Unknown"), ("os._exit(9)", "Runtime.ExitError")],
)
def test_failed_init_is_repeated_during_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], failure: str, error_type: str
) -> None:
    """A failed init is repeated during the invocation; only the log contains the first failure."""

    async def scenario() -> None:
        async with running(write_handler(FAILS_ONCE.format(failure=failure)), socket_runtime) as function:
            answer, completion = await function.invoke()
            assert answer == "at the second try"
            assert completion.logs.count("importing\n") == 2
            assert f"\tPhase: init\tStatus: error\tError Type: {error_type}\n" in completion.logs
            assert (completion.report.status, completion.report.init_duration_ms) == ("success", None)

    asyncio.run(scenario())


def test_failed_init_is_returned_without_repeat(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """With `repeat_failed_init=False` the caller receives the init error, and the next invocation repeats the init."""
    source = FAILS_ONCE.format(failure="raise ValueError('no luck')")

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime, repeat_failed_init=False) as function:
            answer, completion = await function.invoke()
            assert answer["errorMessage"] == "no luck"
            assert completion.logs.count("importing\n") == 1
            assert (await function.invoke())[0] == "at the second try"

    asyncio.run(scenario())


def test_provisioned_environment_repeats_failed_init(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A provisioned environment whose init failed repeats it in its first invocation."""
    source = FAILS_ONCE.format(failure="os._exit(9)")

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime, provisioned=1) as function:
            assert function.host.pool.environments[0].pid is None
            assert (await function.invoke())[0] == "at the second try"
            assert len(function.host.pool.environments) == 1

    asyncio.run(scenario())


GREEDY = """
import os, subprocess, sys
hoard = []
if os.path.exists("greedy"): hoard.append(bytearray(200 << 20))
def handler(event, context):
    if event.get("mb"): hoard.append(bytearray(event["mb"] << 20))
    if event.get("child"):
        command = f"import time; hoard = bytearray({event['child']} << 20); print('has it', flush=True); time.sleep(60)"
        child = subprocess.Popen([sys.executable, "-S", "-c", command], stdout=subprocess.PIPE)
        child.stdout.readline()
        if event.get("wait"): child.wait()
        child.kill()
        child.wait()
    return os.getpid()
"""


@pytest.mark.parametrize("event", [{"mb": 200}, {"child": 200, "wait": True}])
def test_memory_above_limit_kills_processes(
    write_handler: WriteHandler, socket_runtime: list[str], event: object
) -> None:
    """Processes above the memory limit are killed; caller, log and report contain `Runtime.OutOfMemory`."""

    async def scenario() -> None:
        async with running(write_handler(GREEDY), socket_runtime, timeout_s=60.0) as function:
            pid, _ = await function.invoke()
            answer, completion = await function.invoke(event)
            request_id = completion.report.request_id
            text = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
            assert answer == {"errorType": "Runtime.OutOfMemory", "errorMessage": text}
            assert f"\n{text}\nRuntime.OutOfMemory\nEND " in completion.logs
            assert completion.report.max_memory_used_mb == completion.report.memory_size_mb == 128
            assert completion.report.line().endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\t")
            assert not alive(pid)
            again, completion = await function.invoke()
            assert again != pid
            assert completion.report.max_memory_used_mb < 100

    asyncio.run(scenario())


def test_memory_above_limit_fails_init(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """An init above the memory limit fails with `Runtime.OutOfMemory`."""
    root = write_handler(GREEDY)
    (tmp_path / "greedy").touch()

    async def scenario() -> None:
        async with running(root, socket_runtime) as function:
            answer, completion = await function.invoke()
            assert answer["errorType"] == "Runtime.OutOfMemory"
            assert "Phase: init\tStatus: error\tError Type: Runtime.OutOfMemory\n" in completion.logs
            (tmp_path / "greedy").unlink()
            assert isinstance((await function.invoke())[0], int)

    asyncio.run(scenario())


def test_report_has_peak_memory(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The report has the environment's peak memory, also if `enforce_memory` is false."""

    async def scenario() -> None:
        async with running(write_handler(GREEDY), socket_runtime, memory_mb=256, timeout_s=60.0) as function:
            pid, _ = await function.invoke()
            _, completion = await function.invoke({"mb": 80})
            assert 80 < completion.report.max_memory_used_mb < 128
            again, completion = await function.invoke()
            assert again == pid
            assert completion.report.max_memory_used_mb > 80  # of the environment, as on AWS, not of the invocation
        async with running(write_handler(GREEDY), socket_runtime, enforce_memory=False) as function:
            _, completion = await function.invoke({"mb": 200})
            assert completion.report.status == "success"
            assert completion.report.max_memory_used_mb > 200

    asyncio.run(scenario())


SNAPPED = """
import sys
sys.path.insert(0, {support!r})
import socket_runtime as r, os, json, socket
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
api = socket.create_connection((host, int(port)))
replies = api.makefile("rb")
print("before", flush=True)
api.sendall(r.request("GET", "restore/next"))
status, headers, body = r.read(replies)
print("after", status, body, flush=True)
{then}
answer = b""
while True:
    api.sendall(answer + r.request("GET", "invocation/next"))
    if answer: r.read(replies)
    _, headers, event = r.read(replies)
    body = json.dumps(dict(os.environ)).encode()
    answer = r.request("POST", "invocation/%s/response" % headers["lambda-runtime-aws-request-id"], body)
"""


def snapped(folder: Path, python: str, then: str = "") -> list[str]:
    """Return the command of a runtime that waits to be restored."""
    (folder / "snapped.py").write_text(SNAPPED.format(support=str(SUPPORT), then=then))
    return [python, "-S", str(folder / "snapped.py")]


@pytest.mark.parametrize("provisioned", [0, 1])
def test_first_invocation_restores_snapshot(tmp_path: Path, socket_runtime: list[str], provisioned: int) -> None:
    """The first invocation restores an environment that waits in `restore/next`; its report has the duration."""

    async def scenario() -> None:
        command = snapped(tmp_path, socket_runtime[0])
        async with running(tmp_path, command, snap_start=True, provisioned=provisioned) as function:
            assert ("before" in function.lines) is bool(provisioned)
            env, completion = await function.invoke()
            lines = completion.logs.splitlines()
            assert (
                lines.index("before")
                < lines.index("after 200 b''")
                < lines.index(f"START RequestId: {completion.report.request_id} Version: $LATEST")
            )
            assert env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
            assert completion.report.init_duration_ms is None
            assert "\tRestore Duration: " in lines[-1] and "\tBilled Restore Duration: " in lines[-1]
            assert any(line.startswith("RESTORE_REPORT Restore Duration: ") for line in lines)
            _, second = await function.invoke()
            assert second.report.restore_duration_ms is None

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("then", "error_type", "message"),
    [
        (
            "api.sendall(r.request('POST', 'restore/error', r.failure(ValueError('no luck')))); r.read(replies)\n"
            "os._exit(65)",
            "Runtime.Unknown",
            "no luck",
        ),
        ("os._exit(3)", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_failed_restore_fails_invocation(
    tmp_path: Path, socket_runtime: list[str], then: str, error_type: str, message: str
) -> None:
    """A failed restore fails the invocation with its error and leaves no process."""

    async def scenario() -> None:
        async with running(tmp_path, snapped(tmp_path, socket_runtime[0], then), snap_start=True) as function:
            answer, completion = await function.invoke()
            assert answer["errorMessage"].endswith(message)
            assert (completion.report.status, completion.report.error_type) == ("error", error_type)
            assert function.host.pool.environments[0].pid is None

    asyncio.run(scenario())


def test_closed_host_leaves_no_process(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """After crashes, timeouts, scale-in and close no process, orphaned process, file or descriptor remains."""
    source = """
import os, subprocess, sys
def handler(event, context):
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    orphan = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"], start_new_session=True)
    print("pids", os.getpid(), orphan.pid, os.environ["TMPDIR"], flush=True)
    if event["n"] % 3 == 1: os._exit(1)
    while event["n"] % 3 == 2: pass
"""

    def of_this_process() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(descendants(os.getpid()))

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime, idle_timeout_s=0.05, timeout_s=60.0) as function:
            for number in range(6):
                invocation = function.submit({"n": number})
                if number % 3 == 2:
                    await function.printed("pids ", number + 1)
                    function.host.pool.environments[0].time_out_now()
                await completed(invocation)
                if number == 3:
                    await until(lambda: not function.host.pool.environments)
        ends = [line.split()[1:] for line in function.lines if line.startswith("pids ")]
        assert len(ends) == 6
        for pid, orphan, scratch in ends:
            assert not alive(int(pid))
            await until(lambda orphan=orphan: not alive(int(orphan)))  # type: ignore[misc]
            assert not Path(scratch).parent.exists()

    async def nothing() -> None:
        async with running(write_handler(source), socket_runtime):
            pass

    asyncio.run(nothing())
    before = of_this_process()
    asyncio.run(scenario())
    assert of_this_process() == before
