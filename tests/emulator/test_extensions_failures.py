"""Extensions with real processes: what becomes of an environment whose extension fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .extension_harness import Gate, Programs, gone, local_lambda, until

pytestmark = pytest.mark.usefixtures("patient_platform")
WriteHandler = Callable[[str], Path]

HELLO = "def handler(event, context):\n    print('hello', flush=True)\n    return event"
ENDLESS = "import time\ndef handler(event, context):\n    while event: time.sleep(0.01)\n    return 'fine'"


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """A folder for external extensions."""
    return Programs(tmp_path)


@pytest.mark.parametrize(
    ("ending", "error_type", "reason"),
    [
        ("sys.exit(3)", "Extension.Crash", "exit status 3"),
        ("sys.exit(0)", "Extension.Crash", "exit code 0"),
        ("os.kill(os.getpid(), 9)", "Extension.Crash", "signal: killed"),
        ("extension.report('exit', 'Own.Error'); sys.exit(1)", "Extension.ExitError", "exit status 1"),
    ],
)
def test_an_extension_that_ends_in_an_invocation_ends_it(
    write_handler: WriteHandler,
    socket_runtime: list[str],
    programs: Programs,
    ending: str,
    error_type: str,
    reason: str,
) -> None:
    """The caller gets the platform's error, the log has it, and the next invocation has fresh processes."""
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


def test_a_crash_after_the_answer_is_in_the_report(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, tmp_path: Path
) -> None:
    """The caller keeps its answer; the invocation counts as failed."""
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
def test_an_extension_that_fails_its_init(
    write_handler: WriteHandler,
    socket_runtime: list[str],
    programs: Programs,
    source: str,
    error_type: str,
    reason: str,
    line: str,
) -> None:
    """The init is repeated in the invocation, which does not take place, and the caller gets the error."""
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


def test_a_program_that_cannot_be_executed(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """`Extension.LaunchError`, with the reason."""
    program = programs.write("plain")
    program.chmod(0o644)
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program]) as function:
        result = function.invoke()
        assert result.json() == {
            "errorType": "Extension.LaunchError",
            "errorMessage": f"RequestId: {result.request_id} Error: fork/exec {program}: permission denied",
        }
        assert "EXTENSION\tName: plain\tState: LaunchError\tEvents: []\tError Type: PermissionDenied" in result.logs


def test_more_than_ten_programs(write_handler: WriteHandler, socket_runtime: list[str], programs: Programs) -> None:
    """The eleventh is one too many."""
    many = [programs.write(f"watcher-{number}") for number in range(11)]
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=many, env=programs.env) as function:
        result = function.invoke()
        assert result.error_type == "Extension.LaunchError"
        assert "Name: watcher-10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions" in result.logs


def test_an_extension_that_never_registers_lets_the_init_time_out(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """First the init limit passes, then, in the invocation, the function's."""
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


def test_an_extension_that_ends_between_invocations_spoils_the_next_one(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, tmp_path: Path
) -> None:
    """As on AWS the failure is found by the next invocation; the one after has fresh processes."""
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
        until(lambda: gone(programs.trace[0]))
        broken = function.invoke(2)
        assert (broken.error_type, broken.report.status) == ("Extension.Crash", "error")
        assert "hello" not in broken.logs
        assert function.invoke(3).json() == 3
