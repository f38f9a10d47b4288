"""Reports of `bench` and `doctor`: figures, and what happens without rich."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.bench.contenders import Contender
from awslambdaric_lite.bench.rounds import Comparison, Event, Plan
from awslambdaric_lite.cli.bench_report import BenchReport
from tests.emulator.command_line import WAIT, environment

MACHINE: dict[str, str | int] = {
    "cpu": "CPU", "cpus": 2, "system": "Linux", "architecture": "x86_64", "python": "CPython 3.13"
}  # fmt: skip


def report(rounds: int, ours: list[float], theirs: list[float]) -> BenchReport:
    """Return a comparison of init phases."""
    first, second, bare = (Contender(label, ("true",)) for label in ("ours", "theirs", "bare"))
    plan = Plan(first, second, bare, [Event("the event {}", b"{}")], rounds)
    figures = {"ours": ours, "theirs": theirs, "bare": ours}
    outcome = Comparison(1, {label: {"spawn_to_next": values} for label, values in figures.items()})
    return BenchReport("app.handler", MACHINE, plan, outcome, [])


def ratio_of(found: BenchReport) -> tuple[str, dict[str, float | None]]:
    """Return the last cell of the table's row, and the ratio in the JSON."""
    stream = io.StringIO()
    found.show(stream)
    row = next(line for line in stream.getvalue().splitlines() if line.startswith("init: start to first poll"))
    return row.split("  ")[-1].strip(), json.loads(json.dumps(found.as_json()))["measures"][0]["ratio"]


def test_few_rounds_have_no_interval() -> None:
    """A ratio of four rounds has no interval, because four rounds do not show how much rounds differ."""
    assert ratio_of(report(4, [1.0] * 4, [2.0] * 4)) == ("0.50", {"value": 0.5, "low": None, "high": None})
    assert ratio_of(report(5, [1.0] * 5, [2.0] * 5)) == ("0.50 [0.50, 0.50]", {"value": 0.5, "low": 0.5, "high": 0.5})


def test_infinite_bound_is_null_in_json() -> None:
    """An interval without an upper bound has null in the JSON, which has no infinity."""
    text, fields = ratio_of(report(5, [1.0] * 5, [1.0, 0.0, 1.0, 0.0, 1.0]))
    assert text.endswith("inf]") and fields["high"] is None and fields["low"] == 1.0


def test_zero_divisor_has_no_ratio() -> None:
    """A ratio to a median of zero is empty in the table and null in the JSON."""
    _, fields = ratio_of(report(5, [1.0] * 5, [0.0] * 5))
    assert fields is None


@pytest.mark.parametrize("arguments", [["doctor", "."], ["bench", "app.handler"]])
def test_missing_rich_is_named_first(arguments: list[str], tmp_path: Path) -> None:
    """Without rich a table is refused before any work, with the extra to install; JSON needs no rich."""
    hide = (
        "import importlib.util, sys\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'rich' else find(name, *rest)\n"
        "from awslambdaric_lite.cli import main\nsys.exit(main(sys.argv[1:]))"
    )

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", hide, *arguments, *more]
        return subprocess.run(
            command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=WAIT, check=False
        )

    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'awslambdaric-lite[local]'" in done.stderr
    if arguments[0] == "doctor":
        done = run("--json")
        assert done.returncode in (0, 1) and json.loads(done.stdout)["findings"], done.stderr


def test_json_does_not_import_rich(tmp_path: Path) -> None:
    """`doctor --json` prints JSON only and does not import rich."""
    probe = (
        "import sys\nfrom awslambdaric_lite.cli import main\nmain(['doctor', '.', '--json'])\n"
        "sys.stderr.write(str('rich' in sys.modules))"
    )
    (tmp_path / "app.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=tmp_path, env=environment(), capture_output=True, timeout=WAIT, check=True
    )
    assert json.loads(done.stdout) and done.stderr == b"False"
    assert os.listdir(tmp_path) == ["app.py"]
