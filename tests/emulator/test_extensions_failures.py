"""Failures of extensions, with real processes: what happens to the execution environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .extension_harness import Programs, local_lambda
from .waiting import Gate, gone, wait_until

pytestmark = pytest.mark.usefixtures("patient_platform")
WriteHandler = Callable[[str], Path]

HELLO = "def handler(event, context):\n    print('hello', flush=True)\n    return event"
ENDLESS = "import time\ndef handler(event, context):\n    while event: time.sleep(0.01)\n    return 'fine'"


@pytest.mark.parametrize(
    ("ending", "error_type", "reason"),
    [
        ("sys.exit(3)", "Extension.Crash", "exit status 3"),
        ("sys.exit(0)", "Extension.Crash", "exit code 0"),
        ("os.kill(os.getpid(), 9)", "Extension.Crash", "signal: killed"),
        ("extension.report('exit', 'Own.Error'); sys.exit(1)", "Extension.ExitError", "exit status 1"),
    ],
)
def test_extension_exit_fails_running_invocation(
    write_handler: WriteHandler,
    socket_runtime: list[str],
    programs: Programs,
    ending: str,
    error_type: str,
    reason: str,
) -> None:
    """An extension that exits during an invocation fails it; the next invocation starts new processes."""
    once = programs.folder / "ended"
    source = f"""
extension.register(["INVOKE"])
extension.next()
if not os.path.exists({str(once)!r}):
    open({str(once)!r}, "w")
    {ending}
extension.next()
"""
    program = programs.write("brittle", source)
    with local_lambda(write_handler(ENDLESS), socket_runtime, extensions=[program], env=programs.env) as function:
        result = function.invoke(1)
        text = f"RequestId: {result.request_id} Error: {reason}"
        assert result.json() == {"errorType": error_type, "errorMessage": text}
        assert (result.error, result.report.status) == ("Unhandled", "error")
        assert f"\n{text}\n{error_type}\nEND " in result.logs
        assert result.report.line().endswith(f"\tStatus: error\tError Type: {error_type}\t")
        again = function.invoke(0)
        assert (again.json(), again.report.status) == ("fine", "success")


def test_crash_after_response_fails_report(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, tmp_path: Path
) -> None:
    """An extension that exits after the response fails the report; the caller keeps the response."""
    gate = Gate(tmp_path)
    source = f"extension.register(['INVOKE'])\nextension.next()\n{gate.wait}\nsys.exit(4)"
    program = programs.write("brittle", source)
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function:
        result = function.invoke(5)
        assert (result.json(), result.error) == (5, None)
        gate.open()
        assert (result.report.status, result.report.error_type) == ("error", "Extension.Crash")


@pytest.mark.parametrize(
    ("source", "error_type", "reason", "line"),
    [
        ("sys.exit(2)", "Extension.Crash", "exit status 2", "State: Started\tEvents: []"),
        ("extension.register()\nsys.exit(0)", "Extension.Crash", "exit code 0", "State: Registered\tEvents: []"),
        (
            "extension.register(['INVOKE'])\nextension.report('init', 'Own.NoKey')\nsys.exit(1)",
            "Extension.InitError",
            "exit status 1",
            "State: InitError\tEvents: [INVOKE]\tError Type: Own.NoKey",
        ),
    ],
)
def test_failed_extension_init_fails_invocation(
    write_handler: WriteHandler,
    socket_runtime: list[str],
    programs: Programs,
    source: str,
    error_type: str,
    reason: str,
    line: str,
) -> None:
    """A failed extension init is repeated during the invocation, which fails with the error."""
    program = programs.write("brittle", source)
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function:
        result = function.invoke()
        text = f"RequestId: {result.request_id} Error: {reason}"
        assert result.json() == {"errorType": error_type, "errorMessage": text}
        logs = result.logs.splitlines()
        assert f"EXTENSION\tName: brittle\t{line}" in logs
        reports = [entry for entry in logs if entry.startswith("INIT_REPORT ")]
        assert [entry.partition("\t")[2] for entry in reports] == [
            f"Phase: {phase}\tStatus: error\tError Type: {error_type}" for phase in ("init", "invoke")
        ]
        assert "hello" not in logs


def test_program_without_permission_is_launch_error(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """A program without execute permission fails the invocation with `Extension.LaunchError` and the reason."""
    program = programs.write("plain")
    program.chmod(0o644)
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program]) as function:
        result = function.invoke()
        assert result.json() == {
            "errorType": "Extension.LaunchError",
            "errorMessage": f"RequestId: {result.request_id} Error: fork/exec {program}: permission denied",
        }
        assert "EXTENSION\tName: plain\tState: LaunchError\tEvents: []\tError Type: PermissionDenied" in result.logs


def test_eleventh_program_is_launch_error(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """The eleventh external extension fails with `Extension.LaunchError`."""
    many = [programs.write(f"watcher-{number}") for number in range(11)]
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=many, env=programs.env) as function:
        result = function.invoke()
        assert result.error_type == "Extension.LaunchError"
        assert "Name: watcher-10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions" in result.logs


def test_unregistered_extension_times_out_init(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An extension that never registers times out the init phase and then the invocation."""
    program = programs.write("silent", "import time\nwhile 1: time.sleep(1)")
    root = write_handler(HELLO)
    with local_lambda(
        root, socket_runtime, extensions=[program], env=programs.env, init_timeout_s=0.2, timeout_s=0.3
    ) as function:
        result = function.invoke()
        assert result.error_type == "Sandbox.Timedout"
        lines = [line.partition("\t")[2] for line in result.logs.splitlines() if line.startswith("INIT_REPORT ")]
        assert lines == ["Phase: init\tStatus: timeout", "Phase: invoke\tStatus: timeout"]
        assert "Task timed out after 0.30 seconds" in result.logs


def test_exit_between_invocations_fails_next_one(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, tmp_path: Path
) -> None:
    """An extension that exits between invocations fails the next one; the invocation after that succeeds."""
    gate = Gate(tmp_path)
    once = programs.folder / "ended"
    source = f"""
trace(os.getpid())
extension.register(["INVOKE"])
extension.next()
extension.wait()
if not os.path.exists({str(once)!r}):
    open({str(once)!r}, "w")
    {gate.wait}
    sys.exit(1)
extension.read()
"""
    program = programs.write("brittle", source)
    root = write_handler(HELLO)
    with local_lambda(root, socket_runtime, extensions=[program], env=programs.env, freeze=False) as function:
        assert function.invoke(1).report.status == "success"
        gate.open()
        wait_until(lambda: gone(programs.trace[0]))
        broken = function.invoke(2)
        assert (broken.error_type, broken.report.status) == ("Extension.Crash", "error")
        assert "hello" not in broken.logs
        assert function.invoke(3).json() == 3
