"""The file of a benchmark run: raw samples, and the machine that measured them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from awslambdaric_lite.bench.confidence import Interval, ratio
from awslambdaric_lite.common.files import write_whole

FORMAT = 1


@dataclass
class Results:
    """The results of one run.

    Attributes:
        machine: the description from `machine.describe`.
        samples: `samples[contender][measure]` are seconds, bytes or counts.
        per_run: the number of samples of a measure in each process.
        skipped: the reason why a contender or a job was skipped.
        rounds: the number of rounds.
        imports: a contender's tree of imports up to the first poll; each node has `name`, `self_us`, `total_us` and
            `children`.
    """

    machine: dict[str, Any]
    samples: dict[str, dict[str, list[float]]]
    per_run: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    rounds: int = 0
    imports: dict[str, Any] = field(default_factory=dict)
    _ratios: dict[tuple[str, str, str], Interval] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, contender: str, measure: str) -> list[float]:
        """Return the samples of a contender in a measure, [] if it was not measured."""
        return self.samples.get(contender, {}).get(measure, [])

    @property
    def python(self) -> str:
        """Return the implementation and the minor version of Python, e.g. `CPython 3.13`."""
        found = re.match(r"\S+ \d+\.\d+", str(self.machine.get("python", "")))
        return found[0] if found else ""

    def measures(self) -> list[str]:
        """Return the measures that any contender has samples of, in the order in which they were first taken."""
        return list(dict.fromkeys(m for samples in self.samples.values() for m, values in samples.items() if values))

    def contenders(self, measure: str) -> list[str]:
        """Return the contenders that have samples of a measure."""
        return [name for name, samples in self.samples.items() if samples.get(measure)]

    def ratio(self, ours: str, theirs: str, measure: str) -> Interval:
        """Divide one contender's median by another's; the result is cached, as a page needs it several times.

        Raises:
            ValueError: one of the two was not measured, or the second median is zero.
        """
        key = ours, theirs, measure
        if key not in self._ratios:
            a, b = self.of(ours, measure), self.of(theirs, measure)
            self._ratios[key] = ratio(a, b, self.per_run.get(measure, 1))
        return self._ratios[key]

    def save(self, path: Path) -> None:
        """Write the file completely or not at all, one line of samples for each contender and measure.

        Raises:
            SystemExit: the file cannot be written; the message says why.
        """
        head: dict[str, Any] = {"format": FORMAT, "machine": self.machine, "rounds": self.rounds}
        head |= {"per_run": self.per_run, "skipped": self.skipped}
        if self.imports:
            head["imports"] = self.imports
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
        blocks = []
        for contender, samples in self.samples.items():
            rows = [f"      {json.dumps(measure)}: {_numbers(values)}" for measure, values in samples.items()]
            blocks.append(f"    {json.dumps(contender)}: {{\n" + ",\n".join(rows) + "\n    }")
        save_text(path, "{\n" + "\n".join(lines) + '\n  "samples": {\n' + ",\n".join(blocks) + "\n  }\n}\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read a file.

        Raises:
            SystemExit: the file is missing or not a result; the message says why.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            version, machine, samples = found.get("format", FORMAT), found["machine"], found["samples"]
            if version != FORMAT or not isinstance(machine, dict) or not isinstance(samples, dict):
                raise ValueError(f"format {version}, expected {FORMAT}")
            for contender, measures in samples.items():
                for measure, values in measures.items():
                    if not isinstance(values, list) or not all(isinstance(v, (int, float)) for v in values):
                        raise ValueError(f"samples of {contender} {measure} are not a list of numbers")
                    if not all(0 <= v < math.inf for v in values):
                        raise ValueError(f"samples of {contender} {measure} are not all finite and zero or more")
            rest = {name: found.get(name, {}) for name in ("per_run", "skipped", "imports")}
            for name, value in rest.items():
                if not isinstance(value, dict):
                    raise ValueError(f"{name} is not an object")
        except OSError as error:
            cure = f"`python -m benchmarks run -o {path}` writes it"
            raise SystemExit(f"benchmarks: cannot read {path}: {error.strerror}; {cure}") from error
        except KeyError as error:
            message = f"benchmarks: {path} is not the result of `python -m benchmarks run`: it has no {error}"
            raise SystemExit(message) from error
        except (ValueError, AttributeError, TypeError) as error:
            raise SystemExit(f"benchmarks: {path} is not the result of `python -m benchmarks run`: {error}") from error
        return cls(machine, samples, rounds=found.get("rounds", 0), **rest)


def merged(runs: Mapping[str, Results], *, prefer_last: bool = False) -> Results:
    """Merge runs of different suites, by name; machine and rounds are those of the first.

    With `prefer_last`, a measure of several runs is that of the last one, with all its contenders.

    Raises:
        SystemExit: two of them have the same measure; samples of different runs cannot be compared.
    """
    whole: Results | None = None
    measured_by: dict[str, str] = {}
    for name, run in runs.items():
        for measure in run.measures():
            if measure in measured_by and not prefer_last:
                raise SystemExit(
                    f"benchmarks: {measured_by[measure]} and {name} both have {measure}, and one report cannot hold "
                    "both; `python -m benchmarks compare A.json B.json` puts them side by side, and --prefer-last "
                    "shows only the last one"
                )
            if whole is not None and measure in measured_by:
                for samples in whole.samples.values():
                    samples.pop(measure, None)
            measured_by[measure] = name
        if whole is None:
            whole = Results(dict(run.machine), {}, rounds=run.rounds)
        for contender, samples in run.samples.items():
            whole.samples.setdefault(contender, {}).update(samples)
        whole.per_run |= run.per_run
        whole.skipped |= run.skipped
        whole.imports |= run.imports
    assert whole is not None, "at least one run"
    return whole


def by_python(runs: Mapping[str, Results], *, prefer_last: bool = False) -> list[Results]:
    """Merge the runs of each version of Python, in the order in which the versions come first.

    Raises:
        SystemExit: as `merged` does.
    """
    versions = dict.fromkeys(run.python for run in runs.values())
    return [
        merged({name: run for name, run in runs.items() if run.python == version}, prefer_last=prefer_last)
        for version in versions
    ]


def save_text(path: Path, text: str) -> None:
    """Write a file completely or not at all.

    Raises:
        SystemExit: the file cannot be written; the message says why.
    """
    try:
        write_whole(path, text)
    except OSError as error:
        raise SystemExit(f"benchmarks: cannot write {path}: {error.strerror}") from error


def _numbers(values: list[float]) -> str:
    # Ten nanoseconds are below any noise; figures from a thousand on are bytes.
    return json.dumps([int(value) if value >= 1000 else round(value, 8) for value in values])
