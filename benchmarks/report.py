"""Tables from results: each measure, the targets, two runs beside each other."""

from __future__ import annotations

from statistics import median

from .contenders import BASELINE, MANAGED, baseline_of
from .results import Results
from .scenarios import scenarios
from .stats import percentile, ratio
from .tables import Table
from .targets import targets

DESCRIPTIONS = {
    "spawn_to_next": "from the spawn of the process to its first poll",
    "spawn_to_response": "from the spawn to the response to a first event that waits for it",
    "spawn_to_error": "the same, for a handler that raises",
    "event_to_response": "from sending a tiny event to its response, received whole",
    "event_to_next": "from sending a tiny event to the next poll, received: the whole invocation",
    "event_to_response_apigw": "the same as event_to_response, 1 KB API Gateway event echoed",
    "event_to_next_apigw": "the same as event_to_next, 1 KB API Gateway event echoed",
    "event_to_error": "from sending a tiny event to the posted error of a handler that raises",
    "cpu_init": "CPU time from the spawn to the first poll (steadier than spawn_to_next where others use the machine)",
    "cpu_first": "CPU time of the first invocation, all threads",
    "cpu_warm": "CPU time of a warm invocation, all threads, mean of a run",
    "cpu_first_error": "CPU time of the first invocation, which raises",
    "cpu_warm_error": "CPU time of a warm invocation that raises, mean of a run",
    "cpu_loadgen": "CPU time of the load generator itself for each invocation",
    "memory_at_next": "highest resident size up to the first poll (VmHWM)",
    "memory_peak": "highest resident size up to the end of the run (VmHWM)",
    "proportional_at_next": "memory at the first poll, shared pages divided by their users (PSS)",
    "proportional_at_end": "the same at the end of the run",
}


def is_memory(measure: str) -> bool:
    """Tell bytes from seconds."""
    return "memory" in measure or measure.startswith("proportional")


def ordered_measures(results: Results) -> list[str]:
    """Return the measures that were taken, in the order of the suite."""
    order = [m for scenario in scenarios(quick=False) for m in scenario.measures]
    return sorted(results.measures(), key=lambda m: order.index(m) if m in order else len(order))


def figure(measure: str, value: float, largest: float = 0.0) -> str:
    """Return a figure in the unit that suits the largest one beside it."""
    if is_memory(measure):
        return f"{value / 1e6:.2f} MB"
    return f"{value * 1e3:.2f} ms" if max(value, largest) >= 0.004 else f"{value * 1e6:.1f} µs"


def describe(measure: str) -> str:
    """Return the line above a measure's table."""
    if measure in DESCRIPTIONS:
        return f"{measure}: {DESCRIPTIONS[measure]}"
    if measure.startswith("echo_"):
        kind = measure.removeprefix("echo_").removesuffix("_memory").replace("_", " ").replace("mb", " MB")
        what = "highest resident size" if is_memory(measure) else "from sending the event to its response"
        return f"{measure}: {what}, {kind} event echoed"
    return measure


def _compared(results: Results, measure: str, name: str, baseline: str) -> str:
    ours, theirs = results.of(name, measure), results.of(baseline, measure)
    if name == baseline or not theirs or not median(theirs):
        return "1" if name == baseline else "-"
    return str(ratio(ours, theirs, results.per_run.get(measure, 1)))


def measure_table(results: Results, measure: str) -> Table:
    """Return median, p90, p99 and the ratio to the official client in the same configuration."""
    table = Table(describe(measure), ["contender", "median", "p90", "p99", f"of {BASELINE} [95 %]", "n"])
    medians = {name: median(results.of(name, measure)) for name in results.contenders(measure)}
    for name in sorted(medians, key=lambda name: medians[name]):
        samples = results.of(name, measure)
        values = (medians[name], percentile(samples, 0.9), percentile(samples, 0.99))
        shown = [figure(measure, value, max(medians.values())) for value in values]
        table.rows.append([name, *shown, _compared(results, measure, name, baseline_of(name)), str(len(samples))])
    return table


def summary_table(results: Results) -> Table:
    """Return ours and the official client's medians side by side, in both configurations."""
    pairs = [(f"lite{suffix}", f"{BASELINE}{suffix}") for suffix in (MANAGED, "")]
    table = Table("medians", ["measure", *(column for ours, theirs in pairs for column in (ours, theirs, "ratio"))])
    for measure in ordered_measures(results):
        row = [measure]
        for ours, theirs in pairs:
            a, b = results.of(ours, measure), results.of(theirs, measure)
            largest = max([median(s) for s in (a, b) if s], default=0.0)
            row += [figure(measure, median(s), largest) if s else "-" for s in (a, b)]
            row.append(f"{median(a) / median(b):.2f}" if a and b and median(b) else "-")
        table.rows.append(row)
    return table


def headline(results: Results) -> str:
    """Return the one sentence of a run: ours against the official client, as managed runtimes configure it."""
    figures = {}
    for measure in ("spawn_to_next", "event_to_next"):
        ours, theirs = (results.of(name + MANAGED, measure) for name in ("lite", BASELINE))
        if not ours or not theirs:
            raise SystemExit(f"benchmarks: a headline needs {measure} of lite{MANAGED} and {BASELINE}{MANAGED}")
        times = median(theirs) / median(ours)
        figures[measure] = (
            f"{figure(measure, median(ours))} instead of {figure(measure, median(theirs))} ({times:.1f}x)"
        )
    return (
        f"From the start of the process to its first poll: **{figures['spawn_to_next']}**; a warm invocation, from the "
        f"event sent to the next poll: **{figures['event_to_next']}**. {results.machine.get('python', '')}, medians of "
        f"{results.rounds} interleaved rounds on a local machine, reproduced by `python -m benchmarks run --quick`."
    )


def target_table(results: Results) -> Table:
    """Return each target, what was measured, and whether it is met."""
    table = Table("targets", ["measure", "target", "measured", "met"], text_columns=2)
    for target in targets():
        value = target.measured(results)
        verdict = "not measured" if value is None else "yes" if value <= target.limit else "NO"
        table.rows.append([target.measure, target.text, "" if value is None else target.show(value), verdict])
    return table


def machine_lines(results: Results) -> list[str]:
    """Return what was measured on what, and what was not."""
    lines = [", ".join(f"{name} {value}" for name, value in results.machine.items()) + f"; {results.rounds} rounds"]
    return lines + [f"skipped: {name}: {reason}" for name, reason in results.skipped.items()]


def report_tables(results: Results, measures: list[str] | None = None) -> list[Table]:
    """Return the tables of a report; with `measures` only those."""
    found = [measure_table(results, m) for m in ordered_measures(results) if not measures or m in measures]
    return found if measures else [*found, summary_table(results), target_table(results)]


def compare_tables(a: Results, b: Results, names: tuple[str, str]) -> list[Table]:
    """Return for each measure and contender of both runs how B compares with A.

    The two ran at different times: the official client is the yardstick of how much the machine itself has changed.
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
