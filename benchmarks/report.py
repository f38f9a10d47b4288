"""Tables from results: each measure, the targets, the comparison of two runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from awslambdaric_lite.bench.confidence import Interval, difference, percentile, ratio
from awslambdaric_lite.common.tables import Table

from .contenders import BASELINE, IMPORT_SET_UPS, MANAGED, baseline_of
from .functions import cold_start_table, invocation_table, short
from .measures import describe, figure, ordered_measures
from .results import Results
from .tables import to_markdown
from .targets import Target, targets


def _compared(results: Results, measure: str, name: str, baseline: str) -> str:
    theirs = results.of(baseline, measure)
    if name == baseline or not theirs or not median(theirs):
        return "1" if name == baseline else "-"
    return str(results.ratio(name, baseline, measure))


def measure_table(results: Results, measure: str) -> Table:
    """Return median, percentiles and the ratio to the official client in the same configuration."""
    medians = {name: median(results.of(name, measure)) for name in results.contenders(measure)}
    shares = {"p90": 0.9, "p99": 0.99}
    if any(len(results.of(name, measure)) >= 1000 for name in medians):
        shares["p99.9"] = 0.999  # with fewer samples it would be the largest one
    table = Table(describe(measure), ["contender", "median", *shares, f"of {BASELINE} [95 %]", "n"])
    for name in sorted(medians, key=lambda name: medians[name]):
        samples = results.of(name, measure)
        values = (medians[name], *(percentile(samples, share) for share in shares.values()))
        shown = [figure(measure, value, max(medians.values())) for value in values]
        table.rows.append([name, *shown, _compared(results, measure, name, baseline_of(name)), str(len(samples))])
    return table


def summary_table(results: Results) -> Table:
    """Return ours and the official client's medians side by side, in both configurations."""
    pairs = [(f"lite{suffix}", f"{BASELINE}{suffix}") for suffix in (MANAGED, "")]
    columns = (column for ours, theirs in pairs for column in (ours, theirs, "ratio [95 %]"))
    table = Table("medians", ["measure", *columns])
    for measure in ordered_measures(results):
        row = [measure]
        for ours, theirs in pairs:
            a, b = results.of(ours, measure), results.of(theirs, measure)
            largest = max([median(s) for s in (a, b) if s], default=0.0)
            row += [figure(measure, median(s), largest) if s else "-" for s in (a, b)]
            row.append(short(results.ratio(ours, theirs, measure)) if a and b and median(b) else "-")
        table.rows.append(row)
    return table


def set_up_table(results: Results) -> Table:
    """Return the measures that lazy imports and bundles change: the ratio of each set-up to the official client."""
    set_ups = ["", *(f"+{name}" for name in IMPORT_SET_UPS)]
    table = Table("imports of applications", ["measure", BASELINE, *(f"lite{name} [95 %]" for name in set_ups)])
    for measure in ordered_measures(results):
        for suffix in (MANAGED, ""):
            ours, theirs = [f"lite{name}{suffix}" for name in set_ups], f"{BASELINE}{suffix}"
            official = results.of(theirs, measure)
            if not official or not median(official) or not any(results.of(name, measure) for name in ours[1:]):
                continue
            ratios = [
                short(results.ratio(name, theirs, measure)) if results.of(name, measure) else "-" for name in ours
            ]
            table.rows.append([measure + suffix, figure(measure, median(official)), *ratios])
    return table


def headline(*groups: Results) -> str:
    """Return the summary of runs for a README: a one-line handler and real applications, and the missed targets.

    Each group has the results of one Python.

    Raises:
        SystemExit: the one-line handler was not measured with both clients.
    """
    sides, needed = (f"lite{MANAGED}", f"{BASELINE}{MANAGED}"), ("spawn_to_next", "event_to_next")
    if not all(groups[0].of(side, measure) for side in sides for measure in needed):
        raise SystemExit(f"benchmarks: a headline needs {' and '.join(needed)} of {' and '.join(sides)}")
    values = [(target.limit, value) for target, _, value in evaluated(groups)]
    missed = sum(value > limit for limit, value in values)
    runs = "; ".join(f"{group.machine.get('python', '')}, {group.rounds} interleaved rounds" for group in groups)
    invocations = "; ".join(
        f"{name} {ours} instead of {theirs} ({share})" for name, theirs, ours, share in invocation_table(groups).rows
    )
    return (
        f"{to_markdown(cold_start_table(groups))}\n\n"
        "From the start of the process to its first poll: the median of the official client, and the ratios to it on "
        "the same Python and the same packages, with their 95 % intervals. Dropped: with an empty page cache, so that "
        "every file is read from the disk. Real applications spend their cold start in their own imports: a runtime "
        "client alone does not make them faster; lazy imports on Python 3.15 and a bundle of the imports can. Warm "
        f"invocations with lite: {invocations}. {runs}, on a local machine without AWS. These runs miss {missed} of "
        f"{len(values)} targets that the project has set for itself."
    )


