"""Concurrent invocations in one process: coroutines on one event loop, threads if Python has no global lock."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.conformance.server import Reaction
from tests.managed.double import LogCollector
from tests.managed.harness import PIDS, Function, function, records

ASYNCIO = {"AWSLAMBDARIC_LITE_CONCURRENCY_MODE": "asyncio"}
# The handler waits until the number of invocations in the event run, so they run concurrently or time out.
MEETING = """
import asyncio, logging, os
here, met = [], asyncio.Event()
async def handler(event, context):
    here.append(event)
    if len(here) == 4:
        met.set()
    await met.wait()
    await asyncio.sleep(0)
    logging.getLogger().warning("record of %s", context.aws_request_id)
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    return [event, os.getpid(), id(asyncio.get_running_loop()), trace, dict(os.environ).get("_X_AMZN_TRACE_ID")]
"""


def test_concurrent_invocations_share_one_loop(tmp_path: Path) -> None:
    """Four invocations wait for each other on one loop, and each has its own ids in context, logs and environment."""
    with function(tmp_path, MEETING, 4, env=ASYNCIO) as running:
        calls = [
            running.api.invoke(
                b"%d" % number,
                f"id-{number}",
                (("Lambda-Runtime-Trace-Id", f"Root=1-{number}"), ("Lambda-Runtime-Aws-Tenant-Id", f"tenant-{number}")),
            )
            for number in range(4)
        ]
        results = [json.loads(call.result().body) for call in calls]
        running.api.wait_for_polls(4)
        assert [result[0] for result in results] == [0, 1, 2, 3]
        assert {result[1] for result in results} == {running.pid} and len({result[2] for result in results}) == 1
        assert [result[3] for result in results] == [result[4] for result in results]
        assert [result[3] for result in results] == [f"Root=1-{number}" for number in range(4)]
        assert running.workers() == []
        lines = records(running.finish().stdout)
    assert len(lines) == 4
    for line in lines:
        number = line["requestId"][-1]
        assert line["message"] == f"record of id-{number}" and line["tenantId"] == f"tenant-{number}"


def test_tasks_and_threads_keep_their_invocation(tmp_path: Path) -> None:
    """Tasks and threads that asyncio starts for a handler belong to its invocation, also after an `await`."""
    source = """
import asyncio, os
def look():
    return os.getenv("_X_AMZN_TRACE_ID")
async def later():
    await asyncio.sleep(0.001)
    return look()
async def handler(event, context):
    return [look(), await asyncio.create_task(later()), await asyncio.to_thread(look), "_X_AMZN_TRACE_ID" in os.environ]
"""
    with function(tmp_path, source, 2, env=ASYNCIO) as running:
        traced = running.api.invoke(headers=(("Lambda-Runtime-Trace-Id", "Root=1-a"),))
        bare = running.api.invoke()
        assert json.loads(traced.result().body) == ["Root=1-a"] * 3 + [True]
        assert json.loads(bare.result().body) == [None] * 3 + [False]


def test_handler_changes_environment_of_its_invocation(tmp_path: Path) -> None:
    """A trace id that a handler sets or deletes in `os.environ` is its invocation's; other variables are shared."""
    source = """
import os
NAME = "_X_AMZN_TRACE_ID"
def seen():
    assert len(os.environ) == len(list(os.environ)) == len(dict(os.environ))
    return [NAME in os.environ, os.environ.get(NAME), NAME in list(os.environ)]
async def handler(event, context):
    os.environ["SHARED"] = str(event)
    found = [seen()]
    os.environ[NAME] = "mine"
    found.append(seen())
    del os.environ[NAME], os.environ["SHARED"]
    found.append(seen())
    try:
        del os.environ[NAME]
    except KeyError as error:
        return [*found, error.args[0], "SHARED" in os.environ]
"""
    with function(tmp_path, source, 2, env=ASYNCIO) as running:
        changed = [[True, "mine", True], [False, None, False], "_X_AMZN_TRACE_ID", False]
        traced = running.ask(b"1", headers=(("Lambda-Runtime-Trace-Id", "Root=1-a"),))
        assert traced == [[True, "Root=1-a", True], *changed]
        assert running.ask(b"2") == [[False, None, False], *changed]


def test_event_during_start_runs_on_loop(tmp_path: Path) -> None:
    """An event that arrives before all polls have started is answered on the loop like any other."""
    source = """
import threading, time
start = threading.Thread.start
def start_slowly(self):
    start(self)
    time.sleep(0.05)
threading.Thread.start = start_slowly
async def handler(event, context):
    return [event, threading.current_thread() is threading.main_thread()]
"""
    with function(tmp_path, source, 8, env=ASYNCIO, polls=0) as running:
        assert [running.ask(b"%d" % number) for number in range(3)] == [[0, True], [1, True], [2, True]]
        running.api.wait_for_polls(8)


