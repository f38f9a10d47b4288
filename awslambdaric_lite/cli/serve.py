"""`awslambdaric-lite serve`: the local Lambda until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .displays import Display, JsonDisplay, PlainDisplay
from .errors import UsageError
from .function_options import add_function_options, function_settings
from .lines import terminal

if TYPE_CHECKING:
    from ..emulator.config.function import FunctionConfig

HELP = """Serve the function here, to AWS SDKs and at a function URL, until Ctrl-C. The log is on standard output."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_function_options(parser)
    function = parser.add_argument_group("its environments")
    function.add_argument("--concurrency", metavar="N", type=int, default=10, help="environments at most (default: 10)")
    function.add_argument("--provisioned", metavar="N", type=int, default=0, help="so many are started ahead")
    function.add_argument(
        "--alias", metavar="NAME=VERSION", action="append", default=[], help="such as live=3; repeatable"
    )
    function.add_argument("--watch", action="store_true", help="take the code anew when a file changes")
    doors = parser.add_argument_group("where it is served")
    doors.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen (default: 127.0.0.1)")
    doors.add_argument("--port", type=_port, default=9000, help="of the Lambda API (default: 9000; 0: any free one)")
    doors.add_argument(
        "--url-port", metavar="PORT", type=_port, default=9001, help="of the function URL (default: 9001)"
    )
    doors.add_argument(
        "--url-mode",
        choices=["BUFFERED", "RESPONSE_STREAM"],
        default="BUFFERED",
        help="whether the function URL streams (default: BUFFERED)",
    )
    doors.add_argument(
        "--cors-origin", metavar="ORIGIN", action="append", default=[], help="web pages that may call the function URL"
    )
    events = parser.add_argument_group("asynchronous events")
    events.add_argument("--retries", metavar="N", type=int, default=2, help="after function errors (default: 2)")
    events.add_argument(
        "--retry-delay-scale",
        metavar="X",
        type=float,
        default=1.0,
        help="0.01 waits a hundredth of the 1 and 2 minutes that AWS waits before retries (default: 1)",
    )
    events.add_argument("--on-success", metavar="FILE", help="append a record of each event that came through")
    events.add_argument("--on-failure", metavar="FILE", help="append a record of each event that did not")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each thing that happens")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or a termination, both of which are a good end.

    Raises:
        UsageError: something on the command line cannot be used.
    """
    settings = {
        **function_settings(arguments),
        "concurrency": arguments.concurrency,
        "provisioned": arguments.provisioned,
        "aliases": dict(_alias(text) for text in arguments.alias),
    }
    try:
        from ..emulator import EmulatorError, FunctionConfig

        if arguments.watch:
            importlib.import_module("..emulator.watching", __package__)
    except ModuleNotFoundError as error:
        if error.name not in ("h11", "watchfiles"):
            raise
        raise UsageError(str(error)) from None
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
    from .serving import Doors, Serving

    asynchronous = AsyncOptions(
        maximum_retry_attempts=arguments.retries,
        retry_delay_scale=arguments.retry_delay_scale,
        on_success=_path(arguments.on_success),
        on_failure=_path(arguments.on_failure),
    )
    origins = arguments.cors_origin
    cors = Cors(allow_origins=origins, allow_methods=["*"], allow_headers=["*"]) if origins else None
    doors = Doors(arguments.host, arguments.port, arguments.url_port, arguments.url_mode, cors)
    watched = [function.task_root, *map(Path, arguments.layer)] if arguments.watch else []
    await Serving(function, doors, asynchronous, display).run(watched)


def _display(arguments: argparse.Namespace) -> Display:
    if isinstance(sys.stdout, io.TextIOWrapper):  # what the function prints must not fail for the terminal's encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    if arguments.json:
        return JsonDisplay()
    if arguments.debug:
        return PlainDisplay()  # a line that stays would be in the debugger's way
    console = terminal(sys.stdout)
    if console is None:
        return PlainDisplay()
    from .terminal_display import TerminalDisplay

    return TerminalDisplay(console)


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; it is a number from 0 (any free one) to 65535")
    return port


def _alias(text: str) -> tuple[str, str]:
    name, equals, version = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--alias {text!r} has no version; write NAME=VERSION, such as live=3")
    return name, version


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
