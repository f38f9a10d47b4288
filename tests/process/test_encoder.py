"""ENCODER converts the values of results that JSON lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import launchers, run_lite

SOURCE = """
import datetime

def convert(value):
    if isinstance(value, datetime.date):
        return value.year
    if isinstance(value, set):
        raise LookupError("no sets")
    raise TypeError(f"unknown {type(value).__name__}")

async def later():
    return {datetime.date(2026, 1, 2).year: datetime.date(2026, 1, 2)}

VALUES = [lambda: {"day": datetime.date(2026, 1, 2)}, lambda: {1}, lambda: object, lambda: 1, later]
def handler(event, context):
    return VALUES[event]()
"""
EVENTS = [Event(b"%d" % number) for number in range(5)]
MARSHAL = "Runtime.MarshalError: Unable to marshal response: "


@launchers
@pytest.mark.parametrize("codec", ["stdlib", "orjson"])
@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (
            "standard",
            [{"day": "2026-01-02"}, [1], f"{MARSHAL}Object of type type is not JSON serializable", 1],
        ),
        ("app.convert", [{"day": 2026}, f"{MARSHAL}no sets", f"{MARSHAL}unknown type", 1]),
        (
            "OFF",
            [f"{MARSHAL}Object of type {name} is not JSON serializable" for name in ("date", "set", "type")] + [1],
        ),
    ],
)
def test_encoder_converts_results(
    tmp_path: Path, command: tuple[str, ...], codec: str, setting: str, expected: list[object]
) -> None:
    """Values become what the setting says, with each codec; a failure is the invocation's error."""
    if codec == "orjson":
        pytest.importorskip("orjson", reason="orjson is not installed: it has no wheel for some versions of Python")
    env = {"AWSLAMBDARIC_LITE_ENCODER": setting, "AWSLAMBDARIC_LITE_CODEC": codec}
    done = run_lite(tmp_path, SOURCE, EVENTS[:4], command=command, env=env)
    found = []
    for reply in done.replies:
        body = json.loads(reply.body)
        found.append(body if reply.verb == "response" else f"{body['errorType']}: {body['errorMessage']}")
    assert found == expected
    assert done.ended_by_test


@pytest.mark.parametrize("setting", ["standard", "app.anything"])
def test_streams_and_coroutines_are_not_converted(tmp_path: Path, setting: str) -> None:
    """Coroutines are awaited and generators are streamed, even if the user's function accepts everything."""
    source = SOURCE + ("anything = str\ndef numbers():\n    yield b'1'\n    yield b'2'\nVALUES.append(numbers)\n")
    env = {"AWSLAMBDARIC_LITE_ENCODER": setting}
    awaited, streamed = run_lite(tmp_path, source, [EVENTS[4], Event(b"5")], env=env).replies
    assert json.loads(awaited.body) == {"2026": "2026-01-02"}
    assert streamed.body == b"12"


@launchers
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("absent.function", "cannot import absent: ModuleNotFoundError: No module named 'absent'"),
        ("app.absent", "module app has no function absent"),
        ("app.VALUES", "module app is not callable: VALUES"),
        ("failing.function", "cannot import failing: ZeroDivisionError: division by zero"),
    ],
)
def test_missing_function_fails_init(tmp_path: Path, command: tuple[str, ...], setting: str, message: str) -> None:
    """A function that cannot be imported fails init with an error that names the setting."""
    (tmp_path / "failing.py").write_text("1 / 0\n")
    done = run_lite(tmp_path, SOURCE, EVENTS[:1], command=command, env={"AWSLAMBDARIC_LITE_ENCODER": setting})
    (reply,) = done.replies
    error = json.loads(reply.body)
    assert (reply.verb, error["errorType"]) == ("init/error", "Runtime.InvalidEncoder")
    assert error["errorMessage"] == f"AWSLAMBDARIC_LITE_ENCODER={setting!r}: {message}"
    assert done.exit_code == 1


@pytest.mark.parametrize("setting", ["none", "app.", ".x", "app function", "a-b.c"])
def test_malformed_value_is_logged_and_ignored(tmp_path: Path, setting: str) -> None:
    """A value that is not the name of a function is reported in one line, and results are encoded as without it."""
    done = run_lite(tmp_path, SOURCE, EVENTS[1:2], env={"AWSLAMBDARIC_LITE_ENCODER": setting})
    assert json.loads(done.replies[0].body)["errorMessage"].endswith("Object of type set is not JSON serializable")
    reason = "must be one of: off, standard, MODULE.FUNCTION"
    assert f"AWSLAMBDARIC_LITE_ENCODER={setting!r} is ignored: {reason}" in done.stdout.decode()


@launchers
def test_missing_orjson_is_a_notice(tmp_path: Path, command: tuple[str, ...]) -> None:
    """CODEC=orjson without orjson is a line of the log, and results are encoded by the standard library's json."""
    (tmp_path / "orjson.py").write_text("raise ImportError\n")
    source = "def handler(event, context):\n    return {'a': [event]}\n"
    env = {"AWSLAMBDARIC_LITE_CODEC": "orjson"}
    result = run_lite(tmp_path, source, [Event(b"1")], command=command, env=env)
    assert [request.body for request in result.replies] == [b'{"a":[1]}']
    assert result.stdout.count(b"[WARNING]") == 1
    assert b"AWSLAMBDARIC_LITE_CODEC=orjson: cannot import orjson; using the standard library's json" in result.stdout
