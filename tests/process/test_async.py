"""Coroutine handlers run on one event loop, in a real process."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import DueEvent, Event
from tests.process.lite import bodies, numbered, run_lite

ERROR_BODY = "Lambda-Runtime-Function-Error-Body"


BODY = "    await asyncio.sleep(0)\n    return [event, id(asyncio.get_running_loop())]\n"
METHOD = BODY.replace("    ", "        ")


@pytest.mark.parametrize(
    "source",
    [
        f"async def handler(event, context):\n{BODY}",
        f"async def f(event):\n{BODY}def handler(event, context): return f(event)",
        f"class C:\n    async def __call__(self, event, context):\n{METHOD}handler = C()",
        f"class C:\n    async def m(self, event, context):\n{METHOD}handler = C().m",
        f"import functools\nasync def f(a, event, context):\n{BODY}handler = functools.partial(f, 1)",
    ],
    ids=["coroutine function", "returned coroutine", "callable object", "method", "partial"],
)
def test_coroutines_share_one_loop(tmp_path: Path, source: str) -> None:
    """Each kind of coroutine is awaited on the same event loop in each invocation."""
    result = run_lite(tmp_path, f"import asyncio\n{source}\n", numbered(3))
    answers = [json.loads(body) for body in bodies(result)]
    assert [answer[0] for answer in answers] == [0, 1, 2]
    assert len({answer[1] for answer in answers}) == 1
    assert result.ended_by_test and result.stderr == b""


PLAIN = """
    def __call__(self, event, context):
        return {"ok": True}
"""
MISLEADING = {
    "func is a coroutine function": "class C:\n    async def func(self): ...\n" + PLAIN + "handler = C()",
    "func is a generator function": "class C:\n    def func(self): yield b''\n" + PLAIN + "handler = C()",
    "class decorator": """
class Job:
    def __init__(self, func): self.func = func
    def __call__(self, event, context): return asyncio.run(self.func())
@Job
async def handler(): return {"ok": True}""",
    "foreign code": """
async def f(event, context): ...
class C:
    __code__ = f.__code__"""
    + PLAIN
    + "handler = C()",
    "code of another type": "class C:\n    __code__ = 7" + PLAIN + "handler = C()",
    "flags of another type": "class C:\n    class __code__:\n        co_flags = 'x'" + PLAIN + "handler = C()",
    "marked": """
def handler(event, context): return {"ok": True}
getattr(inspect, "markcoroutinefunction", lambda f: f)(handler)""",
    "every attribute": """
class C:
    def __getattr__(self, name): return C()"""
    + PLAIN
    + "handler = C()",
    "no attribute": """
class C:
    def __getattribute__(self, name): raise RuntimeError("working outside of request context")"""
    + PLAIN
    + "handler = C()",
    "synchronous bridge": """
async def f(event, context): return {"ok": True}
@functools.wraps(f)
def handler(event, context): return asyncio.run(f(event, context))
handler.__code__ = handler.__code__.replace(co_flags=handler.__code__.co_flags)""",
    "partial of a lying object": """
class C:
    async def func(self): ..."""
    + PLAIN
    + "handler = functools.partial(C())",
    "awaitable on the instance": """
class Result(dict): pass
def handler(event, context):
    result = Result(ok=True)
    result.__await__ = lambda: iter(())
    return result""",
    "dict that can be awaited": """
class Result(dict):
    def __await__(self): raise AssertionError("awaited")
    def __next__(self): raise AssertionError("streamed")
def handler(event, context): return Result(ok=True)""",
    "dict that a coroutine returns": """
class Result(dict):
    def __await__(self): raise AssertionError("awaited")
async def handler(event, context): return Result(ok=True)""",
    "dict with every attribute": """
class Result(dict):
    def __getattr__(self, name): return 7
def handler(event, context): return Result(ok=True)""",
}
AWAITED = {
    "future of user code's loop": """
loop = asyncio.new_event_loop()
def handler(event, context): return loop.create_task(asyncio.sleep(0, {"ok": True}))""",
    "gathered": """
async def f(): return {"ok": True}
async def g(): return (await asyncio.gather(f()))[0]
def handler(event, context): return g()""",
    "object": """
