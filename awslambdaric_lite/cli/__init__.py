"""The command line: `awslambdaric-lite COMMAND …`.

Owns the table of commands, the error boundary and the exit codes. Each command is a module with `HELP`,
`configure(parser)` and `run(arguments)`, which is imported when a user calls the command.

Exit codes: 0 success; 1 the function or the command failed; 2 wrong usage; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from .errors import UsageError
from .lines import say, say_log_records

COMMANDS = {
    "invoke": "invoke a function once, on this machine or at a URL",
    "serve": "run a project or one function on this machine until Ctrl-C, for SDKs and HTTP clients",
    "logs": "print the log of a function that `serve` runs",
    "trigger": "invoke a function that `serve` runs as its queue or other event source would",
    "bench": "compare cold start, warm invocations and memory with awslambdaric",
    "conformance": "check a runtime client in any language against the Runtime API",
    "event": "print an event as an AWS service sends it",
    "record-imports": "write a list of the imports of events, which init then makes",
    "pack": "write a function's deployment package, with its requirements and bytecode",
    "doctor": "audit a package or a layer: what breaks on Lambda, what slows the start down",
}

# The module that misses one says how to install it.
_OPTIONAL = ("boto3", "h11", "pathspec", "rich", "samtranslator", "urllib3", "watchfiles", "yaml")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if sys.stdout is None or sys.stderr is None:  # the caller has closed them
        nowhere = open(os.devnull, "w")  # noqa: SIM115 -- open until the process exits
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    warnings.showwarning = _show_warning
    say_log_records()
    try:
        status = _run(arguments)
        sys.stdout.flush()  # here, where errors are handled
        return status
    except UsageError as error:
        command = f" {arguments[0]}" if arguments and arguments[0] in COMMANDS else ""
        say(f"awslambdaric-lite{command}: {error}")
        say(f"usage help: awslambdaric-lite{command}{_event_kind(arguments)} --help")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has closed the pipe, e.g. `| head`. Python would complain when it flushes at exit.
        _discard_output()
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        say(f"awslambdaric-lite: cannot write: {error.strerror}; make room, or write elsewhere")
        _discard_output()
        return 1


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    with contextlib.suppress(OSError):  # nobody reads standard error
        say(f"warning: {message}")


def _event_kind(arguments: list[str]) -> str:
    if arguments[:1] != ["event"]:
        return ""
    from .event_kinds import KINDS

    names = [name for kind in KINDS for name in (kind.name, *kind.aliases)]
    return next((f" {name}" for name in names if name in arguments[1:2]), "")


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: list[str]) -> int:
    parser = _Parser(
        prog="awslambdaric-lite",
        description="Run, test, pack and measure AWS Lambda functions on this machine.",
        allow_abbrev=False,
        add_help=True,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    run = None
    for name, summary in COMMANDS.items():
        if name != chosen:
            commands.add_parser(name, help=summary)
            continue
        command = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
        command.configure(commands.add_parser(name, help=summary, description=command.HELP, allow_abbrev=False))
        run = command.run
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        from .sam_flags import answer_of

        raise UsageError(answer_of(chosen, unknown) or f"unrecognized arguments: {' '.join(unknown)}")
    if parsed.version:
        from .. import __version__

        say(f"awslambdaric-lite {__version__}", sys.stdout)
        return 0
    if run is None:
        raise UsageError(f"a command is missing; choose one of: {', '.join(COMMANDS)}")
    try:
        return int(run(parsed))
    except ModuleNotFoundError as error:
        if error.name not in _OPTIONAL:
            raise
        raise UsageError(str(error)) from None
