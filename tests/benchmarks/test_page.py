"""The page and the chart of a run: sound markup, no external resources, and correct figures."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from statistics import median
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awslambdaric_lite.bench.confidence import ratio
from benchmarks.__main__ import main
from benchmarks.results import Results

pytest.importorskip("pygal", reason="pygal is not installed: pip install -e '.[bench]'")

from benchmarks.page import cold_start_picture, render_page
from benchmarks.page.look import look_of
from benchmarks.page.picture import stylesheet

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}
TREE = {"name": "lite", "self_us": 900, "total_us": 2500, "children": [
    {"name": "json", "self_us": 600, "total_us": 1600, "children": [
        {"name": "json.decoder", "self_us": 1000, "total_us": 1000, "children": []},
    ]},
]}  # fmt: skip


class Page(HTMLParser):
    """A parsed page; badly nested markup is an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>: {names}"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element without content, as SVG has them."""
        assert "svg" in self.open, f"<{tag}/> is no HTML"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Check the nesting."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        """Keep a text with its element."""
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def within(self, tag: str) -> str:
        """Return the texts directly in elements of a kind."""
        return "\n".join(data for name, data in self.texts if name == tag)


def samples_around(value: float, count: int) -> list[float]:
    """Return samples that scatter by a tenth; the same ones for the same value."""
    chance = random.Random(value)
    return [value * chance.uniform(0.9, 1.1) for _ in range(count)]


def full_results() -> Results:
    """Return results with invented figures for each part of the page."""
    samples: dict[str, dict[str, list[float]]] = {}
    factors = {"lite": 1.0, "awslambdaric": 2.5, "lite@managed": 1.1, "awslambdaric@managed": 3.0, "new": 0.8}
    for name, factor in factors.items():
        single = {
            "spawn_to_next": 0.012, "spawn_to_next_layers": 0.013, "first_response": 4e-4, "cpu_first": 2e-4,
            "memory_at_next": 9e6, "modules_at_next": 40.0, "instructions_init": 2e7, "echo_5mb_plain": 0.009,
            "echo_5mb_plain_memory": 3e7, "managed_16_memory": 4e7, "stale_spawn_to_next": 0.2,
            "codec_loads_tiny": 2e-6, "memory_fastapi": 5e7, "something_new": 0.5,
            **{f"payload_in_{10**n}": 1e-4 * n for n in range(2, 7)},
            **{f"spawn_to_response_{mb}mb": 2.0 / mb for mb in (128, 512, 1769)},
        }  # fmt: skip
        samples[name] = {measure: samples_around(value * factor, 6) for measure, value in single.items()}
        samples[name]["event_to_next"] = samples_around(9e-5 * factor, 1200)
    samples["lite"] |= {f"stream_{size}_bytes_per_second": [1e6 * size] * 3 for size in (100, 8192, 65536)}
    machine = {"python": "CPython 3.13.0", "cpu": 'A <fast> & "good" one', "cpus": 2}
    skipped = {"go": "no <go> & 'cargo'", "rust in cold": "it answered wrongly"}
    return Results(machine, samples, {"event_to_next": 200}, skipped, 6, {"lite": TREE})


def small_results() -> Results:
    """Return results with the measures of the chart."""
    whole = full_results()
    samples = {name: {"spawn_to_next": measures["spawn_to_next"]} for name, measures in whole.samples.items()}
    return Results(whole.machine, samples, rounds=6)


@pytest.fixture(scope="module")
def html() -> str:
    """Return the page of the full run."""
    return render_page({"results.json": full_results()})


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    """Return it parsed."""
    return Page(html)


class TestMarkup:
    """The page is sound and needs no other file."""

    def test_page_fetches_nothing(self, html: str, page: Page) -> None:
        """The page has no address of a stylesheet, font, image or script to fetch."""
        addresses = set(re.findall(r"https?://[^\s\"'<)]+", html))
        assert addresses <= {"http://www.w3.org/2000/svg"}
        assert "@import" not in html and "url(" not in html
        for tag, attributes in page.elements:
            assert "src" not in attributes and tag not in ("link", "iframe", "object", "img"), (tag, attributes)
            assert all(value.startswith("#") for name, value in attributes.items() if name.endswith("href"))

    def test_references_match_unique_ids(self, page: Page) -> None:
        """Every link and every label refers to exactly one element."""
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        wanted = [a["href"].removeprefix("#") for a in page.all("a")]
        wanted += [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
        assert len(wanted) > 10 and set(wanted) <= set(ids)

    def test_charts_and_tables_are_labelled(self, page: Page) -> None:
        """Each chart has a label or is decoration, and tables have headers of columns and rows."""
        for chart in page.all("svg"):
            assert chart.get("aria-hidden") == "true" or (chart["role"] == "img" and len(chart["aria-label"]) > 10)
        scopes = [attributes["scope"] for attributes in page.all("th")]
        assert {"col", "row"} == set(scopes)
        assert len(page.all("table")) == len(page.all("thead")) == len(page.all("tbody"))

    def test_texts_of_results_are_escaped(self, html: str, page: Page) -> None:
        """Names and reasons from the results are escaped everywhere."""
        assert "<fast>" not in html and "<go>" not in html
        assert 'A <fast> & "good" one' in page.within("dd")
        assert "no <go> & 'cargo'" in page.within("td")

    def test_hostile_names_are_harmless(self) -> None:
        """Contenders, measures, files and modules may have any name."""
        name = "<script>alert('x')</script>\"&"
        samples = {other: {name: [1.0, 2.0], "spawn_to_next": [0.01] * 3} for other in (name, "lite", "awslambdaric")}
        run = Results({name: name}, samples, {}, {name: name}, 1, {name: {**TREE, "name": name}})
        found = Page(render_page({name: run}))
        assert "alert" not in found.within("script")
        assert found.within("strong").count("<script>alert") >= 1

    def test_page_works_without_scripts(self, html: str, page: Page) -> None:
        """Without scripts all figures are text; only flame graphs use a script, to enlarge boxes."""
        assert len(page.all("script")) == len(page.all("svg")) - sum(
            "chart" in c["class"].split() for c in page.all("svg")
        )
        assert "json.decoder: 1.0 ms" in page.within("title")


class TestFigures:
    """The page shows the samples."""

    def test_cards_show_ratios_with_intervals(self, page: Page) -> None:
        """The first card is the official client's median divided by ours, with its interval."""
        run = full_results()
        theirs, ours = (run.of(f"{name}@managed", "spawn_to_next") for name in ("awslambdaric", "lite"))
        expected = ratio(theirs, ours)
        assert f"{median(theirs) / median(ours):.1f}\N{MULTIPLICATION SIGN}" in page.within("p")
        assert f"95 % interval {expected.low:.2f} to {expected.high:.2f}" in page.within("p")

    def test_bars_show_medians(self, page: Page) -> None:
        """A bar is labelled with contender and median, and its length is proportional."""
        run = full_results()
        for name in run.contenders("spawn_to_next"):
            assert f"{name}: {median(run.of(name, 'spawn_to_next')) * 1e3:.2f} ms" in page.within("title")

    def test_page_has_every_measure(self, page: Page) -> None:
        """The page has every measure, also unknown ones and those of one contender."""
        captions = page.within("span")
        for measure in full_results().measures():
            assert measure in captions, measure

    def test_histograms_count_all_samples(self, page: Page) -> None:
        """The bins of each contender count all of its samples."""
        counts = re.findall(r"^lite, [\d.]+ to [\d.]+ ms: (\d+)$", page.within("title"), re.MULTILINE)
        assert sum(map(int, counts)) == 6

    def test_percentiles_depend_on_sample_count(self, page: Page) -> None:
        """1200 samples have a 99.9th percentile; 6 samples have no percentiles."""
        titles = page.within("title")
        assert re.search(r"^lite, 99\.9 %: \d+\.\d µs$", titles, re.MULTILINE)
        assert "first_response, percentiles" not in titles

    def test_curves_have_all_sizes(self, page: Page) -> None:
        """The page draws payloads over size, models over memory, and throughput over the chunk size."""
        titles = page.within("title")
        for words in ("lite, 100 B: ", "lite, 1 MB: ", "lite, 1769 MB: ", "lite, 8.19 kB: 8192 MB/s"):
            assert words in titles, words

    def test_page_shows_targets(self, page: Page) -> None:
        """The page shows each target with its figure and a verdict, or as unmeasured."""
        verdicts = page.within("td")
        assert "NOT met" in verdicts and "\nmet" in verdicts and "not measured" in verdicts

    def test_page_describes_measurement(self, page: Page) -> None:
        """The page describes the machine, the skipped contenders with reasons, and the commands to repeat the run."""
        assert "CPython 3.13.0" in page.within("dd")
        assert "it answered wrongly" in page.within("td")
        assert "python -m benchmarks run -o results.json" in page.within("code")

    def test_runs_of_suites_are_merged(self) -> None:
        """Runs of different suites become one page; a measure in two of them is refused."""
        other = Results({"python": "CPython 3.14"}, {"lite": {"managed_64_memory": [1e7]}}, rounds=3)
        found = Page(render_page({"a.json": small_results(), "b.json": other}))
        assert "managed_64_memory" in found.within("span") and "CPython 3.14" in found.within("dd")
        with pytest.raises(SystemExit, match=r"a\.json and b\.json both have spawn_to_next"):
            render_page({"a.json": small_results(), "b.json": small_results()})


