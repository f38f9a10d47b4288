"""The benchmark suite itself: the load generator, the statistics, the format of results, report and compare."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from statistics import median

import pytest

from benchmarks.__main__ import main
from benchmarks.contenders import baseline_of
from benchmarks.events import event_bytes
from benchmarks.interpreter import Interpreter
from benchmarks.loadgen import LoadGenerator, RunFailed, compile_c
from benchmarks.report import compare_tables, headline, measure_table, report_tables, target_table
from benchmarks.results import Results
from benchmarks.scenarios import scenarios
from benchmarks.stats import percentile, ratio
from benchmarks.tables import Table, put_between_marks
from benchmarks.targets import Target, targets
from benchmarks.workshop import HERE, Unavailable, Workshop, build_directory

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
    """Runs of the compiled server against real clients."""

    def test_times_a_client(self, loadgen: LoadGenerator, c_client: Path, tmp_path: Path) -> None:
        """A run yields one time for each counted invocation, and CPU time and memory of the client."""
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
    def test_echo_comes_back_whole(self, loadgen: LoadGenerator, c_client: Path, tmp_path: Path, size: int) -> None:
        """The first and the last answer are kept as they came, for events with a length and for chunked ones."""
        event = event_file(tmp_path, b'"' + b"x" * (size - 2) + b'"')
        run = loadgen.run([c_client], {"_HANDLER": "app.echo"}, event=event, cwd=tmp_path, count=2)

        assert run.first == run.last == event.read_bytes()

    def test_names_the_exit_status_and_the_last_words(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """A client that ends without polling fails the run with its status and what it said last."""
        event = event_file(tmp_path, b"{}")
        with pytest.raises(RunFailed, match=r"exit status 7.*out of order"):
            loadgen.run(["/bin/sh", "-c", "echo out of order; exit 7"], {}, event=event, cwd=tmp_path)

    def test_ends_a_client_that_hangs(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """A client that never polls is killed when the time is up."""
        pid = tmp_path / "pid"
        command = ["/bin/sh", "-c", f"echo $$ > {pid}; exec sleep 60"]
        with pytest.raises(RunFailed, match="timed out"):
            loadgen.run(command, os.environ, event=event_file(tmp_path, b"{}"), cwd=tmp_path, timeout=1)

        assert not Path(f"/proc/{pid.read_text().strip()}").exists()

    def test_an_init_needs_no_invocation(self, loadgen: LoadGenerator, c_client: Path, tmp_path: Path) -> None:
        """A run may end with the first poll, gently."""
        event = event_file(tmp_path, b"{}")
        run = loadgen.run([c_client], {}, event=event, cwd=tmp_path, count=5, init_only=True, gentle=True)

        assert run.figures["answers"] == 0 and run.figures["spawn_to_next"] > 0
        assert run.figures["event_to_next"] == []

    def test_a_client_may_be_an_extension(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """Clients with shutdown hooks register as one: that is answered, and their poll for the end is left waiting."""
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

    def test_refuses_an_answer_to_another_invocation(self, loadgen: LoadGenerator, tmp_path: Path) -> None:
        """An answer with a wrong request id is no answer."""
        program = """
