"""ERROR_CHAIN adds causes, contexts, notes and members of groups to error reports and log records."""

from __future__ import annotations

import builtins
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite import _report
from awslambdaric_lite._lifecycle import error_chain
from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import launchers, run_lite
from tests.support.client_process import Run

Group: Any = getattr(builtins, "ExceptionGroup", None)
ON = {"AWSLAMBDARIC_LITE_ERROR_CHAIN": "1"}
CHAINED = """
import logging

def inner():
    raise KeyError("inner")

def handler(event, context):
    try:
        try:
            inner()
        except KeyError as error:
            error.__notes__ = ["a note\\nof two lines", "é"]
            raise ValueError("middle") from error
    except ValueError:
        if event == "logged":
            logging.exception("told")
        elif event == "hidden":
            raise TypeError("outer") from None
        else:
            raise TypeError("outer")
"""
FRAME = '  File "{root}/app.py", line 5, in inner\n    raise KeyError("inner")\n'


def posted(done: Run) -> list[Any]:
    """Return the parsed bodies of what a run posted."""
    return [json.loads(reply.body) for reply in done.replies]


@launchers
def test_chain_is_in_payload_and_log(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The payload has the chain as nested errors, the text log as lines; without the setting, neither has it."""
    events = [Event(b'"raise"'), Event(b'"hidden"')]
    done = run_lite(tmp_path, CHAINED, events, command=command, env=ON)
    error, hidden = posted(done)
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace", "context"]
    middle = error["context"]
    assert (middle["errorType"], middle["errorMessage"], "requestId" in middle) == ("ValueError", "middle", False)
    cause = middle["cause"]
    assert (cause["errorType"], cause["errorMessage"]) == ("KeyError", "'inner'")
    assert cause["stackTrace"][-1] == FRAME.format(root=tmp_path)
    assert cause["notes"] == ["a note\nof two lines", "é"]
    assert list(hidden) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    lines = done.stdout.decode().split("\n")[0].replace("\u00a0", " ").split("\r")
    assert [line for line in lines if not line.startswith("  ")] == [
        *("[ERROR] TypeError: outer", "Traceback (most recent call last):"),
        *("While handling ValueError: middle", "Traceback (most recent call last):"),
        *("Caused by KeyError: 'inner'", "Traceback (most recent call last):"),
        *("Note: a note", "of two lines", "Note: é"),
    ]
    without = run_lite(tmp_path, CHAINED, events, command=command)
    assert all(list(each) == ["errorMessage", "errorType", "requestId", "stackTrace"] for each in posted(without))
    assert "Caused by" not in without.stdout.decode()


def test_json_records_have_chain(tmp_path: Path) -> None:
    """In JSON format, the runtime's error record and the function's own records have the same members."""
    env = {**ON, "AWS_LAMBDA_LOG_FORMAT": "JSON"}
    events = [Event(b'"raise"'), Event(b'"logged"')]
    done = run_lite(tmp_path, CHAINED, events, env=env)
    raised, logged = map(json.loads, done.stdout.decode().splitlines())
    assert raised["context"] == posted(done)[0]["context"]
    assert (logged["message"], logged["errorType"]) == ("told", "ValueError")
    assert logged["cause"] == raised["context"]["cause"]
    off = run_lite(tmp_path, CHAINED, events, env={"AWS_LAMBDA_LOG_FORMAT": "JSON"})
    assert b'"cause"' not in off.stdout and b'"context"' not in off.stdout


@launchers
def test_init_error_has_its_cause(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The report of a failed import has the ImportError with its stack."""
    done = run_lite(tmp_path, "def load():\n    import absent_module\nload()\n", command=command, env=ON)
    (error,) = posted(done)
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["cause"]["errorType"] == "ModuleNotFoundError"
    assert any("line 2, in load\n    import absent_module" in entry for entry in error["cause"]["stackTrace"])
    assert done.exit_code == 1


def described(error: BaseException) -> dict[str, Any]:
    """Return an exception's members, also as the runtime posts them."""
    try:
        error_chain.install()
        report, cause = _report.make_report(error)
        assert json.loads(_report.report_json(report)) == report
        assert len(_report.report_json(report)) < 6 << 20 and len(cause) < 60_000
        list(error_chain.log_lines(report))  # type: ignore[arg-type]
    finally:
        _report.chain = None
    found: dict[str, Any] = {**report}
    return {name: found[name] for name in found if name not in ("errorMessage", "errorType", "requestId", "stackTrace")}


def chained(*errors: BaseException) -> BaseException:
    """Return the first error, caused by the second, and so on."""
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def test_cycles_end() -> None:
    """An exception that is its own cause, or the cause of its cause, is reported once."""
    first, second = ValueError("1"), ValueError("2")
    assert described(chained(first, first)) == {}
    chained(first, second, first)
    second.__context__ = first
    assert described(first) == {"cause": {"errorMessage": "2", "errorType": "ValueError", "stackTrace": []}}


def test_long_chains_are_truncated() -> None:
    """A report has at most 50 further exceptions and 60,000 characters, and says that something is missing."""
    long = described(chained(*[ValueError(str(number)) for number in range(5000)]))
    depth, inner = 0, long
    while "cause" in inner:
        depth, inner = depth + 1, inner["cause"]
    assert (depth, long["truncated"]) == (50, True)
    large = described(chained(*[ValueError("😀" * (20_000 if number else 1)) for number in range(40)]))
    assert large["truncated"] is True and large["cause"]["errorMessage"] == "😀" * 10_000 + "..."
    assert described(chained(ValueError("x" * 70_000), KeyError())) == {"truncated": True}
    noted = ValueError()
    noted.__notes__ = ["x" * 20_000] * 100  # type: ignore[attr-defined]
    assert len(described(noted)["notes"]) == 5


def test_deep_stacks_are_shortened() -> None:
    """The stack of a cause has at most 25 frames of each end."""

    def down(left: int, name: str) -> None:
        if left:
            eval(f"{name}(left - 1, '{'up' if name == 'down' else 'down'}')", {"down": down, "up": down, "left": left})
        else:
            raise KeyError("deep")

    try:
        down(60, "down")
    except KeyError as error:
        trace = described(chained(ValueError(), error))["cause"]["stackTrace"]
    assert sum("frames omitted" in entry for entry in trace) == 1 and len(trace) <= 51


def test_broken_exceptions_are_reported_without_chain() -> None:
    """Attributes of an odd type, or that raise, never keep an error from being reported."""

    class Broken(Exception):
        @property
        def __notes__(self) -> list[str]:
            raise RuntimeError("broken")

    class Odd(Exception):
        __cause__ = 5  # type: ignore[assignment]
        __notes__ = 7

        def __str__(self) -> str:
            raise RuntimeError("broken")

    assert described(Broken()) == {}
    assert described(Odd()) == {"notes": ["7"]}
    assert described(chained(ValueError(), Odd()))["cause"]["errorMessage"] == "<exception str() failed: Odd>"
    odd = ValueError()
    odd.__notes__ = [5, None, "text"]  # type: ignore[attr-defined]
    assert described(odd) == {"notes": ["5", "None", "text"]}


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_one_broken_attribute_leaves_the_others(raised: type[BaseException]) -> None:
    """An attribute that raises is left out, and the cause is still reported."""

    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise raised

    class Broken(Exception, metaclass=Meta):
        @property
        def __notes__(self) -> list[str]:
            raise raised

        @property
        def __traceback__(self) -> None:  # type: ignore[override]
            raise raised

    cause = described(chained(Broken(), ValueError("kept")))["cause"]
    assert (cause["errorType"], cause["errorMessage"]) == ("ValueError", "kept")
    assert described(chained(ValueError(), Broken("x")))["cause"]["errorType"] == "Broken"


@pytest.mark.skipif(Group is None, reason="ExceptionGroup needs Python 3.11")
def test_groups_have_their_members() -> None:
    """The members of a group, and of groups in it, are reported with their own causes; wide groups are truncated."""
    group = Group("many", [chained(TypeError("one"), KeyError("k")), Group("sub", [OSError("two")])])
    one, sub = described(group)["exceptions"]
    assert (one["errorType"], one["cause"]["errorType"]) == ("TypeError", "KeyError")
    assert [member["errorMessage"] for member in sub["exceptions"]] == ["two"]
    try:
        error_chain.install()
        lines = list(error_chain.log_lines(_report.make_report(group)[0]))  # type: ignore[arg-type]
    finally:
        _report.chain = None
    assert lines == [
        "Exception 1 of the group: TypeError: one",
        "Caused by KeyError: 'k'",
        "Exception 2 of the group: ExceptionGroup: sub (1 sub-exception)",
        "Exception 2.1 of the group: OSError: two",
    ]
    wide = described(Group("wide", [ValueError(number) for number in range(10_000)]))
    assert (len(wide["exceptions"]), wide["truncated"]) == (50, True)
