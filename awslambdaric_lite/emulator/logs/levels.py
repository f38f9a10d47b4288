"""Log formats and levels, and the filter of a function's JSON logs.

Source: "Log-level filtering" of the developer guide.
"""

from __future__ import annotations

import json
from typing import Any, Literal, get_args

LogFormat = Literal["Text", "JSON"]
SystemLevel = Literal["DEBUG", "INFO", "WARN"]
ApplicationLevel = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

_RANKS = {level: rank for rank, level in enumerate(get_args(ApplicationLevel))}
_ALIASES = {"WARNING": "WARN", "CRITICAL": "FATAL"}  # names of Python and its runtime clients
SYSTEM_RANKS = {level: rank for rank, level in enumerate(get_args(SystemLevel))}


def as_object(line: str) -> dict[str, Any] | None:
    """Return the JSON object in a line, or None."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_wanted(record: dict[str, Any], lowest: ApplicationLevel) -> bool:
    """Return whether a record is at least as severe as `lowest`; the default level is INFO."""
    level = record.get("level")
    name = level.upper() if isinstance(level, str) else "INFO"
    return _RANKS.get(_ALIASES.get(name, name), _RANKS["INFO"]) >= _RANKS[lowest]
