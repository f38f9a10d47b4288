"""The regression guard on the interpreter that runs the tests: its counts, and its sensitivity."""

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
    """Return a runner of the command in the same build directory."""
    return Guard(build, capsys)


class Guard:
    """A runner of the command that keeps its output."""

    def __init__(self, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.build = build
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run the command; return its status."""
        status = main(["--build-dir", str(self.build), *arguments])
        self.out, self.err = self.capsys.readouterr()
        return status

    def row(self, title: str) -> str:
        """Return the line of the table that begins with a title."""
        (line,) = [line for line in self.out.splitlines() if line.startswith(title)]
        return line


def require(tool: str) -> None:
    """Skip the test if a tool is missing."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")


class TestBudget:
    """The runtime of this checkout against the checked-in budget."""

    def test_counts_are_within_budget(self, run: Guard) -> None:
        """Modules, system calls, allocations and kept blocks are within the checked-in budget."""
        if VERSION not in Budget.load(DEFAULT).versions:
            pytest.skip(f"no budget for Python {VERSION}; `python -m benchmarks guard --update` writes one")
        assert run(*ONLY_EXACT) == 0, run.out + run.err
        assert "EXCEEDED" not in run.out

    def test_exceeded_budget_is_printed(self, run: Guard, guarded: Subject, tmp_path: Path) -> None:
        """Each count above its budget is printed with the difference, and the exit status is 1."""
        budget = Budget()
        measured, skipped = counted(guarded, EXACT)
        budget.update(guarded.version, guarded.build(), {name: value - 1 for name, (value, _) in measured.items()})
        budget.save(tmp_path / "budget.json")

        assert run("--budget", str(tmp_path / "budget.json"), *ONLY_EXACT) == 1
        assert run.out.count("EXCEEDED") == len(measured) == len(EXACT) - len(skipped)
        assert "+1" in run.row("allocations of a warm invocation")
        assert f"over budget: modules at the first event, on {VERSION}; " in run.err
        assert "--update" in run.err

    def test_update_tightens_budget(self, run: Guard, tmp_path: Path) -> None:
        """A count below its budget passes with a remark; `--update` writes it and keeps uncounted budgets."""
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

    def test_missing_budget_passes(self, run: Guard, tmp_path: Path) -> None:
        """A version of Python without a budget passes, and its counts are printed."""
        assert run("--budget", str(tmp_path / "none.json"), "--count", "modules_at_first_next") == 0
        assert "no budget" in run.row("modules at the first event")
        assert not (tmp_path / "none.json").exists()

    def test_missing_tool_skips_count(self, run: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without strace and valgrind their counts are skipped with the reason."""
        monkeypatch.setenv("PATH", str(tmp_path))
        arguments = ["--no-times", "--budget", str(tmp_path / "none.json")]
        assert run(*arguments) == 0
        assert "skipped: strace is not installed" in run.row("system calls of a warm invocation")
        assert "skipped: valgrind is not installed" in run.row("instructions up to the first poll")
        assert "no budget" in run.row("modules at the first event")

    def test_slow_times_never_fail(self, run: Guard, tmp_path: Path) -> None:
        """A ratio of times beyond its band is a remark and not a failure."""
        path = tmp_path / "budget.json"
        bands = {"spawn_to_next": 0.001, "event_to_next": 1000}
        path.write_text(json.dumps({"format": 1, "time_bands": bands, "versions": {}}))
        from benchmarks.guard.command import show_times

        show_times(subject(Path(sys.executable), run.build), Budget.load(path))
        run.out = run.capsys.readouterr().out
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
    """Counts of changed runtimes and functions."""

    @pytest.fixture
    def wasteful(self, guarded: Subject, tmp_path: Path) -> Subject:
        """Return the same runtime with a function that makes one more call, allocates and keeps one more object."""
        shutil.copy(guarded.app / "app.py", tmp_path / "app_of_the_guard.py")
        (tmp_path / "app.py").write_text(WASTEFUL)
        guarded.cache.compile(tmp_path)
        return replace(guarded, app=tmp_path)

    def test_additional_system_call_is_counted(self, guarded: Subject, wasteful: Subject) -> None:
        """A system call that the handler adds is counted and named."""
        require("strace")
        (before, _), (after, detail) = (system_calls.count(each)["system_calls_warm"] for each in (guarded, wasteful))
        assert after == before + 1
        assert "getppid 1" in detail

    def test_additional_allocation_is_counted(self, guarded: Subject, wasteful: Subject) -> None:
        """An object that the handler adds is counted as an allocation."""
        (before, _), (after, _) = (allocations.count(each)["allocations_warm"] for each in (guarded, wasteful))
        assert after > before

    def test_leaked_object_is_counted(self, guarded: Subject, wasteful: Subject) -> None:
        """An object that each invocation leaves behind is counted as a kept block."""
        assert state.count(guarded)["blocks_kept"][0] == 0
        assert state.count(wasteful)["blocks_kept"][0] >= 1

    def test_additional_import_exceeds_budget(self, run: Guard, guarded: Subject, tmp_path: Path) -> None:
        """A runtime that imports one more module exceeds the budget."""
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

    def test_instructions_are_counted_separately(self, guarded: Subject) -> None:
        """Instructions of the start and of an invocation are counted separately, and the latter are few."""
        require("valgrind")
        found = instructions.count(guarded)
        assert 1e6 < found["instructions_cold"][0] < 1e9
        assert 1e4 < found["instructions_warm"][0] < found["instructions_cold"][0] / 20


class TestWrongOptions:
    """Errors of one line that name the cause."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--package", "/nowhere"], "no runtime in /nowhere: __main__.py is missing"),
            (["--python", "/nowhere"], "--python /nowhere does not run as a Python interpreter"),
        ],
    )
    def test_missing_runtime_is_named(self, run: Guard, arguments: list[str], message: str) -> None:
        """A path without a runtime or an interpreter is an error that names it."""
        with pytest.raises(SystemExit, match=message):
            run(*arguments)

    def test_too_long_path_is_refused(self, guarded: Subject, tmp_path: Path) -> None:
        """A build folder whose path is too long to be padded is refused."""
        with pytest.raises(SystemExit, match="is too long for comparable counts; name a shorter one with --build-dir"):
            main(["--build-dir", str(tmp_path / ("x" * 200))])