numbers = st.one_of(st.just(0.0), st.floats(1e-9, 1e12))
measure_names = st.sampled_from(
    ["spawn_to_next", "event_to_next", "memory_peak", "payload_in_100", "payload_in_200", "stream_9_bytes_per_second",
     "modules_at_next", "first_next_128mb", "first_next_256mb", "unheard_of"]
)  # fmt: skip
contender_names = st.sampled_from(["lite", "awslambdaric", "lite@managed", "awslambdaric@managed", "c", "new"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(contender_names, st.dictionaries(measure_names, st.lists(numbers, max_size=4))),
    st.dictionaries(measure_names, st.integers(1, 200)),
)
def test_any_results_make_page(samples: dict[str, dict[str, list[float]]], per_run: dict[str, int]) -> None:
    """Any results make a sound page, also empty ones and zeros."""
    Page(render_page({"any.json": Results({}, samples, per_run)}))


class TestPicture:
    """The chart for the README."""

    def test_chart_is_standalone_document(self) -> None:
        """The chart contains its colours for light and dark mode, and shows medians."""
        text = cold_start_picture(small_results())
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in text and "script" not in text and "url(" not in text
        middle = median(small_results().of("lite", "spawn_to_next"))
        assert f"lite {middle * 1e3:.2f} ms" in root.attrib["aria-label"]

    def test_chart_is_deterministic(self, tmp_path: Path) -> None:
        """Another process with other hashes draws the same bytes."""
        small_results().save(tmp_path / "results.json")
        drawn = set()
        for seed in ("1", "4"):
            command = [sys.executable, "-m", "benchmarks", "report", str(tmp_path / "results.json")]
            chart = tmp_path / f"{seed}.svg"
            environment = {
                "PYTHONHASHSEED": seed,
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            }
            subprocess.run([*command, "--chart", str(chart)], check=True, env=environment, capture_output=True)
            drawn.add(chart.read_bytes())
        assert len(drawn) == 1

    def test_chart_needs_official_client(self) -> None:
        """A chart without the official client is refused."""
        run = small_results()
        del run.samples["awslambdaric"]
        with pytest.raises(SystemExit, match="the chart needs spawn_to_next of lite and awslambdaric"):
            cold_start_picture(run)


class TestColours:
    """Contrast and colours in light and dark mode."""

    @staticmethod
    def palettes() -> list[dict[str, str]]:
        """Return the variables of the light and of the dark mode."""
        blocks = re.findall(r":root \{(.*?)\}", stylesheet("chart.css"), re.DOTALL)
        found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]
        assert len(found) == 2 and found[0].keys() == found[1].keys()
        return found

    def test_contrast_meets_wcag(self) -> None:
        """Text has a contrast of at least 4.5 to 1, marks of 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11)."""
        for palette in self.palettes():
            ground = luminance(palette["ground"])
            for name, colour in palette.items():
                if name not in ("ground", "rule"):
                    lighter, darker = sorted((luminance(colour), ground), reverse=True)
                    contrast = (lighter + 0.05) / (darker + 0.05)
                    assert contrast >= (4.5 if name in ("ink", "subtle", "lite", "awslambdaric", "c") else 3), name

    def test_contenders_have_colours(self) -> None:
        """Each family of contenders has a rule and a variable in the stylesheet."""
        style = stylesheet("chart.css")
        names = (
            "lite",
            "lite-m",
            "lite+orjson",
            "awslambdaric-provided",
            "http.client",
            "c",
            "cpp",
            "new",
            "other",
            "x",
        )
        for name in names:
            look = look_of(name)
            assert f".family-{look.family} " in style and f"--{look.family}: #" in style, name
        assert look_of("lite").stroke != look_of("lite@managed").stroke != look_of("lite+orjson").stroke
        assert look_of("cpp").family.startswith("other-")


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestCommand:
    """The command `report`."""

    def test_report_writes_page_and_chart(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`report -o --chart` writes both files, prints their names, and prints no tables."""
        run, page, chart = tmp_path / "r.json", tmp_path / "new" / "p.html", tmp_path / "c.svg"
        small_results().save(run)
        assert main(["report", str(run), "-o", str(page), "--chart", str(chart)]) == 0
        assert capsys.readouterr().out.split() == [str(page), str(chart)]
        assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        assert chart.read_text(encoding="utf-8").startswith("<svg ")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["c.svg", "new", "r.json"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["r.json", "-o", "r.json"], r"r\.json is an input; name another file"),
            (["r.json", "r.json", "-o", "p.html"], r"r\.json appears twice"),
            (["r.json", "copy.json"], r"r\.json and copy\.json both have .*benchmarks compare"),
            (["r.json", "--measure", "spawn_to_nxt"], r"this run has no spawn_to_nxt; choose one of: spawn_to_next"),
            (["r.json", "-o", "."], r"cannot write \.: Is a directory"),
            (["r.json", "-o", "r.json/p.html"], r"cannot write r\.json/p\.html: (Not a directory|File exists)"),
            (["none.json"], r"cannot read none\.json: No such file.*run -o none\.json"),
        ],
    )
    def test_wrong_input_is_explained(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
    ) -> None:
        """Wrong input is an error of one line with the cure; no file is written or lost."""
        monkeypatch.chdir(tmp_path)
        small_results().save(tmp_path / "r.json")
        shutil.copy("r.json", "copy.json")
        before = Path("r.json").read_bytes()
        with pytest.raises(SystemExit, match=message) as caught:
            main(["report", *arguments])
        assert "\n" not in str(caught.value)
        assert Path("r.json").read_bytes() == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.json", "r.json"]

    @pytest.mark.parametrize("imports", [{"lite": {"name": "x"}}, {"lite": [1]}, {"lite": {**TREE, "total_us": "1"}}])
    def test_malformed_import_tree_is_refused(self, tmp_path: Path, imports: object) -> None:
        """Results with a malformed tree of imports are refused with a message."""
        path = tmp_path / "r.json"
        small_results().save(path)
        path.write_text(json.dumps({**json.loads(path.read_text()), "imports": imports}))
        with pytest.raises(SystemExit, match="the imports of lite in the results cannot be drawn"):
            main(["report", str(path), "-o", str(tmp_path / "p.html")])


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
@pytest.mark.parametrize("width", [500, 1280])
def test_page_fits_browser_window(tmp_path: Path, html: str, width: int) -> None:
    """In a browser the page scrolls in one direction only, and every chart has a size; the narrowest window has 500
    pixels.
    """
    probe = """<script>
      const widths = [...document.querySelectorAll("figure svg.chart:not(.swatch)")].map((svg) => svg.clientWidth);
      document.body.dataset.found = JSON.stringify({
        page: document.documentElement.scrollWidth, window: innerWidth,
        charts: widths.length, narrowest: Math.min(...widths),
      });
    </script>"""
    path = tmp_path / "page.html"
    path.write_text(html.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
    command = [
        "chromium",
        *options,
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        "--dump-dom",
    ]
    dom = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=110, check=True).stdout
    found = json.loads(next(a["data-found"] for a in Page(dom).all("body")))
    assert found["page"] <= found["window"] == width
    assert found["charts"] > 20 and found["narrowest"] > 300
