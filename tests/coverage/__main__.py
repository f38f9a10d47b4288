"""Run tests with measured processes and compare with the floors: `python3.14 -m tests.coverage [ARGUMENT OF PYTEST…]`.

What the tests leave out is printed, and `.coverage` is written for the commands of coverage.py. Arguments that name
folders select the runtime's tests; the tools are then left out of the comparison. The status is not 0 if a test fails,
or if a group of modules is below its floor, or so far above it that the floor has to rise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import coverage

from awslambdaric_lite.packaging.runtime import runtime_files
from tests.support.client_process import PROJECT, package_root

from . import interpreter
from .arcs import arcs_of, folder_name

PACKAGE = Path(package_root()) / "awslambdaric_lite"
DATA = PROJECT / ".coverage"
FLOORS = Path(__file__).with_name("floors.json")
LIST = PROJECT / "tests" / "architecture" / "modules-at-first-next.txt"
SINCE = (3, 14)
SLACK = 1.5  # a run may reach a few lines more or fewer, e.g. those that a signal interrupts
IN_LAMBDA, WHOLE = "modules in Lambda", "package"


def main(*arguments: str) -> int:
    """Run pytest and report; return the exit status."""
    if sys.version_info[:2] < SINCE:
        print("Python reports branches to sys.monitoring from 3.14 on; use python3.14", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="coverage-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        notes = {path: folder / "notes" / folder_name(path.relative_to(PACKAGE).as_posix()) for path in sources()}
        for each in notes.values():
            each.mkdir(parents=True)
            each.chmod(0o777)  # for processes of other users
        python = interpreter.make(folder, folder / "notes")
        # pytest would rewrite the assertions of the package, which has a plugin of pytest: its text would be another.
        command = [str(python), "-m", "pytest", "--assert=plain", *arguments]
        status = subprocess.run(command, cwd=PROJECT, check=False).returncode
        data = coverage.CoverageData(str(DATA))
        data.erase()
        data.add_arcs({str(path): arcs_of(path, each) for path, each in notes.items()})
        data.write()
    group = IN_LAMBDA if any("/" in argument for argument in arguments) else WHOLE
    return max(status, not within_floors(figures(group)))


def sources() -> list[Path]:
    """Return the modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def groups() -> dict[str, list[Path]]:
    """Return the modules of each group that has a floor."""
    listed = {line.split()[0] for line in LIST.read_text().splitlines() if line.startswith(PACKAGE.name)}
    names = {f"{name.replace('.', '/')}{end}" for name in listed for end in (".py", "/__init__.py")}
    cold = [path for path in sources() if path.relative_to(PACKAGE.parent).as_posix() in names]
    return {"cold modules": cold, IN_LAMBDA: runtime_files(PACKAGE), WHOLE: sources()}


def figures(largest: str) -> dict[str, float]:
    """Print what the modules of a group lack; return the percentages of the groups up to that one."""
    report = coverage.Coverage(data_file=str(DATA), config_file=str(PROJECT / "pyproject.toml"))
    report.load()
    paths = {name: [str(path) for path in group] for name, group in groups().items()}
    report.report(paths[largest], show_missing=True, skip_covered=True)
    with open(os.devnull, "w") as nowhere:
        reached = {name: report.report(group, file=nowhere) for name, group in paths.items()}
    return {name: reached[name] for name in list(reached)[: list(reached).index(largest) + 1]}


def within_floors(reached: Mapping[str, float]) -> bool:
    """Print the percentage of each group next to its floor; return whether all are there."""
    good = True
    floors = json.loads(FLOORS.read_text())
    for name, percentage in reached.items():
        print(f"{name}: {percentage:.2f} %, floor {floors[name]:.2f} %")
        if percentage < floors[name]:
            print("  below the floor: test what is missing above, or exclude it with a reason in pyproject.toml")
            good = False
        elif percentage > floors[name] + SLACK:
            print(f"  above the floor: raise it in {FLOORS.name}")
            good = False
    return good


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
