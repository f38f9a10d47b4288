"""`awslambdaric-lite trigger`: an event for a function as its queue, stream or schedule would send it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..common.words import count
from .events import read_event
from .lines import say
from .remote import ENDPOINT_URL_HELP, InvokeFailed, served_endpoint_url, trigger_source

HELP = """Invoke the function of an event source as the source would, in a project that `awslambdaric-lite serve` runs,
and print the outcome. The event is the whole batch, e.g. of `awslambdaric-lite event sqs`. The exit code is 1 if the
function fails, or reports messages of the batch as failed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="logical id of the source, or name of a function with one source")
    parser.add_argument(
        "--event", metavar="FILE", help="JSON file to send as the event, or - for standard input (default: {})"
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    parser.add_argument("--endpoint-url", metavar="URL", help=ENDPOINT_URL_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Trigger once.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    event = read_event(arguments.event)
    try:
        outcome = trigger_source(served_endpoint_url(arguments.endpoint_url), arguments.name, event)
    except InvokeFailed as error:
        say(f"awslambdaric-lite trigger: {error}")
        return 1
    if arguments.json:
        say(json.dumps(outcome, indent=2), sys.stdout)
    else:
        _show(outcome)
    return 1 if outcome["error"] or outcome["failedItems"] else 0


def _show(outcome: dict[str, Any]) -> None:
    function, payload = outcome["function"], outcome["payload"]
    if not outcome["requestId"]:
        return say(f"{function} is not invoked: {outcome['note']}", sys.stdout)
    if outcome["note"]:
        say(outcome["note"], sys.stdout)
    if outcome["error"]:
        say(f"{function} failed: {outcome['error']}", sys.stdout)
    elif (failed := outcome["failedItems"]) is not None:
        items = count(outcome["items"], "item")
        say(f"{function} has processed {outcome['items'] - len(failed)} of {items}", sys.stdout)
        for item in failed:
            say(f"  failed: {item}", sys.stdout)
    else:
        say(f"{function} has processed the event", sys.stdout)
    say(json.dumps(payload, ensure_ascii=False), sys.stdout)
    return None
