"""The shutdown phase of extensions and their runtime, with real processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from awslambdaric_lite.emulator import TooManyRequests

from .extension_harness import FOLLOW, Programs, local_lambda
from .runtimes import SUPPORT
from .waiting import WAIT, gone, wait_until

WriteHandler = Callable[[str], Path]

HELLO = "def handler(event, context):\n    print('hello', flush=True)\n    return event"
ENDLESS = (
    "import time\ndef handler(event, context):\n    print('hello', flush=True)\n"
    "    while event: time.sleep(0.01)\n    return 'fine'"
)
INTERNAL = f"""
import signal, sys, threading
sys.path.insert(0, {str(SUPPORT)!r})
from extension_client import ExtensionClient, trace
extension = ExtensionClient("inner")
extension.register([])
threading.Thread(target=extension.next, daemon=True).start()
"""


@pytest.mark.usefixtures("patient_platform")
@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (ENDLESS, "timeout"),
        ("import os\ndef handler(event, context):\n    if event: os._exit(1)\n    return 'fine'", "failure"),
    ],
)
def test_reset_shuts_extensions_down_with_reason(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, handler: str, reason: str
) -> None:
    """A timeout or an exit of the runtime shuts the extensions down with that reason; both start again."""
    program = programs.write("watcher")
    lines: list[str] = []
    settings = {"extensions": [program], "env": programs.env, "timeout_s": 60.0, "on_log": lines.append}
    with (
        ThreadPoolExecutor(1) as callers,
        local_lambda(write_handler(handler), socket_runtime, **settings) as function,
    ):
        invoking = callers.submit(function.invoke, 1)
        if reason == "timeout":
            wait_until(lambda: "hello" in lines)
            function.time_out_now()
        result = invoking.result(WAIT)
        assert result.report.status == ("timeout" if reason == "timeout" else "error")
        assert programs.trace[2]["shutdownReason"] == reason
        assert function.invoke(0).json() == "fine"
    assert [entry for entry in programs.trace if entry == "registered"] == ["registered"] * 2
    assert programs.trace[-1]["shutdownReason"] == "spindown"


@pytest.mark.usefixtures("patient_platform")
def test_busy_extension_times_out_answered_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An extension that does not poll again keeps the environment busy until the timeout."""
    program = programs.write(
        "busy", "extension.register(['INVOKE'])\nextension.next()\nimport time\ntrace('busy')\ntime.sleep(600)"
    )
    with local_lambda(
        write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env, timeout_s=60, concurrency=1
    ) as function:
        result = function.invoke(7)
        assert (result.json(), result.error) == (7, None)
        programs.await_trace(1)
        with pytest.raises(TooManyRequests):
            function.invoke(8)
        function.time_out_now()
        assert result.report.status == "timeout"


def test_extension_ignoring_shutdown_is_killed(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An extension without a SHUTDOWN subscription is killed immediately, one that ignores SHUTDOWN after 2 s."""
    quick = "trace(['quick', os.getpid()])\nextension.register()\nextension.next()"
    stubborn = (
        "trace(['stubborn', os.getpid()])\nextension.register(['SHUTDOWN'])\nextension.next()\nimport time\n"
        "trace('shutdown')\ntime.sleep(60)"
    )
    both = [programs.write("quick", quick), programs.write("stubborn", stubborn)]
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=both, env=programs.env) as function:
        function.invoke()
        pids = dict(programs.trace)
        closing = threading.Thread(target=function.close)
        closing.start()
        assert programs.await_trace(3)[2] == "shutdown"
        wait_until(lambda: gone(pids["quick"]))
        assert not gone(pids["stubborn"])
        closing.join(WAIT)
        assert gone(pids["stubborn"])


@pytest.mark.usefixtures("patient_platform")
@pytest.mark.parametrize("internal", [True, False])
def test_sigterm_needs_internal_extension(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, internal: bool
) -> None:
    """A runtime receives SIGTERM before SIGKILL only if it has an internal extension."""
    source = (
        INTERNAL
        if internal
        else f"import signal, sys\nsys.path.insert(0, {str(SUPPORT)!r})\nfrom extension_client import trace\n"
    )
    source += "signal.signal(signal.SIGTERM, lambda *_: (trace('terminated'), sys.exit(0)))\n" + HELLO
    with local_lambda(write_handler(source), socket_runtime, env=programs.env) as function:
        result = function.invoke()
        assert ("EXTENSION\tName: inner\tState: Ready\tEvents: []" in result.logs) is internal
        environment = function.environments[0]
    assert programs.trace == (["terminated"] if internal else [])
    assert environment.exit_code == (0 if internal else -9)


def test_runtime_ignoring_sigterm_is_killed(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """A runtime that ignores SIGTERM is killed after half a second."""
    source = INTERNAL + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HELLO
    with local_lambda(write_handler(source), socket_runtime, env=programs.env) as function:
        assert function.invoke().report.status == "success"
        environment = function.environments[0]
        began = time.monotonic()
    assert time.monotonic() - began >= 0.5
    assert environment.exit_code == -9


@pytest.mark.usefixtures("patient_platform")
def test_scale_in_shuts_extensions_down(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """Scale-in thaws an idle environment, sends SHUTDOWN to its extension, and leaves no process."""
    program = programs.write("watcher", "trace(os.getpid())\n" + FOLLOW)
    with local_lambda(
        write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env, idle_timeout_s=0.05
    ) as function:
        function.invoke()
        wait_until(lambda: not function.environments)
        pid, *_, shutdown = programs.await_trace(4)
        assert shutdown["shutdownReason"] == "spindown"
        wait_until(lambda: gone(pid))


def test_killed_parent_leaves_no_extension(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """The extensions of a killed parent process are killed."""
    program = programs.write("watcher", "trace(os.getpid())\nextension.register()\nextension.next()")
    script = f"""
from pathlib import Path
from tests.emulator.extension_harness import local_lambda
settings = dict(extensions=[{str(program)!r}], env={programs.env!r})
with local_lambda(Path({str(write_handler(HELLO))!r}), {socket_runtime!r}, **settings) as function:
    function.invoke()
    print("ready", flush=True)
    input()
"""
    checkout = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        (pid,) = programs.trace
        assert not gone(pid)
        parent.kill()
    wait_until(lambda: gone(pid))
