"""`awslambdaric-lite conformance` as it is typed."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.bench import bare_client
from awslambdaric_lite.cli import main
from awslambdaric_lite.conformance.cases import ALL_CASES

WRONG = f"{shlex.quote(sys.executable)} -I -S {shlex.quote(str(bare_client.__file__))}"


def test_passed_cases_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """Without options the client of this package is checked, and a table has each case."""
    assert main(["conformance", "--case", "headers.trace", "--case", "init.error"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["passed", "headers.trace"], ["passed", "init.error"]]
    assert lines[-1] == "2 passed, 0 failed, 0 not run"


def test_failed_case_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """A client that answers null fails, with the reason in the table."""
    assert main(["conformance", "--runtime", WRONG, "--case", "transport.length"]) == 1
    assert "event 1 got the response null, not 0123456789" in capsys.readouterr().out


def test_missing_behaviour_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A case whose behaviour the handler lacks is not run, which is not a failure."""
    (tmp_path / "conformance.py").write_text(
        "import os\n"
        "class BehaviourMissing(Exception): pass\n"
        "def handler(event, context):\n"
        "    if event['behaviour'] != 'echo' or os.environ.get('CONFORMANCE_INIT'): raise BehaviourMissing\n"
        "    return event['value']\n"
    )
    cases = ["transport.length", "headers.trace", "init.error", "limits.error"]
    options = [part for case in cases for part in ("--case", case)]
    assert main(["conformance", "--task-root", str(tmp_path), "--json", *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [case["outcome"] for case in result["cases"]] == ["passed", "not run", "not run", "not run"]


def test_list_has_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` shows the ids and demands, as a table and as JSON, and starts nothing."""
    assert main(["conformance", "--list", "--runtime", "missing"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown[1:]] == [case.id for case in ALL_CASES]
    assert main(["conformance", "--list", "--json"]) == 0
    assert [case["demand"] for case in json.loads(capsys.readouterr().out)] == [case.demand for case in ALL_CASES]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise ValueError('broken')", "reports an error of its init phase: {"),
        ("import os\nos._exit(3)", "does not poll the Runtime API; the process ended with exit code 3"),
        (
            "class BehaviourMissing(Exception): pass\ndef handler(event, context): raise BehaviourMissing",
            "handler conformance.handler lacks the behaviour echo; write it as docs/conformance.md says",
        ),
    ],
)
def test_unusable_handler_is_explained(
    source: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client that does not poll, or a handler that knows nothing, is a usage error."""
    (tmp_path / "conformance.py").write_text(source)
    assert main(["conformance", "--task-root", str(tmp_path), "--case", "headers.trace"]) == 2
    assert message in capsys.readouterr().err


def test_silent_command_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that never polls is a usage error after the timeout."""
    assert main(["conformance", "--runtime", "sleep 60", "--timeout", "1"]) == 2
    assert "sleep 60 does not poll the Runtime API within 1 s; check --runtime and --handler" in capsys.readouterr().err
