"""The runtime works although user code replaces functions of the standard library, as gevent and freezegun do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Request
from awslambdaric_lite.conformance.server import Reaction
from tests.process.lite import launchers, numbered, run_lite
from tests.process.test_shutdown import terminated
from tests.support.client_process import package_root

# Not replaced: what importing a module needs, without which user code cannot go on, either.
REPLACING = """
import _socket, _thread, atexit, os, posix, select, signal, socket, sys, threading, time
import _signal, builtins, faulthandler
NAMES = {
    "_socket": "socket getaddrinfo SocketType",
    "_thread": "start_new_thread start_new start_joinable_thread interrupt_main exit",
    "builtins": "open print input exit quit",
    "faulthandler": "register enable",
    "posix": "_exit chdir dup dup2 execve fork getcwd getpid getppid kill open pipe putenv read readlink "
        "register_at_fork set_blocking set_inheritable unsetenv waitpid write",
    "select": "select poll epoll",
    "signal": "getsignal pthread_kill pthread_sigmask set_wakeup_fd sigtimedwait sigwait signal strsignal",
    "socket": "socket create_connection getaddrinfo",
    "sys": "exit",
    "threading": "Thread Lock Condition local",
    "time": "gmtime localtime monotonic sleep strftime time time_ns",
}
exit_at_once, fork, waitpid = os._exit, os.fork, os.waitpid
def refuse(*arguments, **named):
    raise RuntimeError("replaced")
def return_none(*arguments, **named):
    return None
def replace(replacement):
    for module, names in NAMES.items():
        for name in names.split():
            for holder in (sys.modules[module], {"posix": os, "signal": _signal}.get(module)):
                if holder is not None and hasattr(holder, name):
                    setattr(holder, name, replacement)
"""
RUNTIME = """
import awslambdaric_lite
@awslambdaric_lite.on_shutdown
def hook():
    sys.stdout.write("hook\\n")
"""
places = pytest.mark.parametrize("place", ["init before", "init after", "handler"])
replacements = pytest.mark.parametrize("replacement", ["refuse", "return_none"])


def module(place: str, replacement: str, handler: str, *, hooks: bool = True) -> str:
    """Return a module that replaces everything at a place: before or after it adds a hook, or in the handler."""
    replace = f"replace({replacement})\n"
    parts = [REPLACING, replace * (place == "init before"), RUNTIME * hooks, replace * (place == "init after")]
    return "".join(parts) + handler.replace("REPLACE", f"replace({replacement})" if place == "handler" else "0")


HANDLER = """
def handler(event, context):
    REPLACE
    if event == 1:
        raise ValueError("é")
    if event == 2:
        return {1, 2}
    return event
"""


@launchers
@places
@replacements
@pytest.mark.parametrize("hooks", [True, False], ids=["hooks", "plain"])
def test_invocations_are_answered(
    tmp_path: Path, command: tuple[str, ...], place: str, replacement: str, *, hooks: bool
) -> None:
    """Results and errors are posted although all functions are replaced."""
    source = module(place, replacement, HANDLER, hooks=hooks)
    result = run_lite(tmp_path, source, numbered(4), command=command)
    assert [request.verb for request in result.replies] == ["response", "error", "error", "response"]
    assert [request.status for request in result.replies] == [202] * 4
    assert json.loads(result.replies[1].body)["errorMessage"] == "é"
    assert json.loads(result.replies[2].body)["errorType"] == "Runtime.MarshalError"
    assert (result.stderr, result.ended_by_test) == (b"", True)


@launchers
@places
@replacements
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_lost_connection_is_replaced(
    tmp_path: Path, command: tuple[str, ...], place: str, replacement: str, host: str
) -> None:
    """A new connection is made with the functions of `_socket` that user code found, not with replaced ones."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(close=True) if request.verb in ("response", "error") else None

    result = run_lite(
        tmp_path,
        module(place, replacement, HANDLER, hooks=False),
        numbered(4),
        command=command,
        react=react,
        address=lambda recorder: f"{host}:{recorder.port}",
    )
    assert [request.status for request in result.replies] == [202] * 4
    assert len({request.connection for request in result.replies}) > 1
    assert (result.stderr, result.ended_by_test) == (b"", True)


@places
@replacements
def test_hooks_run(tmp_path: Path, place: str, replacement: str) -> None:
    """Hooks run at SIGTERM although all functions are replaced."""
    result = terminated(tmp_path, module(place, replacement, HANDLER))
    assert result.requests[0].path.endswith("/extension/register")
    assert (result.stdout, result.stderr, result.exit_code) == (b"hook\n", b"", 0)


@places
@replacements
def test_process_exits(tmp_path: Path, place: str, replacement: str) -> None:
    """`SystemExit` of the handler ends the process although all functions are replaced and a thread goes on."""
    handler = """
def handler(event, context):
    REPLACE
    raise SystemExit(7)
"""
    thread = "import time\nthreading.Thread(target=time.sleep, args=(100,)).start()\n"
    source = module(place, replacement, handler, hooks=False).replace("exit_at_once", thread + "exit_at_once", 1)
    result = run_lite(tmp_path, source)
    assert json.loads(result.replies[0].body)["errorType"] == "Runtime.ExitError"
    assert result.exit_code == 7


def test_tool_of_sitecustomize_sees_invocations_only(tmp_path: Path) -> None:
    """A function that a tool replaces before the runtime starts is called for invocations, not for recorded ones."""
    (tmp_path / "sitecustomize.py").write_text(
        "import awslambdaric_lite._runtime as runtime\n"
        "calls, handle = [], runtime.handle_event_request\n"
        "def count(*arguments, **named):\n"
        "    calls.append(1)\n"
        "    return handle(*arguments, **named)\n"
        "runtime.handle_event_request = count\n"
    )
    source = "import sitecustomize\ndef handler(event, context):\n    return len(sitecustomize.calls)\n"
    path = os.pathsep.join((str(tmp_path), package_root()))
    result = run_lite(tmp_path, source, numbered(3), env={"PYTHONPATH": path})
    assert [request.body for request in result.replies] == [b"1", b"2", b"3"]
