"""Makes results and tables from the reports of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

from awslambdaric_lite.common.tables import Table

from ..results import Results
from .coldstarts import ColdStarts


def collected(
    measured: Iterable[ColdStarts], machine: Mapping[str, str | int], skipped: Mapping[str, str], warm: int, rounds: int
) -> Results:
    """Return the results in the format of the suite: a contender for each variant, measures for each memory size."""
    samples: dict[str, dict[str, list[float]]] = {}
    per_run: dict[str, int] = {}
    for function in (each for each in measured if each.reports):
        of_variant = samples.setdefault(function.deployment.variant.name, {})
        size = f"{function.deployment.memory_mb}mb"
        of_variant[f"init_duration_{size}"] = [report.init or 0.0 for report in function.reports]
        of_variant[f"first_duration_{size}"] = [report.duration for report in function.reports]
        of_variant[f"first_billed_duration_{size}"] = [report.billed for report in function.reports]
        of_variant[f"max_memory_used_{size}"] = [report.max_memory for report in function.reports]
        if function.warm:
            of_variant[f"warm_duration_{size}"] = [report.duration for report in function.warm]
            per_run[f"warm_duration_{size}"] = warm
    return Results(dict(machine), samples, per_run, dict(skipped), rounds)


def table(measured: Iterable[ColdStarts]) -> Table:
    """Return the medians of each function, in ms and MB."""
    header = ["function", "init", "first", "billed", "warm", "memory", "n"]
    found = Table("medians (ms, MB)", header)
    for function in (each for each in measured if each.reports):
        reports, warm = function.reports, function.warm
        name = f"{function.deployment.variant.name} at {function.deployment.memory_mb} MB"
        durations = [[each.init or 0.0 for each in reports], [each.duration for each in reports]]
        durations += [[each.billed for each in reports], [each.duration for each in warm]]
        shown = [f"{1e3 * median(values):.2f}" if values else "-" for values in durations]
        memory = median([each.max_memory for each in reports]) / 2**20
        found.rows.append([name, *shown, f"{memory:.0f}", str(len(reports))])
    return found
