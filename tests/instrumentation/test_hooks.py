"""Instrumentation tools can replace the names that they know from the official client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.conformance.messages import ARN, DEADLINE_MS, Event
from tests.instrumentation.launchers import every_runtime, hooks_exist_before_site, our_runtimes, require, run
from tests.support.client_process import Run, package_root

HANDLER = "with_recording_tool.handler"
IDS = (("Lambda-Runtime-Invocation-Id", "attempt-1"), ("Lambda-Runtime-Aws-Tenant-Id", "tenant"))
CONTEXT = (("Lambda-Runtime-Client-Context", '{"custom":{}}'), ("Lambda-Runtime-Cognito-Identity", "{}"))


def run_with_tool(runtime: str, folder: Path, *events: Event, handler: str = HANDLER, **env: str) -> Run:
    """Run the function; the tool writes its record to a file in that folder."""
    return run(runtime, handler, events or (Event(),), env={"CALLS": str(folder / f"{runtime}.txt"), **env})


def calls(runtime: str, folder: Path) -> list[dict[str, Any]]:
    """Return the calls that the tool recorded."""
    path = folder / f"{runtime}.txt"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def normal(call: dict[str, Any]) -> dict[str, Any]:
    """Return a call with its JSON texts parsed, because their spacing may differ."""
    args = list(call["args"])
    if call["name"] == "post_invocation_result" and args[2] == "application/json":
        args[1] = json.loads(args[1])
    if call["name"] == "post_invocation_error":
        args[1:3] = [json.loads(args[1]), sorted(json.loads(args[2]))]
    if call["name"] == "handle_event_request":
        assert "Sink" in args.pop(9)
    if call["name"] == "post_init_error":
        args[0]["stackTrace"] = [entry for entry in args[0]["stackTrace"] if "importlib" not in entry]
    return {**call, "args": args}


def test_hooks_get_official_arguments(tmp_path: Path) -> None:
    """All hooks get the official positional arguments in the official order."""
    events = (Event(b'{"a": 1}', headers=(*IDS, *CONTEXT)), Event(b'{"fail": 1}', headers=IDS), Event(b'{"bytes": 1}'))
    seen = {}
    for runtime in ("awslambdaric", "module", "bootstrap"):
        run_with_tool(runtime, tmp_path, *events)
        seen[runtime] = [normal(call) for call in calls(runtime, tmp_path)]
    assert [call["name"] for call in seen["awslambdaric"]] == [
        *("handle_event_request", "post_invocation_result"),
        *("handle_event_request", "post_invocation_error"),
        *("handle_event_request", "post_invocation_result"),
    ]
    assert seen["module"] == seen["awslambdaric"]
    assert seen["bootstrap"] == seen["awslambdaric"]
    first = seen["module"][0]
    json_texts = ['{"a": 1}', "application/json", '{"custom":{}}', "{}"]
    assert first["args"] == ["a callable", "request-0", *json_texts, ARN, DEADLINE_MS, "tenant", "attempt-1"]
    assert (first["client"], first["kwargs"]) == ("LambdaRuntimeClient", [])


@every_runtime
def test_hooks_replaced_handlingler_apply(tmp_path: Path, runtime: str) -> None:
    """Hooks that the first invocation replaces apply to its result and to everything after it."""
    events = (Event(b"{}"), Event(b'{"replace": 1}'), Event(b'{"fail": 1}'))
    result = run_with_tool(runtime, tmp_path, *events, LATE="1")
    assert [(call["name"], *call["args"][:1]) for call in calls(runtime, tmp_path)] == [
        ("post_invocation_result", "request-1"),
        ("handle_event_request", "a callable"),
        ("post_invocation_error", "request-2"),
    ]
    assert [reply.status for reply in result.replies] == [202, 202, 202]


@every_runtime
@pytest.mark.parametrize("failure", ["raise", "import", "handler"])
def test_init_error_hook_gets_error(tmp_path: Path, runtime: str, failure: str) -> None:
    """`post_init_error` gets the error as a positional dict, while no exception is handled."""
    handler = "with_recording_tool.missing" if failure == "handler" else HANDLER
    result = run_with_tool(runtime, tmp_path, handler=handler, FAIL=failure)
    (call,) = calls(runtime, tmp_path)
    assert (call["name"], call["kwargs"], call["handling"]) == ("post_init_error", [], False)
    (error,) = call["args"]
    assert set(error) >= {"errorMessage", "errorType", "stackTrace"}
    (reply,) = result.replies
    assert (reply.verb, json.loads(reply.body)) == ("init/error", error)
    assert reply.header("Lambda-Runtime-Function-Error-Type") == error["errorType"]
    assert result.exit_code == 1


@our_runtimes
def test_interrupted_import_reaches_hook(tmp_path: Path, runtime: str) -> None:
    """The tool's `post_init_error` gets a KeyboardInterrupt during import, which only ours reports."""
    run_with_tool(runtime, tmp_path, FAIL="interrupt")
    (call,) = calls(runtime, tmp_path)
    assert (call["name"], call["handling"]) == ("post_init_error", False)
    assert call["args"][0]["errorType"] == "KeyboardInterrupt"


