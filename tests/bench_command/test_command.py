"""`awslambdaric-lite bench` as it is typed, with real runtimes."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ..emulator.command_line import WAIT, alive, command, environment, run, shell, wait_until
from ..emulator.test_cli_terminal import terminal

PLAIN_RUNTIME = shell([sys.executable, str(Path(__file__).parents[1] / "support" / "socket_runtime.py")])
FEW = ("--rounds", "1", "--invocations", "1")
APP = """
import os, sys
EVENTS = []

def echo(event, context):
    print("noise")
    return event

def says_which(event, context):
    return "awslambdaric_lite" in sys.modules

def counts_processes(event, context):
    with open(os.environ["JOURNAL"], "a") as journal:
        journal.write(f"{os.getpid()} {event}\\n")

def remembers(event, context):
    return os.getpid()

def raises(event, context):
    print("words before the end")
    raise ValueError(f"not {event}")

def fails_in_ours(event, context):
    return 1 / (not says_which(event, context))

def leaves(event, context):
    print("leaving")
    sys.stdout.flush()
    os._exit(5)

async def coroutine(event, context):
    return "awaited"

def hangs(event, context):
    import subprocess, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(os.environ["JOURNAL"], "w") as journal:
        journal.write(f"{os.getpid()} {child.pid}\\n")
    time.sleep(600)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write functions into a folder."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "broken.py").write_text("print('loading')\nimport certainly_missing\n")
    return tmp_path


