"""`awslambdaric-lite serve`: the local Lambda until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import io
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .displays import Display, JsonDisplay
from .errors import UsageError
from .function_options import NAME, add_settings, function_settings
from .lines import terminal
from .project_options import add_project_options, port, project_path, refuse_other_face

if TYPE_CHECKING:
    from ..emulator.config.function import FunctionConfig

HELP = """Serve a project or one function on this machine until Ctrl-C. A project is a template of SAM or
CloudFormation, a cdk.out folder, or a pyproject.toml with functions. AWS SDKs reach its functions, HTTP clients its
APIs and function URLs, and its queues are polled. Without an argument, the project of the current folder is served.
Logs go to standard output."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "handler",
        metavar="PATH|HANDLER",
        nargs="?",
        help="file or folder of a project, or the handler of one function as MODULE.FUNCTION, e.g. app.handler "
        "(default: the project of the current folder)",
    )
    of_project = add_project_options(parser)
    add_settings(parser, of_projects=True)
    environments = parser.add_argument_group("execution environments")
    environments.add_argument(
        "--concurrency", metavar="N", type=int, default=10, help="maximum number of environments (default: 10)"
    )
    environments.add_argument(
        "--provisioned", metavar="N", type=int, default=0, help="number of provisioned environments (default: 0)"
    )
    environments.add_argument(
        "--watch",
        action="store_true",
        help="reload the function when its code changes, or a file that it has read (Linux) and not written",
    )
    environments.add_argument(
        "--watch-ignore",
        metavar="PATTERN",
        action="append",
        default=[],
        help="ignore changes of files matching this name, or path if it contains a slash, e.g. 'generated/*' "
        "(repeatable)",
    )
    network = parser.add_argument_group("network")
    network.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"
    )
    network.add_argument(
        "--port", type=port, default=9000, help="port of the Lambda API (default: 9000; 0 selects a free port)"
    )
    network.add_argument(
        "--url-port",
        metavar="PORT",
        type=port,
        default=9001,
        help="port of the function URL; those of further functions get the next ones (default: 9001; 0 selects free "
        "ports)",
    )
    network.add_argument(
        "--url-mode",
        choices=["BUFFERED", "RESPONSE_STREAM"],
        default="BUFFERED",
        help="invoke mode of the function URL (default: BUFFERED)",
    )
    network.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="serve requests to this host name, too, e.g. of a proxy; names that web pages could use get 421 "
        "(repeatable)",
    )
    network.add_argument(
        "--cors-origin",
        metavar="ORIGIN",
        action="append",
        default=[],
        help="allow web pages of this origin to call the function URL, e.g. http://localhost:3000 (repeatable)",
    )
    network.add_argument(
        "--cors-header",
        metavar="NAME",
        action="append",
        type=_header_name,
        default=[],
        help="allow such pages to send this header, e.g. authorization (repeatable; default: every header)",
    )
    network.add_argument(
        "--cors-expose-header",
        metavar="NAME",
        action="append",
        type=_header_name,
        default=[],
        help="allow such pages to read this header of responses, e.g. x-request-id (repeatable)",
    )
    network.add_argument(
        "--cors-credentials",
        action="store_true",
        help="allow such pages to send cookies and HTTP authentication; browsers then need each --cors-header",
    )
    network.add_argument(
        "--cors-max-age",
        metavar="SECONDS",
        type=int,
        help="time for which browsers may cache the response to a preflight request, 0 to 86400 (default: 0)",
    )
    events = parser.add_argument_group("asynchronous events")
    events.add_argument(
        "--retries", metavar="N", type=int, default=2, help="number of retries after function errors (default: 2)"
    )
    events.add_argument(
        "--retry-delay-scale",
        metavar="X",
        type=float,
        default=1.0,
        help="factor for the 1 and 2 minutes that AWS waits before retries, e.g. 0.01 (default: 1)",
    )
    events.add_argument("--on-success", metavar="FILE", help="append a record of each successful event to FILE")
    events.add_argument("--on-failure", metavar="FILE", help="append a record of each failed event to FILE")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object a line for each log line, invocation and reload"
    )
    parser.set_defaults(refuse_other_face=lambda arguments: refuse_other_face(arguments, parser, of_project))


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, after both of which the exit code is 0.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    arguments.refuse_other_face(arguments)
    _check_cors(arguments)
    if arguments.watch_ignore and not arguments.watch:
        raise UsageError("--watch-ignore has no effect without --watch; add --watch")
    if "" in [pattern.strip("/") for pattern in arguments.watch_ignore]:
        raise UsageError("--watch-ignore is empty; give a name or a path, e.g. 'generated/*'")
    from ..emulator import EmulatorError

    if arguments.watch:
        importlib.import_module("..emulator.watching", __package__)
    is_project, path = project_path(arguments)
    display = _display(arguments)
    try:
        if is_project:
            serve_project = importlib.import_module(".serve_project", __package__)
            serve_project.run(arguments, path, display)
        else:
            asyncio.run(_serve(arguments, _function(arguments), display))
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    finally:
        display.close()
    return 0


