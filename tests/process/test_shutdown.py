"""Shutdown hooks run, and the runtime registers the extension that they need."""

from __future__ import annotations

import importlib.util
import json
import random
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.conformance.recorder import Recorder
from tests.process.lite import run_lite, write_app
from tests.support.client_process import GUARD, LITE, ClientProcess, Run, environment

HOOKS = """
import atexit
from awslambdaric_lite import on_shutdown
@on_shutdown
def first(): print("first")
@on_shutdown
def second(): print("second")
atexit.register(print, "at exit")
def handler(event, context):
    return event
"""


def terminated(
    tmp_path: Path,
    source: str,
    events: Sequence[Event] = (Event(),),
    *,
    when: Callable[[ClientProcess, Recorder], object] = lambda client, recorder: recorder.finished.wait(GUARD),
    command: Sequence[str] = LITE,
) -> Run:
    """Send SIGTERM when `when` returns; return the result of the process, which must exit."""
    write_app(tmp_path, source)
    with Recorder(events) as recorder:
        variables = environment(recorder.address, "app.handler", tmp_path, {})
        with ClientProcess([*command, "app.handler"], variables, tmp_path) as client:
            when(client, recorder)
            client.process.send_signal(signal.SIGTERM)
            return client.result(recorder)


def test_hooks_run_in_reverse_order(tmp_path: Path) -> None:
    """The last hook runs first, `atexit` follows, and the process exits with 0."""
    result = terminated(tmp_path, HOOKS)
    assert result.stdout.split(b"\n") == [b"second", b"first", b"at exit", b""]
    assert (result.exit_code, result.stderr) == (0, b"")


def test_extension_is_registered_before_first_poll(tmp_path: Path) -> None:
    """The extension registers for no events before the first `next`, and waits for its own."""
    result = terminated(
        tmp_path, HOOKS, when=lambda client, recorder: recorder.finished.wait(GUARD) and recorder.registered.wait(GUARD)
    )
    register = result.requests[0]
    assert (register.method, register.path) == ("POST", "/2020-01-01/extension/register")
    assert register.header("Lambda-Extension-Name") == "awslambdaric-lite"
    assert json.loads(register.body) == {"events": []}
    (waiting,) = [request for request in result.requests if request.path.endswith("/extension/event/next")]
    assert waiting.header("Lambda-Extension-Identifier") == "extension-1"
    assert [request.verb for request in result.requests if "/extension/" not in request.path] == [
        "next",
        "response",
        "next",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "def handler(event, context): return event",
        "import atexit, signal, logging\natexit.register(print)\ndef handler(event, context): return event",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef handler(event, context): return event",
    ],
    ids=["plain", "atexit", "ignored"],
)
def test_plain_functions_register_no_extension(tmp_path: Path, source: str) -> None:
    """A function registers no extension if it has no hook and no handler for SIGTERM."""
    result = run_lite(tmp_path, source)
    assert [request.verb for request in result.requests] == ["next", "response", "next"]


def test_own_sigterm_handler_registers_extension(tmp_path: Path) -> None:
    """A Python handler for SIGTERM registers the extension, so that the platform sends the signal."""
    source = """
import signal, sys
def stop(number, frame):
    print("stopping")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
def handler(event, context): return event
"""
    result = terminated(tmp_path, source)
    assert result.requests[0].path.endswith("/extension/register")
    assert (result.stdout, result.exit_code) == (b"stopping\n", 0)


def test_own_sigterm_handler_follows_hooks(tmp_path: Path) -> None:
    """The user's handler for SIGTERM runs after the hooks."""
    source = HOOKS + "import signal\nsignal.signal(signal.SIGTERM, lambda *a: print('own'))\n"
    assert terminated(tmp_path, source).stdout.split() == b"second first own at exit".split()


def test_refused_registration_is_logged(tmp_path: Path) -> None:
    """A refused registration is logged once, and the function continues."""
    result = run_lite(tmp_path, HOOKS, extensions=False)
    (line,) = result.stdout.decode().splitlines()
    assert line.startswith("[WARNING]\t") and "404" in line
    assert [request.status for request in result.replies] == [202]