@our_runtimes
def test_exit_handlingler_reaches_hook(tmp_path: Path, runtime: str) -> None:
    """The tool's `post_invocation_error` gets the error of an exiting handler, whose exit code stays."""
    result = run_with_tool(runtime, tmp_path, Event(b'{"exit": 1}'))
    assert [call["name"] for call in calls(runtime, tmp_path)] == ["handle_event_request", "post_invocation_error"]
    assert [(reply.verb, reply.status) for reply in result.replies] == [("error", 202)]
    assert result.exit_code == 4


@our_runtimes
def test_unused_hooks_load_nothing(runtime: str) -> None:
    """Without a tool, neither a tool, nor `bootstrap`, nor a module for reports is loaded."""
    result = run(runtime, "bare.handler")
    loaded = set(json.loads(result.replies[0].body))
    tools = {"sentry_sdk", "honeybadger", "ddtrace", "datadog_lambda", "opentelemetry", "awslambdaric", "wrapt"}
    assert "awslambdaric_lite._runtime" in loaded and "bare" in loaded
    assert not loaded & {*tools, "bootstrap", "logging", "traceback", "inspect", "json"}


SITE_TOOL = """
import sys
sys.path.append({functions!r})
if hasattr(sys.modules.get("__main__"), "bootstrap"):
    import recording_tool
    recording_tool.replace()
"""


EVERYTHING = "handle_event_request post_invocation_result post_invocation_error post_init_error"


@our_runtimes
@pytest.mark.parametrize(
    ("style", "replaced"),
    [
        ("function", EVERYTHING),
        ("wraps", EVERYTHING),
        ("wrapt", EVERYTHING),
        ("partial", "handle_event_request"),
        ("function", "post_invocation_result"),
        ("wraps", "post_invocation_result"),
        ("wrapt", "post_invocation_result"),
        ("function", "post_invocation_error"),
    ],
    ids=lambda value: value.replace(EVERYTHING, "everything"),
)
def test_tool_in_sitecustomize_sees_invocations(tmp_path: Path, runtime: str, style: str, replaced: str) -> None:
    """A tool that starts in a `sitecustomize` sees the function's invocations only, in any style of wrapper."""
    if style == "wrapt":
        require("wrapt", "wrapt")
    functions = str(Path(__file__).with_name("functions"))
    (tmp_path / "sitecustomize.py").write_text(SITE_TOOL.format(functions=functions))
    env = {"PYTHONPATH": f"{tmp_path}:{package_root()}", "LATE": "1", "STYLE": style, "REPLACED": replaced}
    result = run_with_tool(runtime, tmp_path, Event(b'{"a": 1}'), Event(b'{"fail": 1}'), **env)
    assert [reply.verb for reply in result.replies] == ["response", "error"], result.stderr
    assert json.loads(result.replies[0].body) == {"answer": {"a": 1}}
    expected = [
        ("handle_event_request", "request-0"),
        ("post_invocation_result", "request-0"),
        ("handle_event_request", "request-1"),
        ("post_invocation_error", "request-1"),
    ]
    expected = [(name, request_id) for name, request_id in expected if name in replaced.split()]
    seen = [(call["name"], call["args"][call["name"] == "handle_event_request"]) for call in calls(runtime, tmp_path)]
    assert seen == (expected if hooks_exist_before_site(runtime) else [])


BROKEN_TOOL = """
import sys, threading

def broken(*args, **kwargs):
    raise RuntimeError("the tool is broken")

sys.modules["__main__"].bootstrap.handle_event_request = broken
threading.Thread(target=threading.Event().wait).start()

def handler(event, context):
    return "never"
"""


@our_runtimes
def test_broken_tool_ends_the_process(tmp_path: Path, runtime: str) -> None:
    """An exception of a tool's replacement ends the process with its traceback, even if a thread runs."""
    (tmp_path / "app.py").write_text(BROKEN_TOOL)
    result = run(runtime, "app.handler", task_root=tmp_path)
    assert result.exit_code == 1 and result.replies == []
    last = b"awslambdaric-lite: user code still runs 2 s after the end; exiting without it"
    assert result.stderr.rstrip().endswith(b"RuntimeError: the tool is broken\n" + last)


@our_runtimes
def test_lambda_handler_follows_existing_handlers(tmp_path: Path, runtime: str) -> None:
    """Lambda's log handler follows those that a `sitecustomize` has installed, as OpenTelemetry's does."""
    (tmp_path / "sitecustomize.py").write_text(
        "import logging, sys\nlogging.basicConfig(format='correlated %(message)s', stream=sys.stdout)\n"
    )
    (tmp_path / "app.py").write_text(
        "import logging\n"
        "def handler(event, context):\n"
        "    logging.warning('said')\n"
        "    return [type(handler).__name__ for handler in logging.getLogger().handlers]\n"
    )
    path = f"{tmp_path}:{package_root()}"
    official, ours = (
        run(name, "app.handler", env={"PYTHONPATH": path}, task_root=tmp_path) for name in ("awslambdaric", runtime)
    )
    assert json.loads(ours.replies[0].body) == json.loads(official.replies[0].body)
    assert json.loads(ours.replies[0].body) == ["StreamHandler", "LambdaLoggerHandler"]
    correlated, own = ours.stdout.decode().splitlines()
    assert correlated == "correlated said"
    assert own.startswith("[WARNING]\t") and own.endswith("\trequest-0\tsaid")
