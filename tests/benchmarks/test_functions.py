"""The one-line handler and real applications side by side, from the results of several Pythons."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.functions import cold_start_table, invocation_table
from benchmarks.report import headline, report_tables, set_up_table, target_table
from benchmarks.results import Results, by_python
from benchmarks.targets import targets

OFFICIAL, OURS = "awslambdaric@managed", "lite@managed"


def results(python: str, *, fastapi: float, **others: float) -> Results:
    """Return a run with the one-line handler and FastAPI, and FastAPI with set-ups by the names of `others`."""
    samples = {
        OFFICIAL: {"spawn_to_next": [0.05], "event_to_next": [4e-4], "spawn_to_next_dropped_one_line": [0.1]},
        OURS: {"spawn_to_next": [0.015], "event_to_next": [1e-4], "spawn_to_next_dropped_one_line": [0.04]},
    }
    samples[OFFICIAL]["spawn_to_next_fastapi"] = [0.4]
    samples[OURS]["spawn_to_next_fastapi"] = [fastapi]
    for name, value in others.items():
        samples[f"lite+{name.replace('_', '-')}@managed"] = {"spawn_to_next_fastapi": [value]}
    return Results({"python": f"CPython {python}"}, samples, rounds=4)


def test_functions_are_side_by_side() -> None:
    """A row has the one-line handler or an application, with its ratios with a warm and with a dropped page cache."""
    groups = [results("3.13.0", fastapi=0.4, bundle=0.3), results("3.15.2", fastapi=0.5, lazy_list=0.2)]
    table = cold_start_table(groups)
    sides = ["awslambdaric, CPython 3.13", "lite", "lite, bundle", "lite, lazy imports and list, CPython 3.15"]
    assert table.header == ["function", *sides, *(f"dropped: {side}" for side in sides)]
    one_line = ["50.00 ms", "0.30 [0.30, 0.30]", "-", "-", "100.00 ms", "0.40 [0.40, 0.40]", "-", "-"]
    fastapi = ["400.00 ms", "1.00 [1.00, 1.00]", "0.75 [0.75, 0.75]", "0.50 [0.50, 0.50]", "-", "-", "-", "-"]
    assert table.rows == [["one-line handler", *one_line], ["FastAPI application", *fastapi]]
    assert invocation_table(groups).rows == [["one-line handler", "400.0 µs", "100.0 µs", "0.25 [0.25, 0.25]"]]
    text = headline(*groups)
    assert "one-line handler 100.0 µs instead of 400.0 µs (0.25 [0.25, 0.25])" in text
    assert "CPython 3.13.0, 4 interleaved rounds; CPython 3.15.2, 4 interleaved rounds" in text


def test_set_ups_have_ratios_to_official_client() -> None:
    """The table of set-ups has the ratio of each to the official client, also of those that have no target."""
    table = set_up_table(results("3.15.2", fastapi=0.4, lazy=0.1, lazy_list=0.2))
    official, *ratios = table.rows[0][1:]
    assert len(table.rows) == 1 and table.rows[0][0] == "spawn_to_next_fastapi@managed" and official == "400.00 ms"
    assert ratios == ["1.00 [1.00, 1.00]", "0.25 [0.25, 0.25]", "0.50 [0.50, 0.50]", "-", "-"]
    assert set_up_table(results("3.15.2", fastapi=0.4)).rows == []


def test_targets_belong_to_pythons() -> None:
    """A target of one Python is measured on that Python only, and another one has a row for each Python."""
    groups = [results("3.13.0", fastapi=0.4, bundle=0.3), results("3.15.2", fastapi=0.4, bundle=0.3, lazy_list=0.3)]
    rows = [row[1:] for row in target_table(*groups).rows if row[0] in ("spawn_to_next", "spawn_to_next_fastapi")]
    found = {row[0]: row[1:] for row in rows}
    ours = "lite@managed at most 0.38 of awslambdaric@managed"
    assert found[f"{ours} on CPython 3.13"] == found[f"{ours} on CPython 3.15"] == ["0.300", "yes"]
    bundle = "lite+bundle@managed at most 0.95 of awslambdaric@managed on Python 3.13"
    assert found[bundle] == ["0.750", "yes"] and len([row for row in rows if row[0] == bundle]) == 1
    assert found["lite+lazy-list@managed at most 0.68 of awslambdaric@managed on Python 3.15"] == ["0.750", "NO"]


@pytest.mark.parametrize(
    ("measure", "contender", "limit"),
    [
        ("spawn_to_next_powertools", "lite+lazy-list@managed", 0.45),
        ("spawn_to_next_fastapi", "lite+lazy-list@managed", 0.68),
        ("spawn_to_next_boto3_client", "lite+lazy-list@managed", 0.75),
        ("cpu_first_boto3_client", "lite+lazy-list@managed", 1.1),
        ("spawn_to_next_powertools", "lite+bundle@managed", 0.88),
        ("spawn_to_next_fastapi", "lite+bundle@managed", 0.95),
        ("spawn_to_next_dropped_fastapi", "lite+bundle@managed", 0.72),
        ("spawn_to_next_dropped_boto3_client", "lite+bundle@managed", 0.88),
        ("spawn_to_next_dropped_powertools", "lite+lazy-bundle@managed", 1.0),
    ],
)
def test_applications_have_targets(measure: str, contender: str, limit: float) -> None:
    """Real applications have targets with lazy imports and a list, with a bundle, and with both."""
    python = "3.13" if contender == "lite+bundle@managed" else "3.15"
    found = [target for target in targets() if (target.measure, target.contender) == (measure, contender)]
    assert {(target.limit, target.python) for target in found} == {(limit, python)}
    both = "lite+lazy-bundle@managed"
    against = {"lite+lazy-list@managed", "lite+bundle@managed"} if contender == both else {OFFICIAL}
    assert {target.against for target in found} == against


def test_runs_are_grouped_by_python() -> None:
    """Runs of one Python are one group, and their same measures are refused unless the last run is preferred."""
    runs = {"a": results("3.13.0", fastapi=0.4, bundle=0.3), "b": results("3.15.2", fastapi=0.5)}
    assert [group.python for group in by_python(runs)] == ["CPython 3.13", "CPython 3.15"]
    titles = [table.title for table in report_tables(by_python(runs), ["spawn_to_next"])]
    assert [title.rpartition(", ")[2] for title in titles] == ["CPython 3.13", "CPython 3.15"]
    again = Results({"python": "CPython 3.13.5"}, {OURS: {"spawn_to_next_fastapi": [0.2]}})
    with pytest.raises(SystemExit, match=r"a and c both have spawn_to_next_fastapi.*--prefer-last"):
        by_python({**runs, "c": again})
    first, _ = by_python({**runs, "c": again}, prefer_last=True)
    assert first.contenders("spawn_to_next_fastapi") == [OURS] and first.of(OURS, "spawn_to_next_fastapi") == [0.2]
    assert first.of(OFFICIAL, "spawn_to_next") == [0.05]


def test_report_of_two_pythons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`report` shows both Pythons in the tables, in a README and on the page."""
    files = [str(tmp_path / f"{version}.json") for version in ("3.13", "3.15")]
    results("3.13.0", fastapi=0.4, bundle=0.3).save(Path(files[0]))
    results("3.15.2", fastapi=0.5, lazy_list=0.2).save(Path(files[1]))
    readme = tmp_path / "README.md"
    readme.write_text("<!-- figures: begin -->\n<!-- figures: end -->\n")
    assert main(["report", *files, "--headline", "--into", str(readme)]) == 0
    assert "| 400.00 ms | 1.00 [1.00, 1.00] | 0.75 [0.75, 0.75] | 0.50 [0.50, 0.50] |" in readme.read_text()
    assert main(["report", *files, "--summary", "--markdown"]) == 0
    printed = capsys.readouterr().out
    for title in ("medians, CPython 3.13", "medians, CPython 3.15", "imports of applications, CPython 3.15"):
        assert f"**{title}**" in printed
    pytest.importorskip("pygal", reason="pygal is not installed: pip install -e '.[bench]'")
    page = tmp_path / "page.html"
    assert main(["report", *files, "-o", str(page)]) == 0
    text = page.read_text()
    assert 'id="functions"' in text and 'id="cpython-3-15"' in text
    assert text.count("lite, lazy imports and list, CPython 3.15") >= 1
