"""Findings of an audit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ...common.words import escape_controls

Level = Literal["error", "warning", "info"]

LEVELS: tuple[Level, ...] = ("error", "warning", "info")
"""Errors break the function, warnings slow cold starts down or may break it, infos are only worth knowing."""

_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One finding: a code that does not change, its level, a path in the package ("." is all of it), and a message."""

    code: str
    level: Level
    path: str
    message: str

    def at_least(self, level: Level) -> bool:
        """Return whether the finding has at least a level."""
        return LEVELS.index(self.level) <= LEVELS.index(level)


def examples(names: Iterable[str]) -> str:
    """Return a few of many names with commas between them."""
    ordered = sorted(names)
    shown = ", ".join(escape_controls(name) for name in ordered[:_EXAMPLES])
    return f"{shown}, …" if len(ordered) > _EXAMPLES else shown
