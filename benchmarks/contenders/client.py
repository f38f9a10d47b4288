"""A built client, the base of contenders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GOOD_HANDLERS = frozenset({"hello", "echo", "produce"})


@dataclass(frozen=True)
class Client:
    """A built client: its command, its variables, and its abilities.

    Attributes:
        handlers: its built-in handlers, or None if it loads any handler of the task root.
        chunked_events: whether it reads events above 2048 bytes, which the server sends in chunks.
        opt: a folder whose content is mounted in `/opt`, as that of a layer.
    """

    command: tuple[str | Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    handler_as_argument: bool = False
    handlers: frozenset[str] | None = GOOD_HANDLERS
    chunked_events: bool = True
    opt: Path | None = None
