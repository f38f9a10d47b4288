"""`awslambdaric-lite event`: an event as an AWS service sends it, as JSON on standard output."""

from __future__ import annotations

import argparse
import json
import sys

from .errors import UsageError
from .event_kinds import KINDS
from .event_options import Options

HELP = """Print an event as an AWS service sends it, to be piped into `awslambdaric-lite invoke HANDLER --event -`.
Without KIND, list the kinds. Ids and times that are not given are fresh."""

_NOT_FOR_BUILDERS = ("build", "command", "kind", "version")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare a parser for each kind."""
    parsers = parser.add_subparsers(dest="kind", metavar="KIND", title="kinds of events")
    for kind in KINDS:
        options = Options(
            parsers.add_parser(
                kind.name,
                aliases=kind.aliases,
                help=kind.summary,
                description=f"Print an event: {kind.summary}.",
                allow_abbrev=False,
                argument_default=argparse.SUPPRESS,  # what is not given is left to the builder
            ),
            kind.builder,
        )
        build = kind.declare(options)
        options.place_and_time()
        options.parser.set_defaults(build=build)


def run(arguments: argparse.Namespace) -> int:
    """Print the event, or without a kind the list of kinds.

    Raises:
        UsageError: something on the command line cannot be used.
    """
    if arguments.kind is None:
        print("awslambdaric-lite event KIND --help shows the options of a kind\n")
        for kind in KINDS:
            print(f"  {kind.name:<17}{kind.summary}")
        return 0
    given = {name: value for name, value in vars(arguments).items() if name not in _NOT_FOR_BUILDERS}
    try:
        event = arguments.build(**given)
    except ValueError as error:
        raise UsageError(f"{arguments.kind}: {error}") from None
    # Bytes of the command line that are no text become escapes, so that the output is JSON in any case.
    output = json.dumps(event, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace")
    sys.stdout.buffer.write(output + b"\n")
    sys.stdout.buffer.flush()
    return 0
