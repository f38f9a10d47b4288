"""The runtime dumps stacks shortly before the deadline."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import DueEvent, Event, Request
from awslambdaric_lite.conformance.server import Reaction
from tests.process.lite import numbered, run_lite
from tests.support.client_process import Run

ENV = {"AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS": "500"}
SOON = 1.3  # seconds until the deadline, so that the dump is due after 0.8
LONG = 1.6  # seconds after which the dump has been written


def late(seconds: float, body: bytes = b"{}") -> Event:
    """Return an event with `seconds` until its deadline."""
    return DueEvent(body, seconds=seconds)


def run(tmp_path: Path, source: str, *events: Event) -> Run:
    """Run a function with a timeout dump."""
    return run_lite(tmp_path, source, events, env=ENV)


HANGING = {
    "plain": f"import time\ndef hang(): time.sleep({LONG})\ndef handler(event, context):\n    hang()\n",
    "generator": f"""
import time
def hang(): time.sleep({LONG})
def handler(event, context):
    yield b"x"
    hang()
""",
    "thread": f"""
import threading, time
def hang(): time.sleep({LONG})
def handler(event, context):
    thread = threading.Thread(target=hang)
    thread.start()
    thread.join()
""",
    "coroutine": f"""
import asyncio
async def hang(): await asyncio.sleep({LONG})
async def handler(event, context): await hang()
""",
    "asynchronous generator": f"""
import asyncio
async def hang(): await asyncio.sleep({LONG})
async def handler(event, context):
    yield b"x"
    await hang()
""",
}


@pytest.mark.parametrize("source", HANGING.values(), ids=HANGING)
def test_dump_names_hanging_function(tmp_path: Path, source: str) -> None:
    """The dump names the hanging function in threads and tasks, and the invocation continues."""
    result = run(tmp_path, source, late(SOON))
    text = result.stderr.decode()
    assert "in hang\n" in text and "in handler\n" in text, text
    assert text.count("Timeout (") == 1
    assert [request.status for request in result.replies] == [202]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_finished_invocation_is_not_dumped(tmp_path: Path, kind: str) -> None:
    """An invocation that ends before the dump leaves no dump, even if the environment then pauses."""
    waited = threading.Event()

    def react(request: Request, number: int) -> Reaction | None:
        def wait() -> None:
            time.sleep(LONG)  # longer than the timer
            waited.set()

        return Reaction(before=wait) if request.verb == "next" and number == 1 else None

    source = f"{kind} handler(event, context):\n    return event\n"
    result = run_lite(tmp_path, source, [late(SOON), late(60)], env=ENV, react=react)
    assert waited.is_set()
    assert (result.stderr, len(result.replies)) == (b"", 2)


def test_failed_invocation_is_not_dumped(tmp_path: Path) -> None:
    """A handler that raised is not dumped later."""
    source = f"import time\ndef handler(event, context):\n    if event == 0: raise ValueError\n    time.sleep({LONG})\n"
    assert run(tmp_path, source, late(SOON, b"0"), late(60, b"1")).stderr == b""


def test_short_invocation_is_not_dumped(tmp_path: Path) -> None:
    """An invocation with less time than the setting is not dumped."""
    source = "import time\ndef handler(event, context):\n    time.sleep(0.5)\n"
    assert run(tmp_path, source, late(0.4)).stderr == b""


def test_dump_goes_to_descriptor_2(tmp_path: Path) -> None:
    """The dump is written to descriptor 2 if user code replaces `sys.stderr`."""
    source = f"import io, sys, time\nsys.stderr = io.StringIO()\ndef handler(event, context):\n    time.sleep({LONG})\n"
    assert b"in handler" in run(tmp_path, source, late(SOON)).stderr


def test_dump_is_off_by_default(tmp_path: Path) -> None:
    """Without the setting, neither the dump's module nor faulthandler is loaded."""
    source = (
        "import sys\ndef handler(e, c): return [m for m in sys.modules if 'faulthandler' in m or 'timeout_dump' in m]"
    )
    assert run_lite(tmp_path, source, numbered(1)).replies[0].body == b"[]"


def test_coroutine_of_plain_function_is_dumped(tmp_path: Path) -> None:
    """The tasks of an event loop are dumped if a plain function returns a coroutine."""
    source = """
import asyncio
async def hang(event): await asyncio.sleep(event)
def handler(event, context): return hang(event)
"""
    assert b"in hang\n" in run(tmp_path, source, late(60, b"0"), late(SOON, b"%.1f" % LONG)).stderr


@pytest.mark.parametrize("ending", ["os._exit(7)", "sys.exit(7)", "return", "raise ValueError"])
def test_forked_child_does_not_dump(tmp_path: Path, ending: str) -> None:
    """A forked child exits as usual, and the parent's dump is written once."""
    source = f"""
import os, sys, time
def handler(event, context):
    pid = os.fork()
    if not pid:
        {ending}
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    time.sleep({LONG})
    return code
"""
    result = run(tmp_path, source, late(SOON))
    assert result.replies[0].body == (b"7" if "7" in ending else b"1")
    assert result.stderr.count(b"Timeout (") == 1


def test_failed_stream_is_not_dumped(tmp_path: Path) -> None:
    """A stream that fails before its first byte is not dumped later."""
    source = f"""
import time
def handler(event, context):
    if event: time.sleep({LONG})
    raise ValueError
    yield
"""
    assert run(tmp_path, source, late(SOON, b"0"), late(60, b"1")).stderr == b""


def test_tool_that_replaces_client_methods_later_is_called(tmp_path: Path) -> None:
    """Methods of the client's class that a tool replaces during an invocation are called from then on."""
    source = """
import sys
calls = []
def replace(client, name):
    original = getattr(client, name)
    def replacement(self, *args, **named):
        calls.append(name)
        return original(self, *args, **named)
    setattr(client, name, replacement)
def handler(event, context):
    if not calls:
        for name in ("post_invocation_result", "wait_next_invocation"):
            replace(sys.modules["__main__"].bootstrap.LambdaRuntimeClient, name)
    return list(calls)
"""
    replies = run(tmp_path, source, late(60), late(60)).replies
    assert [reply.body for reply in replies] == [b"[]", b'["post_invocation_result","wait_next_invocation"]']
