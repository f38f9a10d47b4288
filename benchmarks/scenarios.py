"""What is measured: each scenario is one kind of run, which yields the samples of one or more measures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .contenders import MANAGED, Contender
from .loadgen import RunFailed

Figures = dict[str, Any]
Value = Callable[[Figures], list[float]]

HELLO = {"message": "hello"}
FAILURE = {"errorType": "ValueError", "errorMessage": "this invocation fails"}


def _one(key: str) -> Value:
    return lambda figures: [float(figures[key])]


def _all(key: str) -> Value:
    return lambda figures: [float(value) for value in figures[key]]


@dataclass(frozen=True)
class Scenario:
    """One kind of run: handler, event, number of invocations, and what is kept of it."""

    name: str
    handler: str
    event: str
    measures: dict[str, Value]
    contenders: tuple[str, ...]
    warmup: int = 0
    count: int = 0
    rest: bool = False
    runs_per_round: int = 1
    timeout: int = 60
    every: int = field(default=1)
    """Run it in every n-th round only (what is slow and steady)."""

    def check(self, contender: Contender, answer: bytes, is_error: bool, event: Any) -> None:
        """Compare an answer with the expected one.

        Raises:
            RunFailed: it is another one.
        """
        want_error = self.handler == "fail"
        try:
            value = json.loads(answer)
        except ValueError as error:
            raise RunFailed(f"{contender.name} answered no JSON to {self.name}: {answer[:200]!r}") from error
        if want_error:
            right = is_error and isinstance(value, dict) and FAILURE.items() <= value.items()
        else:
            right = not is_error and value == (HELLO if self.handler == "hello" else event)
        if not right:
            raise RunFailed(f"{contender.name} answered {self.name} wrongly: {answer[:200]!r}")


def event_bytes(name: str) -> bytes:
    """Make the event `name`, the same bytes every time."""
    if name == "tiny":
        return b'{"key":"value"}'
    if name == "apigw":
        return json.dumps(json.loads(Path(__file__).with_name("apigw.json").read_text())).encode()
    size = 5_000_000
    if name in ("5mb_plain", "5mb_astral"):
        line = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore. "
        records: list[Any] = [line * 10] * (size // (len(line) * 10 + 4))
        if name == "5mb_astral":
            records[len(records) // 2] += "\N{GRINNING FACE}"
        return json.dumps({"records": records}, ensure_ascii=False).encode()
    if name == "5mb_structured":
        record = {"id": 0, "price": 1234.5678, "name": "example", "tags": ["a", "b", "c"], "new": True, "parent": None}
        length = len(json.dumps(record)) + 6
        return json.dumps({"records": [{**record, "id": i} for i in range(size // length)]}).encode()
    raise ValueError(f"no event called {name}")


_BOTH = ("lite", "awslambdaric", f"lite{MANAGED}", f"awslambdaric{MANAGED}")
_FLOORS = ("skeleton", "rust", "go", "c")
_TRANSPORTS = ("lite-m", "urllib3", "http.client")
_CODECS = ("lite", "lite+stdlib", "lite+orjson", "awslambdaric", f"lite{MANAGED}", f"awslambdaric{MANAGED}")


def scenarios(quick: bool) -> list[Scenario]:
    """Return what a run does in each round."""
    everyone = _BOTH + _FLOORS + (() if quick else _TRANSPORTS)
    count = 300 if quick else 1000
    found = [
        Scenario(
            "cold", "hello", "tiny",
            {"spawn_to_next": _one("spawn_to_next"), "spawn_to_response": _one("spawn_to_answer")},
            everyone, runs_per_round=3,
        ),
        Scenario("cold_error", "fail", "tiny", {"spawn_to_error": _one("spawn_to_answer")}, _BOTH, runs_per_round=2),
        Scenario(
            "first", "hello", "tiny",
            {
                "cpu_init": _one("cpu_init"),
                "cpu_first": _one("cpu_first"),
                "memory_at_next": _one("resident_at_next"),
                "proportional_at_next": _one("proportional_at_next"),
            },
            everyone, rest=True, runs_per_round=2,
        ),
        Scenario(
            "first_error", "fail", "tiny", {"cpu_first_error": _one("cpu_first")}, _BOTH, rest=True, runs_per_round=2
        ),
        Scenario(
            "warm", "hello", "tiny",
            {
                "event_to_response": _all("event_to_response"),
                "event_to_next": _all("event_to_next"),
                "cpu_warm": _one("cpu_warm"),
                "cpu_loadgen": _one("cpu_loadgen"),
                "memory_peak": _one("resident_peak"),
                "proportional_at_end": _one("proportional_at_end"),
            },
            everyone, warmup=100, count=count, rest=True,
        ),
        Scenario(
            "warm_apigw", "echo", "apigw",
            {"event_to_response_apigw": _all("event_to_response"), "event_to_next_apigw": _all("event_to_next")},
            everyone, warmup=100, count=count,
        ),
        Scenario(
            "warm_error", "fail", "tiny",
            {"event_to_error": _all("event_to_response"), "cpu_warm_error": _one("cpu_warm")},
            _BOTH, warmup=20, count=count // 3, rest=True,
        ),
    ]  # fmt: skip
    for kind in ("plain", "structured", "astral"):
        measures = {f"echo_5mb_{kind}": _all("event_to_response"), f"echo_5mb_{kind}_memory": _one("resident_peak")}
        # Two are not counted: with the codec chosen by itself, orjson is only loaded for the second large answer.
        name, every = f"echo_5mb_{kind}", 5 if quick else 2
        found.append(Scenario(name, "echo", f"5mb_{kind}", measures, _CODECS, warmup=2, count=3, every=every))
    return found
