"""Telemetry of real functions, as extensions receive it."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .extension_harness import Programs, local_lambda
from .runtimes import SUPPORT

WriteHandler = Callable[[str], Path]

HELLO = "def handler(event, context):\n    print('hello', flush=True)\n    if event: raise SystemExit(event)"
LISTENER = """
import http.server, threading
class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            trace(event)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
destination = {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}/"}
"""
LOOP = """
while extension.next().json()["eventType"] != "SHUTDOWN":
    print("seen", flush=True)
"""


def kinds(trace: list[dict[str, Any]], *, of: str = "") -> list[str]:
    """Return the types of the events that begin with `of`, in order."""
    return [event["type"] for event in trace if event["type"].startswith(of)]


@pytest.mark.usefixtures("patient_platform")
def test_external_extension_receives_all_telemetry(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An external extension receives all events, from the init before its subscription to the last report."""
    source = (
        'extension.register(["INVOKE", "SHUTDOWN"])\n' + LISTENER + "reply = extension.subscribe(destination, "
        '["platform", "function", "extension"], timeoutMs=25)\nassert reply.body == b\'"OK"\', reply\n' + LOOP
    )
    program = programs.write("listener", source)
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function:
        first, second = function.invoke(), function.invoke()
        environment = function.environments[0]
        assert second.report.status == "success"
        assert "TELEMETRY\tName: listener\tState: Subscribed\tTypes: [Platform, Function, Extension]" in first.logs
    trace = programs.trace
    invocation = ["platform.start", "platform.runtimeDone", "platform.report"]
    init = ["platform.initStart", "platform.telemetrySubscription", "platform.initRuntimeDone", "platform.extension"]
    assert kinds(trace, of="platform") == [*init, "platform.initReport", *invocation, *invocation]
    assert [event["record"] for event in trace if event["type"] == "function"] == ["hello", "hello"]
    assert [event["record"] for event in trace if event["type"] == "extension"] == ["seen", "seen"]
    by_type = {event["type"]: event["record"] for event in trace}  # the last one of each
    assert by_type["platform.initStart"]["instanceId"] == environment.log_stream
    assert by_type["platform.extension"] == {"name": "listener", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}
    assert by_type["platform.report"]["requestId"] == second.request_id
    assert by_type["platform.report"]["metrics"]["durationMs"] == round(second.report.duration_ms, 3)
    assert [span["name"] for span in by_type["platform.report"]["spans"]] == ["extensionOverhead"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]) for event in trace)
    assert [event["time"] for event in trace] == sorted(event["time"] for event in trace)


def test_internal_extension_receives_subscribed_records(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An internal extension receives the subscribed function records as lines of JSON over TCP."""
    source = f"""
import json, socket, sys, threading
sys.path.insert(0, {str(SUPPORT)!r})
from extension_client import ExtensionClient, trace
listener = socket.create_server(("127.0.0.1", 0))
def listen():
    connection, _ = listener.accept()
    for line in connection.makefile():
        trace(json.loads(line))
threading.Thread(target=listen, daemon=True).start()
extension = ExtensionClient("inner")
extension.register([])
extension.subscribe({{"protocol": "TCP", "port": listener.getsockname()[1]}}, ["function"], timeoutMs=25)
threading.Thread(target=extension.next, daemon=True).start()
{HELLO}
"""
    with local_lambda(write_handler(source), socket_runtime, env=programs.env, freeze=False) as function:
        for _ in range(3):
            function.invoke()
        programs.await_trace(3)
    assert [(event["type"], event["record"]) for event in programs.trace] == [("function", "hello")] * 3


@pytest.mark.usefixtures("patient_platform")
def test_json_telemetry_is_not_filtered(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """With JSON logs telemetry records are objects, and log levels do not filter them."""
    source = (
        'extension.register(["INVOKE", "SHUTDOWN"])\n' + LISTENER + 'extension.subscribe(destination, ["function"])\n'
    )
    program = programs.write("listener", source + LOOP)
    handler = 'def handler(event, context):\n    print(\'{"level":"DEBUG","message":"detail"}\')\n    print("plain")'
    with local_lambda(
        write_handler(handler), socket_runtime, extensions=[program], env=programs.env, log_format="JSON"
    ) as function:
        assert "detail" not in function.invoke().logs
    assert [event["record"] for event in programs.trace] == [{"level": "DEBUG", "message": "detail"}, "plain"]


@pytest.mark.usefixtures("patient_platform")
def test_runtime_failure_precedes_shutdown_event(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """`platform.runtimeDone` of a failed runtime arrives before the shutdown event."""
    source = (
        'extension.register(["SHUTDOWN"])\n' + LISTENER + 'extension.subscribe(destination, ["platform"])\n'
        'trace({"type": "event", **extension.next().json()})'
    )
    program = programs.write("listener", source)
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function:
        result = function.invoke(7)
        assert result.error_type == "Runtime.ExitError"
        assert result.report.status == "error"
        done, shutdown = programs.trace[-2:]
    assert done["type"] == "platform.runtimeDone"
    assert done["record"]["status"] == "error"
    assert done["record"]["errorType"] == "Runtime.ExitError"
    assert shutdown["shutdownReason"] == "failure"


def test_unresponsive_listener_delays_no_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """A listener that does not respond delays neither invocations nor close."""
    source = (
        'import socket\nextension.register(["INVOKE", "SHUTDOWN"])\n'
        'listener = socket.create_server(("127.0.0.1", 0))\n'
        'destination = {"protocol": "HTTP", "URI": f"http://sandbox:{listener.getsockname()[1]}"}\n'
        'extension.subscribe(destination, ["platform", "function"], timeoutMs=25)\n' + LOOP
    )
    program = programs.write("deaf", source)
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function:
        durations = [function.invoke().report.duration_ms for _ in range(20)]
        assert statistics.median(durations) < 1000
        assert json.loads(function.invoke().payload) is None
