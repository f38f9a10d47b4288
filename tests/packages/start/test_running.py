"""Functions under the start file: they see, return and raise the same as under `__main__.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event

from ...support.client_process import Run, run_client
from .deployed import MAIN, PACKAGE, START, deploy

APP = f"""
import gc
LOOKED_THROUGH = [generation["collections"] for generation in gc.get_stats()]
COLLECTING = gc.isenabled()
import multiprocessing, sys

def hello(event, context):
    return event

def fail(event, context):
    raise ValueError(str(event))

def leave(event, context):
    sys.exit(3)

def look(event, context):
    main = sys.modules["__main__"]
    return {{
        "bootstrap": main.bootstrap is sys.modules["{PACKAGE}._runtime"],
        "path": sys.path, "argv": sys.argv, "collecting": COLLECTING, "collections": LOOKED_THROUGH,
        "flags": list(sys.flags), "hooks": len(sys.path_hooks), "finders": len(sys.meta_path),
    }}

def names(event, context):
    return sorted(name for name in vars(sys.modules["__main__"]) if not name.startswith("__"))

def work():
    from {PACKAGE} import LambdaContext
    sys.exit(0 if LambdaContext.__module__ == "{PACKAGE}._context" else 1)

def child(event, context):
    process = multiprocessing.get_context(event).Process(target=work)
    process.start()
    process.join()
    return process.exitcode
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the function's package: the runtime and the function."""
    folder = deploy(tmp_path_factory.mktemp("function"))
    (folder / "app.py").write_text(APP)
    return folder


def invoke(
    folder: Path, script: str, handler: str, event: bytes = b'{"a":1}', variables: dict[str, str] | None = None
) -> Run:
    """Start the runtime by a script and send an event to it, with nothing of ours on the path."""
    command = (sys.executable, "-S", str(folder / script))
    environment = {"PYTHONPATH": None, **(variables or {})}
    return run_client(command, f"app.{handler}", [Event(event)], task_root=folder, env=environment)


@pytest.mark.parametrize("handler", ["hello", "fail", "leave", "missing"])
def test_requests_to_the_api_are_equal(folder: Path, handler: str) -> None:
    """The Runtime API gets the same bytes as from `__main__.py`, stack traces and exit codes included."""
    runs = [invoke(folder, script, handler) for script in (MAIN, START)]
    seen = [[(request.verb, request.body) for request in run.requests] for run in runs]
    assert seen[0] == seen[1]
    assert {verb for verb, _ in seen[0]} & {"response", "error", "init/error"}
    assert runs[0].exit_code == runs[1].exit_code
    assert runs[0].stderr == runs[1].stderr


@pytest.mark.parametrize(
    "variables", [{}, {"PYTHONSAFEPATH": "1"}, {"PYTHONDEVMODE": "1"}], ids=lambda value: str(value)
)
def test_a_function_sees_the_same(folder: Path, variables: dict[str, str]) -> None:
    """A function sees the same `__main__.bootstrap`, path and interpreter state."""
    runs = [invoke(folder, script, "look", variables=variables) for script in (MAIN, START)]
    seen = [json.loads(run.replies[0].body) for run in runs]
    assert seen[1]["argv"][0] == str(folder / START)
    collections = [sum(each.pop("collections")) for each in seen]
    assert collections[1] <= collections[0]  # the garbage collector is disabled while the runtime is loaded
    for each in seen:
        del each["argv"][0]
    assert seen[0] == seen[1] and seen[1]["bootstrap"] is True
    assert [run.stderr for run in runs] == [b"", b""]


def test_main_module_has_the_same_names(folder: Path) -> None:
    """`__main__` has no names that `__main__.py` would not define."""
    assert json.loads(invoke(folder, START, "names").replies[0].body) == ["bootstrap", "gc", "sys"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_child_processes_start_no_runtime(folder: Path, method: str) -> None:
    """A child of `multiprocessing` runs the script under another name without starting the runtime."""
    run = invoke(folder, START, "child", json.dumps(method).encode())
    assert [(reply.verb, reply.body) for reply in run.replies] == [("response", b"0")]
    assert run.ended_by_test and run.stderr == b""
