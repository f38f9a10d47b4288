"""Shutdown hooks and the extension that makes them possible."""

from __future__ import annotations

import importlib.util
import json
import random
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.process.lite import run_lite, write_app
from tests.support.client_process import GUARD, LITE, ClientProcess, Run, environment
from tests.support.recorder import Event, Recorder

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
) -> Run:
    """Send SIGTERM when `when` returns, and collect what the process leaves; it must end by itself."""
    write_app(tmp_path, source)
    with Recorder(events) as recorder:
        variables = environment(recorder.address, "app.handler", tmp_path, {})
        with ClientProcess([*LITE, "app.handler"], variables, tmp_path) as client:
            when(client, recorder)
            client.process.send_signal(signal.SIGTERM)
            return client.result(recorder)


def test_hooks_run_last_first(tmp_path: Path) -> None:
    """Then atexit, then exit 0."""
    result = terminated(tmp_path, HOOKS)
    assert result.stdout.split(b"\n") == [b"second", b"first", b"at exit", b""]
    assert (result.exit_code, result.stderr) == (0, b"")


def test_the_extension(tmp_path: Path) -> None:
    """Registered before the first `next`, for no events, and it asks for one."""
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
def test_nobody_else_registers(tmp_path: Path, source: str) -> None:
    """Neither a plain function nor one that only uses atexit."""
    result = run_lite(tmp_path, source)
    assert [request.verb for request in result.requests] == ["next", "response", "next"]


def test_a_handler_of_its_own_is_enough(tmp_path: Path) -> None:
    """SIGTERM with a Python handler makes the platform send it, too."""
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


def test_hooks_and_a_handler_of_its_own(tmp_path: Path) -> None:
    """Hooks first, then what the user's code has set."""
    source = HOOKS + "import signal\nsignal.signal(signal.SIGTERM, lambda *a: print('own'))\n"
    assert terminated(tmp_path, source).stdout.split() == b"second first own at exit".split()


def test_a_refused_registration(tmp_path: Path) -> None:
    """One log line, and the function runs on."""
    result = run_lite(tmp_path, HOOKS, extensions=False)
    (line,) = result.stdout.decode().splitlines()
    assert line.startswith("[WARNING]\t") and "404" in line
    assert [request.status for request in result.replies] == [202]


def test_a_hook_that_fails(tmp_path: Path) -> None:
    """Is logged as an error; the rest run."""
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


def test_a_coroutine_function_as_hook(tmp_path: Path) -> None:
    """Runs on the loop of the handlers, while that stands still."""
    assert terminated(tmp_path, COROUTINES, [Event(b"0")]).stdout.split() == b"begun second first True".split()


def test_a_coroutine_function_as_hook_of_a_plain_handler(tmp_path: Path) -> None:
    """Has a loop of its own."""
    source = COROUTINES.partition("async def handler")[0] + "def handler(event, context): pass\n"
    assert terminated(tmp_path, source).stdout.split() == b"second first False".split()


def begun(client: ClientProcess, recorder: Recorder) -> None:
    """Wait until the handler says so."""
    client.stdout.wait_for(b"begun\n")


def test_within_a_coroutine(tmp_path: Path) -> None:
    """Hooks run beside a handler that waits; nothing is posted."""
    result = terminated(tmp_path, COROUTINES, [Event(b"1")], when=begun)
    assert result.stdout.split() == b"begun second first True".split()
    assert (result.replies, result.exit_code) == ([], 0)


@pytest.mark.parametrize("body", ["time.sleep(60)", "while True: pass"])
def test_in_the_middle_of_an_invocation(tmp_path: Path, body: str) -> None:
    """Hooks run, nothing is posted, exit 0; code that catches everything does not get in the way."""
    source = HOOKS.replace(
        "    return event",
        "    print('begun', flush=True)\n    try:\n        " + body + "\n    except BaseException: pass",
    )
    result = terminated(tmp_path, "import time\n" + source, when=begun)
    assert result.stdout.split() == b"begun second first at exit".split()
    assert (result.replies, result.exit_code) == ([], 0)


def test_too_late(tmp_path: Path) -> None:
    """A hook that is registered in an invocation raises, and says what to do."""
    source = (
        "from awslambdaric_lite import on_shutdown\non_shutdown(print)\ndef handler(e, c):\n    on_shutdown(print)\n"
    )
    error = json.loads(run_lite(tmp_path, source).replies[0].body)
    assert error["errorType"] == "RuntimeError"
    assert "while the handler's module is imported" in error["errorMessage"]