class Later:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return {"ok": True}
def handler(event, context): return Later()""",
    "types.coroutine": """
@types.coroutine
def handler(event, context):
    yield from asyncio.sleep(0).__await__()
    return {"ok": True}""",
    "coroutine that returns a coroutine": """
async def f(): return {"ok": True}
async def handler(event, context): return f()""",
    "wrapped": """
async def f(event, context): return {"ok": True}
@functools.wraps(f)
def handler(event, context): return f(event, context)""",
    "marked": """
async def f(): return {"ok": True}
def handler(event, context): return f()
getattr(inspect, "markcoroutinefunction", lambda f: f)(handler)""",
    "partial in a partial": """
class Partial(functools.partial): pass
async def f(a, event, context): return {"ok": True}
handler = Partial(Partial(f, 1))""",
    "proxy": """
class Proxy:
    def __init__(self, f): self._f = f
    def __getattr__(self, name): return getattr(self._f, name)
    def __call__(self, *a): return self._f(*a)
@Proxy
async def handler(event, context): return {"ok": True}""",
}


@pytest.mark.parametrize("source", [*MISLEADING.values(), *AWAITED.values()], ids=[*MISLEADING, *AWAITED])
def test_the_result_decides_whether_it_is_awaited(tmp_path: Path, source: str) -> None:
    """A result is awaited if it can be awaited and is not JSON, whatever the handler looks like."""
    result = run_lite(tmp_path, f"import asyncio, functools, inspect, types\n{source}\n", numbered(2))
    assert bodies(result) == [b'{"ok":true}'] * 2
    assert (result.stderr, result.ended_by_test) == (b"", True)


def test_connection_stays_open_between_invocations(tmp_path: Path) -> None:
    """A connection that one invocation opened works in the next."""
    source = """
import asyncio
connection = None
async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line)
async def handler(event, context):
    global connection
    if connection is None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        connection = await asyncio.open_connection(*server.sockets[0].getsockname())
    reader, writer = connection
    writer.write(b"%d\\n" % event)
    return (await reader.readline()).decode()
"""
    assert bodies(run_lite(tmp_path, source, numbered(3))) == [b'"0\\n"', b'"1\\n"', b'"2\\n"']


def test_coroutine_exception_has_own_frames(tmp_path: Path) -> None:
    """The error of a coroutine has the frames of user code without those of the event loop."""
    source = """
import asyncio
async def inner():
    await asyncio.sleep(0)
    raise ValueError("inside")
async def handler(event, context):
    await inner()
"""
    (request,) = run_lite(tmp_path, source).replies
    error = json.loads(request.body)
    assert (request.verb, error["errorType"], error["errorMessage"]) == ("error", "ValueError", "inside")
    assert [entry.split(" in ")[1].split("\n")[0] for entry in error["stackTrace"]] == ["handler", "inner"]


def test_sys_exit_in_coroutine_ends_process(tmp_path: Path) -> None:
    """`sys.exit` in a coroutine posts the error, then ends the process with its code."""
    result = run_lite(tmp_path, "import sys\nasync def handler(event, context):\n    sys.exit(4)\n")
    assert json.loads(result.replies[0].body)["errorType"] == "Runtime.ExitError"
    assert (result.exit_code, result.stderr) == (4, b"")


def test_coroutine_results_are_encoded_as_usual(tmp_path: Path) -> None:
    """Results of a coroutine are encoded as those of a plain function."""
    source = "async def handler(event, context):\n    return {'s': {1}, 'b': b'x', 'n': [float('nan'), 'é']}[event]\n"
    result = run_lite(tmp_path, source, [Event(b'"s"'), Event(b'"b"'), Event(b'"n"')])
    assert json.loads(bodies(result)[0])["errorType"] == "Runtime.MarshalError"
    assert bodies(result)[1:] == [b"x", '[null,"é"]'.encode()]


def test_coroutine_is_cancelled_before_the_deadline(tmp_path: Path) -> None:
    """With CANCEL_AT_DEADLINE, a coroutine is cancelled early enough to post its error; `finally` runs."""
    source = """