def test_failing_hook_is_logged(tmp_path: Path) -> None:
    """The error of a hook is logged, and the other hooks run."""
    source = HOOKS + "@on_shutdown\ndef third(): raise ValueError('third')\n"
    result = terminated(tmp_path, source)
    assert b"[ERROR] ValueError: third" in result.stdout and b"in third" in result.stdout
    assert result.stdout.split(b"\n")[-4:] == [b"second", b"first", b"at exit", b""]
    assert result.exit_code == 0


COROUTINES = """
import asyncio
from awslambdaric_lite import on_shutdown
loops = []
@on_shutdown
async def first():
    await asyncio.sleep(0)
    print("first", asyncio.get_running_loop() in loops)
@on_shutdown
def second(): print("second")
async def handler(event, context):
    loops.append(asyncio.get_running_loop())
    print("begun", flush=True)
    if event: await asyncio.sleep(60)
"""


def test_coroutine_hook_runs_on_handler_loop(tmp_path: Path) -> None:
    """A coroutine hook runs on the event loop of the handler."""
    assert terminated(tmp_path, COROUTINES, [Event(b"0")]).stdout.split() == b"begun second first True".split()


def test_coroutine_hook_gets_new_loop(tmp_path: Path) -> None:
    """A coroutine hook of a plain handler runs on a new event loop."""
    source = COROUTINES.partition("async def handler")[0] + "def handler(event, context): pass\n"
    assert terminated(tmp_path, source).stdout.split() == b"second first False".split()


def begun(client: ClientProcess, recorder: Recorder) -> None:
    """Wait until the handler has begun."""
    client.stdout.wait_for(b"begun\n")


def test_hooks_run_during_coroutine_handler(tmp_path: Path) -> None:
    """Hooks run while a coroutine handler waits, and nothing is posted."""
    result = terminated(tmp_path, COROUTINES, [Event(b"1")], when=begun)
    assert result.stdout.split() == b"begun second first True".split()
    assert (result.replies, result.exit_code) == ([], 0)


@pytest.mark.parametrize("body", ["time.sleep(60)", "while True: pass"])
def test_hooks_run_during_plain_handler(tmp_path: Path, body: str) -> None:
    """Hooks run while a plain handler runs, even if it catches all exceptions, and nothing is posted."""
    source = HOOKS.replace(
        "    return event",
        "    print('begun', flush=True)\n    try:\n        " + body + "\n    except BaseException: pass",
    )
    result = terminated(tmp_path, "import time\n" + source, when=begun)
    assert result.stdout.split() == b"begun second first at exit".split()
    assert (result.replies, result.exit_code) == ([], 0)


def test_late_hook_is_refused(tmp_path: Path) -> None:
    """Registering a hook in an invocation raises an error with the cure."""
    source = (
        "from awslambdaric_lite import on_shutdown\non_shutdown(print)\ndef handler(e, c):\n    on_shutdown(print)\n"
    )
    error = json.loads(run_lite(tmp_path, source).replies[0].body)
    assert error["errorType"] == "RuntimeError"
    assert "while the handler's module is imported" in error["errorMessage"]


def test_hook_must_be_callable(tmp_path: Path) -> None:
    """Registering an object that cannot be called raises an error."""
    result = run_lite(tmp_path, "from awslambdaric_lite import on_shutdown\non_shutdown(1)\n")
    assert json.loads(result.replies[0].body)["errorMessage"] == "on_shutdown takes a function, not 1"


