"""Functions of `register_pre_fork`, which AWS's preview images have, run once before the workers are forked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.managed.harness import function

HOOKS = """
import os, threading
from awslambdaric.lambda_concurrency_hooks import register_pre_fork

def note(text):
    with open("notes.txt", "a") as file:
        file.write(f"{text} {os.getpid()}\\n")

@register_pre_fork
def first():
    note("first")

register_pre_fork(lambda: note("second"))
AT_LOAD

def handler(event, context):
    return [first.__name__, open("notes.txt").read(), os.getpid()]
"""


@pytest.mark.parametrize("at_load", ["", "threading.Thread(target=threading.Event().wait, daemon=True).start()"])
def test_functions_run_once_before_the_fork(tmp_path: Path, at_load: str) -> None:
    """The first process runs the functions in order, once, also if each worker then loads the handler itself."""
    with function(tmp_path, HOOKS.replace("AT_LOAD", at_load), 2) as running:
        name, notes, pid = running.ask()
        assert (name, notes) == ("first", f"first {running.pid}\nsecond {running.pid}\n")
        assert pid != running.pid


def test_failing_function_fails_init(tmp_path: Path) -> None:
    """An exception of a function is an error of init with AWS's type; later functions and workers do not run."""
    source = HOOKS.replace("AT_LOAD", "").replace('note("first")', "1 / 0")
    with function(tmp_path, source, 2, polls=0) as running:
        done = running.ended()
    (reply,) = running.api.requests
    assert (reply.verb, reply.header("Lambda-Runtime-Function-Error-Type")) == ("init/error", "Runtime.PreForkError")
    assert json.loads(reply.body)["errorType"] == "ZeroDivisionError"
    assert done.exit_code == 1 and not (tmp_path / "notes.txt").exists()


def test_setting_that_forks_before_loading_is_refused(tmp_path: Path) -> None:
    """With FORK=before, registering a function is an error that names the setting."""
    env = {"AWSLAMBDARIC_LITE_FORK": "before"}
    with function(tmp_path, HOOKS.replace("AT_LOAD", ""), 2, env=env, polls=0) as running:
        running.ended()
    message = json.loads(running.api.requests[0].body)["errorMessage"]
    assert "AWSLAMBDARIC_LITE_FORK=before; use auto or after" in message
