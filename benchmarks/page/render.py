"""The whole page: headline, sections, targets, and the description of the measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from awslambdaric_lite.common.tables import Table

from ..contenders import BASELINE
from ..functions import cold_start_table, invocation_table
from ..gains import HEADLINES, Gain, gains
from ..measures import figure, is_memory
from ..report import evaluated, set_up_table, summary_table, target_interval
from ..results import Results, by_python
from ..targets import Target, targets
from . import markup
from .flames import flames_html
from .markup import text
from .picture import stylesheet
from .sections import measured_sections, section_html, whole_section

TITLE = "awslambdaric-lite benchmarks"

_METHOD = (
    "Each contender is started again and again against the same Runtime API server, A B C A B C; a first round is not "
    "counted, and a contender that answers wrongly is out. Ratios are ratios of medians. Their 95 % intervals come "
    "from resampling whole runs, the same rounds for both sides."
)
_FUNCTIONS = (
    "Ratios to the official client on the same Python and the same package, with their 95 % intervals. The page cache "
    "is warm, or dropped before each start, so that every file is read from the disk. A "
    "list names the lazy imports that init makes; a bundle is one file with the bytecode of all imports."
)
_COMMANDS = "python -m benchmarks run -o results.json\npython -m benchmarks report results.json -o page.html"


def render_page(runs: Mapping[str, Results], *, prefer_last: bool = False) -> str:
    """Return the page of one or more runs, by the names of their files.

    The sections are those of the first file's Python; each other Python has one section with all its measures.

    Raises:
        SystemExit: two runs of one Python have the same measure, and the last one is not preferred.
    """
    groups = by_python(runs, prefer_last=prefer_last)
    results = groups[0]
    sections = [
        (section.id, section.title, section_html(results, section, m)) for section, m in measured_sections(results)
    ]
    flames = flames_html(results)
    if flames:
        sections.insert(1, ("imports", "Imports", flames))
    if functions := _functions(groups):
        sections.insert(0, ("functions", "Functions", functions))
    sections += [(section.id, section.title, html) for section, html in map(whole_section, groups[1:])]
    sections.append(("targets", "Targets", _targets(groups)))
    sections.append(("method", "How it was measured", _method(runs, groups)))
    links = "".join(f'<li><a href="#{name}">{text(title)}</a></li>' for name, title, _ in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{TITLE}</title><style>{stylesheet('chart.css')}\n{stylesheet('page.css')}</style></head><body>"
        f"<header><h1>{TITLE}</h1><p>{text(_subtitle(results))}</p></header>"
        f'<main>{_cards(results)}<nav aria-label="Contents"><ul>{links}</ul></nav>'
        f"{''.join(content for _, _, content in sections)}</main></body></html>\n"
    )


def _subtitle(results: Results) -> str:
    python, cpu = results.machine.get("python", ""), results.machine.get("cpu", "")
    where = ", ".join(str(value) for value in (python, cpu) if value)
    return f"{where}. Medians of {results.rounds} interleaved rounds on a local machine, without AWS."


def _cards(results: Results) -> str:
    cards = [_card(title, gains(results, measure)) for measure, title in HEADLINES.items()]
    found = "".join(card for card in cards if card)
    return f'<div class="cards">{found}</div>' if found else ""


def _card(title: str, found: list[Gain]) -> str:
    if not found:
        return ""
    first, *others = found
    words = "as fast as" if not is_memory(first.measure) else "of the memory of"
    parts = [
        f"<h2>{text(title)}</h2>",
        f'<p class="times">{text(_times(first))}</p>',
        f"<p>{text(words)} {BASELINE}</p>",
        f'<p class="subtle">{text(first.configuration)}: {text(_medians(first))}<br>{text(_interval(first))}</p>',
    ]
    for gain in others:
        figures = f"<strong>{text(_times(gain))}</strong>, {text(_medians(gain))}<br>{text(_interval(gain))}"
        parts.append(f'<p class="other subtle">{text(gain.configuration)}: {figures}</p>')
    return f'<div class="card">{"".join(parts)}</div>'


def _times(gain: Gain) -> str:
    return (
        _percent(1 / gain.times.value, 0)
        if is_memory(gain.measure)
        else f"{gain.times.value:.1f}\N{MULTIPLICATION SIGN}"
    )


def _interval(gain: Gain) -> str:
    if is_memory(gain.measure):
        return f"95 % interval {_percent(1 / gain.times.high, 1)} to {_percent(1 / gain.times.low, 1)}"
    return f"95 % interval {gain.times.low:.2f} to {gain.times.high:.2f}"


def _percent(share: float, digits: int) -> str:
    return f"{share * 100:.{digits}f}\N{NO-BREAK SPACE}%"


def _medians(gain: Gain) -> str:
    largest = max(gain.ours, gain.theirs)
    ours, theirs = (figure(gain.measure, value, largest) for value in (gain.ours, gain.theirs))
    return " instead of ".join(words.replace(" ", "\N{NO-BREAK SPACE}") for words in (ours, theirs))


def _functions(groups: Sequence[Results]) -> str:
    tables = [cold_start_table(groups), invocation_table(groups), *map(set_up_table, groups)]
    shown = "".join(markup.table(table) for table in tables if table.rows)
    if not shown:
        return ""
    return (
        '<section aria-labelledby="functions"><h2 id="functions">Functions</h2>'
        f"<p>{text(_FUNCTIONS)}</p>{shown}</section>"
    )


def _targets(groups: Sequence[Results]) -> str:
    found = list(evaluated(groups))
    known = {target for target, _, _ in found}
    measured, met = [], 0
    for target, results, value in found:
        met += value <= target.limit
        verdict = '<td class="met">met</td>' if value <= target.limit else '<td class="missed">NOT met</td>'
        interval = target_interval(target, results)
        between = f"{target.show(interval.low)} to {target.show(interval.high)}" if interval else ""
        figures = f'{text(target.show(value))} <span class="subtle">{text(between)}</span>'
        python = "" if target.python or len(groups) == 1 else f" on {results.python}"
        measured.append(f"{_goal(target, python)}<td>{figures}</td>{verdict}</tr>")
    left = [
        f'{_goal(target)}<td></td><td class="subtle">not measured</td></tr>'
        for target in targets()
        if target not in known
    ]
    tables = _target_rows(measured) if measured else ""
    if left:
        tables += markup.details(f"{len(left)} more were not measured in this run", _target_rows(left))
    return (
        f'<section aria-labelledby="targets"><h2 id="targets">Targets</h2>'
        f"<p>{met} of {len(measured)} are met.</p>{tables}</section>"
    )


def _goal(target: Target, where: str = "") -> str:
    words = f'<span class="subtle">{_breakable(target.text + where)}</span>'
    return f'<tr><th scope="row">{_breakable(target.measure)} {words}</th>'


def _target_rows(rows: list[str]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("target", "measured, 95 % interval", "verdict"))
    return f'<table class="targets"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _breakable(words: str) -> str:
    """Return names as text with possible line breaks between their parts."""
    return text(words).replace("_", "_<wbr>").replace("@", "<wbr>@")


def _method(runs: Mapping[str, Results], groups: Sequence[Results]) -> str:
    parts = [f"<p>{_METHOD}</p>"]
    for name, run in runs.items():
        items = "".join(
            f"<dt>{text(key.replace('_', ' '))}</dt><dd>{text(value)}</dd>"
            for key, value in {**run.machine, "rounds": run.rounds}.items()
        )
        parts.append(f"<h3>{text(name)}</h3><dl>{items}</dl>")
    if skipped := [list(row) for group in groups for row in group.skipped.items()]:
        parts.append(markup.table(Table("What took no part", ["contender", "reason"], skipped, 2)))
    parts.append(markup.details("Medians side by side", markup.table(summary_table(groups[0]), caption=False)))
    parts.append(f"<h3>Repeat it</h3><pre><code>{_COMMANDS}</code></pre>")
    return f'<section aria-labelledby="method"><h2 id="method">How it was measured</h2>{"".join(parts)}</section>'