import http.client, os
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
c.request("GET", "/2018-06-01/runtime/invocation/next"); c.getresponse().read()
c.request("POST", "/2018-06-01/runtime/invocation/other/response", b"1"); c.getresponse()
"""
        with pytest.raises(RunFailed, match="another invocation"):
            loadgen.run([sys.executable, "-c", program], {}, event=event_file(tmp_path, b"{}"), cwd=tmp_path)


class TestStatistics:
    """Percentiles and confidence intervals."""

    def test_percentile_is_a_sample(self) -> None:
        """A percentile is the smallest sample that the share of all does not exceed."""
        samples = [float(n) for n in range(100, 0, -1)]
        assert [percentile(samples, share) for share in (0.0, 0.07, 0.5, 0.9, 0.99, 1.0)] == [1, 7, 50, 90, 99, 100]
        assert percentile([3.0], 0.99) == 3.0

    def test_ratio_of_medians_lies_in_its_interval(self) -> None:
        """The ratio is that of the medians, and more scatter makes a wider interval."""
        theirs = [10.0 + 0.01 * (n % 7) for n in range(30)]
        calm = ratio([5.0 + 0.01 * (n % 5) for n in range(30)], theirs)
        wild = ratio([5.0 + 0.9 * (n % 5) for n in range(30)], theirs)

        assert calm.value == pytest.approx(0.5, rel=0.01)
        assert calm.low <= calm.value <= calm.high
        assert wild.high - wild.low > 5 * (calm.high - calm.low)

    def test_runs_are_resampled_as_a_whole(self) -> None:
        """Two processes that differ are two samples, however many invocations each has served."""
        ours = [1.0] * 100 + [3.0] * 100
        found = ratio(ours, [1.0] * 200, per_run=100)

        assert (found.low, found.high) == (1.0, 3.0)

    def test_same_samples_give_the_same_report(self) -> None:
        """The interval does not depend on chance."""
        samples = [float(n % 11) + 1 for n in range(40)]
        assert ratio(samples, samples[::-1]) == ratio(samples, samples[::-1])

    def test_nothing_to_compare(self) -> None:
        """Without samples there is no ratio."""
        with pytest.raises(ValueError, match="no samples"):
            ratio([], [1.0])


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
    """The file and what is made of it."""

    def test_a_saved_file_reads_back(self, tmp_path: Path) -> None:
        """Saving and loading changes nothing, and the file has the documented shape."""
        path = tmp_path / "results.json"
        sample_results().save(path)

        assert Results.load(path) == sample_results()
        raw = json.loads(path.read_text())
        assert raw["samples"]["lite"]["event_to_next"] == [0.00008] * 6
        assert raw["machine"] == {"python": "CPython 3.13"}

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "samples": {"lite": {"spawn_to_next": ["1"]}}}'])
    def test_another_file_is_refused(self, tmp_path: Path, text: str) -> None:
        """What is no result is named, with the command that makes one."""
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(SystemExit, match=r"other\.json is not the result of `python -m benchmarks run`"):
            Results.load(path)

    def test_each_is_compared_with_the_official_client_in_its_configuration(self) -> None:
        """`@managed` contenders are compared with the managed official client."""
        assert baseline_of("lite@managed") == "awslambdaric@managed"
        rows = {row[0]: row[4] for row in measure_table(sample_results(), "spawn_to_next").rows}

        assert rows["lite"].startswith("0.268 ")
        assert rows["lite@managed"].startswith("0.500 ")
        assert rows["awslambdaric"] == "1"

    def test_targets_are_met_missed_or_not_measured(self) -> None:
        """The table of targets tells the three apart."""
        verdicts = {(row[0], row[1]): row[2:] for row in target_table(sample_results()).rows}

        assert verdicts["spawn_to_next", "lite at most 0.43 of awslambdaric"] == ["0.268", "yes"]
        assert verdicts["spawn_to_next", "lite@managed at most 0.38 of awslambdaric@managed"] == ["0.500", "NO"]
        assert verdicts["spawn_to_next", "lite at most 1.5 ms above skeleton"] == ["1.50 ms", "yes"]
        assert verdicts["event_to_next", "lite at most 0.65 of rust"] == ["", "not measured"]

    def test_every_target_is_of_something_that_is_measured(self) -> None:
        """A misspelt measure or contender would never be measured."""
        measured = {(m, name) for job in scenarios(quick=False) for m in job.measures for name in job.contenders}
        for target in targets():
            assert {(target.measure, target.contender), (target.measure, target.against)} <= measured, target

    def test_compare_takes_the_official_client_as_yardstick(self) -> None:
        """Where the whole machine became slower, ours did not."""
        before, after = sample_results(), sample_results()
        for contender in ("lite", "awslambdaric"):
            samples = after.samples[contender]["spawn_to_next"]
            after.samples[contender]["spawn_to_next"] = [2 * value for value in samples]
        table = next(t for t in compare_tables(before, after, ("a", "b")) if t.title.startswith("spawn_to_next"))
        row = next(row for row in table.rows if row[0] == "lite")

        assert row[3].startswith("2.000 ")
        assert row[4] == "1.000"

    def test_report_prints_all(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`report` prints every measure, the targets, the machine and what was skipped, and exits 0."""
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
        assert "| one-line handler | 11.00 ms | 22.00 ms | 0.50 [0.50, 0.50] | 100.0 µs | 400.0 µs | 0.25" in text
        assert "| FastAPI application | 410.00 ms | 400.00 ms | 1.02 [1.02, 1.02] | - | - | - |" in text
        assert "Powertools" not in text and re.search(r"misses \d+ of \d+ targets", text)
        del results.samples["lite@managed"]["event_to_next"]
        with pytest.raises(SystemExit, match="a headline needs spawn_to_next and event_to_next of"):
            headline(results)

    def test_figures_replace_what_is_between_the_marks(self, tmp_path: Path) -> None:
        """The README's tables are generated: old ones go, the text around stays; a file without marks is refused."""
        path = tmp_path / "README.md"
        path.write_text("before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n")
        put_between_marks(path, Table("new", ["a", "b"], [["1", "2|3"]]).markdown())

        text = path.read_text()
        assert "old" not in text and "| 1 | 2\\|3 |" in text
        assert text.startswith("before\n") and text.endswith("\nafter\n")
        path.write_text("nothing")
        with pytest.raises(SystemExit, match="has no lines"):
            put_between_marks(path, "x")