def test_error_on_loop_has_handler_frames(tmp_path: Path) -> None:
    """An exception becomes the error of its invocation, with the handler's frames only."""
    source = "async def handler(event, context):\n    raise KeyError(event)\n"
    with function(tmp_path, source, 2, env=ASYNCIO) as running:
        errors = [running.ask(b"%d" % number) for number in range(3)]
    assert [(error["errorType"], error["errorMessage"]) for error in errors] == [("KeyError", str(n)) for n in range(3)]
    assert all(len(error["stackTrace"]) == 1 and "app.py" in error["stackTrace"][0] for error in errors)


def test_botocore_reads_trace_of_its_invocation(tmp_path: Path) -> None:
    """botocore's header for recursion detection is that of the invocation that sends the request."""
    pytest.importorskip("botocore")
    source = """
import asyncio
from botocore.handlers import add_recursion_detection_header
async def handler(event, context):
    await asyncio.sleep(0.01)
    request = {"headers": {}}
    add_recursion_detection_header(request)
    return request["headers"]
"""
    with function(tmp_path, source, 2, env=ASYNCIO) as running:
        calls = [running.api.invoke(headers=(("Lambda-Runtime-Trace-Id", f"Root=1-{n}"),)) for n in range(2)]
        assert [json.loads(call.result().body) for call in calls] == [
            {"X-Amzn-Trace-Id": f"Root=1-{n}"} for n in (0, 1)
        ]


def test_stream_on_loop_does_not_block_others(tmp_path: Path) -> None:
    """An asynchronous generator streams, an error in it is sent in trailers, and other invocations run meanwhile."""
    source = """
import asyncio
async def handler(event, context):
    for number in range(event):
        yield b"x" * 10000
        await asyncio.sleep(0)
"""
    with function(tmp_path, source, 2, env=ASYNCIO) as running:
        calls = [running.api.invoke(b"%d" % number) for number in (5, 3)]
        assert [len(call.result().body) for call in calls] == [50000, 30000]
        running.api.wait_for_polls(2)
        assert len(running.api.invoke(b"1").result().body) == 10000


def test_refused_reply_does_not_end_thread(tmp_path: Path) -> None:
    """A thread continues after the API refused its reply, as a worker process does."""
    source = "async def handler(event, context):\n    return event\n"
    with function(
        tmp_path,
        source,
        2,
        env=ASYNCIO,
        react=lambda request, number: Reaction(status=500) if (request.verb, number) == ("response", 0) else None,
    ) as running:
        running.api.invoke(b"0", "refused")
        running.api.wait_for_polls(2)
        running.api.wait_until(lambda: any(r.status == 500 for r in running.api.requests), "the refusal")
        assert [running.ask(b"%d" % number) for number in range(4)] == [0, 1, 2, 3]
        (line,) = records(running.finish().stdout)
    assert line["requestId"] == "refused" and "500" in line["message"]


def test_exit_waits_for_other_invocations(tmp_path: Path) -> None:
    """`sys.exit` in one invocation ends the process with its code after the other invocations are answered."""
    source = """
import asyncio, sys
left = asyncio.Event()
async def handler(event, context):
    if event == "leave":
        left.set()
        sys.exit(3)
    await left.wait()
    await asyncio.sleep(0.2)
    return "done"
"""
    with function(tmp_path, source, 3, env=ASYNCIO) as running:
        waiting = [running.api.invoke() for _ in range(2)]
        error = running.ask(b'"leave"')
        assert [json.loads(call.result().body) for call in waiting] == ["done", "done"]
        assert error["errorType"] == "Runtime.ExitError" and running.ended().exit_code == 3


def test_invocation_is_cancelled_at_its_deadline(tmp_path: Path) -> None:
    """With `CANCEL_AT_DEADLINE` each invocation has its own deadline."""
    source = "import asyncio\nasync def handler(event, context):\n    await asyncio.sleep(event)\n    return event\n"
    with function(tmp_path, source, 2, env={**ASYNCIO, "AWSLAMBDARIC_LITE_CANCEL_AT_DEADLINE": "1"}) as running:
        deadline = str(int(time.time() * 1000) + 600)
        slow = running.api.invoke(b"600", headers=(("Lambda-Runtime-Deadline-Ms", deadline),))
        quick = running.api.invoke(b"0")
        assert json.loads(quick.result().body) == 0
        assert json.loads(slow.result().body)["errorType"] == "TimeoutError"


def test_late_reply_on_loop_is_refused(tmp_path: Path) -> None:
    """Without `CANCEL_AT_DEADLINE` the handler runs on after its deadline, and the late reply gets 410."""
    with function(tmp_path, MEETING, 4, env=ASYNCIO) as running:
        calls = [running.api.invoke(b"%d" % number) for number in range(3)]
        calls[0].expired = True
        calls.append(running.api.invoke(b"3"))
        assert [call.result().status for call in calls] == [410, 202, 202, 202]
        running.api.wait_for_polls(4)


