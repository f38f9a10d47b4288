"""Signals arrive while the process waits for an invocation, and while a handler runs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.conformance.recorder import Recorder
from tests.process.lite import bodies, launchers, numbered, run_lite, write_app
from tests.support.client_process import LITE, ClientProcess, Run, environment

PLAIN = "def handler(event, context):\n    return event\n"
CATCHING = """
import signal

def caught(number, frame):
    print("caught", number)

signal.signal(signal.SIGTERM, caught)

def handler(event, context):
    return event
"""
LEAVING = """
import atexit, signal, sys
atexit.register(print, "at exit")
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))

def handler(event, context):
    return event
"""
RAISING = """
import signal

def caught(number, frame):
    raise KeyError("in a signal handler")

signal.signal(signal.SIGTERM, caught)

def handler(event, context):
    return event
"""
IN_HANDLER = """
import os, signal, sys

def caught(number, frame):
    print("caught", number)
    if sys.argv[1:] == ["app.handler"] and LEAVE:
        sys.exit(7)

signal.signal(signal.SIGTERM, caught)

def handler(event, context):
    os.kill(os.getpid(), signal.SIGTERM)
    return event
"""


def signalled(task_root: Path, source: str, command: tuple[str, ...], number: int, *, until: bytes = b"") -> Run:
    """Send a signal to a process that waits for its second invocation; kill it after it has written `until`."""
    write_app(task_root, source)
    with Recorder([Event()]) as recorder:
        env = environment(recorder.address, "app.handler", task_root, {})
        with ClientProcess([*command, "app.handler"], env, task_root) as client:
            assert client.wait_until(recorder.finished)
            client.wait_until_asleep()
            client.process.send_signal(number)
            if until:
                client.stdout.wait_for(until)
                assert client.process.poll() is None
                client.kill()
            return client.result(recorder)


@launchers
def test_sigterm_ends_waiting_process(tmp_path: Path, command: tuple[str, ...]) -> None:
    """SIGTERM ends a waiting process that has no handler for it."""
    assert signalled(tmp_path, PLAIN, command, signal.SIGTERM).exit_code == -signal.SIGTERM


@launchers
def test_signal_handler_runs_while_waiting(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A Python signal handler runs while the main thread waits in `next`, and the poll continues."""
    result = signalled(tmp_path, CATCHING, command, signal.SIGTERM, until=b"caught 15\n")
    spoken = [request.verb for request in result.requests if "/extension/" not in request.path]
    assert spoken == ["next", "response", "next"]
    assert result.stderr == b""


@launchers
def test_signal_handler_may_exit(tmp_path: Path, command: tuple[str, ...]) -> None:
    """`sys.exit` in a signal handler ends the waiting process with its code, `atexit` included."""
    result = signalled(tmp_path, LEAVING, command, signal.SIGTERM)
    assert (result.exit_code, result.stdout, result.stderr) == (7, b"at exit\n", b"")
    assert len(result.replies) == 1


def test_signal_handler_exception_ends_process(tmp_path: Path) -> None:
    """An exception of a signal handler ends the waiting process with Python's traceback."""
    result = signalled(tmp_path, RAISING, LITE, signal.SIGTERM)
    assert result.exit_code == 1
    assert b"KeyError: 'in a signal handler'" in result.stderr
    assert len(result.replies) == 1


def test_interrupt_ends_waiting_process(tmp_path: Path) -> None:
    """Ctrl-C ends the waiting process without a traceback."""
    result = signalled(tmp_path, PLAIN, LITE, signal.SIGINT)
    assert result.exit_code == 130
    assert result.stderr == b"" and result.stdout == b""


def test_signal_handler_does_not_disturb_invocation(tmp_path: Path) -> None:
    """A signal handler that returns does not change the result of an invocation."""
    result = run_lite(tmp_path, IN_HANDLER.replace("LEAVE", "False"), numbered(3))
    assert result.ended_by_test and bodies(result) == [b"0", b"1", b"2"]
    assert result.stdout == b"caught 15\n" * 3


def test_signal_handler_may_exit_in_invocation(tmp_path: Path) -> None:
    """The error of `sys.exit` in a signal handler is posted, and the process exits with its code."""
    result = run_lite(tmp_path, IN_HANDLER.replace("LEAVE", "True"), numbered(3))
    assert result.exit_code == 7
    assert [request.verb for request in result.replies] == ["error"]
    assert b"Runtime.ExitError" in result.replies[0].body


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGALRM, signal.SIGCHLD])
def test_interrupted_system_calls_are_resumed(tmp_path: Path, number: signal.Signals) -> None:
    """Signals that interrupt reading and writing lose no bytes (PEP 475)."""
    source = f"""
import signal
signal.signal({int(number)}, lambda number, frame: None)
if {int(number)} == signal.SIGALRM:
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)

def handler(event, context):
    signal.raise_signal({int(number)})
    return event * 2
"""
    text = b'"' + b"x" * 300_000 + b'"'
    result = run_lite(tmp_path, source, [Event(text) for _ in range(20)])
    assert result.ended_by_test, result.stderr.decode()
    assert bodies(result) == [b'"' + b"x" * 600_000 + b'"'] * 20
