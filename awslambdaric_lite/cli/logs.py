"""`awslambdaric-lite logs`: the log of a function of a project that `serve` runs."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..common.terminal_text import PlatformLine, ReportLine
from .lines import line_writer, say
from .remote import ENDPOINT_URL_HELP, InvokeFailed, read_log, served_endpoint_url

HELP = """Print the last lines of a function's log (up to 1 MB) from a project that `awslambdaric-lite serve` runs."""
_KINDS = {"platform": PlatformLine, "report": ReportLine}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="the function's name")
    parser.add_argument("-f", "--follow", action="store_true", help="print further lines, too, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Print the log.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    write = line_writer(sys.stdout)

    def show(record: dict[str, Any]) -> None:
        if arguments.json:
            print(json.dumps(record), flush=True)
        elif record["kind"] == "note":
            say(record["line"])
        else:
            write(_KINDS.get(record["kind"], str)(record["line"]))

    try:
        read_log(served_endpoint_url(arguments.endpoint_url), arguments.name, follow=arguments.follow, show=show)
    except InvokeFailed as error:
        say(f"awslambdaric-lite logs: {error}")
        return 1
    return 0
