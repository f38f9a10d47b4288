"""The cause of an error for X-Ray, as the Runtime API accepts it from a runtime.

Source: the Runtime API's open server, `rapi/model/error_cause.go` and `error_cause_compactor.go`.
"""

from __future__ import annotations

from typing import Any

from . import shapes

LIMIT = 64 * 1024  # bytes of a cause
_TEXT_LIMIT = (LIMIT - 4096) // 2  # bytes of a message and of a folder, if even those have to be cut
_SHARES = (0.8, 0.6, 0.4, 0.2)  # of exceptions and paths, tried in this order
_FRAME: shapes.Shape = {"path": str, "line": int, "label": str}
_CAUSE: shapes.Shape = {
    "exceptions": [{"message": str, "type": str, "stack": [_FRAME]}],
    "working_directory": str,
    "paths": [str],
    "message": str,
}


def validated(text: str | bytes) -> str | None:
    """Return the cause as it is recorded, cut to size; None for an invalid one.

    The frames of one exception are never cut: if they are too many, all exceptions are dropped.
    """
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    try:
        cause = shapes.read(text.decode("utf-8", "replace"), _CAUSE)
    except ValueError:
        return None
    if not any(cause.values()):
        return None
    rendered = _render(cause)
    for share in _SHARES:
        if len(rendered) <= LIMIT:
            break
        lists = {name: cause[name] or [] for name in ("exceptions", "paths")}
        parts = {name: items[: int(len(items) * share)] for name, items in lists.items()}
        rendered = _render({**cause, **parts})
    if len(rendered) > LIMIT:
        texts = {name: _cut(cause[name]) for name in ("message", "working_directory")}
        rendered = _render({"exceptions": None, "paths": None, **texts})
    return rendered.decode()


def _render(cause: dict[str, Any]) -> bytes:
    exceptions = cause["exceptions"]
    document = {
        "exceptions": None if exceptions is None else [_exception(exception) for exception in exceptions],
        "working_directory": cause["working_directory"],
        "paths": cause["paths"],
    }
    return shapes.write(document | _filled({"message": cause["message"]}))


def _exception(exception: dict[str, Any]) -> dict[str, Any]:
    return _filled({**exception, "stack": [_filled(frame) for frame in exception["stack"] or ()]})


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def _cut(text: str) -> str:
    data = text.encode("utf-8", "replace")
    return text if len(data) <= _TEXT_LIMIT else data[: _TEXT_LIMIT - 3].decode("utf-8", "ignore") + "..."
