"""Extensions with real processes: how they start, receive invocations, and delay the report."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.results import InvokeResult

from .extension_harness import Programs, local_lambda
from .harness import ARN
from .runtimes import SUPPORT
from .waiting import WAIT, Gate, state_of, wait_until

pytestmark = pytest.mark.usefixtures("patient_platform")
WriteHandler = Callable[[str], Path]

HELLO = "def handler(event, context):\n    print('hello', flush=True)\n    return event"


def test_external_extension_receives_all_events(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An external extension registers before the runtime starts and receives each invocation and the shutdown."""
    program = programs.write("watcher")
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function:
        result = function.invoke({"n": 1}, trace_id="Root=1-2-3;Parent=4;Sampled=0")
        assert result.json() == {"n": 1}
        lines = result.logs.splitlines()
        assert lines[1] == "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"
        assert lines[2:4] == [f"START RequestId: {result.request_id} Version: $LATEST", "hello"]
        second = function.invoke(trace_id="")
        assert second.report.status == "success"
        before_close = time.time()
    registered, first_event, second_event, shutdown = programs.trace
    assert registered == "registered"
    deadline_ms = first_event.pop("deadlineMs")
    assert before_close < deadline_ms / 1000 < time.time() + WAIT
    assert first_event == {
        "eventType": "INVOKE",
        "requestId": result.request_id,
        "invokedFunctionArn": ARN,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3;Parent=4;Sampled=0"},
    }
    assert second_event["requestId"] == second.request_id
    assert "tracing" not in second_event
    assert before_close < shutdown.pop("deadlineMs") / 1000 < time.time() + WAIT
    assert shutdown == {"eventType": "SHUTDOWN", "shutdownReason": "spindown"}


def test_extension_sees_function_variables_only(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An external extension sees the function's variables and the platform's, but not the runtime's."""
    program = programs.write(
        "watcher", "reply = extension.register()\ntrace([dict(os.environ), reply.json()])\nextension.next()"
    )
    env = {**programs.env, "TABLE": "orders", "_HIDDEN": "1"}
    root = write_handler(HELLO)
    with local_lambda(root, socket_runtime, extensions=[program], env=env, memory_mb=256) as function:
        function.invoke()
    [[variables, registration]] = programs.trace
    assert registration == {"functionName": "function", "functionVersion": "$LATEST", "handler": "app.handler"}
    assert variables["TABLE"] == "orders"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_RUNTIME_API", "PATH", "TMPDIR"} <= set(variables)
    assert not [name for name in variables if name.startswith("_")]
    assert not {"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_EXECUTION_ENV"} & {
        *variables
    }


def test_runtime_starts_after_all_registrations(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, tmp_path: Path
) -> None:
    """The runtime starts after every `register`; init completes after every `event/next`."""
    registering, asking = Gate(tmp_path, "registering"), Gate(tmp_path, "asking")
    source = "extension.register()\ntrace('quick')\nextension.next()"
    slow = (
        f"trace('slow')\n{registering.wait}\ntrace('registers')\nextension.register()\n"
        f"{asking.wait}\ntrace('asks')\nextension.next()"
    )
    handler = "import sys\nsys.path.insert(0, %r)\nfrom extension_client import trace\ntrace('loaded')\n%s"
    both = [programs.write("quick", source), programs.write("slow", slow)]
    root = write_handler(handler % (str(SUPPORT), HELLO))
    with local_lambda(root, socket_runtime, extensions=both, env=programs.env) as function:
        results: list[InvokeResult] = []
        caller = threading.Thread(target=lambda: results.append(function.invoke()))
        caller.start()
        assert sorted(programs.await_trace(2)) == ["quick", "slow"]
        assert function.environments[0].pid is None
        registering.open()
        assert programs.await_trace(4)[2:] == ["registers", "loaded"]
        assert not results
        asking.open()
        caller.join(WAIT)
        assert results[0].error is None
        assert programs.trace[-1] == "asks"


def test_report_waits_for_busy_extension(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, tmp_path: Path
) -> None:
    """The caller receives the response while an extension is busy; the report waits for its next poll."""
    gate = Gate(tmp_path)
    program = programs.write(
        "busy",
        'extension.register(["INVOKE"])\nextension.next()\n' + gate.wait + "\nprint('done', flush=True)\n"
        "extension.next()",
    )
    with (
        local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function,
        concurrent.futures.ThreadPoolExecutor(1) as threads,
    ):
        answered = time.perf_counter()
        result = function.invoke(1)
        assert result.json() == 1
        report = threads.submit(lambda: result.report)
        with pytest.raises(concurrent.futures.TimeoutError):
            report.result(0.1)
        gate.open()
        assert result.report.status == "success"
        assert "\ndone\nEND " in result.logs
        assert result.report.duration_ms < (time.perf_counter() - answered) * 1000


def test_external_extension_is_frozen_between_invocations(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An external extension is stopped between invocations and continues in the next one."""
    program = programs.write("watcher", "trace(os.getpid())\nextension.register(['INVOKE'])\nwhile 1: extension.next()")
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program], env=programs.env) as function:
        assert function.invoke().report.status == "success"
        (pid,) = programs.trace
        wait_until(lambda: state_of(pid) == "T")
        assert function.invoke().report.status == "success"


def test_internal_extension_receives_each_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """An internal extension receives each invocation, which completes when the extension polls again."""
    source = f"""
import sys, threading
sys.path.insert(0, {str(SUPPORT)!r})
from extension_client import ExtensionClient, trace
extension = ExtensionClient("inner")
trace(extension.register(["SHUTDOWN"]).json()["errorType"])
trace(extension.register(["INVOKE"]).status)
def follow():
    while True:
        trace(extension.next().json()["requestId"])
threading.Thread(target=follow, daemon=True).start()
{HELLO}
"""
    with local_lambda(write_handler(source), socket_runtime, env=programs.env) as function:
        results = [function.invoke() for _ in range(3)]
        assert all(result.report.status == "success" for result in results)
        assert programs.trace == ["Extension.InvalidEventType", 200, *(result.request_id for result in results)]


def test_report_includes_memory_of_extensions(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs
) -> None:
    """The reported memory is the sum of the runtime's and the extensions' memory."""
    program = programs.write("large", "ballast = b'x' * 50_000_000\nextension.register()\nextension.next()")
    with local_lambda(write_handler(HELLO), socket_runtime, extensions=[program]) as function:
        assert 50 < function.invoke().report.max_memory_used_mb < 128


def test_extensions_of_layer_are_started(
    write_handler: WriteHandler, socket_runtime: list[str], programs: Programs, tmp_path: Path
) -> None:
    """Executables in a layer's folder `extensions` run like those of the option `extensions`."""
    layer = tmp_path / "layer"
    layer.mkdir()
    Programs(layer).write("from-layer")
    named = programs.write("named")
    with local_lambda(
        write_handler(HELLO), socket_runtime, layers=[layer], extensions=[named], env=programs.env
    ) as function:
        logs = function.invoke().logs
        assert "EXTENSION\tName: from-layer\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in logs
        assert "EXTENSION\tName: named\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in logs
    assert [entry == "registered" for entry in programs.trace].count(True) == 2
