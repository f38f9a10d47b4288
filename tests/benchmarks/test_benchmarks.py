"""The benchmark suite itself: the load generator, the statistics, the format of results, report and compare."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from statistics import median

import pytest

from awslambdaric_lite.common.tables import Table
from benchmarks.__main__ import main
from benchmarks.build_cache import HERE, BuildCache, Unavailable, build_directory
from benchmarks.contenders import baseline_of
from benchmarks.events import event_bytes
from benchmarks.interpreter import Interpreter
from benchmarks.loadgen import LoadGenerator, RunFailed, compile_c
from benchmarks.report import compare_tables, headline, measure_table, report_tables, target_table
from benchmarks.results import Results
from benchmarks.scenarios import scenarios
from benchmarks.tables import put_between_marks, to_markdown
from benchmarks.targets import Target, targets

C_CLIENT = HERE / "contenders" / "c" / "client.c"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build directory of this test process, with the load generator and the C client in it."""
    directory = build_directory(tmp_path_factory.mktemp("build"))
    try:
        LoadGenerator.built(directory)
        compile_c(C_CLIENT, directory / "c")
    except Unavailable as reason:
        pytest.skip(str(reason))
    return directory


@pytest.fixture
def loadgen(build: Path) -> LoadGenerator:
    """Return the load generator."""
    return LoadGenerator.built(build)


@pytest.fixture
def c_client(build: Path) -> Path:
    """Return the compiled C client."""
    return compile_c(C_CLIENT, build / "c")


def event_file(directory: Path, content: bytes) -> Path:
    """Write an event."""
    path = directory / "event.json"
    path.write_bytes(content)
    return path