def bench(root: Path, handler: str, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run the command in a folder; return its exit code, output and errors."""
    done = run("bench", handler, "--task-root", str(root), *arguments, stdin=stdin)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def assert_gone(journal: Path) -> None:
    """Check that the processes whose ids a function wrote down exit."""
    pids = [int(pid) for pid in journal.read_text().split()]
    assert pids
    wait_until(lambda: not any(map(alive, pids)), f"the processes {pids} have exited")


def test_two_runtimes_side_by_side(root: Path) -> None:
    """The table has a row for each measure and a column for each runtime; the function's output is not shown."""
    code, output, errors = bench(root, "app.echo", "--against", PLAIN_RUNTIME, "--rounds", "5", "--invocations", "10")
    assert code == 0, errors
    assert "noise" not in output + errors
    rows = [line for line in output.splitlines() if line.startswith(("init:", "cold", "warm", "CPU time", "memory"))]
    assert [row.partition("  ")[0] for row in rows] == [
        "init: start to first poll",
        "cold start: start to response",
        "warm: event to response p50",
        "warm: event to response p90",
        "warm: event to next poll p50",
        "CPU time, init",
        "CPU time, first invocation",
        "CPU time, warm invocation",
        "memory at the first poll",
    ]
    for row in rows:
        assert "[" in row and row.endswith("]"), "a ratio with its interval"
    assert "5 rounds" in output and "10 warm invocations" in output
    assert "measuring itself:" in output and "a bare client starts in" in output
    assert errors.splitlines() == ["comparing the results (3 processes)", "measuring (15 processes)"]


def test_against_the_official_client(root: Path) -> None:
    """The official client is measured by default."""
    if importlib.util.find_spec("awslambdaric") is None:
        pytest.skip("awslambdaric is missing for this interpreter: pip install awslambdaric")
    code, output, errors = bench(root, "app.echo", *FEW)
    assert code == 0, errors
    assert "ours / theirs" in output and "awslambdaric-lite  awslambdaric  ours" in output


def test_json_has_every_figure_of_every_round(root: Path) -> None:
    """The JSON document goes to standard output and to the file, with all figures."""
    path = root / "result.json"
    options = ("--against", PLAIN_RUNTIME, "--rounds", "2", "--invocations", "3", "--json", "-o", str(path))
    code, output, errors = bench(root, "app.echo", *options)
    assert code == 0, errors
    assert path.read_text() == output
    result: dict[str, Any] = json.loads(output)
    assert (result["handler"], result["rounds"], result["invocations"]) == ("app.echo", 2, 3)
    assert result["machine"]["python"].startswith("CPython ")
    measures = {measure["name"]: measure for measure in result["measures"]}
    assert "event_to_response_p99" not in measures, "three invocations have no 99th percentile"
    for measure in measures.values():
        assert len(measure["figures"]) == 2 and measure["ratio"]["value"] > 0
        for figures in measure["figures"].values():
            assert len(figures["rounds"]) == 2 and min(figures["rounds"]) > 0
    ours = {name: measure["figures"]["awslambdaric-lite"]["rounds"] for name, measure in measures.items()}
    for number in range(2):
        assert ours["spawn_to_response"][number] > ours["spawn_to_next"][number]
        assert ours["event_to_next_p50"][number] >= ours["event_to_response_p50"][number]
        assert ours["memory_peak"][number] >= ours["memory_at_next"][number] > 1_000_000
    assert result["measuring"]["serverCpuPerInvocation"] > 0


def test_rounds_alternate_runtimes_and_rotate_events(root: Path) -> None:
    """Each round runs one process of each runtime with the events in rotation, after an uncounted round."""
    for name in ("one", "two"):
        (root / f"{name}.json").write_text(f'"{name}"')
    journal = root / "journal"
    code, output, errors = bench(
        root,
        "app.counts_processes",
        *("--event", str(root / "one.json"), "--event", str(root / "two.json"), "--event", "-"),
        *("--env", f"JOURNAL={journal}", "--rounds", "2", "--invocations", "4", "--against", PLAIN_RUNTIME, "--json"),
        stdin=b'"three"',
    )
    assert code == 0, errors
    lines = [line.split() for line in journal.read_text().splitlines()]
    processes = list(dict.fromkeys(pid for pid, _ in lines))
    assert len(processes) == 2 + 2 * 2, "an uncounted round and two counted ones"
    events = [[event for pid, event in lines if pid == process] for process in processes]
    assert events[2:] == [["one", "two", "three", "one", "two"]] * 4
    assert all(set(each) == {"one", "two", "three"} for each in events)
    assert json.loads(output)["invocations"] == 4


def test_slow_functions_are_invoked_less_often(root: Path) -> None:
    """Without a given number, a run has invocations for half a second, and at least five."""
    (root / "slow.py").write_text("import time\ndef handler(event, context):\n    time.sleep(0.12)\n")
    code, output, errors = bench(root, "slow.handler", "--against", "none", "--rounds", "1", "--json")
    assert code == 0, errors
    assert json.loads(output)["invocations"] == 5


def test_different_results_are_shown_and_not_compared(root: Path) -> None:
    """If the results differ, ours is measured alone."""
    code, output, errors = bench(root, "app.says_which", "--against", PLAIN_RUNTIME, *FEW)
    assert code == 0
    assert "not compared: the results for the event {} differ: awslambdaric-lite returns true, " in errors
    assert errors.rstrip().endswith("false") and "ours / theirs" not in output
    assert "cold start: start to response" in output


def test_result_and_error_of_one_event_are_both_shown(root: Path) -> None:
    """A coroutine function, which other runtimes do not await, is a result against an error."""
    code, output, errors = bench(root, "app.coroutine", "--against", f"{PLAIN_RUNTIME} # {{handler}}", *FEW, "--json")
    assert code == 0
    assert 'awslambdaric-lite returns "awaited", ' in errors and "the error TypeError: " in errors
    result = json.loads(output)
    (difference,) = result["differences"]
    assert difference in errors
    assert [list(measure["figures"]) for measure in result["measures"]] == [["awslambdaric-lite"]] * len(
        result["measures"]
    )


def test_results_that_change_in_each_process_are_measured(root: Path) -> None:
    """Results that are different in each process, e.g. process ids, are not compared; both runtimes are measured."""
    code, output, errors = bench(root, "app.remembers", "--against", PLAIN_RUNTIME, *FEW)
    assert code == 0, errors
    assert "note: the results change from run to run" in output
    assert "ours / theirs" in output and "not compared" not in errors


def test_other_runtime_that_exits_is_shown_and_ours_measured(root: Path) -> None:
    """A runtime that exits is shown with its exit code and last output, and ours is measured."""
    program = root / "program"
    program.write_text("#!/bin/sh\necho cannot\nexit 9\n")
    program.chmod(0o755)
    code, output, errors = bench(root, "app.echo", "--against", "./program", *FEW)
    assert code == 0 and "cold start" in output
    assert "the process of ./program exited before its first poll (exit code 9); last output: cannot" in errors


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (
            "app.raises",
            ["words before the end", "responds to the event {} with the error ValueError: not {}", "it fails with"],
        ),
        ("app.fails_in_ours", ["ZeroDivisionError", "it does not fail"]),
        ("app.leaves", ["leaving", "exited in an invocation (exit code 5)"]),
        ("app.missing", ["the init of app.missing fails with awslambdaric-lite: Runtime.HandlerNotFound"]),
        ("broken.handler", ["loading", "Runtime.ImportModuleError", "certainly_missing"]),
    ],
)
def test_a_function_that_fails_is_not_measured(handler: str, expected: list[str], root: Path) -> None:
    """A failing function exits with 1, and its error, its output and the other runtime's result are shown."""
    code, output, errors = bench(root, handler, "--against", f"{PLAIN_RUNTIME} x", *FEW, "-o", str(root / "result"))
    assert (code, output) == (1, "")
    for text in expected:
        assert text in errors
    assert not list(root.glob("*result*")), "no unfinished file"


