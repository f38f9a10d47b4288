"""`awslambdaric-lite event`: print an event as an AWS service sends it, as JSON."""

from __future__ import annotations

import argparse
import inspect
import json
import sys

from ..common.terminal_text import visible_json
from .errors import UsageError
from .event_kinds import KINDS
from .event_options import PREFIX, declare

HELP = """Print an event as an AWS service sends it, e.g. to pipe it into `awslambdaric-lite invoke HANDLER --event -`.
Without KIND, list the kinds. Ids and times are new unless an option sets them."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare a parser for each kind."""
    parsers = parser.add_subparsers(dest="kind", metavar="KIND", title="kinds of events")
    for kind in KINDS:
        options = parsers.add_parser(
            kind.name,
            aliases=kind.aliases,
            help=kind.summary,
            description=f"Print {kind.summary}. {kind.note}",
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,  # the builder has the defaults
        )
        declare(options, kind.build)
        options.set_defaults(build=kind.build)


def run(arguments: argparse.Namespace) -> int:
    """Print the event, or the list of kinds if none is chosen.

    Raises:
        UsageError: an argument is invalid.
    """
    if arguments.kind is None:
        print("awslambdaric-lite event KIND --help shows the options of a kind\n")
        for kind in KINDS:
            print(f"  {kind.name:<17}{kind.summary}")
        return 0
    given = {name.removeprefix(PREFIX): value for name, value in vars(arguments).items() if name.startswith(PREFIX)}
    items: list[object] = []
    for parameter in inspect.signature(arguments.build).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            items = given.pop(parameter.name)
    try:
        event = arguments.build(*items, **given)
    except ValueError as error:
        raise UsageError(f"{arguments.kind}: {error}") from None
    # What a terminal obeys, and bytes of the command line that are not UTF-8, become escapes of JSON.
    output = visible_json(json.dumps(event, indent=2, ensure_ascii=False)).encode()
    sys.stdout.buffer.write(output + b"\n")
    sys.stdout.buffer.flush()
    return 0
