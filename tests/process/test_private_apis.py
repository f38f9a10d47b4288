"""Functions run although CPython lacks a private API that the runtime uses."""

from __future__ import annotations

import json
import os
import py_compile
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import run_lite
from tests.process.test_shutdown import terminated

REMOVING = """
import asyncio, asyncio.tasks, atexit, logging, runpy, signal, socket, sys, types

def without_module(name):
    sys.modules[name] = None

def without(module, name):
    class Hiding(types.ModuleType):
        def __getattr__(self, attribute):
            if attribute == name:
                raise AttributeError(name)
            return getattr(original, attribute)
        def __setattr__(self, attribute, value):
            setattr(original, attribute, value)
    original = sys.modules[module]
    sys.modules[module] = Hiding(module)

{removal}
runpy.run_module("awslambdaric_lite", run_name="__main__", alter_sys=True)
"""
MODULES = ["_json", "_socket", "_signal", "_ctypes", "_sha2", "_sha256", "_hashlib", "_asyncio", "_opcode_metadata"]
REMOVALS = {
    "nothing": "",
    **{name: f"without_module({name!r})" for name in MODULES},
    "_validate_timestamp_pyc": "without('_frozen_importlib_external', '_validate_timestamp_pyc')",
    "_compile_bytecode": "without('_frozen_importlib_external', '_compile_bytecode')",
    "_fix_co_filename": "without('_imp', '_fix_co_filename')",
    "_find_and_load": "without('_frozen_importlib', '_find_and_load')",
    "_find_spec": "without('_frozen_importlib', '_find_spec')",
    "_get_supported_file_loaders": "without('_frozen_importlib_external', '_get_supported_file_loaders')",
    "_run_exitfuncs": "del atexit._run_exitfuncs",
    "_set_running_loop": "del asyncio._set_running_loop",
    "_swap_current_task": "vars(asyncio.tasks).pop('_swap_current_task', None)",
    "_is_gil_enabled": "vars(sys).pop('_is_gil_enabled', None)",
    "everything": "for name in ('_json', '_socket', '_signal', '_ctypes', '_sha2', '_sha256'): without_module(name)\n"
    "del atexit._run_exitfuncs, asyncio._set_running_loop\nvars(sys).pop('_is_gil_enabled', None)\n"
    "without('_frozen_importlib', '_find_and_load')\nwithout('_imp', '_fix_co_filename')",
}
removals = pytest.mark.parametrize("removal", REMOVALS)
HANDLER = """
import logging, os, sys

def handler(event, context):
    if event == "stale":
        import stale
        return [stale.VALUE, stale.__file__ == stale.function.__code__.co_filename]
    if event == "set":
        return {1, 2}
    if event == "error":
        raise ValueError("é")
    if event == "stream":
        return (part for part in ("a", "b"))
    if event == "coroutine":
        return coroutine()
    logging.warning("logged")
    return [event, context.aws_request_id, os.environ["_X_AMZN_TRACE_ID"]]

async def coroutine():
    pid = os.fork()
    if not pid:
        return "child"
    return os.waitpid(pid, 0)[0] == pid
"""
HOOKS = """
import awslambdaric_lite, os
awslambdaric_lite.on_shutdown(lambda: os.write(1, b"hook\\n"))
def handler(event, context):
    return event
"""


def without(removal: str) -> tuple[str, ...]:
    """Return a command that removes names of CPython and runs the runtime."""
    return (sys.executable, "-c", REMOVING.replace("{removal}", REMOVALS[removal]))


@removals
def test_function_runs_without_private_api(tmp_path: Path, removal: str) -> None:
    """Results, errors, streams, coroutines, log records and stale bytecode are the same without a private API."""
    stale = tmp_path / "stale.py"
    stale.write_text("VALUE = 7\ndef function():\n    pass\n")
    py_compile.compile(str(stale), doraise=True)
    os.utime(stale, (1, 1))
    trace = (("Lambda-Runtime-Trace-Id", "Root=1"),)
    events = [
        Event(json.dumps(each).encode(), headers=trace) for each in ("é", "set", "error", "stream", "stale", "end")
    ]
    env = {"AWSLAMBDARIC_LITE_STALE_PYC": "all", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    result = run_lite(tmp_path, HANDLER, events, command=without(removal), env=env)
    posted = [request.body for request in result.replies]
    assert result.ended_by_test and [request.status for request in result.replies] == [202] * 6, result.stderr
    assert json.loads(posted[0]) == ["é", "request-0", "Root=1"]
    assert json.loads(posted[1])["errorType"] == "Runtime.MarshalError"
    assert json.loads(posted[2])["errorMessage"] == "é"
    assert (posted[3], json.loads(posted[4]), json.loads(posted[5])[0]) == (b"ab", [7, True], "end")
    assert result.stdout.count(b"logged") == 2 and result.stderr == b""


@removals
def test_forked_coroutine_without_private_api(tmp_path: Path, removal: str) -> None:
    """A child that a coroutine forks exits, and the parent's result is posted, without a private API."""
    result = run_lite(tmp_path, HANDLER, [Event(b'"coroutine"'), Event(b'"coroutine"')], command=without(removal))
    assert [request.body for request in result.replies] == [b"true", b"true"] and result.ended_by_test


@removals
def test_shutdown_hook_runs_without_private_api(tmp_path: Path, removal: str) -> None:
    """Shutdown hooks run without a private API."""
    result = terminated(tmp_path, HOOKS, command=without(removal))
    assert (result.stdout, result.stderr, result.exit_code) == (b"hook\n", b"", 0)


def test_every_listed_name_is_removed() -> None:
    """Each name of the documentation's table is removed here, except attributes that cannot be removed."""
    from tests.architecture.test_private_apis import listed_names

    modules = {"_frozen_importlib_external", "_frozen_importlib", "_imp"}  # without them, nothing can be imported
    assert listed_names() - modules - {"_callbacks", "_SimpleCData", "_get_spec", "_path_cache"} == set(REMOVALS) - {
        "nothing",
        "everything",
    }