import asyncio
async def handler(event, context):
    try:
        await asyncio.sleep(60 if event else 0)
        return "done"
    finally:
        print("finally")
"""
    env = {"AWSLAMBDARIC_LITE_CANCEL_AT_DEADLINE": "1"}
    result = run_lite(tmp_path, source, [DueEvent(b"1", seconds=1.0), DueEvent(b"0", seconds=60.0)], env=env)
    error = json.loads(bodies(result)[0])
    assert error["errorType"] == "TimeoutError"
    assert "before the deadline" in error["errorMessage"]
    assert bodies(result)[1] == b'"done"'
    assert result.stdout.count(b"finally") == 2


def test_own_cancellation_is_not_a_timeout(tmp_path: Path) -> None:
    """A CancelledError that the handler raises is not reported as a TimeoutError."""
    source = "import asyncio\nasync def handler(event, context):\n    raise asyncio.CancelledError('mine')\n"
    env = {"AWSLAMBDARIC_LITE_CANCEL_AT_DEADLINE": "1"}
    (body,) = bodies(run_lite(tmp_path, source, env=env))
    assert json.loads(body)["errorType"] == "CancelledError"


def test_background_tasks_are_reported_once(tmp_path: Path) -> None:
    """A process warns once about background tasks, which continue in the next invocation."""
    source = """
import asyncio
tasks = []
async def left_behind():
    for number in range(1000):
        await asyncio.sleep(0)
async def handler(event, context):
    tasks.append(asyncio.create_task(left_behind()))
    return [task.done() for task in tasks]
"""
    result = run_lite(tmp_path, source, numbered(3))
    assert result.stdout.count(b"outlives its invocation") == 1
    assert b"[WARNING]\t" in result.stdout and b"left_behind" in result.stdout


def test_async_generator_is_one_task(tmp_path: Path) -> None:
    """An asynchronous generator runs in one task with one context from its first chunk to its last."""
    source = """
import asyncio, contextvars
variable = contextvars.ContextVar("variable")
async def handler(event, context):
    variable.set("kept")
    task = asyncio.current_task()
    yield "a"
    await asyncio.sleep(0)
    assert asyncio.current_task() is task
    yield variable.get()
"""
    assert bodies(run_lite(tmp_path, source)) == [b"akept"]


def test_event_loop_policy_of_user_applies(tmp_path: Path) -> None:
    """The event loop comes from the policy that the handler's module sets, e.g. uvloop's."""
    source = """
import asyncio, warnings
warnings.simplefilter("ignore")
class Loop(asyncio.SelectorEventLoop): pass
class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self): return Loop()
asyncio.set_event_loop_policy(Policy())
async def handler(event, context):
    return type(asyncio.get_running_loop()).__name__
"""
    assert bodies(run_lite(tmp_path, source)) == [b'"Loop"']


def test_plain_handler_loads_no_event_loop(tmp_path: Path) -> None:
    """A plain handler loads neither asyncio nor the modules for coroutines and streams."""
    source = "import sys\ndef handler(event, context):\n    return sorted(sys.modules)"
    (body,) = bodies(run_lite(tmp_path, source))
    loaded = json.loads(body)
    for name in (
        "asyncio",
        "awslambdaric_lite._handlers.event_loop",
        "awslambdaric_lite._handlers.adapter",
        "awslambdaric_lite._handlers.streaming",
    ):
        assert name not in loaded


def test_exception_of_signal_handler_cancels_coroutine(tmp_path: Path) -> None:
    """An exception of a signal handler is the invocation's error, and cancels the coroutine."""
    source = """
import asyncio, signal
class TooSlow(Exception): pass
def alarm(*_): raise TooSlow("alarm")
signal.signal(signal.SIGALRM, alarm)
async def handler(event, context):
    if event == 1:
        await asyncio.sleep(0.1)
        return len(asyncio.all_tasks())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        await asyncio.sleep(60)
    finally:
        print("finally")
"""
    result = run_lite(tmp_path, source, numbered(2))
    error, answer = (json.loads(body) for body in bodies(result))
    assert (error["errorType"], answer) == ("TooSlow", 1)
    assert result.stdout.count(b"finally") == 1
    assert b"outlives" not in result.stdout


