"""Jobs and the runner: responses, suitable contenders, kept samples, and layers in /opt."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.build_cache import HERE, BuildCache, Unavailable, build_directory
from benchmarks.contenders import Contender, Registry, baseline_of
from benchmarks.contenders.client import Client
from benchmarks.events import event_bytes
from benchmarks.instructions import Instructions, counter
from benchmarks.interpreter import Interpreter
from benchmarks.job import Bench, Samples
from benchmarks.loadgen import LoadGenerator, RunFailed, require_namespace
from benchmarks.runner import Runner
from benchmarks.scenario import Scenario
from benchmarks.scenarios import scenarios, suites

ANSWERS = """
import http.client, os, sys
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
import app, json
handler = getattr(app, os.environ["_HANDLER"].split(".")[1])
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    c.request("GET", "/2018-06-01/runtime/invocation/next")
    reply = c.getresponse()
    event = json.loads(reply.read())
    request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
    result = handler(event, None) if not os.environ.get("WRONG") else "wrong"
    c.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", json.dumps(result))
    c.getresponse().read()
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a bench on the interpreter that runs the tests."""
    build = build_directory(tmp_path_factory.mktemp("build"))
    python = Interpreter(
        Path(sys.executable), Path(sys.executable), "3.13.1", sys.implementation.cache_tag or "python", ""
    )
    try:
        loadgen = LoadGenerator.built(build)
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield Bench(BuildCache(build, python), loadgen)
    shutil.rmtree(build)


def contender(**environment: str) -> Contender:
    """Return a client of a few lines."""
    return Contender("few-lines", Client((sys.executable, "-c", ANSWERS), handlers=None), environment)


def job(name: str) -> Scenario:
    """Return a job of the suite, with few invocations."""
    found = next(job for job in scenarios(quick=False) if job.name == name)
    assert isinstance(found, Scenario)
    return replace(found, warmup=min(found.warmup, 1), count=min(found.count, 2), rest=False)


@pytest.mark.parametrize(
    "name", ["cold", "warm_apigw", "payload_in_10000", "payload_out_100", "payload_out_1000", "modules"]
)
def test_wrong_response_fails_job(bench: Bench, name: str) -> None:
    """Every measure of a job has samples, and a wrong response fails the run."""
    measured = job(name).run(bench, contender())
    assert list(measured) == list(job(name).measures)
    assert all(value > 0 for values in measured.values() for value in values)
    with pytest.raises(RunFailed, match=r"responded .* wrongly"):
        job(name).run(bench, contender(WRONG="1"))


def test_applications_return_items_of_event() -> None:
    """The applications return the items of the event, whichever client runs them."""
    check, event = job("powertools").check, json.loads(event_bytes("apigw"))
    right = {"statusCode": 200, "body": json.dumps({"id": 42, "page": "1"}), "isBase64Encoded": False}
    check(contender(), json.dumps(right).encode(), False, event)
    wrongs: list[object] = [right | {"statusCode": 404}, right | {"body": '{"id": 41}'}, right | {"body": None}, []]
    for wrong in wrongs:
        with pytest.raises(RunFailed, match="wrongly"):
            check(contender(), json.dumps(wrong).encode(), False, event)
    with pytest.raises(RunFailed, match="wrongly"):  # the right words, but as an error
        check(contender(), json.dumps(right).encode(), True, event)
    with pytest.raises(RunFailed, match="in JSON"):
        check(contender(), b"<html>", False, event)


def test_unsuitable_contenders_are_left_out() -> None:
    """A client without the handler, or without chunked reading of a large event, does not get the job."""
    small = Contender("small", Client(("x",), chunked_events=False), {})
    assert job("warm_apigw").suits(small) and job("payload_in_1000").suits(small)
    assert not job("payload_in_10000").suits(small) and not job("echo_5mb_plain").suits(small)
    assert not job("cold_error").suits(small) and not job("fastapi").suits(small)
    assert job("cold_error").suits(contender()) and job("fastapi").suits(contender())


@dataclass(frozen=True)
class Recorded:
    """A job that only records the contenders."""

    name: str
    contenders: tuple[str, ...]
    done: list[str]
    every: int = 1
    runs_per_round: int = 1
    rehearsed: bool = True
    disturbing: bool = False
    suite: str = "core"
    fails: str = ""
    missing: str = ""
    measures: tuple[str, ...] = ("figure", "other")

    def prepare(self, bench: Bench) -> None:
        """Refuse if the test wants it."""
        if self.missing:
            raise Unavailable(self.missing)

    def suits(self, contender: Contender) -> bool:
        """Everybody."""
        return True

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Write down."""
        self.done.append(f"{self.name} {contender.name}")
        if contender.name == self.fails and len(self.done) > 4:
            raise RunFailed("answered nonsense")
        return {"figure": [1.0], "other": [2.0, 3.0]}


class Names(Registry):
    """A double of the registry that knows every name except `none`."""

    def contender(self, name: str) -> Contender:
        """Return a contender without building it."""
        if name == "none":
            raise Unavailable(f"{self.cache.build}/none is not there")
        return Contender(name, Client(()), {})


def runner(bench: Bench, wanted: list[str] | None, *jobs: Recorded) -> Runner:
    """Return a runner that has prepared the jobs."""
    found = Runner(bench, Names(bench.cache))
    found.samples.wanted = wanted
    found.prepare(jobs, lambda *_: None)
    return found


