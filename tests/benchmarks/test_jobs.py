"""Jobs and the runner: right and wrong answers, who suits, what is kept; contenders that need places of their own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

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
from benchmarks.workshop import HERE, Unavailable, Workshop, build_directory

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
    yield Bench(Workshop(build, python), loadgen)
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
def test_right_answers_are_kept_and_wrong_ones_are_none(bench: Bench, name: str) -> None:
    """Every measure of a job has samples; another answer fails the run."""
    measured = job(name).run(bench, contender())
    assert list(measured) == list(job(name).measures)
    assert all(value > 0 for values in measured.values() for value in values)
    with pytest.raises(RunFailed, match=r"answered .* wrongly"):
        job(name).run(bench, contender(WRONG="1"))


def test_handlers_answer_what_is_expected() -> None:
    """The applications' items are those of the event, whatever carries them."""
    check, event = job("powertools").check, json.loads(event_bytes("apigw"))
    right = {"statusCode": 200, "body": json.dumps({"id": 42, "page": "1"}), "isBase64Encoded": False}
    check(contender(), json.dumps(right).encode(), False, event)
    wrongs: list[object] = [right | {"statusCode": 404}, right | {"body": '{"id": 41}'}, right | {"body": None}, []]
    for wrong in wrongs:
        with pytest.raises(RunFailed, match="wrongly"):
            check(contender(), json.dumps(wrong).encode(), False, event)
    with pytest.raises(RunFailed, match="wrongly"):  # the right words, but as an error
        check(contender(), json.dumps(right).encode(), True, event)
    with pytest.raises(RunFailed, match="no JSON"):
        check(contender(), b"<html>", False, event)


def test_who_suits() -> None:
    """A client without a handler is not asked for it, nor one that reads no chunks for a large event."""
    small = Contender("small", Client(("x",), chunked_events=False), {})
    assert job("warm_apigw").suits(small) and job("payload_in_1000").suits(small)
    assert not job("payload_in_10000").suits(small) and not job("echo_5mb_plain").suits(small)
    assert not job("cold_error").suits(small) and not job("fastapi").suits(small)
    assert job("cold_error").suits(contender()) and job("fastapi").suits(contender())


@dataclass(frozen=True)
class Recorded:
    """A job that does nothing but write down who did it."""

    name: str
    contenders: tuple[str, ...]
    done: list[str]
    every: int = 1
    runs_per_round: int = 1
    rehearsed: bool = True
    suite: str = "core"
    fails: str = ""
    missing: str = ""
    measures: tuple[str, ...] = ("figure", "other")

    def prepare(self, bench: Bench) -> None:
        """Refuse where that is wanted."""
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
    """A registry double that knows every name but `none`."""

    def contender(self, name: str) -> Contender:
        """Return a contender that is not built."""
        if name == "none":
            raise Unavailable(f"{self.workshop.build}/none is not there")
        return Contender(name, Client(()), {})


def runner(bench: Bench, wanted: list[str] | None, *jobs: Recorded) -> Runner:
    """Return a runner that has prepared the jobs."""
    found = Runner(bench, Names(bench.workshop))
    found.samples.wanted = wanted
    found.prepare(jobs, lambda *_: None)
    return found


def test_rounds_are_interleaved_and_the_first_does_not_count(bench: Bench) -> None:
    """A B A B; what is slow and steady is done in some rounds only, and not rehearsed."""
    done: list[str] = []
    often, seldom = Recorded("often", ("a", "b"), done), Recorded("seldom", ("a",), done, every=2, rehearsed=False)
    subject = runner(bench, ["figure"], often, seldom)
    assert subject.run(3, progress=lambda *_: None) == 3
    rounds = ["often a", "often b"]
    assert done == [*rounds, *rounds, "seldom a", *rounds, *rounds, "seldom a"]
    assert subject.samples.values == {"a": {"figure": [1.0] * 5}, "b": {"figure": [1.0] * 3}}


def test_a_spent_budget_skips_whole_jobs(bench: Bench) -> None:
    """The rehearsal is done all the same, then there is no time left; who has begun a job ends it with the others."""
    done: list[str] = []
    subject = runner(bench, None, Recorded("cold", ("a", "b"), done), Recorded("late", ("a",), done, rehearsed=False))
    assert subject.run(5, budget=0.0, progress=lambda *_: None) == 1
    assert done == ["cold a", "cold b"]
    assert subject.skipped == dict.fromkeys(("cold", "late"), "there was no time left for it")


def test_who_fails_once_is_out_with_all_samples(bench: Bench) -> None:
    """What it did before may have been as wrong; the others go on."""
    done: list[str] = []
    subject = runner(bench, None, Recorded("cold", ("a", "b"), done, fails="b"))
    subject.run(4, progress=lambda *_: None)
    assert subject.skipped == {"b in cold": "answered nonsense"}
    assert list(subject.samples.values["a"]) == ["figure", "other"] and not subject.samples.values["b"]
    assert subject.samples.per_run == {"figure": 1, "other": 2}
    assert done.count("cold b") == 3  # the rehearsal, a good round and the bad one


def test_what_cannot_be_had_is_skipped_with_its_reason(bench: Bench) -> None:
    """Jobs and contenders; reasons travel with the results, so they name no folder of this machine."""
    done: list[str] = []
    jobs = Recorded("groups", ("a",), done, missing="no right"), Recorded("cold", ("a", "none"), done)
    subject = runner(bench, None, *jobs)
    subject.run(1, progress=lambda *_: None)
    assert subject.skipped == {"groups": "no right", "none": "BUILD/none is not there"}
    assert done == ["cold a"] * 2


def test_every_suite_is_whole() -> None:
    """The parts of the issue are there, and no measure is taken by two jobs."""
    parts = {"core", "payloads", "models", "layers", "applications", "bytecode", "instructions", "codec", "streaming"}
    assert set(suites()) == parts | {"managed"}
    for quick in (True, False):
        measures = [measure for job in scenarios(quick) for measure in job.measures]
        assert len(measures) == len(set(measures))


def test_layers_are_compared_with_what_is_started_alike() -> None:
    """The wrapper is for managed runtimes, the other layer has an interpreter of its own."""
    assert baseline_of("lite-wrapper") == "awslambdaric@managed"
    assert baseline_of("skeleton-provided") == "awslambdaric-provided"
    assert baseline_of("lite") == "awslambdaric"


def test_a_layer_lies_in_opt_for_its_client_only(bench: Bench, tmp_path: Path) -> None:
    """The client finds it there beside what the machine has in /opt; the machine's own /opt stays as it is."""
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


def test_instructions_are_counted(bench: Bench) -> None:
    """More of them for a start than for an invocation, and as many every time, but for a little."""
    try:
        counter()
    except Unavailable as reason:
        pytest.skip(str(reason))
    from benchmarks.loadgen import compile_c

    client = compile_c(HERE / "contenders" / "c" / "client.c", bench.workshop.build / "c")
    subject = Contender("c", Client((client,)), {})
    first, second = (Instructions().run(bench, subject) for _ in range(2))
    assert first["instructions_init"][0] > first["instructions_warm"][0] > 1000
    assert first["instructions_warm"][0] == pytest.approx(second["instructions_warm"][0], rel=0.05)