def test_application_starts_once_on_loop(tmp_path: Path) -> None:
    """An ASGI application starts once and serves concurrent requests; its shutdown is a hook."""
    source = """
import asyncio, json, os
class Application:
    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            print("startup", flush=True)
            self.meeting, self.here = asyncio.Event(), 0
            await send({"type": "lifespan.startup.complete"})
            await receive()
            print("shutdown", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.here += 1
        if self.here == 3:
            self.meeting.set()
        await self.meeting.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": scope["path"].encode()})
handler = Application()
"""
    with function(tmp_path, source, 3, env=ASYNCIO) as running:
        assert len(running.api.extensions) == 1
        calls = [running.api.invoke(json.dumps(http_event(f"/{number}")).encode()) for number in range(3)]
        assert [json.loads(call.result().body)["body"] for call in calls] == ["/0", "/1", "/2"]
        os.kill(running.pid, signal.SIGTERM)
        result = running.ended()
    assert (result.exit_code, result.stdout) == (0, b"startup\nshutdown\n")


def test_failed_application_start_is_init_error(tmp_path: Path) -> None:
    """An application that fails to start is an init error, in one process as in several."""
    source = """
class Application:
    async def __call__(self, scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
handler = Application()
"""
    for env in (ASYNCIO, {}):
        with function(tmp_path, source, 3, env=env, polls=0) as running:
            assert running.ended().exit_code == 1
        (report,) = running.api.requests
        assert report.verb == "init/error" and b"no database" in report.body


def test_one_process_connects_to_log_socket_twice(tmp_path: Path) -> None:
    """One process makes two connections to the log collector, after it has loaded the function."""
    source = "print('loading')\nasync def handler(event, context):\n    print('serving')\n    return event\n"
    path = tmp_path / "logs"
    env = {**ASYNCIO, "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(path)}
    with LogCollector(path) as logs, function(tmp_path, source, 3, env=env) as running:
        logs.wait_for_connections(2)
        running.ask()
        assert logs.wait_for("serving") == "serving\n"
        assert running.finish().stdout == b"loading\n"


@pytest.mark.parametrize(
    ("mode", "reason"), [("asyncio", "not a coroutine function"), ("thread", "this Python has a global lock")]
)
@pytest.mark.parametrize("fork", ["auto", "before"])
def test_unsupported_mode_uses_processes(tmp_path: Path, mode: str, reason: str, fork: str) -> None:
    """Worker processes serve a function that the chosen mode cannot serve, and one line says why."""
    env = {"AWSLAMBDARIC_LITE_CONCURRENCY_MODE": mode, "AWSLAMBDARIC_LITE_FORK": fork}
    source = "import logging\n" + PIDS.replace("    return", "    logging.getLogger().warning('record')\n    return")
    with function(tmp_path, source, 2, env=env) as running:
        assert running.ask(request_id="the-request") in running.workers()
        explanation, record = records(running.finish().stdout)
    assert f"CONCURRENCY_MODE={mode} is ignored" in explanation["message"] and reason in explanation["message"]
    assert record["requestId"] == "the-request"


def http_event(path: str) -> dict[str, Any]:
    """Return a function URL's event."""
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"}
    context = {"http": http, "domainName": "example.com", "stage": "$default", "requestId": "id"}
    return {"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {}, "requestContext": context}


def no_global_lock(running: Function) -> None:
    """Send four concurrent invocations, which only threads of one process can answer."""
    calls = [running.api.invoke(b"%d" % n, headers=(("Lambda-Runtime-Trace-Id", f"Root=1-{n}"),)) for n in range(4)]
    results = [json.loads(call.result().body) for call in calls]
    assert [result[0] for result in results] == [0, 1, 2, 3]
    assert {result[1] for result in results} == {running.pid}
    assert [result[2] for result in results] == [f"Root=1-{n}" for n in range(4)]


def test_threads_serve_plain_functions(tmp_path: Path) -> None:
    """On a build without the lock (here: one that claims so) plain functions run in threads of one process."""
    source = """
import os, sys, threading
sys._is_gil_enabled = lambda: False
meeting = threading.Barrier(4)
def handler(event, context):
    meeting.wait(60)
    return [event, os.getpid(), os.environ["_X_AMZN_TRACE_ID"]]
"""
    with function(tmp_path, source, 4, env={"AWSLAMBDARIC_LITE_CONCURRENCY_MODE": "thread"}) as running:
        no_global_lock(running)
        running.api.wait_for_polls(4)
        no_global_lock(running)


@pytest.mark.parametrize("mode", ["asyncio", "thread"])
def test_sigterm_ends_one_process(tmp_path: Path, mode: str) -> None:
    """SIGTERM ends the process if no hook is registered."""
    source = "import sys\nsys._is_gil_enabled = lambda: False\nasync def handler(event, context):\n    return event\n"
    with function(tmp_path, source, 2, env={"AWSLAMBDARIC_LITE_CONCURRENCY_MODE": mode}) as running:
        assert running.ask(b"1") == 1
        os.kill(running.pid, signal.SIGTERM)
        assert running.ended().exit_code == -signal.SIGTERM


def test_one_process_exits_without_runtime_api(tmp_path: Path) -> None:
    """The process exits with 1 and one line says why if it cannot reach the Runtime API."""
    source = "async def handler(event, context):\n    return event\n"
    with function(tmp_path, source, 2, env=ASYNCIO) as running:
        running.api.stop()
        result = running.ended()
    assert result.exit_code == 1 and b"cannot be reached" in result.stderr