def test_rounds_are_interleaved(bench: Bench) -> None:
    """Rounds run A B A B after an uncounted round; slow jobs run in some rounds only."""
    done: list[str] = []
    often, seldom = Recorded("often", ("a", "b"), done), Recorded("seldom", ("a",), done, every=2, rehearsed=False)
    subject = runner(bench, ["figure"], often, seldom)
    assert subject.run(3, progress=lambda *_: None) == 3
    rounds = ["often a", "often b"]
    assert done == [*rounds, *rounds, "seldom a", *rounds, *rounds, "seldom a"]
    assert subject.samples.values == {"a": {"figure": [1.0] * 5}, "b": {"figure": [1.0] * 3}}


def test_disturbing_job_runs_after_all_others(bench: Bench) -> None:
    """A job that disturbs others has its rounds after all rounds of the others, and is interleaved in itself."""
    done: list[str] = []
    first = Recorded("dropped", ("a", "b"), done, disturbing=True, rehearsed=False)
    subject = runner(bench, ["figure"], first, Recorded("warm", ("a",), done))
    assert subject.run(2, progress=lambda *_: None) == 2
    assert done == ["warm a"] * 3 + ["dropped a", "dropped b"] * 2


def test_spent_budget_skips_whole_jobs(bench: Bench) -> None:
    """After the time budget no further job starts, but a started job ends with all contenders."""
    done: list[str] = []
    subject = runner(bench, None, Recorded("cold", ("a", "b"), done), Recorded("late", ("a",), done, rehearsed=False))
    assert subject.run(5, budget=0.0, progress=lambda *_: None) == 1
    assert done == ["cold a", "cold b"]
    assert subject.skipped == dict.fromkeys(("cold", "late"), "the time budget was used up")


def test_failed_contender_loses_samples(bench: Bench) -> None:
    """A contender that fails once loses its samples of the job; the others continue."""
    done: list[str] = []
    subject = runner(bench, None, Recorded("cold", ("a", "b"), done, fails="b"))
    subject.run(4, progress=lambda *_: None)
    assert subject.skipped == {"b in cold": "answered nonsense"}
    assert list(subject.samples.values["a"]) == ["figure", "other"] and not subject.samples.values["b"]
    assert subject.samples.per_run == {"figure": 1, "other": 2}
    assert done.count("cold b") == 3  # the rehearsal, a good round and the bad one


def test_unavailable_parts_are_skipped(bench: Bench) -> None:
    """Unavailable jobs and contenders are skipped, with reasons that name no folder of this machine."""
    done: list[str] = []
    jobs = Recorded("groups", ("a",), done, missing="no right"), Recorded("cold", ("a", "none"), done)
    subject = runner(bench, None, *jobs)
    subject.run(1, progress=lambda *_: None)
    assert subject.skipped == {"groups": "no right", "none": "BUILD/none is not there"}
    assert done == ["cold a"] * 2


def test_suites_have_all_measures() -> None:
    """Each part of the suite exists, and no measure belongs to two jobs."""
    parts = {"core", "payloads", "models", "layers", "applications", "bytecode", "instructions", "codec", "streaming"}
    assert set(suites()) == parts | {"managed", "requests"}
    for quick in (True, False):
        measures = [measure for job in scenarios(quick) for measure in job.measures]
        assert len(measures) == len(set(measures))


def test_layers_have_comparable_baselines() -> None:
    """The wrapper layer is compared with the managed client, the other layer with a client on its interpreter."""
    assert baseline_of("lite-wrapper") == "awslambdaric@managed"
    assert baseline_of("skeleton-provided") == "awslambdaric-provided"
    assert baseline_of("lite") == "awslambdaric"


def test_layer_is_mounted_for_client(bench: Bench, tmp_path: Path) -> None:
    """A client finds its layer in /opt next to the machine's files; the machine's /opt does not change."""
    try:
        require_namespace()
    except Unavailable as reason:
        pytest.skip(str(reason))
    before = sorted(os.listdir("/opt"))
    opt = tmp_path / "layer"
    opt.mkdir()
    program = ANSWERS.replace("handler(event, None)", 'sorted(os.listdir("/opt"))')
    (opt / "client-of-the-test").write_text(f"#!{sys.executable}\n{program}")
    (opt / "client-of-the-test").chmod(0o755)
    event = tmp_path / "event.json"
    event.write_text("{}")
    root = bench.application("app").root
    environment = {"LAMBDA_TASK_ROOT": str(root), "_HANDLER": "app.hello"}
    run = bench.loadgen.run(["/opt/client-of-the-test"], environment, event=event, cwd=root, opt=opt)
    assert json.loads(run.first) == sorted({*before, "client-of-the-test"})
    assert sorted(os.listdir("/opt")) == before


def test_instructions_are_repeatable(bench: Bench) -> None:
    """A start has more instructions than an invocation, and repetitions have nearly the same number."""
    try:
        counter()
    except Unavailable as reason:
        pytest.skip(str(reason))
    from benchmarks.loadgen import compile_c

    client = compile_c(HERE / "contenders" / "c" / "client.c", bench.cache.build / "c")
    subject = Contender("c", Client((client,)), {})
    first, second = (Instructions().run(bench, subject) for _ in range(2))
    assert first["instructions_init"][0] > first["instructions_warm"][0] > 1000
    assert first["instructions_warm"][0] == pytest.approx(second["instructions_warm"][0], rel=0.05)
