"""SnapStart works in ours as in the official client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import Reaction
from tests.process.lite import write_app
from tests.support.client_process import LITE, OFFICIAL, Run, run_client

clients = pytest.mark.parametrize("command", [LITE, OFFICIAL], ids=["lite", "awslambdaric"])
HOOKS = """
from snapshot_restore_py import register_after_restore, register_before_snapshot
log = []
register_before_snapshot(log.append, "before 1")
register_before_snapshot(lambda *, text: log.append(text), text="before 2")
register_after_restore(log.append, "after 1")
register_after_restore(log.append, "after 2")
def handler(event, context):
    return log
"""


def run(tmp_path: Path, source: str, command: Sequence[str], **further: object) -> Run:
    """Run a function that is initialized for a snapshot."""
    write_app(tmp_path, source)
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    return run_client(command, "app.handler", [Event(), Event()], task_root=tmp_path, env=env, **further)  # type: ignore[arg-type]


@clients
def test_snapstart_hooks_run_in_order(tmp_path: Path, command: Sequence[str]) -> None:
    """Hooks run before the snapshot in reverse order, after the restore in order; then the loop starts."""
    result = run(tmp_path, HOOKS, command)
    assert [request.verb for request in result.requests] == [
        "restore/next",
        *("next", "response") * 2,
        "next",
    ]
    assert json.loads(result.replies[0].body) == ["before 2", "before 1", "after 1", "after 2"]


@clients
def test_replaced_hook_runner_is_called(tmp_path: Path, command: Sequence[str]) -> None:
    """Functions that replace those of `awslambdaric.lambda_runtime_hooks_runner` run instead of them."""
    source = HOOKS + (
        "from awslambdaric import lambda_runtime_hooks_runner as runner\n"
        "plain = runner.run_before_snapshot\n"
        "runner.run_before_snapshot = lambda: (log.append('mine'), plain())\n"
        "runner.run_after_restore = lambda: log.append('restored')\n"
    )
    result = run(tmp_path, source, command)
    assert json.loads(result.replies[0].body) == ["mine", "before 2", "before 1", "restored"]


def test_missing_hooks_package_is_not_imported(tmp_path: Path) -> None:
    """The package of SnapStart's hooks is not imported unless user code does."""
    result = run(tmp_path, "import sys\ndef handler(e, c): return 'snapshot_restore_py' in sys.modules", LITE)
    assert [request.body for request in result.replies] == [b"false"] * 2


FAILS = "from snapshot_restore_py import *\ndef fail(): raise {error}\nregister_{when}(fail)\ndef handler(e, c): pass\n"


@clients
@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)"])
@pytest.mark.parametrize(
    ("when", "verb", "error_type", "exit_code"),
    [
        ("before_snapshot", "init/error", "Runtime.BeforeSnapshotError", 64),
        ("after_restore", "restore/error", "Runtime.AfterRestoreError", 65),
    ],
)
def test_failing_snapstart_hook_is_posted(
    tmp_path: Path, command: Sequence[str], when: str, verb: str, error_type: str, exit_code: int, error: str
) -> None:
    """The error of a hook is posted with the phase in the header, and the exit code names the phase."""
    result = run(tmp_path, FAILS.format(error=error, when=when), command)
    (request,) = result.replies
    assert request.verb == verb
    assert request.header("Lambda-Runtime-Function-Error-Type") == error_type
    body = json.loads(request.body)
    assert body["errorType"] == error.partition("(")[0]
    assert "in fail" in body["stackTrace"][-1]
    assert result.exit_code == exit_code
    assert f"[ERROR] {body['errorType']}".encode() in result.stdout
    if command == LITE:
        assert len(body["stackTrace"]) == 1


@clients
def test_refused_snapstart_error_exits_with_1(tmp_path: Path, command: Sequence[str]) -> None:
    """The process exits with 1 if the API refuses the hook's error, as the official client does."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(403) if request.verb == "init/error" else None

    assert run(tmp_path, FAILS.format(error="ValueError", when="before_snapshot"), command, react=react).exit_code == 1


@clients
@pytest.mark.parametrize("status", [202, 403, 404, 500])
def test_failed_restore_poll_ends_init(tmp_path: Path, command: Sequence[str], status: int) -> None:
    """A status of `restore/next` other than 200 posts an init error and exits with 64."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status) if request.verb == "restore/next" else None

    result = run(tmp_path, HOOKS, command, react=react)
    assert [request.verb for request in result.requests] == ["restore/next", "init/error"]
    assert result.exit_code == 64


def test_lost_restore_connection_is_replaced(tmp_path: Path) -> None:
    """A connection that does not survive the snapshot is replaced, and each hook runs once."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(cut=0, ignored=True) if request.verb == "restore/next" and number == 0 else None

    result = run(tmp_path, HOOKS, LITE, react=react)
    assert [request.verb for request in result.requests][:3] == ["restore/next", "restore/next", "next"]
    assert json.loads(result.replies[0].body) == ["before 2", "before 1", "after 1", "after 2"]


def test_random_numbers_differ_after_restore(tmp_path: Path) -> None:
    """Random numbers after a restore do not follow from the seed in the snapshot."""
    source = """
import random
random.seed(1)
expected = random.Random(1).random()
def handler(event, context):
    return random.random() == expected
"""
    assert run(tmp_path, source, LITE).replies[0].body == b"false"


def test_init_error_precedes_restore(tmp_path: Path) -> None:
    """A handler that cannot be loaded posts its error and does not wait for a restore."""
    result = run(tmp_path, "raise ValueError('no')", LITE)
    assert [request.verb for request in result.requests] == ["init/error"]
    assert result.exit_code == 1
