"""Targets of the runtime: each compares a figure of one contender with another's in the same run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

from .contenders import BASELINE, MANAGED
from .results import Results


@dataclass(frozen=True)
class Target:
    """`contender` must not exceed `limit` times `against`, or with `seconds_above` be `limit` seconds slower."""

    measure: str
    contender: str
    against: str
    limit: float
    seconds_above: bool = False
    python: str | None = None
    """The version of Python that the target is for; None: all."""

    @property
    def text(self) -> str:
        """Return the target in words."""
        where = f" on Python {self.python}" if self.python else ""
        if self.seconds_above:
            return f"{self.contender} at most {self.limit * 1e3:.1f} ms above {self.against}{where}"
        return f"{self.contender} at most {self.limit:.2f} of {self.against}{where}"

    def measured(self, results: Results) -> float | None:
        """Return the figure, or None if one of the two was not measured."""
        ours, theirs = results.of(self.contender, self.measure), results.of(self.against, self.measure)
        if not ours or not theirs:
            return None
        if self.python and f" {self.python}." not in str(results.machine.get("python", "")):
            return None
        if self.seconds_above:
            return median(ours) - median(theirs)
        return median(ours) / median(theirs) if median(theirs) else None

    def show(self, value: float) -> str:
        """Return a figure as the table shows it."""
        return f"{value * 1e3:.2f} ms" if self.seconds_above else f"{value:.3f}"


def _pair(measure: str, managed: float, provided: float, contender: str = "lite") -> Iterator[Target]:
    yield Target(measure, contender + MANAGED, BASELINE + MANAGED, managed)
    yield Target(measure, contender, BASELINE, provided)


def _imports_of_applications() -> Iterator[Target]:
    """Yield the targets of real applications with lazy imports and an import list, with a bundle, and with both."""
    lazy, bundle, both = (f"lite+{name}{MANAGED}" for name in ("lazy-list", "bundle", "lazy-bundle"))
    official = BASELINE + MANAGED
    for name, limit in (("powertools", 0.45), ("fastapi", 0.68), ("boto3_client", 0.75)):
        yield Target(f"spawn_to_next_{name}", lazy, official, limit, python="3.15")
        yield Target(f"cpu_first_{name}", lazy, official, 1.1, python="3.15")
    for name, warm, dropped in (("powertools", 0.88, 0.72), ("fastapi", 0.95, 0.72), ("boto3_client", 0.95, 0.88)):
        yield Target(f"spawn_to_next_{name}", bundle, official, warm, python="3.13")
        yield Target(f"spawn_to_next_dropped_{name}", bundle, official, dropped, python="3.13")
    for name in ("powertools", "fastapi", "boto3_client"):
        for measure in (f"spawn_to_next_{name}", f"spawn_to_next_dropped_{name}"):
            yield Target(measure, both, lazy, 1.0, python="3.15")
            yield Target(measure, both, bundle, 1.0, python="3.15")


def targets() -> list[Target]:
    """Return all targets, in the order of the report."""
    found = [
        *_pair("spawn_to_next", 0.38, 0.43),
        Target("spawn_to_next", "lite", "skeleton", 0.0015, seconds_above=True),
        # The official client imports more on each new version.
        *(replace(target, python="3.14") for target in _pair("spawn_to_next", 0.25, 0.25)),
        Target("spawn_to_next_layers", "lite-provided", f"{BASELINE}-provided", 0.45),
        Target("spawn_to_next_layers", "lite-wrapper", BASELINE + MANAGED, 0.45),
        Target("spawn_to_next_layers", "lite-provided", "skeleton-provided", 0.0015, seconds_above=True),
        Target("spawn_to_next_layers", "lite-wrapper", "skeleton-wrapper", 0.003, seconds_above=True),
        *_pair("event_to_next", 0.25, 0.36),
        *_pair("event_to_next_apigw", 0.28, 0.40),
        Target("event_to_next", "lite", "rust", 0.65),
        Target("event_to_next", "lite", "go", 0.45),
        Target("event_to_next", "lite", "c", 1.7),
        Target("event_to_response", "lite", "rust", 1.0),
        *_pair("cpu_first", 0.25, 0.45),
        *_pair("cpu_first_error", 0.20, 0.20),
        *_pair("cpu_warm", 0.18, 0.35),
        *_pair("cpu_warm_error", 0.30, 0.30),
    ]
    for kind in ("plain", "structured", "astral"):
        found.append(Target(f"echo_5mb_{kind}", "lite+orjson", BASELINE, 0.5))
        found += _pair(f"echo_5mb_{kind}", 0.5, 0.5)
    found += [Target(f"echo_5mb_{kind}", "lite+stdlib", BASELINE, 0.8) for kind in ("plain", "structured")]
    found += _pair("memory_at_next", 0.7, 0.7)
    found += [Target("stale_spawn_to_next", "lite", BASELINE, 0.5), Target("good_spawn_to_next", "lite", BASELINE, 1.0)]
    for workers in (16, 64):
        found += [Target(f"managed_{workers}_{what}", "lite", BASELINE, 0.25) for what in ("spawn_to_polls", "memory")]
    found += _imports_of_applications()
    found += _pair("memory_peak", 1.0, 1.0)
    for kind in ("plain", "structured", "astral"):
        found += _pair(f"echo_5mb_{kind}_memory", 1.0, 1.0)
        found.append(Target(f"echo_5mb_{kind}_memory", "lite+stdlib", BASELINE, 1.0))
    return found