@pytest.mark.parametrize("own", ["", "signal.signal(15, lambda *a: os._exit(3))"], ids=["default", "own handler"])
def test_forked_child_runs_no_hooks(tmp_path: Path, own: str) -> None:
    """SIGTERM ends a forked child without hooks; the parent continues and runs them."""
    source = HOOKS.replace(
        "    return event",
        "    pid = os.fork()\n    if not pid:\n        os.kill(os.getpid(), 15)\n        os._exit(9)\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    )
    result = terminated(tmp_path, f"import os, signal\n{own}\n{source}")
    assert result.replies[0].body == (b"3" if own else b"-15")
    assert result.stdout.split()[:2] == b"second first".split()


def test_multiprocessing_can_terminate_processes(tmp_path: Path) -> None:
    """`Process.terminate()` of `multiprocessing` ends a child with SIGTERM."""
    source = HOOKS.replace(
        "    return event",
        "    process = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "    process.start()\n    process.terminate()\n    process.join()\n    return process.exitcode",
    )
    result = terminated(tmp_path, "import multiprocessing, time\n" + source)
    assert result.replies[0].body == b"-15"


@pytest.mark.parametrize(
    "body",
    ["time.sleep(60)", "while True: yield b'x' * 100_000"],
    ids=["blocked coroutine", "reader that stands still"],
)
def test_hooks_run_while_loop_is_blocked(tmp_path: Path, body: str) -> None:
    """Plain hooks run while the event loop is blocked."""
    handler = f"    print('begun', flush=True)\n    {body}\n"
    source = "import time\n" + HOOKS.replace("def handler", "async def handler").replace("    return event\n", handler)
    write_app(tmp_path, source)
    stopped = threading.Event()
    with Recorder([Event()], on_chunk=lambda chunk: stopped.wait(GUARD)) as recorder:
        variables = environment(recorder.address, "app.handler", tmp_path, {})
        with ClientProcess([*LITE, "app.handler"], variables, tmp_path) as client:
            client.stdout.wait_for(b"begun\n")
            client.wait_until_asleep()
            client.process.send_signal(signal.SIGTERM)
            client.process.wait(GUARD)
            stopped.set()
            result = client.result(recorder)
    assert result.stdout.split() == b"begun second first at exit".split()
    assert result.exit_code == 0


def test_coroutine_hook_keeps_its_order(tmp_path: Path) -> None:
    """A coroutine hook runs in its place between plain hooks, and its error is logged."""
    source = COROUTINES.replace(
        "async def handler",
        "@on_shutdown\nasync def third():\n    await asyncio.sleep(0)\n    raise ValueError('third')\n"
        "@on_shutdown\ndef fourth(): print('fourth')\nasync def handler",
    )
    result = terminated(tmp_path, source, [Event(b"1")], when=begun)
    text = result.stdout.decode()
    logged = ("begun", "fourth", "[ERROR] ValueError: third", "in third", "second", "first True")
    assert sorted(logged, key=text.index) == list(logged)
    assert result.exit_code == 0


def test_signal_handler_of_loop_still_runs(tmp_path: Path) -> None:
    """A signal handler that user code adds to its own event loop still runs, and so do hooks."""
    source = """
import asyncio, os, signal
from awslambdaric_lite import on_shutdown
rung = []
loop = asyncio.new_event_loop()
loop.add_signal_handler(signal.SIGUSR1, rung.append, 1)
on_shutdown(lambda: print("hook"))
def handler(event, context):
    os.kill(os.getpid(), signal.SIGUSR1)
    while not rung:
        loop.run_until_complete(asyncio.sleep(0))
    return "rung"
"""
    result = terminated(tmp_path, source)
    assert (result.replies[0].body, result.stdout) == (b'"rung"', b"hook\n")


def asleep(client: ClientProcess, recorder: Recorder) -> None:
    """Wait until the runtime is blocked in its last poll."""
    recorder.finished.wait(GUARD)
    client.wait_until_asleep()


ELSEWHERE = """
import _thread, asyncio, os, signal, socket, time
from signal import set_wakeup_fd as bound_early
from awslambdaric_lite import on_shutdown
# SIGTERM is delivered to another thread and does not interrupt the main thread, as if it arrived just before `recv`.
_thread.start_new_thread(time.sleep, (100,))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
kept = []
def take():
    TAKE
IN_INIT
@on_shutdown
def hook():
    print("hook", *(pair[0].recv(100)[0] for pair in kept))
def handler(event, context):
    IN_HANDLER
"""
TAKES = {
    "asyncio": """
    loop = asyncio.new_event_loop()
    loop.add_signal_handler(signal.SIGUSR1, print)""",
    "set_wakeup_fd": """
    kept.append(socket.socketpair())
    kept[-1][1].setblocking(False)
    signal.set_wakeup_fd(kept[-1][1].fileno())""",
    "bound early": """
    kept.append(socket.socketpair())
    kept[-1][1].setblocking(False)
    bound_early(kept[-1][1].fileno())""",
    "closed": """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    os.close(writing)""",
    "removed": """
    signal.set_wakeup_fd(-1)""",
}


@pytest.mark.parametrize("place", ["IN_INIT", "IN_HANDLER"])
@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_hooks_run_although_user_code_takes_wake_up_descriptor(tmp_path: Path, take: str, place: str) -> None:
    """SIGTERM wakes the waiting runtime if user code has set its own wake-up descriptor, which receives the signal."""
    source = (
        ELSEWHERE.replace("    TAKE", take).replace(place, "take()").replace("IN_INIT", "").replace("IN_HANDLER", "0")
    )
    result = terminated(tmp_path, source, when=asleep)
    expected = b"hook %d\n" % signal.SIGTERM if "kept" in take else b"hook\n"
    assert (result.stdout, result.stderr, result.exit_code) == (expected, b"", 0)


def test_wake_up_descriptor_of_user_code_is_kept_in_forked_child(tmp_path: Path) -> None:
    """A forked child writes its signals to the descriptor of user code, not to its parent's pipe."""
    source = """
import os, signal, socket
from awslambdaric_lite import on_shutdown
on_shutdown(lambda: print("hook"))
reading, writing = socket.socketpair()
writing.setblocking(False)
signal.set_wakeup_fd(writing.fileno())
signal.signal(signal.SIGUSR1, lambda *_: None)
def handler(event, context):
    pid = os.fork()
    if not pid:
        os.kill(os.getpid(), signal.SIGUSR1)
        os._exit(signal.set_wakeup_fd(-1) == writing.fileno())
    status = os.waitpid(pid, 0)[1]
    return [os.waitstatus_to_exitcode(status), reading.recv(10)[0] == signal.SIGUSR1]
"""
    result = terminated(tmp_path, source)
    assert (result.replies[0].body, result.stdout) == (b"[1,true]", b"hook\n")


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
@pytest.mark.parametrize("event", [b"0", b"1"], ids=["between invocations", "within one"])
def test_hooks_run_with_uvloop(tmp_path: Path, event: bytes) -> None:
    """Hooks run on uvloop, between invocations and within one."""
    source = "import asyncio, uvloop\nasyncio.set_event_loop_policy(uvloop.EventLoopPolicy())\n" + COROUTINES
    when = {"when": begun} if event == b"1" else {}
    result = terminated(tmp_path, source, [Event(event)], **when)  # type: ignore[arg-type]
    assert result.stdout.split() == b"begun second first True".split()
    assert result.exit_code == 0


def test_second_signal_changes_nothing(tmp_path: Path) -> None:
    """A second SIGTERM while hooks run does not run them again."""
    source = HOOKS.replace("def second(): print", "def second():\n    os.kill(os.getpid(), 15)\n    print")
    assert terminated(tmp_path, "import os\n" + source).stdout.split() == b"second first at exit".split()


def test_importing_signal_loads_nothing(tmp_path: Path) -> None:
    """Importing `signal` without a handler does not load the module of shutdown hooks."""
    source = (
        "import signal, sys\ndef handler(event, context): return 'awslambdaric_lite._lifecycle.shutdown' in sys.modules"
    )
    assert run_lite(tmp_path, source).replies[0].body == b"false"


@pytest.mark.parametrize("number", range(12))
def test_hooks_run_once_at_any_moment(tmp_path: Path, number: int) -> None:
    """Hooks run exactly once at whatever moment SIGTERM arrives."""
    chance = random.Random(number)
    count = chance.choice([0, 1, 50])

    def when(client: ClientProcess, recorder: Recorder) -> None:
        recorder.registered.wait(GUARD)
        if number % 3:
            recorder.finished.wait(GUARD)

    result = terminated(tmp_path, HOOKS, [Event(b"%d" % index) for index in range(count)], when=when)
    assert result.stdout.split(b"\n") == [b"second", b"first", b"at exit", b""]
    assert result.exit_code == 0
