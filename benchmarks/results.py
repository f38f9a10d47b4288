"""The file of a benchmark run: what was measured on what, as raw samples."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1


@dataclass
class Results:
    """One run: `samples[contender][measure]` are seconds or bytes, `per_run[measure]` of them from each process."""

    machine: dict[str, Any]
    samples: dict[str, dict[str, list[float]]]
    per_run: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    rounds: int = 0

    def of(self, contender: str, measure: str) -> list[float]:
        """Return the samples, none if it was not measured."""
        return self.samples.get(contender, {}).get(measure, [])

    def measures(self) -> list[str]:
        """Return the measures that any contender has, in the order in which they were first taken."""
        return list(dict.fromkeys(measure for samples in self.samples.values() for measure in samples))

    def contenders(self, measure: str) -> list[str]:
        """Return the contenders that have samples of a measure."""
        return [name for name, samples in self.samples.items() if samples.get(measure)]

    def save(self, path: Path) -> None:
        """Write the file, one line of samples for each contender and measure."""
        head = {"format": FORMAT, "machine": self.machine, "rounds": self.rounds}
        head |= {"per_run": self.per_run, "skipped": self.skipped}
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
        blocks = []
        for contender, samples in self.samples.items():
            rows = [f"      {json.dumps(measure)}: {_numbers(values)}" for measure, values in samples.items()]
            blocks.append(f"    {json.dumps(contender)}: {{\n" + ",\n".join(rows) + "\n    }")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{\n" + "\n".join(lines) + '\n  "samples": {\n' + ",\n".join(blocks) + "\n  }\n}\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read a file.

        Raises:
            SystemExit: it is missing or no result; the message says so.
        """
        try:
            found = json.loads(path.read_text())
            version, machine, samples = found.get("format", FORMAT), found["machine"], found["samples"]
            if version != FORMAT or not isinstance(machine, dict) or not isinstance(samples, dict):
                raise ValueError(f"format {version}, expected {FORMAT}")
            for contender, measures in samples.items():
                for measure, values in measures.items():
                    if not isinstance(values, list) or not all(isinstance(v, (int, float)) for v in values):
                        raise ValueError(f"samples of {contender} {measure} are no list of numbers")
        except OSError as error:
            cure = f"`python -m benchmarks run -o {path}` makes it"
            raise SystemExit(f"benchmarks: cannot read {path}: {error.strerror}; {cure}") from error
        except (ValueError, KeyError, AttributeError) as error:
            raise SystemExit(f"benchmarks: {path} is not the result of `python -m benchmarks run`: {error}") from error
        return cls(machine, samples, found.get("per_run", {}), found.get("skipped", {}), found.get("rounds", 0))


def _numbers(values: list[float]) -> str:
    # Ten nanoseconds are finer than any noise; what is a thousand or more is bytes.
    return json.dumps([int(value) if value >= 1000 else round(value, 8) for value in values])
