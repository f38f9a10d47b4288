"""The jobs of each part of the suite, in the order of the report."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .codec import EVENTS, Codec
from .contenders import BASELINE, IMPORT_SET_UPS, MANAGED
from .events import event_bytes as event_bytes  # other modules import it from here
from .groups import FULL_CPU_MB
from .instructions import Instructions
from .job import Job
from .managed import Managed
from .requests import EVENTS as REQUEST_EVENTS
from .requests import Requests
from .scenario import Figures, Scenario, every, one, total
from .streaming import Streaming

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 6_000_000)
"""Bytes of events and results, up to Lambda's limit of 6 MB."""
MEMORIES = (128, 256, 512, 1024, FULL_CPU_MB)
"""Memory in MB of the functions whose CPU share limits the clients."""

FUNCTIONS = {
    "one_line": "one-line handler",
    "powertools": "API with Powertools for AWS Lambda",
    "fastapi": "FastAPI application",
    "boto3_client": "function with a boto3 client",
    "pandas": "function with pandas",
    "django": "Django application",
    "opentelemetry": "function with OpenTelemetry and boto3",
}
"""The function of the name's measures, in words."""

_MANAGED = (f"lite{MANAGED}", f"{BASELINE}{MANAGED}")
_BOTH = ("lite", BASELINE, *_MANAGED)
_FLOORS = ("skeleton", "rust", "go", "c")
_TRANSPORTS = ("lite-m", "urllib3", "http.client")
_CODECS = ("lite", "lite+stdlib", "lite+orjson", BASELINE, *_MANAGED)
_LAYERS = (
    "lite-provided", f"{BASELINE}-provided", "skeleton-provided",
    "lite-wrapper", f"{BASELINE}{MANAGED}", "skeleton-wrapper",
)  # fmt: skip


def scenarios(quick: bool) -> list[Job]:
    """Return the jobs of all parts of the suite."""
    return [
        *_core(quick),
        *_payloads(quick),
        *_models(quick),
        *_layers(quick),
        *_applications(quick),
        *_bytecode(quick),
        *_instructions(quick),
        *_codec(quick),
        *_requests(quick),
        *_streaming(quick),
        *_managed(quick),
    ]


def suites() -> list[str]:
    """Return the names of the parts of the suite."""
    return list(dict.fromkeys(job.suite for job in scenarios(quick=False)))


def _modules(figures: Figures) -> list[float]:
    return [float(json.loads(figures["first_answer"]))]


def _core(quick: bool) -> Iterator[Job]:
    everyone = _BOTH + _FLOORS + (() if quick else _TRANSPORTS)
    count = 300 if quick else 400
    # The speed of shared machines changes by half, and the medians of a few dozen processes with it.
    cold_runs, warm_runs = (3, 1) if quick else (10, 3)
    yield Scenario(
        "cold", "core", "hello", "tiny",
        {"spawn_to_next": one("spawn_to_next"), "spawn_to_response": one("spawn_to_answer")},
        everyone, runs_per_round=cold_runs,
    )  # fmt: skip
    yield Scenario(
        "cold_error", "core", "fail", "tiny", {"spawn_to_error": one("spawn_to_answer")}, _BOTH, runs_per_round=2
    )
    yield Scenario(
        "first", "core", "hello", "tiny",
        {
            "first_response": one("first_to_response"),
            "first_next": one("first_to_next"),
            "cpu_init": one("cpu_init"),
            "cpu_first": one("cpu_first"),
            "memory_at_next": one("resident_at_next"),
            "proportional_at_next": one("proportional_at_next"),
        },
        everyone, rest=True, runs_per_round=2,
    )  # fmt: skip
    yield Scenario(
        "first_error", "core", "fail", "tiny",
        {"first_error": one("first_to_response"), "cpu_first_error": one("cpu_first")},
        _BOTH, rest=True, runs_per_round=2,
    )  # fmt: skip
    python = (*_BOTH, "skeleton", *(() if quick else _TRANSPORTS))
    yield Scenario(
        "modules", "core", "modules", "tiny", {"modules_at_next": _modules}, python,
        application="modules", every=10, rehearsed=False,
    )  # fmt: skip
    yield Scenario(
        "warm", "core", "hello", "tiny",
        {
            "event_to_response": every("event_to_response"),
            "event_to_next": every("event_to_next"),
            "cpu_warm": one("cpu_warm"),
            "cpu_loadgen": one("cpu_loadgen"),
            "memory_peak": one("resident_peak"),
            "proportional_at_end": one("proportional_at_end"),
        },
        everyone, warmup=100, count=count, rest=True, runs_per_round=warm_runs,
    )  # fmt: skip
    yield Scenario(
        "warm_apigw", "core", "echo", "apigw",
        {"event_to_response_apigw": every("event_to_response"), "event_to_next_apigw": every("event_to_next")},
        everyone, warmup=100, count=count, runs_per_round=warm_runs,
    )  # fmt: skip
    yield Scenario(
        "warm_error", "core", "fail", "tiny",
        {"event_to_error": every("event_to_response"), "cpu_warm_error": one("cpu_warm")},
        _BOTH, warmup=20, count=count // 3, rest=True, runs_per_round=warm_runs,
    )  # fmt: skip
    for kind in ("plain", "structured", "astral"):
        kept = {f"echo_5mb_{kind}": every("event_to_response"), f"echo_5mb_{kind}_memory": one("resident_peak")}
        # Two are not counted: by default the runtime loads orjson at the second large response.
        yield Scenario(
            f"echo_5mb_{kind}", "core", "echo", f"5mb_{kind}", kept, _MANAGED if quick else _CODECS,
            warmup=2, count=3, every=10 if quick else 2, rehearsed=not quick,
        )  # fmt: skip


