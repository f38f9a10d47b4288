"""The command line: `awslambdaric-lite COMMAND …`.

Owns the table of commands, the error boundary and the exit codes. Each command is a module with `HELP`,
`configure(parser)` and `run(arguments)`, imported when it is asked for.

Exit codes: 0 done; 1 the function, or what was asked for, failed; 2 wrong usage; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .errors import UsageError

COMMANDS = {
    "invoke": "run one invocation of a function here",
    "serve": "run a function here until Ctrl-C, for SDKs and HTTP clients",
    "bench": "measure cold start, warm invocations and memory, beside awslambdaric",
    "event": "print an event as AWS would send it",
    "pack": "write a function's package, with its requirements and bytecode",
    "doctor": "tell what is wrong with a package, and what it costs",
}

_IN_EXTRAS = ("h11", "rich", "watchfiles")  # the module that misses one names the extra in its message


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if sys.stdout is None or sys.stderr is None:  # the caller has closed them, so nobody wants to know
        nowhere = open(os.devnull, "w")  # noqa: SIM115 -- for the life of the process
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    try:
        status = _run(arguments)
        sys.stdout.flush()  # here, where it is known what to say if that fails
        return status
    except UsageError as error:
        command = f" {arguments[0]}" if arguments and arguments[0] in COMMANDS else ""
        print(f"awslambdaric-lite{command}: {error}", file=sys.stderr)
        print(f"usage help: awslambdaric-lite{command} --help", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain when it flushes at exit.
        _discard_output()
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"awslambdaric-lite: cannot write: {error.strerror}; make room, or write elsewhere", file=sys.stderr)
        _discard_output()
        return 1


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: list[str]) -> int:
    parser = _Parser(
        prog="awslambdaric-lite", description="Run AWS Lambda functions here.", allow_abbrev=False, add_help=True
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    run = None
    for name, summary in COMMANDS.items():
        if name != chosen:
            commands.add_parser(name, help=summary)
            continue
        command = importlib.import_module(f"{__name__}.{name}")
        command.configure(commands.add_parser(name, help=summary, description=command.HELP, allow_abbrev=False))
        run = command.run
    parsed = parser.parse_args(arguments)
    if parsed.version:
        from .. import __version__

        print(f"awslambdaric-lite {__version__}")
        return 0
    if run is None:
        raise UsageError(f"a command is missing; there is: {', '.join(COMMANDS)}")
    try:
        return int(run(parsed))
    except ModuleNotFoundError as error:
        if error.name not in _IN_EXTRAS:
            raise
        raise UsageError(str(error)) from None
