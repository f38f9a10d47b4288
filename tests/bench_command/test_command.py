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
    """A folder with functions."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "broken.py").write_text("print('loading')\nimport certainly_missing\n")
    return tmp_path


def bench(root: Path, handler: str, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run it in a folder: exit code, output, errors."""
    done = run("bench", handler, "--task-root", str(root), *arguments, stdin=stdin)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def assert_gone(journal: Path) -> None:
    """The processes whose numbers a function has written down have ended, or do so now."""
    pids = [int(pid) for pid in journal.read_text().split()]
    assert pids
    wait_until(lambda: not any(map(alive, pids)), f"of the processes {pids} none is left")


def test_two_runtimes_side_by_side(root: Path) -> None:
    """A row for each measure, a column for each runtime; what the function prints is not shown."""
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
    assert errors.splitlines() == ["comparing the answers (3 processes)", "measuring (15 processes)"]


def test_against_the_official_client(root: Path) -> None:
    """The default."""
    if importlib.util.find_spec("awslambdaric") is None:
        pytest.skip("awslambdaric is missing for this interpreter: pip install awslambdaric")
    code, output, errors = bench(root, "app.echo", *FEW)
    assert code == 0, errors
    assert "ours / theirs" in output and "awslambdaric-lite  awslambdaric  ours" in output


def test_json_has_every_figure_of_every_round(root: Path) -> None:
    """On standard output, and in the file."""
    path = root / "result.json"
    options = ("--against", PLAIN_RUNTIME, "--rounds", "2", "--invocations", "3", "--json", "-o", str(path))
    code, output, errors = bench(root, "app.echo", *options)
    assert code == 0, errors
    assert path.read_text() == output
    result: dict[str, Any] = json.loads(output)
    assert (result["handler"], result["rounds"], result["invocations"]) == ("app.echo", 2, 3)
    assert result["machine"]["python"].startswith("CPython ")
    measures = {measure["name"]: measure for measure in result["measures"]}
    assert "event_to_response_p99" not in measures, "of three invocations there is none"
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


def test_runtimes_take_turns_and_events_are_cycled(root: Path) -> None:
    """One process each round, the first event first, and a round before that is not counted."""
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
    assert len(processes) == 2 + 2 * 2, "a first round, and two that are counted"
    events = [[event for pid, event in lines if pid == process] for process in processes]
    assert events[2:] == [["one", "two", "three", "one", "two"]] * 4
    assert all(set(each) == {"one", "two", "three"} for each in events)
    assert json.loads(output)["invocations"] == 4


def test_slow_functions_are_invoked_less_often(root: Path) -> None:
    """Unless their number is given, invocations take half a second of a run, or are the fewest that say something."""
    (root / "slow.py").write_text("import time\ndef handler(event, context):\n    time.sleep(0.12)\n")
    code, output, errors = bench(root, "slow.handler", "--against", "none", "--rounds", "1", "--json")
    assert code == 0, errors
    assert json.loads(output)["invocations"] == 5


def test_different_answers_are_shown_and_not_compared(root: Path) -> None:
    """A result that differs: ours is measured alone."""
    code, output, errors = bench(root, "app.says_which", "--against", PLAIN_RUNTIME, *FEW)
    assert code == 0
    assert "not compared: the answers to the event {} differ: awslambdaric-lite answers true, " in errors
    assert errors.rstrip().endswith("false") and "ours / theirs" not in output
    assert "cold start: start to response" in output


def test_a_result_against_an_error_is_shown_so(root: Path) -> None:
    """As with coroutine functions, which other runtimes do not await."""
    code, output, errors = bench(root, "app.coroutine", "--against", f"{PLAIN_RUNTIME} # {{handler}}", *FEW, "--json")
    assert code == 0
    assert 'awslambdaric-lite answers "awaited", ' in errors and "the error TypeError: " in errors
    result = json.loads(output)
    (difference,) = result["differences"]
    assert difference in errors
    assert [list(measure["figures"]) for measure in result["measures"]] == [["awslambdaric-lite"]] * len(
        result["measures"]
    )


def test_answers_that_change_by_themselves_are_no_difference(root: Path) -> None:
    """A process id is another one in each process: nothing can be said, and both are measured."""
    code, output, errors = bench(root, "app.remembers", "--against", PLAIN_RUNTIME, *FEW)
    assert code == 0, errors
    assert "note: the answers change from run to run by themselves" in output
    assert "ours / theirs" in output and "not compared" not in errors


def test_another_runtime_that_does_not_start_is_shown(root: Path) -> None:
    """With its exit code and its last words; ours is measured."""
    program = root / "program"
    program.write_text("#!/bin/sh\necho cannot\nexit 9\n")
    program.chmod(0o755)
    code, output, errors = bench(root, "app.echo", "--against", "./program", *FEW)
    assert code == 0 and "cold start" in output
    assert "the process of ./program ended before its first poll (exit code 9); its last words: cannot" in errors


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (
            "app.raises",
            ["words before the end", "answers the event {} with the error ValueError: not {}", "it is the same"],
        ),
        ("app.fails_in_ours", ["ZeroDivisionError", "it does not fail"]),
        ("app.leaves", ["leaving", "ended in an invocation (exit code 5)"]),
        ("app.missing", ["the init of app.missing fails with awslambdaric-lite: Runtime.HandlerNotFound"]),
        ("broken.handler", ["loading", "Runtime.ImportModuleError", "certainly_missing"]),
    ],
)
def test_a_function_that_fails_is_not_measured(handler: str, expected: list[str], root: Path) -> None:
    """The exit code is 1; its error and its output are shown, and what the other runtime makes of it."""
    code, output, errors = bench(root, handler, "--against", f"{PLAIN_RUNTIME} x", *FEW, "-o", str(root / "result"))
    assert (code, output) == (1, "")
    for text in expected:
        assert text in errors
    assert not list(root.glob("*result*")), "nothing half-written"


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
    """In a table and in JSON."""
    found, output, _ = bench(root, "app.echo", "--against", "none", *FEW, option, value)
    assert (found, verdict in output) == (code, True)


def test_budgets_in_json(root: Path) -> None:
    """Each with its measure; one that is exceeded is enough. People read of it on standard error."""
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
    """And the cure is named."""
    python = root / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    code, output, errors = bench(root, "app.echo", "--python", str(python), *FEW)
    assert code == 0, errors
    assert f"install it with: {python} -m pip install awslambdaric" in errors
    assert "cold start" in output and "ours / theirs" not in output


def test_a_function_that_hangs_is_given_up(root: Path) -> None:
    """After --timeout; what it started is gone."""
    journal = root / "journal"
    code, _, errors = bench(root, "app.hangs", "--against", "none", "--env", f"JOURNAL={journal}", "--timeout", "2")
    assert code == 1 and "took longer than 2 s in an invocation" in errors
    assert_gone(journal)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_nothing_behind(number: signal.Signals, code: int, root: Path) -> None:
    """Neither processes nor files."""
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
    """The bar goes away."""
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
    """A budget is for something."""
    done = run("bench", "--help")
    assert done.returncode == 0
    assert b"to the first response" in done.stdout.replace(b"\n", b" ")
