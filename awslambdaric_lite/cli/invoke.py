"""`awslambdaric-lite invoke`: one invocation, the payload on standard output, the logs on standard error."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .events import read_event
from .function_options import add_function_options, function_settings
from .lines import line_writer, terminal
from .reports import report_fields

if TYPE_CHECKING:
    from ..emulator import InvokeResult

HELP = """Start the function in a process of its own, send it one event and print what it answers. The exit code is 0,
or 1 if the function failed."""
_COLOURED = 64 * 1024  # bytes; nobody looks at the colours of more, and they take time


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--event", metavar="FILE", help="a JSON file, or - for standard input (default: the event {})")
    parser.add_argument("--client-context", metavar="JSON", help="what a mobile application would send along")
    parser.add_argument("--json", action="store_true", help="print payload, error, logs and report as one JSON object")
    add_function_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Invoke once.

    Raises:
        UsageError: something on the command line cannot be used.
    """
    settings = function_settings(arguments)
    client_context = _client_context(arguments.client_context)
    if arguments.debug and arguments.event == "-":
        raise UsageError("--debug gives standard input to the function; read the event from a file, not from -")
    event = read_event(arguments.event)
    from ..emulator import EmulatorError, LocalLambda

    try:
        with LocalLambda(
            arguments.handler,
            function_name=arguments.name,
            on_log=None if arguments.json else line_writer(sys.stderr),
            repeat_failed_init=False,  # once is enough for somebody who waits for this one invocation
            **settings,
        ) as function:
            result = function.invoke(event, client_context=client_context)
            _ = result.report  # waits for completion: the log lines come first
            _show(result, as_json=arguments.json)
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    return 0 if result.error is None else 1


def _client_context(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--client-context is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError('--client-context is no JSON object; write it such as {"custom": {"key": "value"}}')
    return value


def _show(result: InvokeResult, *, as_json: bool) -> None:
    is_short = len(result.payload) <= _COLOURED
    if not as_json and is_short and (console := terminal(sys.stdout)) is not None:
        from rich.highlighter import JSONHighlighter
        from rich.text import Text

        payload = Text(result.payload.decode("utf-8", "replace"))
        with contextlib.suppress(ValueError):  # any other text has no colours
            result.json()
            JSONHighlighter().highlight(payload)
        console.print(payload)
        return
    sys.stdout.buffer.write(_as_json(result) if as_json else result.payload)
    if not as_json and sys.stdout.isatty():
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _as_json(result: InvokeResult) -> bytes:
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
        "report": report_fields(result.report),
    }
    return json.dumps(fields, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
