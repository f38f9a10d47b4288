"""Handlers may fork, start threads, and exit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.lite import bodies, launchers, numbered, run_lite

BODIES = [b"0", b"1", b"2"]


@pytest.mark.parametrize("definition", ["def", "async def"])
def test_returning_child_is_ended(tmp_path: Path, definition: str) -> None:
    """A forked child that returns from the handler exits without a request; the parent continues."""
    source = f"""
import os
{definition} handler(event, context):
    pid = os.fork()
    if pid:
        return [event, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
    return "child"
"""
    result = run_lite(tmp_path, source, numbered(3))
    assert result.ended_by_test
    assert bodies(result) == [b"[0,1]", b"[1,1]", b"[2,1]"]
    assert b"forked child" in result.stderr


@pytest.mark.parametrize("definition", ["def", "async def"])
def test_raising_child_posts_no_error(tmp_path: Path, definition: str) -> None:
    """A forked child that raises in the handler posts no error."""
    source = f"""
import os, sys
{definition} handler(event, context):
    pid = os.fork()
    if pid:
        return [event, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
    if event == 1:
        sys.exit(5)
    raise ValueError("child")
"""
    result = run_lite(tmp_path, source, numbered(3))
    assert result.ended_by_test
    assert [request.verb for request in result.replies] == ["response"] * 3
    assert [body[:2] for body in bodies(result)] == [b"[0", b"[1", b"[2"]


def test_child_does_not_hold_the_connection(tmp_path: Path) -> None:
    """A forked child that keeps running does not keep the parent's connection open."""
    source = """
import os, time
def handler(event, context):
    if event == 0 and os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    return event
"""
    result = run_lite(tmp_path, source, numbered(3))
    assert result.ended_by_test and bodies(result) == BODIES


def test_child_forked_at_import_sends_nothing(tmp_path: Path) -> None:
    """A child that is forked while the module is imported exits without a request."""
    source = """
import os
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
def handler(event, context):
    return event
"""
    result = run_lite(tmp_path, source, numbered(3))
    assert result.ended_by_test and bodies(result) == BODIES
    assert [request.verb for request in result.requests] == ["next", "response"] * 3 + ["next"]


def test_child_that_exits_at_import_has_its_status(tmp_path: Path) -> None:
    """A child that is forked while the module is imported, and exits there, has its own status and sends nothing."""
    source = """
import os, sys
pid = os.fork()
if not pid:
    sys.exit(5)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def handler(event, context):
    return status
"""
    result = run_lite(tmp_path, source, numbered(2))
    assert result.ended_by_test and bodies(result) == [b"5", b"5"]
    assert [request.verb for request in result.requests] == ["next", "response"] * 2 + ["next"]


@pytest.mark.parametrize("code", [0, 5])
@launchers
def test_exit_does_not_wait_for_threads(tmp_path: Path, code: int, command: tuple[str, ...]) -> None:
    """`sys.exit` ends the process with its code, even if a non-daemon thread never ends."""
    source = f"""
import atexit, sys, threading
atexit.register(print, "at exit")
def handler(event, context):
    threading.Thread(target=threading.Event().wait).start()
    sys.exit({code})
"""
    result = run_lite(tmp_path, source, command=command)
    assert result.exit_code == code
    assert [request.verb for request in result.replies] == ["error"]


def test_exit_runs_atexit_and_flushes(tmp_path: Path) -> None:
    """`sys.exit` in a handler runs the functions of `atexit`, and flushes printed text."""
    source = """
import atexit, sys
atexit.register(print, "at exit")
def handler(event, context):
    print("before", end="")
    sys.exit(4)
"""
    result = run_lite(tmp_path, source)
    assert result.exit_code == 4
    assert result.stdout.startswith(b"before") and result.stdout.endswith(b"at exit\n")


def test_failed_init_does_not_wait_for_threads(tmp_path: Path) -> None:
    """A failed init exits with 1, even if a thread never ends."""
    source = """
import atexit, threading
atexit.register(print, "at exit")
threading.Thread(target=threading.Event().wait).start()
raise ValueError("x")
"""
    result = run_lite(tmp_path, source)
    assert result.exit_code == 1
    assert [request.verb for request in result.replies] == ["init/error"]


@pytest.mark.parametrize("time", range(3))
def test_exit_starts_no_late_thread(tmp_path: Path, time: int) -> None:
    """On one CPU, exiting does not start a thread after the interpreter has ended, which crashes up to 3.11."""
    source = """
import os, sys, threading
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
def handler(event, context):
    sys.exit(4)
"""
    result = run_lite(tmp_path, source, env={"PYTHONDEVMODE": "1"})
    assert result.exit_code == 4, result.stderr