def evaluated(groups: Iterable[Results]) -> Iterator[tuple[Target, Results, float]]:
    """Yield each target with each group of results that has measured it, and the figure."""
    whole = list(groups)
    for target in targets():
        for group in whole:
            value = target.measured(group)
            if value is not None:
                yield target, group, value


def target_table(*groups: Results) -> Table:
    """Return each target, the measured figure of each group, and whether the target is met."""
    table = Table("targets", ["measure", "target", "measured", "met"], text_columns=2)
    found: dict[Target, list[list[str]]] = {target: [] for target in targets()}
    for target, group, value in evaluated(groups):
        words = target.text if target.python or len(groups) == 1 else f"{target.text} on {group.python}"
        verdict = "yes" if value <= target.limit else "NO"
        found[target].append([target.measure, words, target.show(value), verdict])
    for target, rows in found.items():
        table.rows += rows or [[target.measure, target.text, "", "not measured"]]
    return table


def target_interval(target: Target, results: Results) -> Interval | None:
    """Return the figure of a target with its interval, or None if it was not measured as this comparison."""
    value = target.measured(results)
    if value is None:
        return None
    if target.seconds_above:
        ours, theirs = results.of(target.contender, target.measure), results.of(target.against, target.measure)
        found = difference(ours, theirs, results.per_run.get(target.measure, 1))
    else:
        found = results.ratio(target.contender, target.against, target.measure)
    return found if math.isclose(found.value, value, rel_tol=1e-9) else None


def machine_lines(results: Results) -> list[str]:
    """Return lines about the machine, and about everything that was skipped."""
    lines = [", ".join(f"{name} {value}" for name, value in results.machine.items()) + f"; {results.rounds} rounds"]
    return lines + [f"skipped: {name}: {reason}" for name, reason in results.skipped.items()]


def report_tables(
    groups: Sequence[Results], measures: list[str] | None = None, *, summary: bool = False
) -> list[Table]:
    """Return the tables of a report, or only those of `measures`, or the summary; each group is that of one Python."""
    found = []
    for group in groups:
        tables = [measure_table(group, m) for m in ordered_measures(group) if not measures or m in measures]
        whole = [summary_table(group), set_up_table(group)]
        tables = whole if summary else tables if measures else tables + whole
        for table in tables:
            table.title += f", {group.python}" if len(groups) > 1 else ""
        found += [table for table in tables if table.rows]
    return found if measures else [*found, target_table(*groups)]


def compare_tables(a: Results, b: Results, names: tuple[str, str]) -> list[Table]:
    """Return the change from A to B for each measure and contender of both runs.

    The two ran at different times; the figures of the official client show how much the machine itself has changed.
    """
    tables = []
    for measure in ordered_measures(a):
        table = Table(describe(measure), ["contender", names[0], names[1], "B/A [95 %]", "B/A of ratios to official"])
        for name in (n for n in a.contenders(measure) if b.of(n, measure)):
            before, after = a.of(name, measure), b.of(name, measure)
            relative = "-"
            yardstick = baseline_of(name)
            if a.of(yardstick, measure) and b.of(yardstick, measure) and name != yardstick:
                drift = median(b.of(yardstick, measure)) / median(a.of(yardstick, measure))
                relative = f"{median(after) / median(before) / drift:.3f}"
            change = _change(before, after, a.per_run.get(measure, 1), b.per_run.get(measure, 1))
            table.rows.append([name, figure(measure, median(before)), figure(measure, median(after)), change, relative])
        if table.rows:
            tables.append(table)
    return tables


def _change(before: list[float], after: list[float], per_run_before: int, per_run_after: int) -> str:
    if not median(before):
        return "-"
    # Runs of different length are not comparable as runs: then each sample counts as one.
    return str(ratio(after, before, per_run_before if per_run_before == per_run_after else 1, interleaved=False))