def _function(arguments: argparse.Namespace) -> FunctionConfig:
    from ..emulator import FunctionConfig

    settings = {
        **function_settings(arguments),
        "concurrency": arguments.concurrency,
        "provisioned": arguments.provisioned,
        "allow_hosts": arguments.allow_host,
    }
    return FunctionConfig(handler=arguments.handler, name=arguments.name or NAME, **settings)


async def _serve(arguments: argparse.Namespace, function: FunctionConfig, display: Display) -> None:
    from ..emulator.frontend.asynchronous import AsyncOptions
    from ..emulator.frontend.url_cors import METHODS, Cors
    from .serving import FunctionServing, Network

    asynchronous = AsyncOptions(
        maximum_retry_attempts=arguments.retries,
        retry_delay_scale=arguments.retry_delay_scale,
        on_success=_path(arguments.on_success),
        on_failure=_path(arguments.on_failure),
    )
    cors = None
    if arguments.cors_origin:
        cors = Cors(
            allow_origins=arguments.cors_origin,
            # Browsers take the wildcard literally where credentials are sent.
            allow_methods=METHODS if arguments.cors_credentials else ["*"],
            allow_headers=arguments.cors_header or ["*"],
            expose_headers=arguments.cors_expose_header,
            allow_credentials=arguments.cors_credentials,
            max_age=arguments.cors_max_age or 0,
        )
    network = Network(arguments.host, arguments.port, arguments.url_port, arguments.url_mode, cors)
    if not arguments.watch:
        return await FunctionServing(function, network, asynchronous, display).run()
    from ..emulator.watching import Sources

    others = [Path(path) for path in (*arguments.layer, *arguments.env_file)]
    sources = Sources(function.task_root, others, arguments.watch_ignore)
    try:
        serving = FunctionServing(function, network, asynchronous, display, sources, lambda: _function(arguments))
        await serving.run()
    finally:
        sources.close()


def _display(arguments: argparse.Namespace) -> Display:
    if isinstance(sys.stdout, io.TextIOWrapper):  # the function's output can hold what the terminal cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    if arguments.json:
        return JsonDisplay()
    if arguments.debug:
        return Display()  # a line that stays would cover the debugger
    console = terminal(sys.stdout)
    if console is None:
        return Display()
    from .terminal_display import TerminalDisplay

    return TerminalDisplay(console)


def _header_name(text: str) -> str:
    if text != "*" and not re.fullmatch(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a header name; give one name, e.g. x-request-id")
    return text


def _check_cors(arguments: argparse.Namespace) -> None:
    """Refuse options that need `--cors-origin` without it.

    Raises:
        UsageError: an option lacks `--cors-origin`.
    """
    if arguments.cors_origin:
        return
    for name in ("header", "expose_header", "credentials", "max_age"):
        value = getattr(arguments, f"cors_{name}")
        if value or (name == "max_age" and value is not None):
            option = f"--cors-{name.replace('_', '-')}"
            raise UsageError(f"{option} needs an origin; add --cors-origin ORIGIN, e.g. http://localhost:3000")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
