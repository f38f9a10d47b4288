"""SnapStart: ours and the official client side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.process.lite import write_app
from tests.support.client_process import LITE, OFFICIAL, Run, run_client
from tests.support.recorder import Event, Reaction, Request

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
    """Run a function whose init is for a snapshot."""
    write_app(tmp_path, source)
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    return run_client(command, "app.handler", [Event(), Event()], task_root=tmp_path, env=env, **further)  # type: ignore[arg-type]


@clients
def test_hooks_run_in_order(tmp_path: Path, command: Sequence[str]) -> None:
    """Before the snapshot in reverse, after the restore in order; then the loop."""
    result = run(tmp_path, HOOKS, command)
    assert [request.verb for request in result.requests] == [
        "restore/next",
        *("next", "response") * 2,
        "next",
    ]
    assert json.loads(result.replies[0].body) == ["before 2", "before 1", "after 1", "after 2"]


def test_without_hooks(tmp_path: Path) -> None:
    """Whoever has not imported the package of the hooks has none, and is not asked to install it."""
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
def test_a_hook_that_fails(
    tmp_path: Path, command: Sequence[str], when: str, verb: str, error_type: str, exit_code: int, error: str
) -> None:
    """Its error is posted with the type in the header, the class in the body; the exit code tells which."""
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
def test_a_refused_post_is_exit_code_1(tmp_path: Path, command: Sequence[str]) -> None:
    """As of the official client."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(403) if request.verb == "init/error" else None

    assert run(tmp_path, FAILS.format(error="ValueError", when="before_snapshot"), command, react=react).exit_code == 1


@clients
@pytest.mark.parametrize("status", [202, 403, 404, 500])
def test_any_status_but_200_ends_the_init(tmp_path: Path, command: Sequence[str], status: int) -> None:
    """`restore/next` that fails counts as a hook that fails."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status) if request.verb == "restore/next" else None

    result = run(tmp_path, HOOKS, command, react=react)
    assert [request.verb for request in result.requests] == ["restore/next", "init/error"]
    assert result.exit_code == 64


def test_a_connection_that_did_not_survive_the_snapshot(tmp_path: Path) -> None:
    """Is opened again, and the question asked again; hooks run once."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(cut=0, ignored=True) if request.verb == "restore/next" and number == 0 else None

    result = run(tmp_path, HOOKS, LITE, react=react)
    assert [request.verb for request in result.requests][:3] == ["restore/next", "restore/next", "next"]
    assert json.loads(result.replies[0].body) == ["before 2", "before 1", "after 1", "after 2"]


def test_random_numbers_differ_after_the_restore(tmp_path: Path) -> None:
    """Environments that are restored from one snapshot would all draw the same ones."""
    source = """
import random
random.seed(1)
expected = random.Random(1).random()
def handler(event, context):
    return random.random() == expected
"""
    assert run(tmp_path, source, LITE).replies[0].body == b"false"


def test_an_init_error_comes_first(tmp_path: Path) -> None:
    """A handler that cannot be loaded never waits for a restore."""
    result = run(tmp_path, "raise ValueError('no')", LITE)
    assert [request.verb for request in result.requests] == ["init/error"]
    assert result.exit_code == 1