class TestLoadGenerator:
    """Runs of the compiled load generator against real clients."""

    def test_run_yields_times_and_memory(self, loadgen: LoadGenerator, c_client: Path, tmp_path: Path) -> None:
        """A run yields a time for each counted invocation, and the CPU time and memory of the client."""
        event = event_file(tmp_path, b'{"key":"value"}')
        hello = {"_HANDLER": "app.hello"}
        run = loadgen.run([c_client], hello, event=event, cwd=tmp_path, warmup=3, count=5, rest=True)

        figures = run.figures
        assert figures["answers"] == 1 + 3 + 5
        assert len(figures["event_to_response"]) == len(figures["event_to_next"]) == 5
        assert all(0 < a <= b for a, b in zip(figures["event_to_response"], figures["event_to_next"], strict=True))
        assert 0 < figures["spawn_to_next"] < figures["spawn_to_answer"]
        assert figures["cpu_init"] > 0 and figures["cpu_first"] > 0 and figures["cpu_warm"] > 0
        assert 0 < figures["proportional_at_next"] <= figures["resident_at_next"] <= figures["resident_peak"]
        assert json.loads(run.first) == json.loads(run.last) == {"message": "hello"}

    @pytest.mark.parametrize("size", [2, 2048, 2049, 700_000])
    def test_first_and_last_response_are_kept(
        self, loadgen: LoadGenerator, c_client: Path, tmp_path: Path, size: int
    ) -> None:
        """The first and the last response are kept byte for byte, also of chunked events."""
        event = event_file(tmp_path, b'"' + b"x" * (size - 2) + b'"')
        run = loadgen.run([c_client], {"_HANDLER": "app.echo"}, event=event, cwd=tmp_path, count=2)

        assert run.first == run.last == event.read_bytes()

    def test_failed_client_shows_last_output(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """A client that exits without polling fails the run with its status and its last output."""
        event = event_file(tmp_path, b"{}")
        with pytest.raises(RunFailed, match=r"exit status 7.*out of order"):
            loadgen.run(["/bin/sh", "-c", "echo out of order; exit 7"], {}, event=event, cwd=tmp_path)

    def test_hanging_client_is_killed(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """A client that never polls is killed after the timeout."""
        pid = tmp_path / "pid"
        command = ["/bin/sh", "-c", f"echo $$ > {pid}; exec sleep 60"]
        with pytest.raises(RunFailed, match="timed out"):
            loadgen.run(command, os.environ, event=event_file(tmp_path, b"{}"), cwd=tmp_path, timeout=1)

        assert not Path(f"/proc/{pid.read_text().strip()}").exists()

    def test_run_may_end_at_first_poll(self, loadgen: LoadGenerator, c_client: Path, tmp_path: Path) -> None:
        """A run without invocations terminates the client at its first poll."""
        event = event_file(tmp_path, b"{}")
        run = loadgen.run([c_client], {}, event=event, cwd=tmp_path, count=5, init_only=True, gentle=True)

        assert run.figures["answers"] == 0 and run.figures["spawn_to_next"] > 0
        assert run.figures["event_to_next"] == []

    def test_client_may_register_as_extension(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """A client that registers as an extension gets a response, and its poll for shutdown waits."""
        program = """
import http.client, os
def ask(method, path, body=None):
    c.request(method, path, body, {"Lambda-Extension-Name": "own"})
    return c.getresponse()
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
c = http.client.HTTPConnection(api)
reply = ask("POST", "/2020-01-01/extension/register", b'{"events":[]}'); reply.read()
assert reply.status == 200 and reply.headers["Lambda-Extension-Identifier"]
c.request("GET", "/2020-01-01/extension/event/next")
waits, c = c, http.client.HTTPConnection(api)
while True:
    reply = ask("GET", "/2018-06-01/runtime/invocation/next"); reply.read()
    request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
    ask("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", b"1").read()
"""
        event = event_file(tmp_path, b"{}")
        run = loadgen.run([sys.executable, "-c", program], {}, event=event, cwd=tmp_path, count=2)
        assert run.figures["answers"] == 3 and run.first == b"1"

    def test_wrong_request_id_fails_run(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """A response with a wrong request id fails the run."""
        program = """
import http.client, os
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
c.request("GET", "/2018-06-01/runtime/invocation/next"); c.getresponse().read()
c.request("POST", "/2018-06-01/runtime/invocation/other/response", b"1"); c.getresponse()
"""
        with pytest.raises(RunFailed, match="another invocation"):
            loadgen.run([sys.executable, "-c", program], {}, event=event_file(tmp_path, b"{}"), cwd=tmp_path)


def sample_results() -> Results:
    """Return a tiny stored run."""
    samples = {
        "lite": {"spawn_to_next": [0.010, 0.011, 0.012], "event_to_next": [0.00008] * 6, "memory_at_next": [9e6]},
        "awslambdaric": {"spawn_to_next": [0.04, 0.041, 0.042], "event_to_next": [3e-4] * 6, "memory_at_next": [15e6]},
        "skeleton": {"spawn_to_next": [0.009, 0.0095, 0.010]},
        "lite@managed": {"spawn_to_next": [0.011] * 3},
        "awslambdaric@managed": {"spawn_to_next": [0.022] * 3},
    }
    per_run = {"spawn_to_next": 1, "event_to_next": 2, "memory_at_next": 1}
    return Results({"python": "CPython 3.13"}, samples, per_run, {"go": "go is not installed"}, 3)


class TestResults:
    """Results as a file and as tables."""

    def test_saved_results_read_back(self, tmp_path: Path) -> None:
        """Results are equal after saving and loading, and the file has the documented format."""
        path = tmp_path / "results.json"
        sample_results().save(path)

        assert Results.load(path) == sample_results()
        raw = json.loads(path.read_text())
        assert raw["samples"]["lite"]["event_to_next"] == [0.00008] * 6
        assert raw["machine"] == {"python": "CPython 3.13"}

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "samples": {"lite": {"spawn_to_next": ["1"]}}}'])
    def test_file_without_results_is_refused(self, tmp_path: Path, text: str) -> None:
        """A file that does not hold results is refused, with the command that writes results."""
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(SystemExit, match=r"other\.json is not the result of `python -m benchmarks run`"):
            Results.load(path)

    def test_baseline_has_same_configuration(self) -> None:
        """`@managed` contenders are compared with the managed official client."""
        assert baseline_of("lite@managed") == "awslambdaric@managed"
        rows = {row[0]: row[4] for row in measure_table(sample_results(), "spawn_to_next").rows}

        assert rows["lite"].startswith("0.268 ")
        assert rows["lite@managed"].startswith("0.500 ")
        assert rows["awslambdaric"] == "1"

    def test_targets_have_three_verdicts(self) -> None:
        """The table of targets distinguishes met, missed and unmeasured targets."""
        verdicts = {(row[0], row[1]): row[2:] for row in target_table(sample_results()).rows}

        assert verdicts["spawn_to_next", "lite at most 0.43 of awslambdaric"] == ["0.268", "yes"]
        assert verdicts["spawn_to_next", "lite@managed at most 0.38 of awslambdaric@managed"] == ["0.500", "NO"]
        assert verdicts["spawn_to_next", "lite at most 1.5 ms above skeleton"] == ["1.50 ms", "yes"]
        assert verdicts["event_to_next", "lite at most 0.65 of rust"] == ["", "not measured"]

    def test_targets_name_existing_measures(self) -> None:
        """The measures and contenders of all targets exist in the suite."""
        measured = {(m, name) for job in scenarios(quick=False) for m in job.measures for name in job.contenders}
        for target in targets():
            assert {(target.measure, target.contender), (target.measure, target.against)} <= measured, target

    def test_compare_removes_drift_of_machine(self) -> None:
        """`compare` divides by the change of the official client, so that a slower machine changes nothing."""
        before, after = sample_results(), sample_results()
        for contender in ("lite", "awslambdaric"):
            samples = after.samples[contender]["spawn_to_next"]
            after.samples[contender]["spawn_to_next"] = [2 * value for value in samples]
        table = next(t for t in compare_tables(before, after, ("a", "b")) if t.title.startswith("spawn_to_next"))
        row = next(row for row in table.rows if row[0] == "lite")

        assert row[3].startswith("2.000 ")
        assert row[4] == "1.000"

    def test_report_prints_all_parts(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`report` prints every measure, the targets, the machine and the skipped parts, and exits with 0."""
        path = tmp_path / "results.json"
        sample_results().save(path)
        monkeypatch.setenv("COLUMNS", "200")

        assert main(["report", str(path)]) == 0
        printed = capsys.readouterr().out
        for text in ("spawn_to_next", "memory_at_next", "9.00 MB", "targets", "CPython 3.13", "skipped: go: go is not"):
            assert text in printed

    def test_headline_has_real_applications(self) -> None:
        """The headline shows the one-line handler, each measured application, and how many targets are missed."""
        results = sample_results()
        results.samples["lite@managed"] |= {"event_to_next": [1e-4], "spawn_to_next_fastapi": [0.41]}
        results.samples["awslambdaric@managed"] |= {"event_to_next": [4e-4], "spawn_to_next_fastapi": [0.4]}

        text = headline(results)
        assert "| one-line handler | 22.00 ms | 0.50 [0.50, 0.50] | - |" in text
        assert "one-line handler 100.0 µs instead of 400.0 µs (0.25 [0.25, 0.25])" in text
        assert "| FastAPI application | 400.00 ms | 1.02 [1.02, 1.02] | - |" in text
        assert "Powertools" not in text and re.search(r"miss \d+ of \d+ targets", text)
        del results.samples["lite@managed"]["event_to_next"]
        with pytest.raises(SystemExit, match="a headline needs spawn_to_next and event_to_next of"):
            headline(results)

    def test_figures_replace_text_between_marks(self, tmp_path: Path) -> None:
        """New tables replace the old ones between the marks, and a file without marks is refused."""
        path = tmp_path / "README.md"
        path.write_text("before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n")
        put_between_marks(path, to_markdown(Table("new", ["a", "b"], [["1", "2|3"]])))

        text = path.read_text()
        assert "old" not in text and "| 1 | 2\\|3 |" in text
        assert text.startswith("before\n") and text.endswith("\nafter\n")
        path.write_text("nothing")
        with pytest.raises(SystemExit, match="has no lines"):
            put_between_marks(path, "x")


def test_large_events_have_stated_contents() -> None:
    """The large events are JSON of about 5 MB, and one of them has a single character beyond the BMP."""
    for name in ("5mb_plain", "5mb_structured", "5mb_astral"):
        content = event_bytes(name)
        assert 4_700_000 < len(content) < 5_300_000
        assert json.loads(content)
        assert sum(character > "\uffff" for character in content.decode()) == (name == "5mb_astral")
    assert len(event_bytes("apigw")) < 2048
    for size in (26, 100, 121, 122, 123, 1000, 100_000):
        assert len(event_bytes(f"in_{size}")) == size
    with pytest.raises(ValueError, match="no event called in_x"):
        event_bytes("in_x")
    with pytest.raises(ValueError, match="minimum is 26"):
        event_bytes("in_25")


def test_target_in_seconds_is_difference() -> None:
    """A target in seconds compares the distance to the floor, not the ratio."""
    target = Target("spawn_to_next", "lite", "skeleton", 0.0015, seconds_above=True)
    results = sample_results()
    expected = median(results.of("lite", "spawn_to_next")) - median(results.of("skeleton", "spawn_to_next"))
    assert target.measured(results) == pytest.approx(expected)


def test_staged_copy_has_bytecode(tmp_path: Path) -> None:
    """A staged tree is a compiled copy that leaves the source unchanged; a second staging returns the same folder."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "module.py").write_text("answer = 42\n")
    python = Interpreter(Path(sys.executable), Path(sys.executable), "3", sys.implementation.cache_tag, "")
    cache = BuildCache(build_directory(tmp_path / "build"), python)

    staged = cache.stage("tree", (source, "."))
    assert list(staged.glob(f"__pycache__/module.{sys.implementation.cache_tag}.pyc"))
    assert [path.name for path in source.iterdir()] == ["module.py"]
    assert cache.stage("tree", (source, ".")) == staged


def test_run_writes_samples_and_report(build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`run` measures the chosen contenders, writes the samples, and prints the unavailable contenders."""
    output = tmp_path / "results.json"
    arguments = ["run", "--build-dir", str(build), "--no-bare-interpreter", "--rounds", "2", "-o", str(output)]
    chosen = ["--contender", "c", "--contender", "nobody", "--measure", "spawn_to_next"]

    assert main([*arguments, *chosen]) == 0
    results = Results.load(output)
    assert len(results.of("c", "spawn_to_next")) == 2 * 10
    assert "unknown contender" in results.skipped["nobody"]
    assert report_tables([results])
    printed = capsys.readouterr()
    assert "spawn_to_next" in printed.out
    assert "skipped: nobody" in printed.err


def test_wrong_option_lists_choices(build: Path) -> None:
    """A misspelt measure or suite is an error that lists the known ones."""
    start = ["run", "--build-dir", str(build), "--no-bare-interpreter"]
    with pytest.raises(SystemExit, match=r"unknown measure event_to_text.*event_to_next"):
        main([*start, "--measure", "event_to_text"])
    with pytest.raises(SystemExit, match=r"unknown suite cores; choose one of: core, .*managed"):
        main([*start, "--suite", "cores"])
    with pytest.raises(SystemExit, match=r"no job for instructions in a quick run; leave --quick out"):
        main([*start, "--quick", "--suite", "instructions"])
    with pytest.raises(SystemExit, match="minimum of 1"):
        main([*start, "--rounds", "0"])
    with pytest.raises(SystemExit, match="--tree old=nowhere"):
        main([*start, "--tree", "old=nowhere"])
