"""What an audit finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ...common.words import escape_controls

Level = Literal["error", "warning", "info"]

LEVELS: tuple[Level, ...] = ("error", "warning", "info")
"""From what breaks the function over what costs cold start to what is only worth knowing."""

_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: a code that does not change, where it is in the package ("." is all of it), and what."""

    code: str
    level: Level
    path: str
    message: str

    def at_least(self, level: Level) -> bool:
        """Whether it is as grave as that."""
        return LEVELS.index(self.level) <= LEVELS.index(level)


def examples(names: Iterable[str]) -> str:
    """A few of many names, for a message."""
    ordered = sorted(names)
    shown = ", ".join(escape_controls(name) for name in ordered[:_EXAMPLES])
    return f"{shown}, …" if len(ordered) > _EXAMPLES else shown