@pytest.mark.parametrize("chunks", [0, 1])
def test_stream_is_cancelled_before_the_deadline(tmp_path: Path, chunks: int) -> None:
    """A cancelled stream ends with an error before its first byte, with trailers after it; `finally` runs."""
    source = f"""
import asyncio
async def handler(event, context):
    try:
        if {chunks}: yield b"begun"
        await asyncio.sleep(60)
        yield b"never"
    finally:
        print("finally")
"""
    env = {"AWSLAMBDARIC_LITE_CANCEL_AT_DEADLINE": "1"}
    result = run_lite(tmp_path, source, [DueEvent(seconds=1.0)], env=env)
    (request,) = result.replies
    error = json.loads(base64.b64decode(dict(request.trailers)[ERROR_BODY]) if chunks else request.body)
    assert (request.verb, request.status) == ("response" if chunks else "error", 202)
    assert error["errorType"] == "TimeoutError"
    assert result.stdout.count(b"finally") == 1


def test_coroutine_may_answer_after_cancellation(tmp_path: Path) -> None:
    """A coroutine that catches its cancellation may still return a result."""
    source = """
import asyncio
async def handler(event, context):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        return "finished"
"""
    env = {"AWSLAMBDARIC_LITE_CANCEL_AT_DEADLINE": "1"}
    assert bodies(run_lite(tmp_path, source, [DueEvent(seconds=1.0)], env=env)) == [b'"finished"']


def test_signal_handler_of_loop_runs(tmp_path: Path) -> None:
    """A signal handler that `add_signal_handler` sets runs in each invocation."""
    source = """
import asyncio, os, signal
rung = None
async def handler(event, context):
    global rung
    if rung is None:
        rung = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, rung.set)
    rung.clear()
    os.kill(os.getpid(), signal.SIGUSR1)
    await rung.wait()
    return "rung"
"""
    assert bodies(run_lite(tmp_path, source, numbered(2))) == [b'"rung"'] * 2


def test_exit_leaves_no_warning(tmp_path: Path) -> None:
    """`sys.exit` leaves no warning about the event loop or an unfinished generator."""
    source = """
import asyncio, sys
async def numbers():
    yield 1
    yield 2
async def handler(event, context):
    async for number in numbers(): break
    await asyncio.sleep(0)
    if event: sys.exit(0)
"""
    result = run_lite(tmp_path, source, numbered(2), env={"PYTHONWARNINGS": "default"})
    assert result.exit_code == 0
    assert result.stderr == b""


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
def test_uvloop_runs_coroutines(tmp_path: Path) -> None:
    """Coroutines, streams and errors work on uvloop."""
    source = """
import asyncio, warnings
warnings.simplefilter("ignore")
import uvloop
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
async def stream():
    yield type(asyncio.get_running_loop()).__module__
async def handler(event, context):
    await asyncio.sleep(0)
    if event == 1: raise ValueError("mine")
    if event == 2: return stream()
    return type(asyncio.get_running_loop()).__module__
"""
    answer, error, streamed = bodies(run_lite(tmp_path, source, numbered(3)))
    assert (answer, streamed) == (b'"uvloop"', b"uvloop")
    (entry,) = json.loads(error)["stackTrace"]
    assert "in handler" in entry


def test_pending_cleanup_ends_in_its_invocation(tmp_path: Path) -> None:
    """Unfinished generators and closed connections are cleaned up in their invocation, without a warning."""
    source = """
import asyncio
log = []
async def numbers():
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0.01)
        log.append("generator")
class Protocol(asyncio.Protocol):
    def connection_lost(self, error): log.append("connection")
server = None
async def handler(event, context):
    global server
    if event == 1:
        return log[:]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(Protocol, *server.sockets[0].getsockname())
    async for number in numbers(): break
    transport.close()
"""
    result = run_lite(tmp_path, source, numbered(2))
    assert sorted(json.loads(bodies(result)[1])) == ["connection", "generator"]
    assert b"outlives" not in result.stdout