@pytest.mark.parametrize(
    ("option", "value", "code", "verdict"),
    [
        ("--budget", "1us", 1, "budget EXCEEDED: cold start: start to response: "),
        ("--budget", "600s", 0, "budget met: cold start: start to response: "),
        ("--budget-warm", "0.001us", 1, "budget EXCEEDED: warm: event to response p50: "),
        ("--budget-memory", "1KB", 1, "budget EXCEEDED: peak memory: "),
    ],
)
def test_budgets_decide_on_the_exit_code(option: str, value: str, code: int, verdict: str, root: Path) -> None:
    """An exceeded budget exits with 1, a met one with 0."""
    found, output, _ = bench(root, "app.echo", "--against", "none", *FEW, option, value)
    assert (found, verdict in output) == (code, True)


def test_budgets_in_json(root: Path) -> None:
    """JSON has each budget with its measure; one exceeded budget exits with 1, and standard error shows all."""
    code, output, errors = bench(
        root, "app.echo", "--against", "none", *FEW, "--json", "--budget", "600s", "--budget-memory", "1MB"
    )
    budgets = json.loads(output)["budgets"]
    assert code == 1
    assert [(each["measure"], each["limit"], each["met"]) for each in budgets] == [
        ("spawn_to_response", 600.0, True),
        ("memory_peak", 1024 * 1024, False),
    ]
    assert "budget met" in errors and "budget EXCEEDED" in errors


def test_without_awslambdaric_ours_is_measured(root: Path) -> None:
    """Without awslambdaric ours is measured alone, and the install command is shown."""
    python = root / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    code, output, errors = bench(root, "app.echo", "--python", str(python), *FEW)
    assert code == 0, errors
    assert f"install it with: {python} -m pip install awslambdaric" in errors
    assert "cold start" in output and "ours / theirs" not in output


def test_function_that_hangs_is_killed_after_the_timeout(root: Path) -> None:
    """A function that exceeds --timeout is killed with its processes."""
    journal = root / "journal"
    code, _, errors = bench(root, "app.hangs", "--against", "none", "--env", f"JOURNAL={journal}", "--timeout", "2")
    assert code == 1 and "took longer than 2 s in an invocation" in errors
    assert_gone(journal)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_nothing_behind(number: signal.Signals, code: int, root: Path) -> None:
    """A signal leaves neither processes nor files."""
    journal, scratch = root / "journal", root / "scratch"
    scratch.mkdir()
    arguments = ("app.hangs", "--task-root", str(root), "--against", "none", "--env", f"JOURNAL={journal}")
    with subprocess.Popen(
        command("bench", *arguments), stderr=subprocess.PIPE, env=environment(TMPDIR=str(scratch))
    ) as process:
        wait_until(lambda: journal.exists() and journal.read_text().endswith("\n"), "the function runs")
        assert os.listdir(scratch)
        process.send_signal(number)
        _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == code and b"Traceback" not in errors
    assert_gone(journal)
    assert not os.listdir(scratch)


def test_a_terminal_has_a_bar_and_a_table(root: Path) -> None:
    """A terminal shows a progress bar, which disappears, and a table."""
    pytest.importorskip("rich")
    arguments = ("bench", "app.echo", "--task-root", str(root), "--against", "none", *FEW, "--budget", "1us")
    with terminal(*arguments) as shown:
        text = shown.rest()
    assert shown.process.returncode == 1
    assert "measuring" in text and "2/2" in text and "\x1b[2K" in text
    assert "─" in text and "cold start: start to response" in text
    assert "budget EXCEEDED" in text
    assert tempfile.gettempdir() not in text


def test_the_help_names_what_is_measured() -> None:
    """The help describes the cold start that a budget limits."""
    done = run("bench", "--help")
    assert done.returncode == 0
    assert b"to the first response" in done.stdout.replace(b"\n", b" ")
