"""What all stacks of a project have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .options import ProjectOptions

if TYPE_CHECKING:
    from .stack import Stack


@dataclass
class Shared:
    """The options and the stacks, and what was found in them so far."""

    options: ProjectOptions
    stacks: list[Stack] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    """What only a deployment knows, and the option that gives it."""
    used: set[str] = field(default_factory=set)
    """Names of exports and dynamic references that were asked for."""

    def given(self, name: str) -> str | None:
        """Return the value that the options have for an export or a dynamic reference."""
        self.used.add(name)
        return self.options.parameters.get(name)