def test_events_are_what_they_claim() -> None:
    """The large events are JSON of about 5 MB; one of them has exactly one character beyond the BMP, raw."""
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
    with pytest.raises(ValueError, match="26 are the least"):
        event_bytes("in_25")


def test_a_target_in_seconds_is_a_difference() -> None:
    """The floor is not a ratio: the distance to it is what counts."""
    target = Target("spawn_to_next", "lite", "skeleton", 0.0015, seconds_above=True)
    results = sample_results()
    expected = median(results.of("lite", "spawn_to_next")) - median(results.of("skeleton", "spawn_to_next"))
    assert target.measured(results) == pytest.approx(expected)


def test_staged_copies_have_bytecode_and_leave_the_source_alone(tmp_path: Path) -> None:
    """A staged tree is a compiled copy; staging the same again gives the same directory."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "module.py").write_text("answer = 42\n")
    python = Interpreter(Path(sys.executable), Path(sys.executable), "3", sys.implementation.cache_tag, "")
    workshop = Workshop(build_directory(tmp_path / "build"), python)

    staged = workshop.stage("tree", (source, "."))
    assert list(staged.glob(f"__pycache__/module.{sys.implementation.cache_tag}.pyc"))
    assert [path.name for path in source.iterdir()] == ["module.py"]
    assert workshop.stage("tree", (source, ".")) == staged


def test_run_from_the_command_line(build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`run` measures the chosen contenders, keeps the samples, and names those that it cannot have."""
    output = tmp_path / "results.json"
    arguments = ["run", "--build-dir", str(build), "--no-bare-interpreter", "--rounds", "2", "-o", str(output)]
    chosen = ["--contender", "c", "--contender", "nobody", "--measure", "spawn_to_next"]

    assert main([*arguments, *chosen]) == 0
    results = Results.load(output)
    assert len(results.of("c", "spawn_to_next")) == 2 * 10
    assert "no such contender" in results.skipped["nobody"]
    assert report_tables(results)
    printed = capsys.readouterr()
    assert "spawn_to_next" in printed.out
    assert "skipped: nobody" in printed.err


def test_an_unknown_measure_is_named(build: Path) -> None:
    """A misspelt measure or suite is an error that lists the right ones; so are other options without sense."""
    start = ["run", "--build-dir", str(build), "--no-bare-interpreter"]
    with pytest.raises(SystemExit, match=r"no such measure as event_to_text.*event_to_next"):
        main([*start, "--measure", "event_to_text"])
    with pytest.raises(SystemExit, match=r"no such suite as cores; there are core, .*managed"):
        main([*start, "--suite", "cores"])
    with pytest.raises(SystemExit, match=r"nothing to do for instructions; a run without --quick has more"):
        main([*start, "--quick", "--suite", "instructions"])
    with pytest.raises(SystemExit, match="at least 1"):
        main([*start, "--rounds", "0"])
    with pytest.raises(SystemExit, match="--tree old=nowhere"):
        main([*start, "--tree", "old=nowhere"])
