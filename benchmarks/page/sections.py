"""The sections of the page: each selects its measures by name, the last one all others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..measures import ordered_measures
from ..report import measure_table
from ..results import Results
from ..scenarios import FUNCTIONS
from .markup import details, table, text
from .plots import histograms, in_bytes, in_megabytes, median_bars, percentile_curves, size_curves

Charts = Callable[[Results, list[str]], list[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        pattern: matches the names of its measures.
        charts: draws charts other than bars of medians.
        without_bars: matches the names of measures that these charts show already.
    """

    id: str
    title: str
    lead: str
    pattern: str
    charts: Charts = lambda results, measures: []
    without_bars: str = ""


def _distributions(results: Results, measures: list[str]) -> list[str]:
    if "spawn_to_next" not in measures:
        return []
    return [f"<h3>Every start of spawn_to_next</h3>{_SAME_BINS}{histograms(results, 'spawn_to_next')}"]


_SAME_BINS = (
    '<p class="subtle">Number of starts by duration. All have the same bins; the last one also counts longer '
    "starts.</p>"
)


def _percentiles(results: Results, measures: list[str]) -> list[str]:
    """Draw the measures with many samples in each process."""
    drawn = [percentile_curves(results, m) for m in measures if results.per_run.get(m, 1) >= 100]
    if not drawn:
        return []
    return [f'<h3>Percentiles of single invocations</h3><div class="charts">{"".join(drawn)}</div>']


def _payloads(results: Results, _: list[str]) -> list[str]:
    return _side_by_side(
        size_curves(results, r"payload_in_(\d+)", "Time over the size of the event, response tiny", in_bytes),
        size_curves(results, r"payload_out_(\d+)", "Time over the size of the response, event tiny", in_bytes),
    )


def _models(results: Results, _: list[str]) -> list[str]:
    return _side_by_side(
        size_curves(results, r"spawn_to_response_(\d+)mb", "Spawn to first response over memory", in_megabytes),
        size_curves(results, r"spawn_to_error_(\d+)mb", "Spawn to first error over memory", in_megabytes),
        size_curves(results, r"first_response_(\d+)mb", "First event to response over memory", in_megabytes),
        size_curves(results, r"first_error_(\d+)mb", "First event to error over memory", in_megabytes),
        size_curves(results, r"first_next_(\d+)mb", "First event to next poll over memory", in_megabytes),
    )


def _streams(results: Results, _: list[str]) -> list[str]:
    return _side_by_side(
        size_curves(results, r"stream_(\d+)_bytes_per_second", "Throughput over the size of a chunk", in_bytes)
    )


def _side_by_side(*charts: str) -> list[str]:
    return [f'<div class="charts">{"".join(charts)}</div>'] if any(charts) else []


SECTIONS = (
    Section(
        "cold-start", "Cold start", "From the spawn of the process. Each sample is a new process.",
        r"spawn_to_(next|response|error)", _distributions,
    ),
    Section(
        "layers", "Layers", "Each layer as deployed; the floor and the official client start in the same way.",
        r".*_layers",
    ),
    Section("first", "First invocations", "The first event after the start.", r"first_(response|next|error)"),
    Section(
        "models", "Functions of less memory", "With the CPU share of a memory size, from the first poll on.",
        r".*_\d+mb", _models, r".*_\d+mb",
    ),
    Section(
        "warm", "Warm invocations", "One invocation of a process that has started.",
        r"event_to_(response|next|error)(_apigw)?", _percentiles,
    ),
    Section(
        "payload", "Payloads", "Large events and large responses.", r"(payload|echo)_.*(?<!_memory)",
        _payloads, r"payload_(in|out)_\d+",
    ),
    Section("codec", "JSON alone", "Parsing an event and encoding a result, without transport.", r"codec_.*"),
    Section("applications", "Applications", "Real frameworks, cold and warm.", rf".*_({'|'.join(FUNCTIONS)})"),
    Section(
        "cpu", "CPU time and instructions", "They decide the duration in a function of 128 MB.",
        r"(cpu|instructions)_.*",
    ),
    Section(
        "managed", "Managed Instances", "One function, many workers, each of which polls for itself.", r"managed_.*"
    ),
    Section(
        "memory", "Memory and modules", "Of the client with its interpreter.",
        r".*memory.*|proportional_.*|modules_.*",
    ),
    Section(
        "bytecode", "Stale bytecode", "A handler that imports boto3, as packagers leave it.",
        r"(stale|good|missing)_.*",
    ),
    Section(
        "streaming", "Streamed responses", "The official client cannot stream, so these are figures, not comparisons.",
        r"stream_.*|event_to_first_byte", _streams, r"stream_\d+_bytes_per_second",
    ),
    Section("more", "More measures", "What else was measured.", r".*"),
)  # fmt: skip


def measured_sections(results: Results) -> list[tuple[Section, list[str]]]:
    """Return the sections that have measures, each measure in the first section that matches."""
    left = ordered_measures(results)
    found = []
    for section in SECTIONS:
        taken = [measure for measure in left if re.fullmatch(section.pattern, measure)]
        left = [measure for measure in left if measure not in taken]
        if taken:
            found.append((section, taken))
    return found


def whole_section(results: Results) -> tuple[Section, str]:
    """Return all measures of one Python as one section."""
    name = results.python or "another Python"
    section = Section(re.sub(r"\W+", "-", name.lower()), name, "All measures of the runs on this version.", r".*")
    return section, section_html(results, section, ordered_measures(results))


def section_html(results: Results, section: Section, measures: list[str]) -> str:
    """Return bars of the medians, the section's own charts, and all figures as tables."""
    compared = [
        measure
        for measure in measures
        if len(results.contenders(measure)) > 1 and not re.fullmatch(section.without_bars, measure)
    ]
    parts = [f'<h2 id="{section.id}">{text(section.title)}</h2><p>{text(section.lead)}</p>']
    if compared:
        drawn = "".join(median_bars(results, measure) for measure in compared)
        parts.append(f'<div class="charts">{drawn}</div>')
    parts += section.charts(results, measures)
    tables = "".join(table(measure_table(results, measure)) for measure in measures)
    parts.append(details("All figures as tables", tables) if compared or len(parts) > 1 else tables)
    return f'<section aria-labelledby="{section.id}">{"".join(parts)}</section>'