def _payloads(quick: bool) -> Iterator[Job]:
    contenders = _MANAGED if quick else (*_BOTH, *_FLOORS)
    for size in (10_000, 1_000_000) if quick else SIZES:
        count = max(5, min(200, 2_000_000 // size))
        often = 10 if quick else 4 if size >= 1_000_000 else 2
        into, out = f"payload_in_{size}", f"payload_out_{size}"
        yield Scenario(
            into, "payloads", "hello", f"in_{size}", {into: every("event_to_response")}, contenders,
            warmup=3, count=count, every=often, rehearsed=False,
        )  # fmt: skip
        yield Scenario(
            out, "payloads", "produce", f"out_{size}", {out: every("event_to_response")}, contenders,
            application="produce", warmup=3, count=count, every=often, rehearsed=False,
        )  # fmt: skip


def _models(quick: bool) -> Iterator[Job]:
    for memory in MEMORIES[:1] if quick else MEMORIES:
        yield Scenario(
            f"model_{memory}mb", "models", "hello", "tiny",
            {
                # Between the two the load generator sets the quota, which takes time.
                f"spawn_to_response_{memory}mb": total("spawn_to_next", "first_to_response"),
                f"first_response_{memory}mb": one("first_to_response"),
                f"first_next_{memory}mb": one("first_to_next"),
            },
            (*_BOTH, "skeleton"), memory_mb=memory, every=2, rehearsed=not quick,
        )  # fmt: skip
        yield Scenario(
            f"model_{memory}mb_error", "models", "fail", "tiny",
            {
                f"spawn_to_error_{memory}mb": total("spawn_to_next", "first_to_response"),
                f"first_error_{memory}mb": one("first_to_response"),
            },
            _BOTH, memory_mb=memory, every=2, rehearsed=not quick,
        )  # fmt: skip


def _layers(quick: bool) -> Iterator[Job]:
    yield Scenario(
        "layers", "layers", "hello", "tiny",
        {"spawn_to_next_layers": one("spawn_to_next"), "spawn_to_response_layers": one("spawn_to_answer")},
        _LAYERS, runs_per_round=2 if quick else 10, namespace=True,
    )  # fmt: skip


def _applications(quick: bool) -> Iterator[Job]:
    handlers: dict[str, tuple[str, dict[str, str]]] = {
        "powertools": ("items", {}),
        "fastapi": ("application", {BASELINE: "wrapped"}),  # this runtime serves the application object itself
        "boto3_client": ("items", {}),
        "pandas": ("items", {}),
        "django": ("application", {BASELINE: "wrapped"}),
        "opentelemetry": ("items", {}),
    }
    contenders = _MANAGED if quick else (*_BOTH, *(f"lite+{name}{MANAGED}" for name in IMPORT_SET_UPS))
    for application, (handler, others) in handlers.items():
        if quick and application not in ("powertools", "fastapi"):
            continue
        yield Scenario(
            application, "applications", handler, "apigw",
            {
                f"spawn_to_next_{application}": one("spawn_to_next"),
                f"cpu_first_{application}": one("cpu_first"),
                f"event_to_next_{application}": every("event_to_next"),
                f"memory_{application}": one("resident_peak"),
            },
            contenders, application=application, handlers=others, warmup=20,
            count=50 if quick else 200, rest=True, every=10 if quick else 2, rehearsed=not quick,
        )  # fmt: skip
    if quick:
        return
    for application, (handler, others) in {"app": ("hello", {}), **handlers}.items():
        name = "one_line" if application == "app" else application
        yield Scenario(
            f"{name}_dropped", "applications", handler, "tiny" if application == "app" else "apigw",
            {f"spawn_to_next_dropped_{name}": one("spawn_to_next")},
            _MANAGED if application == "app" else tuple(name for name in contenders if name.endswith(MANAGED)),
            application=application, handlers=others, every=2, drops_page_cache=True,
        )  # fmt: skip


def _bytecode(quick: bool) -> Iterator[Job]:
    others = () if quick else ("lite+stale-off", *(f"lite+{name}" for name in IMPORT_SET_UPS))
    for kind, application in (("good", "boto3"), ("stale", "boto3_stale"), ("missing", "boto3_missing")):
        if quick and kind == "missing":
            continue
        yield Scenario(
            f"boto3_{kind}", "bytecode", "version", "tiny", {f"{kind}_spawn_to_next": one("spawn_to_next")},
            ("lite", *others, BASELINE), application=application, every=5 if quick else 2, rehearsed=not quick,
        )  # fmt: skip
    if not quick:
        yield Scenario(
            "boto3_good_dropped", "bytecode", "version", "tiny", {"good_spawn_to_next_dropped": one("spawn_to_next")},
            ("lite", *(f"lite+{name}" for name in IMPORT_SET_UPS), BASELINE), application="boto3", every=2,
            drops_page_cache=True,
        )  # fmt: skip


def _instructions(quick: bool) -> Iterator[Job]:
    # Steady and slow, so not in a quick run.
    if not quick:
        yield Instructions()


def _codec(quick: bool) -> Iterator[Job]:
    for event in ("apigw",) if quick else EVENTS:
        yield Codec(event, seconds=0.1 if quick else 0.2, every=5 if quick else 4)


def _requests(quick: bool) -> Iterator[Job]:
    for event in REQUEST_EVENTS[:1] if quick else REQUEST_EVENTS:
        yield Requests(event)


def _streaming(quick: bool) -> Iterator[Job]:
    yield Streaming(streams=5, total=16 << 20, every=10) if quick else Streaming()


def _managed(quick: bool) -> Iterator[Job]:
    for workers in (16,) if quick else (1, 16, 64):
        yield Managed(workers, every=10, rehearsed=False) if quick else Managed(workers)
