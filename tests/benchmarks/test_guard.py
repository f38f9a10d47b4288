"""The regression guard, on the interpreter that runs the tests: what it counts, and that it notices."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import awslambdaric_lite
from benchmarks.build_cache import Unavailable, build_directory
from benchmarks.guard import allocations, instructions, state, system_calls
from benchmarks.guard.budget import DEFAULT, Budget
from benchmarks.guard.command import counted, main
from benchmarks.guard.subject import Subject, subject

PACKAGE = Path(awslambdaric_lite.__file__).parent
EXACT = ["modules_at_first_next", "system_calls_warm", "allocations_warm", "blocks_kept"]
ONLY_EXACT = [argument for name in EXACT for argument in ("--count", name)]
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build directory of this test process."""
    return build_directory(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def guarded(build: Path) -> Iterator[Subject]:
    """Return the runtime on this interpreter."""
    try:
        found = subject(Path(sys.executable), build)
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield found
    shutil.rmtree(found.loadgen.scratch, ignore_errors=True)


@pytest.fixture
def run(build: Path, guarded: Subject, capsys: pytest.CaptureFixture[str]) -> Guard:
    """Return what runs the command in the same build directory."""
    return Guard(build, capsys)


class Guard:
    """Runs the command and keeps what it says."""

    def __init__(self, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._build = build
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run it; return its status."""
        status = main(["--build-dir", str(self._build), *arguments])
        self.out, self.err = self._capsys.readouterr()
        return status

    def row(self, title: str) -> str:
        """Return the line of the table that begins with a title."""
        (line,) = [line for line in self.out.splitlines() if line.startswith(title)]
        return line


def require(tool: str) -> None:
    """Skip where a tool is missing."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")


class TestBudget:
    """The runtime of this checkout against the checked-in budget."""

    def test_the_exact_counts_are_kept(self, run: Guard) -> None:
        """Modules, system calls, allocations and blocks: a failure shows the table with what has changed."""
        if VERSION not in Budget.load(DEFAULT).versions:
            pytest.skip(f"there is no budget for Python {VERSION}; `python -m benchmarks guard --update` makes one")
        assert run(*ONLY_EXACT) == 0, run.out + run.err
        assert "EXCEEDED" not in run.out

    def test_a_lower_budget_is_exceeded(self, run: Guard, guarded: Subject, tmp_path: Path) -> None:
        """Each count that is one above its budget is named, with the difference; the exit status is 1."""
        budget = Budget()
        measured, skipped = counted(guarded, EXACT)
        budget.update(guarded.version, guarded.build(), {name: value - 1 for name, (value, _) in measured.items()})
        budget.save(tmp_path / "budget.json")

        assert run("--budget", str(tmp_path / "budget.json"), *ONLY_EXACT) == 1
        assert run.out.count("EXCEEDED") == len(measured) == len(EXACT) - len(skipped)
        assert "+1" in run.row("allocations of a warm invocation")
        assert f"over budget: modules at the first event, on {VERSION}; " in run.err
        assert "--update" in run.err

    def test_what_got_better_is_said_and_update_tightens(self, run: Guard, tmp_path: Path) -> None:
        """A count below its budget is no failure; `--update` takes it, and keeps what was not counted."""
        path = tmp_path / "budget.json"
        counts = {"modules_at_first_next": 999, "blocks_kept": 5}
        other = {"counts": {"modules_at_first_next": 1}, "builds": {}}
        path.write_text(json.dumps({"format": 1, "versions": {VERSION: {"counts": counts}, "3.9": other}}))
        only = ["--budget", str(path), "--count", "modules_at_first_next"]

        assert run(*only) == 0
        assert "better: tighten the budget" in run.row("modules at the first event")
        assert run(*only, "--update") == 0
        assert run(*only) == 0
        assert "kept" in run.row("modules at the first event")
        versions = json.loads(path.read_text())["versions"]
        assert versions["3.9"] == other and versions[VERSION]["counts"]["blocks_kept"] == 5

    def test_without_a_budget_everything_is_shown(self, run: Guard, tmp_path: Path) -> None:
        """A version that nobody has counted yet fails nothing."""
        assert run("--budget", str(tmp_path / "none.json"), "--count", "modules_at_first_next") == 0
        assert "no budget" in run.row("modules at the first event")
        assert not (tmp_path / "none.json").exists()

    def test_a_missing_tool_is_a_reason(self, run: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without strace and valgrind the other counts remain."""
        monkeypatch.setenv("PATH", str(tmp_path))
        arguments = ["--no-times", "--budget", str(tmp_path / "none.json")]
        assert run(*arguments) == 0
        assert "skipped: strace is not installed" in run.row("system calls of a warm invocation")
        assert "skipped: valgrind is not installed" in run.row("instructions up to the first poll")
        assert "no budget" in run.row("modules at the first event")

    def test_times_never_fail(self, run: Guard, tmp_path: Path) -> None:
        """A ratio beyond its band is a remark."""
        path = tmp_path / "budget.json"
        bands = {"spawn_to_next": 0.001, "event_to_next": 1000}
        path.write_text(json.dumps({"format": 1, "time_bands": bands, "versions": {}}))
        from benchmarks.guard.command import _show_times

        _show_times(subject(Path(sys.executable), run._build), Budget.load(path))
        run.out = run._capsys.readouterr().out
        assert "above the usual 0.001" in run.row("time: spawn_to_next") and "never a failure" in run.out
        assert "as usual" in run.row("time: event_to_next")


WASTEFUL = """
import posix

kept = []

def hello(event, context):
    posix.getppid()
    kept.append(object())
    return {"message": "hello"}

def look(event, context):
    from app_of_the_guard import look
    kept.append(object())
    return look(event, context)
"""


class TestWhatIsNoticed:
    """A change for the worse changes its count."""

    @pytest.fixture
    def wasteful(self, guarded: Subject, tmp_path: Path) -> Subject:
        """Return the same runtime with a function that calls, allocates and keeps one thing more each time."""
        shutil.copy(guarded.app / "app.py", tmp_path / "app_of_the_guard.py")
        (tmp_path / "app.py").write_text(WASTEFUL)
        guarded.cache.compile(tmp_path)
        return replace(guarded, app=tmp_path)

    def test_a_system_call(self, guarded: Subject, wasteful: Subject) -> None:
        """It is counted and named."""
        require("strace")
        (before, _), (after, detail) = (system_calls.count(each)["system_calls_warm"] for each in (guarded, wasteful))
        assert after == before + 1
        assert "getppid 1" in detail

    def test_an_allocation(self, guarded: Subject, wasteful: Subject) -> None:
        """An object more is one more."""
        (before, _), (after, _) = (allocations.count(each)["allocations_warm"] for each in (guarded, wasteful))
        assert after > before

    def test_a_leak(self, guarded: Subject, wasteful: Subject) -> None:
        """An object that every invocation leaves behind is a block kept."""
        assert state.count(guarded)["blocks_kept"][0] == 0
        assert state.count(wasteful)["blocks_kept"][0] >= 1

    def test_an_import(self, run: Guard, guarded: Subject, tmp_path: Path) -> None:
        """A runtime that imports one module more at its start is over the budget of the one that does not."""
        heavier = tmp_path / "awslambdaric_lite"
        shutil.copytree(PACKAGE, heavier, ignore=shutil.ignore_patterns("__pycache__", "emulator", "cli", "events"))
        settings = heavier / "_settings.py"
        settings.write_text(settings.read_text() + "\nimport _random\n")
        budget = Budget()
        measured, _ = counted(guarded, ["modules_at_first_next"])
        budget.update(VERSION, "", {name: value for name, (value, _) in measured.items()})
        budget.save(tmp_path / "budget.json")

        only = ["--budget", str(tmp_path / "budget.json"), "--count", "modules_at_first_next"]
        assert run(*only) == 0
        assert run(*only, "--package", str(heavier)) == 1
        assert "+1" in run.row("modules at the first event")

    def test_instructions(self, guarded: Subject) -> None:
        """They are counted apart for the start and for an invocation, which takes a small part of the start's."""
        require("valgrind")
        found = instructions.count(guarded)
        assert 1e6 < found["instructions_cold"][0] < 1e9
        assert 1e4 < found["instructions_warm"][0] < found["instructions_cold"][0] / 20


class TestWrongOptions:
    """One line that names the thing."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--package", "/nowhere"], "no runtime in /nowhere: __main__.py is missing"),
            (["--python", "/nowhere"], "--python /nowhere is no Python interpreter"),
        ],
    )
    def test_what_is_not_there(self, run: Guard, arguments: list[str], message: str) -> None:
        """The path is named."""
        with pytest.raises(SystemExit, match=message):
            run(*arguments)

    def test_a_path_that_is_too_long(self, guarded: Subject, tmp_path: Path) -> None:
        """Counts depend on the length of paths, so all are made equally long, which has a limit."""
        with pytest.raises(SystemExit, match="is too long to count with; name a shorter one with --build-dir"):
            main(["--build-dir", str(tmp_path / ("x" * 200))])
