"""The trace id in the environment: every reader sees the current one, and memory stays flat."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from awslambdaric_lite import _runtime
from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import run_lite

SWITCH = _runtime._BEFORE_IN_PLACE
READERS = """
import ctypes, multiprocessing, os, posix, subprocess, sys

NAME = "_X_AMZN_TRACE_ID"
SHOW = [sys.executable, "-S", "-c", f"import os; print(os.environ.get({NAME!r}, ''), end='')"]
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p

def in_fork(act):
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(writing, 1)
        act()
        os._exit(1)
    os.close(writing)
    with open(reading) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return text

def put(queue):
    queue.put(os.environ.get(NAME, ""))

def in_multiprocessing():
    queue = multiprocessing.get_context("fork").SimpleQueue()
    process = multiprocessing.get_context("fork").Process(target=put, args=(queue,))
    process.start()
    process.join()
    return queue.get()

def spawned():
    reading, writing = os.pipe()
    pid = os.posix_spawn(SHOW[0], SHOW, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)])
    os.close(writing)
    os.waitpid(pid, 0)
    with open(reading) as file:
        return file.read()

def shell():
    os.system(f'printf %s "${NAME}" > shell.txt')
    return open("shell.txt").read()

QUICK = {
    "os.environ": lambda: os.environ.get(NAME, ""),
    "os.environb": lambda: os.environb.get(NAME.encode(), b"").decode(),
    "os.getenv": lambda: os.getenv(NAME, ""),
    "posix.environ": lambda: posix.environ.get(NAME.encode(), b"").decode(),
    "getenv(3)": lambda: (getenv(NAME.encode()) or b"").decode(),
}
READERS = {
    **QUICK,
    "subprocess": lambda: subprocess.check_output(SHOW, text=True),
    "subprocess env": lambda: subprocess.check_output(SHOW, text=True, env=os.environ),
    "subprocess copy": lambda: subprocess.check_output(SHOW, text=True, env=dict(os.environ, A="b")),
    "subprocess fork": lambda: subprocess.check_output(SHOW, text=True, preexec_fn=int),
    "os.system": shell,
    "os.popen": lambda: os.popen(f'printf %s "${NAME}"').read(),
    "os.posix_spawn": spawned,
    "os.execv": lambda: in_fork(lambda: os.execv(SHOW[0], SHOW)),
    "os.execve": lambda: in_fork(lambda: os.execve(SHOW[0], SHOW, os.environ)),
    "fork": lambda: in_fork(lambda: os.write(1, getenv(NAME.encode()) or b"")),
    "multiprocessing": in_multiprocessing,
}

def handler(event, context):
    if event == "set":
        os.environ[NAME] = "of user code"
    elif event == "set in C":
        os.putenv(NAME, "of user code")
    elif event == "delete":
        os.environ.pop(NAME, None)
    elif event == "clear":
        for name in list(os.environ):
            del os.environ[name]
    readers = READERS if event == "all" else QUICK if event == "quick" else {}
    return {name: read() for name, read in readers.items()}
