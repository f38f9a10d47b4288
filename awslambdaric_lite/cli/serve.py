"""`awslambdaric-lite serve`: the local Lambda until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .displays import Display, JsonDisplay
from .errors import UsageError
from .function_options import add_function_options, function_settings
from .lines import terminal

if TYPE_CHECKING:
    from ..emulator.config.function import FunctionConfig

HELP = """Serve a function on this machine, to AWS SDKs and at a function URL, until Ctrl-C. The function's log goes to
standard output."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_function_options(parser)
    environments = parser.add_argument_group("execution environments")
    environments.add_argument(
        "--concurrency", metavar="N", type=int, default=10, help="maximum number of environments (default: 10)"
    )
    environments.add_argument(
        "--provisioned", metavar="N", type=int, default=0, help="number of provisioned environments (default: 0)"
    )
    environments.add_argument("--watch", action="store_true", help="reload the code when a file changes")
    network = parser.add_argument_group("network")
    network.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"
    )
    network.add_argument(
        "--port", type=_port, default=9000, help="port of the Lambda API (default: 9000; 0 selects a free port)"
    )
    network.add_argument(
        "--url-port",
        metavar="PORT",
        type=_port,
        default=9001,
        help="port of the function URL (default: 9001; 0 selects a free port)",
    )
    network.add_argument(
        "--url-mode",
        choices=["BUFFERED", "RESPONSE_STREAM"],
        default="BUFFERED",
        help="invoke mode of the function URL (default: BUFFERED)",
    )
    network.add_argument(
        "--cors-origin",
        metavar="ORIGIN",
        action="append",
        default=[],
        help="allow web pages of this origin to call the function URL, e.g. http://localhost:3000 (repeatable)",
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


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, after both of which the exit code is 0.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    settings = {
        **function_settings(arguments),
        "concurrency": arguments.concurrency,
        "provisioned": arguments.provisioned,
    }
    from ..emulator import EmulatorError, FunctionConfig

    if arguments.watch:
        importlib.import_module("..emulator.watching", __package__)
    display = _display(arguments)
    try:
        function = FunctionConfig(handler=arguments.handler, name=arguments.name, **settings)
        asyncio.run(_serve(arguments, function, display))
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    finally:
        display.close()
    return 0


async def _serve(arguments: argparse.Namespace, function: FunctionConfig, display: Display) -> None:
    from ..emulator.frontend.asynchronous import AsyncOptions
    from ..emulator.frontend.url_cors import Cors
    from .serving import Network, Serving

    asynchronous = AsyncOptions(
        maximum_retry_attempts=arguments.retries,
        retry_delay_scale=arguments.retry_delay_scale,
        on_success=_path(arguments.on_success),
        on_failure=_path(arguments.on_failure),
    )
    origins = arguments.cors_origin
    cors = Cors(allow_origins=origins, allow_methods=["*"], allow_headers=["*"]) if origins else None
    network = Network(arguments.host, arguments.port, arguments.url_port, arguments.url_mode, cors)
    watched = [function.task_root, *map(Path, arguments.layer)] if arguments.watch else []
    await Serving(function, network, asynchronous, display).run(watched)


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


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 (a free port) to 65535")
    return port


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
