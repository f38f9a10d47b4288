"""`awslambdaric-lite record-imports`: write an import list from events, so that init imports what they need."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..common.words import count
from ..packaging.archive import check_output, write_text_file
from ..packaging.errors import PackagingError
from ..packaging.import_recording import LIST_NAME, LIST_VARIABLE, list_text, record_imports
from .errors import UsageError
from .events import read_event
from .function_options import add_function_options, function_settings
from .lazy_mode import DEFAULT_MODE, LAZY_HELP, lazy_mode
from .lines import say

HELP = """Run a function with events and write an import list: what the events import after init. With the list, init
imports it, so that no event waits for an import. The list is a text file: read it, and edit it. The function runs on
the Python that runs this command; use one of the function's version."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--event",
        metavar="FILE",
        action="append",
        required=True,
        help="JSON file to send as an event, or - for standard input (repeatable)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default=LIST_NAME, help=f"file to write (default: {LIST_NAME})"
    )
    parser.add_argument("--lazy", metavar="MODE", default=DEFAULT_MODE, help=LAZY_HELP)
    add_function_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Record, and write the list.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    settings = function_settings(arguments)
    if settings["runtime"] is not None:
        raise UsageError("--runtime does not go with record-imports, which records imports in this runtime; omit it")
    if settings["managed_concurrency"] is not None:
        raise UsageError(
            "--managed-concurrency does not go with record-imports, which sends one event at a time; omit it"
        )
    lazy = lazy_mode(arguments.lazy)
    events = [read_event(path) for path in arguments.event]
    from ..emulator import EmulatorError

    output = Path(arguments.output)
    try:
        check_output(output)
        entries = record_imports(arguments.handler, events, lazy=lazy, settings=settings)
        write_text_file(output, list_text(entries))
    except EmulatorError as error:
        raise UsageError(str(error)) from None
    except PackagingError as error:
        say(f"awslambdaric-lite record-imports: {error}")
        return 1
    if entries:
        cure = f"put it into the function's folder and set {LIST_VARIABLE} to its path"
        say(f"{output}: {count(len(entries), 'entry', 'entries')}; {cure}")
    else:
        say(f"{output}: no entries, because the events import nothing after init; the function needs no list")
    return 0
