"""Error chains: owns what reports tell of an exception's causes, notes and group members.

Loaded if `AWSLAMBDARIC_LITE_ERROR_CHAIN` is 1. Members of a report, each only if the exception has it:

    notes       the texts of `add_note()`
    cause       the exception of `raise … from …`
    context     the exception that was being handled, if Python shows it
    exceptions  the members of an ExceptionGroup
    truncated   true in the outermost report if something is missing, because the chain is too long
"""

import sys

from .. import _report
from .._codec import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .._types import ErrorReport

_EXCEPTIONS = 50  # of one report
_CHARACTERS = 60_000  # of the whole report, which then fits into one event of CloudWatch Logs, and into trailers
_TEXT = 10_000  # characters of a message or a note
_NOTES = 50  # of one exception
_FRAMES = 25  # of each end of a stack


class _Room:
    """The room that a report has left."""

    def __init__(self, taken: int) -> None:
        self.characters = _CHARACTERS - taken
        self.exceptions = _EXCEPTIONS
        self.full = False
        self.seen: set[int] = set()

    def take(self, *texts: str) -> bool:
        """Return whether the texts have room, and take it."""
        size = sum(map(len, texts))
        if self.full or size > self.characters or not self.exceptions:
            self.full = True
            return False
        self.characters -= size
        return True


def install() -> None:
    """Let `_report` use this module."""
    _report.chain = sys.modules[__name__]


def extend(report: "ErrorReport", raised: BaseException) -> None:
    """Add the members of the chain to a report."""
    report.update(members(raised, len(report["errorMessage"]) + sum(map(len, report["stackTrace"]))))  # type: ignore[typeddict-item]


def members(raised: "BaseException | None", taken: int = 0) -> "dict[str, Any]":
    """Return the members of the chain; `taken` characters of the report are used otherwise."""
    room = _Room(taken)
    found: dict[str, Any] = {}
    try:
        if raised is not None:
            room.seen.add(id(raised))
            found = _members(raised, room)
    except BaseException:
        pass  # attributes of the exception are broken; the report is complete without the chain
    if room.full:
        found["truncated"] = True
    return found


def _members(error: BaseException, room: _Room) -> "dict[str, Any]":
    found: dict[str, Any] = {}
    notes = [note for note in _notes(error) if room.take(note)]
    if notes:
        found["notes"] = notes
    cause, context, hidden = (
        BaseException.__dict__[name].__get__(error)  # a class of user code may hide these by others
        for name in ("__cause__", "__context__", "__suppress_context__")
    )
    for name, other in (("cause", cause), ("context", None if hidden or cause is not None else context)):
        described = None if other is None else _described(other, room)
        if described is not None:
            found[name] = described
    if any(_report.type_name(base) == "BaseExceptionGroup" for base in type.__dict__["__mro__"].__get__(type(error))):
        try:
            grouped = list(error.exceptions)  # type: ignore[attr-defined]
        except BaseException:  # raised by the class of user code
            grouped = []
        inner = [_described(member, room) for member in grouped]
        found["exceptions"] = [described for described in inner if described is not None]
    return found


def _described(error: BaseException, room: _Room) -> "dict[str, Any] | None":
    """Return an exception of the chain; None if it is in the report, or does not fit."""
    if id(error) in room.seen or not room.take():
        return None
    frames = _report.frames_of(_report.traceback_of(error))
    omitted = len(frames) - 2 * _FRAMES
    trace = _report.format_frames(frames[:_FRAMES] if omitted > 0 else frames)
    if omitted > 0:
        trace += [f"  [{omitted} frames omitted]\n", *_report.format_frames(frames[-_FRAMES:])]
    kind, message = _report.type_name(type(error)), _cut(_report.text_of(error))
    if not room.take(kind, message, *trace):
        return None
    room.seen.add(id(error))
    room.exceptions -= 1
    return {"errorMessage": message, "errorType": kind, "stackTrace": trace, **_members(error, room)}


def _notes(error: BaseException) -> "list[str]":
    try:
        notes = getattr(error, "__notes__", None)
        if notes is None:
            return []
        return [_cut(str(note)) for note in notes[:_NOTES]] if isinstance(notes, list | tuple) else [_cut(repr(notes))]
    except BaseException:
        return []  # raised by the class of user code, or by a note


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else text[:_TEXT] + "..."


def to_json(value: object) -> str:
    """Encode a report as ASCII JSON."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{quote(key)}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return "true" if value is True else quote(str(value))


def log_lines(report: "dict[str, Any]", group: str = "") -> "Iterator[str]":
    """Return the lines that follow an exception's stack in the text log."""
    for note in report.get("notes", ()):
        yield from f"Note: {note}".splitlines()
    for name, lead in (("cause", "Caused by"), ("context", "While handling")):
        if name in report:
            yield from _error_lines(lead, report[name], group)
    inner = report.get("exceptions", ())
    for number, member in enumerate(inner, 1):
        place = f"{group}{number}"
        yield from _error_lines(f"Exception {place} of the group:", member, f"{place}.")
    if "truncated" in report:
        yield "[more exceptions or notes omitted]"


def _error_lines(lead: str, report: "dict[str, Any]", group: str) -> "Iterator[str]":
    message = report["errorMessage"]
    yield from f"{lead} {report['errorType']}{f': {message}' if message else ''}".splitlines()
    if report["stackTrace"]:
        yield "Traceback (most recent call last):"
        yield from _report.trace_lines(report["stackTrace"])
    yield from log_lines(report, group)
