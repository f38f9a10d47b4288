"""`awslambdaric-lite invoke`: one invocation, the payload on standard output, the logs on standard error."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from ..common.terminal_text import VisibleParts, visible_content, visible_json
from .errors import UsageError
from .events import read_event
from .function_options import NAME, add_function_options, function_settings
from .lines import line_writer, say, terminal
from .reports import report_fields

if TYPE_CHECKING:
    from ..emulator import InvokeResult

HELP = """Invoke a function once and print its response. Without a URL the function is started here, in a process of
its own. The exit code is 0, or 1 if the function fails."""
_COLOURED = 64 * 1024  # bytes; colours take time, and nobody looks at them in a longer response


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--event", metavar="FILE", help="JSON file to send as the event, or - for standard input (default: {})"
    )
    parser.add_argument(
        "--client-context", metavar="JSON", help="send a client context, as mobile applications do: a JSON object"
    )
    parser.add_argument("--qualifier", help="version or alias to invoke (default: none)")
    parser.add_argument("--tenant-id", metavar="ID", help="tenant to send, for functions with tenant isolation")
    parser.add_argument("--json", action="store_true", help="print payload, error, logs and report as one JSON object")
    add_function_options(parser, handler_required=False)
    remote = parser.add_argument_group("a function that already runs elsewhere (requests are not signed)")
    where = remote.add_mutually_exclusive_group()
    where.add_argument(
        "--endpoint-url",
        metavar="URL",
        help="invoke the function --name through the Lambda API at this address, e.g. http://127.0.0.1:9000 (default "
        "with --name and without HANDLER: AWS_ENDPOINT_URL_LAMBDA or the default address of `serve`)",
    )
    where.add_argument(
        "--function-url", metavar="URL", help="POST the event to this function URL; print the response as it comes"
    )
    remote.add_argument(
        "--stream", action="store_true", help="with --endpoint-url: print the response while the function sends it"
    )
    remote.add_argument(
        "--log", action="store_true", help="with --endpoint-url: print the last 4 KB of the invocation's log"
    )


def run(arguments: argparse.Namespace) -> int:
    """Invoke once.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    client_context = _client_context(arguments.client_context)
    _check_tenant(arguments.tenant_id)
    if arguments.qualifier == "":
        raise UsageError("--qualifier is empty; give a version or an alias, or leave it out")
    is_served = arguments.handler is None and arguments.name is not None
    if is_served or arguments.endpoint_url is not None or arguments.function_url is not None:
        return _invoke_elsewhere(arguments, client_context)
    if arguments.handler is None:
        raise UsageError("a HANDLER is missing; write e.g. app.handler, or name a function that `serve` runs by --name")
    for option in ("stream", "log"):
        if getattr(arguments, option):
            raise UsageError(f"--{option} needs --endpoint-url")
    settings = function_settings(arguments)
    if arguments.debug and arguments.event == "-":
        raise UsageError("--debug gives standard input to the function; read the event from a file, not from -")
    event = read_event(arguments.event)
    from ..emulator import EmulatorError, LocalLambda

    if (qualifier := arguments.qualifier) and qualifier.isdecimal():
        settings["aliases"][f"version-{qualifier}"] = qualifier  # the code here is that of any version
    try:
        function = LocalLambda(
            arguments.handler,
            function_name=arguments.name or NAME,
            on_log=None if arguments.json else line_writer(sys.stderr),
            repeat_failed_init=False,  # the user waits for this one invocation, so once is enough
            **settings,
        )
        function.function.resolve(qualifier)  # before anything starts
        with function:
            result = function.invoke(
                event, client_context=client_context, qualifier=qualifier, tenant_id=arguments.tenant_id or ""
            )
            _ = result.report  # waits for completion: the log lines come first
            _show(result, as_json=arguments.json)
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    return 0 if result.error is None else 1


def _invoke_elsewhere(arguments: argparse.Namespace, client_context: dict[str, Any] | None) -> int:
    option = "--endpoint-url" if arguments.endpoint_url is not None else "--name without a HANDLER"
    _refuse_options_of_local_functions(arguments, option if arguments.function_url is None else "--function-url")
    from .remote import InvokeFailed, invoke_through_api, invoke_url, served_endpoint_url

    event = read_event(arguments.event)
    parts = VisibleParts()

    def show(part: bytes) -> None:
        _write(parts.add(part).encode() if sys.stdout.isatty() else part)

    try:
        if arguments.function_url is not None:
            invoke_url(arguments.function_url, event, show)
        else:
            invoke_through_api(
                served_endpoint_url(arguments.endpoint_url),
                arguments.name or NAME,
                event,
                client_context=client_context,
                qualifier=arguments.qualifier,
                tenant_id=arguments.tenant_id,
                stream=arguments.stream,
                log=arguments.log,
                show=show if arguments.stream else _show_payload,
            )
    except InvokeFailed as error:
        say(f"awslambdaric-lite invoke: {error}")
        return 1
    finally:
        if sys.stdout.isatty() and (arguments.stream or arguments.function_url is not None):
            _write(parts.end().encode() + b"\n")
    return 0


def _refuse_options_of_local_functions(arguments: argparse.Namespace, option: str) -> None:
    parser = argparse.ArgumentParser()
    add_function_options(parser, handler_required=False)
    without_effect = {**vars(parser.parse_args([])), "json": False}
    if option == "--function-url":
        without_effect |= {"client_context": None, "qualifier": None, "tenant_id": None, "stream": False, "log": False}
    else:
        del without_effect["name"]
    for name, default in without_effect.items():
        if getattr(arguments, name) != default:
            shown = "HANDLER" if name == "handler" else f"--{name.replace('_', '-')}"
            raise UsageError(f"{shown} has no effect with {option}; leave one of them out")


def _check_tenant(tenant_id: str | None) -> None:
    if tenant_id is None:
        return
    from ..emulator.frontend.requests import is_tenant_id

    if not is_tenant_id(tenant_id):
        raise UsageError(
            f"--tenant-id {tenant_id!r} is not valid; it has 1 to 256 letters, digits, blanks and ._:/=+-@"
        )


def _client_context(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--client-context is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError('--client-context is not a JSON object; write e.g. {"custom": {"key": "value"}}')
    return value


def _show(result: InvokeResult, *, as_json: bool) -> None:
    if as_json:
        _write(_as_json(result))
    else:
        _show_payload(result.payload)


def _show_payload(payload: bytes) -> None:
    if not sys.stdout.isatty():
        return _write(payload)
    text = payload.decode("utf-8", "backslashreplace")
    try:
        json.loads(text)
        shown, is_json = visible_json(text), True
    except (ValueError, RecursionError):  # any other text has no colours
        shown, is_json = visible_content(text), False
    if len(payload) <= _COLOURED and (console := terminal(sys.stdout)) is not None:
        from rich.highlighter import JSONHighlighter
        from rich.text import Text

        coloured = Text(shown)
        if is_json:
            JSONHighlighter().highlight(coloured)
        return console.print(coloured)
    return _write(shown.encode() + b"\n")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
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
    return visible_json(json.dumps(fields, indent=2, ensure_ascii=False)).encode() + b"\n"
