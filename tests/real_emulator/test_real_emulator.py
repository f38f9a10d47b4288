"""Our runtime and the official client run under AWS's own runtime interface emulator."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_process import BOOTSTRAPPED, LITE, OFFICIAL, environment
from tests.support.real_emulator import RealEmulator, Unavailable, binary

FUNCTION = Path(__file__).with_name("function")
RUNTIMES = {"module": LITE, "bootstrap": BOOTSTRAPPED, "awslambdaric": OFFICIAL}
LIMIT = 6_291_556  # bytes of a response: 6 MiB and 100

every_runtime = pytest.mark.parametrize("runtime", RUNTIMES)
our_runtimes = pytest.mark.parametrize("runtime", [name for name in RUNTIMES if name != "awslambdaric"])


@pytest.fixture(scope="module", autouse=True)
def _emulator() -> None:
    try:
        binary()
    except Unavailable as reason:
        pytest.skip(str(reason))


def emulator(runtime: str, env: Mapping[str, str] | None = None) -> RealEmulator:
    """Return an emulator that will run the function with that runtime."""
    if runtime == "awslambdaric" and importlib.util.find_spec("awslambdaric") is None:
        pytest.skip("awslambdaric is not installed for this interpreter: pip install awslambdaric")
    # The emulator sets the platform's variables, e.g. the address of its Runtime API.
    platform: dict[str, str | None] = {"AWS_LAMBDA_RUNTIME_API": None, "_HANDLER": None}
    variables = environment("", "", FUNCTION, {**platform, **(env or {})})
    return RealEmulator([*RUNTIMES[runtime], "app.handler"], variables, FUNCTION)


def invoked(emulator: RealEmulator, **event: object) -> dict[str, Any]:
    """Invoke the function; return its result."""
    answer = emulator.invoke(json.dumps(event).encode())
    assert answer.status == 200, answer
    result = answer.json()
    assert isinstance(result, dict)
    return result


@every_runtime
def test_small_event_is_handled(runtime: str) -> None:
    """An event reaches the handler, its result the caller, and its output the log."""
    with emulator(runtime) as real:
        result = invoked(real, text="höhö", number=2**70)
        log = real.log()
    assert result == {
        "process": result["process"],
        "run": 1,
        "text": 4,
        "number": 2**70,
        "function": "function",
        "time_left": True,
    }
    assert "run 1 of " in log


@every_runtime
def test_large_event_arrives_whole(runtime: str) -> None:
    """An event of 5 MB, which the emulator sends in chunks, arrives whole, and so does the next."""
    with emulator(runtime) as real:
        assert invoked(real, text="a" * 5_000_000)["text"] == 5_000_000
        assert invoked(real, text="ü" * 800_000)["text"] == 800_000  # escaped: 4.8 MB
        assert invoked(real)["run"] == 3


@every_runtime
def test_handler_error_reaches_the_caller(runtime: str) -> None:
    """The caller gets the error of a handler; the same process handles the next event."""
    with emulator(runtime) as real:
        first = invoked(real)
        error = invoked(real, do="fail")
        after = invoked(real)
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'failed on purpose'")
    assert [entry.count("app.py") for entry in error["stackTrace"]] == [1]
    assert (after["process"], after["run"]) == (first["process"], 3)


@every_runtime
def test_init_error_reaches_each_caller(runtime: str) -> None:
    """Each caller gets the error of a failed init."""
    with emulator(runtime, {"FAIL_INIT": "1"}) as real:
        answers = [real.invoke() for _ in range(2)]
    for answer in answers:
        error = answer.json()
        assert answer.status == 502 and isinstance(error, dict)
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "init failed on purpose")


@our_runtimes
@pytest.mark.parametrize("pipeline", ["1", "0"])
def test_many_events_are_each_answered_once(runtime: str, pipeline: str) -> None:
    """300 events are each answered once, in order, by one process, with and without pipelining."""
    with emulator(runtime, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline}) as real:
        results = [invoked(real, number=number) for number in range(300)]
        log = real.log()
    assert [(result["number"], result["run"]) for result in results] == [(n, n + 1) for n in range(300)]
    assert len({result["process"] for result in results}) == 1
    assert log.count("INIT START") == 1


@our_runtimes
@pytest.mark.parametrize("pipeline", ["1", "0"])
def test_mixed_events_get_their_own_results(runtime: str, pipeline: str) -> None:
    """Each caller gets its own result among errors, refusals and large responses, with and without pipelining."""
    with emulator(runtime, {"AWSLAMBDARIC_LITE_PIPELINE": pipeline}) as real:
        first = invoked(real)
        for number in range(5):
            assert invoked(real, number=number)["number"] == number
            assert invoked(real, do="fail")["errorType"] == "KeyError"
            assert invoked(real, number=number, text="b" * 100_000)["text"] == 100_000
            assert real.invoke(b'{"do": "grow", "size": 300000}').body == b'"' + b"x" * 300_000 + b'"'
            assert invoked(real, do="grow", size=LIMIT)["errorType"] == "Function.ResponseSizeTooLarge"
            assert real.invoke(b"[1, 2").json() != []
        last = invoked(real)
    assert (last["process"], last["run"]) == (first["process"], 27)
