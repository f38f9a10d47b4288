"""Events that commands read: from a file or from standard input, and always JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NoReturn

from .errors import UsageError
from .lines import say


def read_event(source: str | None) -> bytes:
    """Return the bytes of the event; `-` is standard input, None the empty object.

    Raises:
        UsageError: the event cannot be read, or is not JSON; the message names the file.
    """
    if source is None:
        return b"{}"
    if source == "-":
        if sys.stdin.isatty():
            say("type the event as JSON, then press Ctrl-D on a new line")
        name, data = "standard input", sys.stdin.buffer.read()
    else:
        name, data = source, _read_file(source)
    _check_json(name, data)
    return data


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and infinities, which are not JSON.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name} is not allowed; use null or a number")


def _read_file(source: str) -> bytes:
    try:
        return Path(source).read_bytes()
    except FileNotFoundError:
        hint = "check the path"
        if source.lstrip()[:1] in ("{", "[", '"'):
            hint = "--event takes a file; pipe the JSON itself into `--event -`"
        raise UsageError(f"event file {source} does not exist; {hint}") from None
    except IsADirectoryError:
        raise UsageError(f"event file {source} is a directory; give the path of a JSON file in it") from None
    except OSError as error:
        raise UsageError(f"event file {source} cannot be read: {error.strerror}") from None


def _check_json(name: str, data: bytes) -> None:
    if not data.strip():
        raise UsageError(f"the event from {name} is empty; the smallest event is {{}}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the event from {name} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    try:
        json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"the event from {name} is not JSON: {where}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the event from {name} is not JSON that can be read: {error}") from None