"""
LAZY = "import sys\ndef handler(event, context):\n    return '_ctypes' in sys.modules\n"


def traced(number: int, body: bytes = b'""', trace_id: str | None = None) -> Event:
    """Return an event with a trace id that no other event has."""
    trace_id = f"Root=1-{number:08x};Parent={number:016x};Sampled=0" if trace_id is None else trace_id
    return Event(body, headers=(("Lambda-Runtime-Trace-Id", trace_id),))


def seen(tmp_path: Path, events: list[Event]) -> list[tuple[str, dict[str, str]]]:
    """Return the trace id of each event that asks for readers, and what they saw."""
    result = run_lite(tmp_path, READERS, events)
    assert len(result.replies) == len(events)
    assert (result.stderr, result.ended_by_test) == (b"", True)
    values = (json.loads(request.body) for request in result.replies)
    ids = (dict(event.headers).get("Lambda-Runtime-Trace-Id", "") for event in events)
    return [(trace_id, read) for trace_id, read in zip(ids, values, strict=True) if read]


def test_every_reader_sees_current_trace_id(tmp_path: Path) -> None:
    """Python, C code and child processes see the current trace id in the first invocations and after the switch."""
    numbers = {0, 1, SWITCH, SWITCH + 1}
    events = [traced(number, b'"all"' if number in numbers else b'""') for number in range(SWITCH + 3)]
    found = seen(tmp_path, events)
    assert len(found) == 4
    for trace_id, readers in found:
        assert readers == dict.fromkeys(readers, trace_id) and len(readers) == 16


def test_changes_by_user_code_last_one_invocation(tmp_path: Path) -> None:
    """After user code set, deleted or replaced the variable, the next invocation has its own trace id."""
    events = [traced(number) for number in range(SWITCH)]
    for body in (b'"set"', b'"delete"', b'"clear"', b'"set"', b'"set"'):
        events += [traced(len(events), body), traced(len(events) + 1, b'"quick"')]
    for trace_id in ("short", "x" * 5000, "é" * 4000, "a=b\u20ac", "s", "x" * 9000):
        events += [traced(0, b'"quick"', trace_id), replace(traced(0, b'"quick"'), headers=())]
    found = seen(tmp_path, events)
    assert len(found) == 5 + 12
    for trace_id, readers in found:
        assert readers == dict.fromkeys(readers, trace_id)


def test_change_by_c_code_is_replaced_after_some_invocations(tmp_path: Path) -> None:
    """If code bypasses `os.environ`, C code sees the trace id of an invocation again after a while."""
    bodies = {SWITCH: b'"set in C"', 2 * SWITCH: b'"quick"'}
    found = seen(tmp_path, [traced(number, bodies.get(number, b'""')) for number in range(2 * SWITCH + 1)])
    assert [readers["getenv(3)"] == trace_id for trace_id, readers in found] == [True]


@pytest.mark.parametrize(("trace_id", "loaded"), [(None, True), ("", False)], ids=["trace ids", "none"])
def test_c_library_is_called_only_for_trace_ids(tmp_path: Path, trace_id: str | None, *, loaded: bool) -> None:
    """The module that calls the C library is loaded after many invocations, and only if they have trace ids."""
    result = run_lite(tmp_path, LAZY, [traced(number, trace_id=trace_id) for number in range(SWITCH + 1)])
    values = [json.loads(request.body) for request in result.replies]
    assert values == [False] * SWITCH + [loaded]


GROWTH = """
import sys
from awslambdaric_lite import _runtime
for statement in sys.argv[1:]:
    exec(statement)

def anonymous_kb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

def set_many(first, count):
    for number in range(first, first + count):
        _runtime.set_trace_id(f"Root=1-{number:08x};Parent={number:016x};Sampled=0")
        if number % 3 == 0:
            _runtime.set_trace_id(None)

set_many(0, 1000)
_runtime._set_trace_ids_in_place()
set_many(1000, 2000)
before = anonymous_kb()
set_many(3000, 50_000)
_runtime._set_trace_ids_in_place()
set_many(53_000, 50_000)
print(anonymous_kb() - before)
"""


def growth(*statements: str) -> int:
    """Return how many KB 100,000 trace ids take, after statements of user code."""
    run = subprocess.run([sys.executable, "-c", GROWTH, *statements], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return int(run.stdout)


def test_memory_is_flat() -> None:
    """100,000 distinct trace ids take no memory; the C library would keep some megabytes."""
    assert growth() < 500


@pytest.mark.parametrize(
    "statement",
    [
        "sys.modules['_ctypes'] = None",
        "import _ctypes; _ctypes.dlsym = lambda *arguments: None",
        "import _ctypes; del _ctypes.dlopen",
        "sys.addaudithook(lambda event, arguments: 1 / (not event.startswith('ctypes.')))",
    ],
    ids=["missing", "replaced", "changed", "refused"],
)
def test_trace_id_is_set_without_ctypes(statement: str) -> None:
    """Where the C library cannot be called, trace ids are set as before, and take memory."""
    assert growth(statement) > 4000
