"""Tables from results: each measure, the targets, the comparison of two runs."""

from __future__ import annotations

import math
from statistics import median

from awslambdaric_lite.bench.confidence import Interval, difference, percentile, ratio
from awslambdaric_lite.common.tables import Table

from .contenders import BASELINE, MANAGED, baseline_of
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
            row.append(_short(results.ratio(ours, theirs, measure)) if a and b and median(b) else "-")
        table.rows.append(row)
    return table


def _short(interval: Interval) -> str:
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


_KINDS = (
    ("one-line handler", "spawn_to_next", "event_to_next", MANAGED),
    ("API with Powertools for AWS Lambda", "spawn_to_next_powertools", "event_to_next_powertools", MANAGED),
    ("FastAPI application", "spawn_to_next_fastapi", "event_to_next_fastapi", MANAGED),
    ("handler that imports boto3", "good_spawn_to_next", "", ""),
)  # function, measure of its cold start, of its warm invocations, configuration of both clients


def headline(results: Results) -> str:
    """Return the summary of a run for a README: a one-line handler and real applications, and the missed targets.

    Raises:
        SystemExit: the one-line handler was not measured with both clients.
    """
    columns = (f"{kind}: {of}" for kind in ("cold", "warm") for of in ("lite", BASELINE, "ratio [95 %]"))
    table = Table("Cold start and warm invocation, a one-line handler and real applications", ["function", *columns])
    for name, *measures, configuration in _KINDS:
        sides = "lite" + configuration, BASELINE + configuration
        cells: list[str] = []
        for measure in measures:
            samples = [results.of(side, measure) for side in sides]
            if all(samples):
                largest = max(map(median, samples))
                cells += [figure(measure, median(each), largest) for each in samples]
                cells.append(_short(results.ratio(*sides, measure)))
            else:
                cells += ["-"] * 3
        if name == _KINDS[0][0] and "-" in cells:
            raise SystemExit(f"benchmarks: a headline needs {' and '.join(measures)} of {' and '.join(sides)}")
        if set(cells) != {"-"}:
            table.rows.append([name, *cells])
    values = [(target.limit, target.measured(results)) for target in targets()]
    measured = [(limit, value) for limit, value in values if value is not None]
    missed = sum(value > limit for limit, value in measured)
    return (
        f"{to_markdown(table)}\n\n"
        "Cold: from the start of the process to its first poll. Warm: from the event sent to the next poll. Ratio: of "
        f"the medians. {results.machine.get('python', '')}; {results.rounds} interleaved rounds on a local machine, "
        "without AWS. Real applications spend their cold start in their own imports, which no runtime client makes "
        f"faster. This run misses {missed} of {len(measured)} targets that the project has set for itself."
    )


def target_table(results: Results) -> Table:
    """Return each target, the measured figure, and whether the target is met."""
    table = Table("targets", ["measure", "target", "measured", "met"], text_columns=2)
    for target in targets():
        value = target.measured(results)
        verdict = "not measured" if value is None else "yes" if value <= target.limit else "NO"
        table.rows.append([target.measure, target.text, "" if value is None else target.show(value), verdict])
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


def report_tables(results: Results, measures: list[str] | None = None) -> list[Table]:
    """Return the tables of a report, or only those of `measures`."""
    found = [measure_table(results, m) for m in ordered_measures(results) if not measures or m in measures]
    return found if measures else [*found, summary_table(results), target_table(results)]


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