def test_what_cannot_be_called(tmp_path: Path) -> None:
    """Is refused at once."""
    result = run_lite(tmp_path, "from awslambdaric_lite import on_shutdown\non_shutdown(1)\n")
    assert json.loads(result.replies[0].body)["errorMessage"] == "on_shutdown takes a function, not 1"


@pytest.mark.parametrize("own", ["", "signal.signal(15, lambda *a: os._exit(3))"], ids=["default", "of its own"])
def test_a_forked_child_runs_no_hooks(tmp_path: Path, own: str) -> None:
    """They are the parent's; SIGTERM ends a child as it would without them, and the parent lives on."""
    source = HOOKS.replace(
        "    return event",
        "    pid = os.fork()\n    if not pid:\n        os.kill(os.getpid(), 15)\n        os._exit(9)\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    )
    result = terminated(tmp_path, f"import os, signal\n{own}\n{source}")
    assert result.replies[0].body == (b"3" if own else b"-15")
    assert result.stdout.split()[:2] == b"second first".split()


def test_processes_of_multiprocessing_can_be_terminated(tmp_path: Path) -> None:
    """`Process.terminate()` is SIGTERM."""
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
def test_a_loop_that_is_blocked(tmp_path: Path, body: str) -> None:
    """Plain hooks need no loop, so they run though the coroutine never comes back to its own."""
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


def test_a_coroutine_between_plain_hooks(tmp_path: Path) -> None:
    """Keeps its place in the order, also beside a handler that waits; one that fails is logged."""
    source = COROUTINES.replace(
        "async def handler",
        "@on_shutdown\nasync def third():\n    await asyncio.sleep(0)\n    raise ValueError('third')\n"
        "@on_shutdown\ndef fourth(): print('fourth')\nasync def handler",
    )
    result = terminated(tmp_path, source, [Event(b"1")], when=begun)
    text = result.stdout.decode()
    told = ("begun", "fourth", "[ERROR] ValueError: third", "in third", "second", "first True")
    assert sorted(told, key=text.index) == list(told)
    assert result.exit_code == 0


def test_a_signal_handler_of_a_loop(tmp_path: Path) -> None:
    """What user code gave its loop at import goes on working; hooks and that handler both count."""
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


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
@pytest.mark.parametrize("event", [b"0", b"1"], ids=["between invocations", "within one"])
def test_uvloop(tmp_path: Path, event: bytes) -> None:
    """Has its own way with signals."""
    source = "import asyncio, uvloop\nasyncio.set_event_loop_policy(uvloop.EventLoopPolicy())\n" + COROUTINES
    when = {"when": begun} if event == b"1" else {}
    result = terminated(tmp_path, source, [Event(event)], **when)
    assert result.stdout.split() == b"begun second first True".split()
    assert result.exit_code == 0


def test_a_second_signal(tmp_path: Path) -> None:
    """Changes nothing: hooks that are running go on, each once."""
    source = HOOKS.replace("def second(): print", "def second():\n    os.kill(os.getpid(), 15)\n    print")
    assert terminated(tmp_path, "import os\n" + source).stdout.split() == b"second first at exit".split()


def test_signal_alone_loads_nothing(tmp_path: Path) -> None:
    """Many libraries import `signal`; that is no handler."""
    source = (
        "import signal, sys\ndef handler(event, context): return 'awslambdaric_lite._lifecycle.shutdown' in sys.modules"
    )
    assert run_lite(tmp_path, source).replies[0].body == b"false"


@pytest.mark.parametrize("number", range(12))
def test_at_any_moment(tmp_path: Path, number: int) -> None:
    """Wherever the loop stands when SIGTERM comes, hooks run exactly once and the process ends."""
    chance = random.Random(number)
    count = chance.choice([0, 1, 50])

    def when(client: ClientProcess, recorder: Recorder) -> None:
        recorder.registered.wait(GUARD)
        if number % 3:
            recorder.finished.wait(GUARD)

    result = terminated(tmp_path, HOOKS, [Event(b"%d" % index) for index in range(count)], when=when)
    assert result.stdout.split(b"\n") == [b"second", b"first", b"at exit", b""]
    assert result.exit_code == 0
