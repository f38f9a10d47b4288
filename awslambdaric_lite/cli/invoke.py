"""`awslambdaric-lite invoke`: one invocation, the payload on standard output, the logs on standard error."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .events import read_event

if TYPE_CHECKING:
    from ..emulator import InvokeResult

HELP = """Start the function in a process of its own, send it one event and print what it answers. The exit code is 0,
or 1 if the function failed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("handler", metavar="HANDLER", help="module.function, such as app.handler")
    parser.add_argument("--event", metavar="FILE", help="a JSON file, or - for standard input (default: the event {})")
    parser.add_argument("--task-root", metavar="DIR", default=".", help="the function's folder (default: this one)")
    parser.add_argument("--timeout", metavar="S", type=float, default=3.0, help="seconds (default: 3, as on AWS)")
    parser.add_argument("--memory", metavar="MB", type=int, default=128, help="reported size (default: 128, as on AWS)")
    parser.add_argument("--env", metavar="K=V", action="append", default=[], help="an environment variable; repeatable")
    parser.add_argument(
        "--runtime",
        metavar="CMD",
        help="any runtime's command, run in the task root; {handler} in it stands for HANDLER (default: this runtime)",
    )
    parser.add_argument("--json", action="store_true", help="print payload, error, logs and report as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Invoke once.

    Raises:
        UsageError: something on the command line cannot be used.
    """
    runtime = _runtime_command(arguments.runtime, arguments.task_root)
    if runtime is None and "." not in arguments.handler:
        raise UsageError(
            f"handler {arguments.handler!r} has no dot; write module.function, such as {arguments.handler}.handler"
        )
    variables = dict(_variable(text) for text in arguments.env)
    event = read_event(arguments.event)
    try:
        from ..emulator import EmulatorError, LocalLambda
    except ModuleNotFoundError as error:
        if error.name != "h11":
            raise
        raise UsageError(str(error)) from None
    try:
        with LocalLambda(
            arguments.handler,
            task_root=arguments.task_root,
            timeout_s=arguments.timeout,
            memory_mb=arguments.memory,
            runtime=runtime,
            env=variables,
            on_log=None if arguments.json else _show_line,
        ) as function:
            result = function.invoke(event)
            output = _as_json(result) if arguments.json else _as_text(result)
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()
    return 0 if result.error is None else 1


def _runtime_command(text: str | None, task_root: str) -> list[str] | None:
    if text is None:
        return None
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--runtime {text!r} cannot be split into arguments: {error}") from None
    if not command:
        raise UsageError("--runtime is empty; give a command, such as './bootstrap'")
    program = command[0] if os.sep not in command[0] else os.path.join(os.path.abspath(task_root), command[0])
    if Path(task_root).is_dir() and shutil.which(program) is None:
        place = "on PATH" if os.sep not in command[0] else "(paths start at the task root)"
        raise UsageError(f"--runtime: there is no executable {command[0]} {place}")
    return command


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--env {text!r} has no value; write NAME=value")
    return name, value


def _show_line(line: str) -> None:
    # Within a line of log, a carriage return stands for a line break (CloudWatch shows it so).
    print(line.replace("\r", "\n"), file=sys.stderr, flush=True)


def _as_text(result: InvokeResult) -> bytes:
    _ = result.report  # waits for completion: the log lines come first
    return result.payload + (b"\n" if sys.stdout.isatty() else b"")


def _as_json(result: InvokeResult) -> bytes:
    report = result.report
    try:
        payload: Any = result.json()
    except ValueError:
        payload = result.payload.decode("utf-8", "replace")
    fields = {
        "requestId": result.request_id,
        "payload": payload,
        "error": result.error,
        "errorType": result.error_type,
        "cold": result.cold,
        "logs": result.logs,
        "report": {
            "status": report.status,
            "durationMs": round(report.duration_ms, 2),
            "billedDurationMs": report.billed_duration_ms,
            "initDurationMs": None if report.init_duration_ms is None else round(report.init_duration_ms, 2),
            "memorySizeMB": report.memory_size_mb,
            "maxMemoryUsedMB": report.max_memory_used_mb,
        },
    }
    return json.dumps(fields, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
