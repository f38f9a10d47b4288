"""The checked-in budget: counts by version of Python, instructions also by build of the interpreter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ..build_cache import HERE
from ..results import save_text
from .counts import Count, by_name

DEFAULT = HERE / "budget.json"
FORMAT = 1


class Verdict(Enum):
    """The result of comparing a count with its budget."""

    KEPT = "kept"
    BETTER = "better: tighten the budget"
    EXCEEDED = "EXCEEDED"
    NO_BUDGET = "no budget"
    OTHER_BUILD = "not judged: another build"


@dataclass
class Budget:
    """Limits of counts: `versions["3.13"]["counts"][name]`, and `["builds"][build][name]` for counts of a build."""

    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    bands: dict[str, float] = field(default_factory=dict)
    """Maximum ratio of a time to the skeleton's, by measure; a higher one is remarked, never a failure."""

    @classmethod
    def load(cls, path: Path) -> Budget:
        """Read the file; return an empty budget if it does not exist.

        Raises:
            SystemExit: the file is not a budget; the message says why.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["format"] != FORMAT:
                raise ValueError(f"format {found['format']}, expected {FORMAT}")
            versions = {
                version: {
                    "counts": _numbers(entry.get("counts", {})),
                    "builds": {name: _numbers(build) for name, build in entry.get("builds", {}).items()},
                }
                for version, entry in found["versions"].items()
            }
            return cls(versions, _numbers(found.get("time_bands", {})))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            cure = "restore it, or delete it and run `python -m benchmarks guard --update`"
            raise SystemExit(f"benchmarks: {path} is not a budget: {error!r}; {cure}") from error

    def save(self, path: Path) -> None:
        """Write the file completely or not at all, with sorted versions, so that a change is a small diff."""
        ordered = sorted(self.versions.items(), key=lambda item: tuple(map(int, item[0].split("."))))
        content = {
            "format": FORMAT,
            "tools": {count.name: count.tool for count in by_name().values()},
            "tolerances": {count.name: count.tolerance for count in by_name().values()},
            "time_bands": self.bands,
            "versions": dict(ordered),
        }
        save_text(path, json.dumps(content, indent=2) + "\n")

    def of(self, count: Count, version: str, build: str) -> float | None:
        """Return the limit of a count, None if the budget has none for this version (or build)."""
        entry = self.versions.get(version, {"counts": {}, "builds": {}})
        found = entry["builds"].get(build, {}) if count.of_build else entry["counts"]
        value: float | None = found.get(count.name)
        return value

    def verdict(self, count: Count, version: str, build: str, measured: float) -> Verdict:
        """Compare a count with its budget."""
        budget = self.of(count, version, build)
        if budget is None:
            known = self.versions.get(version, {}).get("builds") if count.of_build else None
            return Verdict.OTHER_BUILD if known else Verdict.NO_BUDGET
        room = abs(budget) * count.tolerance
        if measured > budget + room:
            return Verdict.EXCEEDED
        return Verdict.BETTER if measured < budget - room else Verdict.KEPT

    def update(self, version: str, build: str, measured: Mapping[str, float]) -> None:
        """Replace the limits of measured counts; others stay."""
        entry = self.versions.setdefault(version, {"counts": {}, "builds": {}})
        for name, value in measured.items():
            number = int(value) if value == int(value) else value
            place = entry["builds"].setdefault(build, {}) if by_name()[name].of_build else entry["counts"]
            place[name] = number


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{name} is {value!r}, not a number")
    return dict(values)
