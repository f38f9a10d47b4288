"""Which imports do events need that init has not made? The answer is an import list, a text file."""

from __future__ import annotations

import json
import re
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.words import shorten_list
from .errors import PackagingError

LIST_NAME = "imports.txt"
"""The name of an import list in a package."""

LIST_VARIABLE = "AWSLAMBDARIC_LITE_IMPORT_LIST"
LAZY_VARIABLE = "AWSLAMBDARIC_LITE_LAZY_IMPORTS"
_WORKER = Path(__file__).with_name("record_worker.py")
_ENTRY = re.compile(r"\w[\w-]*(\.[\w-]+)*(\s*:\s*\w+)?")
_MARK = "# The imports of recorded events"
_HEADER = f"""\
{_MARK}, which init makes if AWSLAMBDARIC_LITE_IMPORT_LIST names this file. A line is a module,
# or module:name, which is a lazy import that the module has under that name.
"""
_OF_BUILD = "_sysconfigdata"  # begins the name of a module that another build of Python has under another name
_CURE = "correct it or the event, or set variables with --env"
_NAMED = 5  # entries in a message
_ROUNDS = 20  # a module that init imports can have lazy imports, too: each level needs one more


@dataclass(frozen=True)
class Recording:
    """The entries of an import list, and all modules that init and the events need."""

    entries: list[str]
    modules: frozenset[str]


def record_imports(
    handler: str, events: Sequence[bytes], *, lazy: str, settings: Mapping[str, Any], interpreter: Path | None = None
) -> list[str]:
    """Return the entries of the import list that `record` finds; the arguments and errors are its."""
    return record(handler, events, lazy=lazy, settings=settings, interpreter=interpreter).entries


def record(
    handler: str, events: Sequence[bytes], *, lazy: str, settings: Mapping[str, Any], interpreter: Path | None = None
) -> Recording:
    """Run a handler with events, until a list is found with which they import nothing more.

    Args:
        handler: e.g. `app.handler`.
        events: JSON texts, each of which is sent once, in the order.
        lazy: a value of AWSLAMBDARIC_LITE_LAZY_IMPORTS.
        settings: other settings of `LocalLambda`.
        interpreter: the one that runs the handler (default: the running one).

    Raises:
        PackagingError: the handler fails, or each run imports something else.
        EmulatorError: the function cannot be run.
    """
    entries: list[str] = []
    with tempfile.TemporaryDirectory(prefix="awslambdaric-lite-") as folder:
        listed = Path(folder, LIST_NAME)
        env = {**settings.get("env", {}), LAZY_VARIABLE: lazy, LIST_VARIABLE: str(listed)}
        for _ in range(_ROUNDS):
            listed.write_text(list_text(sorted(entries) or ["sys"]), encoding="utf-8")
            answer = _run(handler, events, {**settings, "env": env}, interpreter)
            pairs = [(module, name) for module, name in answer["imported"] if not module.startswith(_OF_BUILD)]
            found = [f"{module}:{name}" if name else module for module, name in pairs]
            new = [entry for entry in found if entry not in entries]
            if not new:
                return Recording(sorted(entries), frozenset(answer["modules"]))
            entries += new
    told = shorten_list(new, _NAMED)
    raise PackagingError(
        f"{handler} imports other modules in each run, the last time {told}; omit an event that does so"
    )


def modules_in_use(
    handler: str, events: Sequence[bytes], *, settings: Mapping[str, Any], interpreter: Path | None = None
) -> frozenset[str]:
    """Run a handler with events while each module runs only when an attribute of it is used; return those that ran.

    This works without lazy imports. It finds more modules in use, because `from module import name` uses a module. The
    arguments and errors are those of `record`; some functions fail in this way only.
    """
    return frozenset(_run(handler, events, settings, interpreter, "--defer")["modules"])


def _run(
    handler: str, events: Sequence[bytes], settings: Mapping[str, Any], interpreter: Path | None, *options: str
) -> dict[str, Any]:
    """Run a handler with events, and return the worker's answer about all of them."""
    from ..emulator import LocalLambda

    question = secrets.token_hex()
    runtime = [str(interpreter or sys.executable), "-S", str(_WORKER), question, "{handler}", *options]
    given = {**settings, "runtime": runtime, "private_tmp": False}
    with LocalLambda(handler, **given) as function:
        for event in [*events, json.dumps(question).encode()]:
            result = function.invoke(event)
            if result.error is not None:
                told = _told(result.payload)
                raise PackagingError(f"{handler} failed while its imports were recorded: {told}; {_CURE}")
    answer: dict[str, Any] = json.loads(result.payload)
    return answer


def _told(error: bytes) -> str:
    """Return type and message of an error document."""
    try:
        details = json.loads(error)
        return f"{details['errorType']}: {details['errorMessage']}"
    except (ValueError, LookupError, TypeError):
        return error.decode(errors="replace")


def list_text(entries: Sequence[str]) -> str:
    """Return the text of an import list."""
    return _HEADER + "".join(f"{entry}\n" for entry in entries)


def list_entries(content: bytes) -> list[str]:
    """Return the lines of an import list without comments, with those that are wrong."""
    lines = [line.partition("#")[0].strip() for line in content.decode("utf-8", "replace").splitlines()]
    return [line for line in lines if line]


def is_entry(line: str) -> bool:
    """Return whether a line names a module, or a lazy import of one."""
    return _ENTRY.fullmatch(line) is not None


def listed_modules(entries: Sequence[str]) -> list[str]:
    """Return the modules among the entries of a list, without lazy imports; a bundle has them, too."""
    return [entry for entry in entries if ":" not in entry and is_entry(entry)]


def is_list(content: bytes) -> bool:
    """Return whether a file named `imports.txt` is an import list: by its first line, or because all are entries."""
    entries = list_entries(content)
    return content.startswith(_MARK.encode()) or (bool(entries) and all(map(is_entry, entries)))
