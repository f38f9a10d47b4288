"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file beside `path` that replaces it when the block ends; after an exception the old file stays.

    Where `path` is a symbolic link, the file that it names is replaced.

    Raises:
        OSError: a file cannot be written there.
    """
    fresh = unfinished_name(path)
    file = fresh.open("xb")
    try:
        with file:
            yield file
        os.replace(fresh, os.path.realpath(path))
    finally:
        fresh.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file completely or not at all; its folder is made if need be, text is written as UTF-8.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def unfinished_name(path: Path) -> Path:
    """Return a new hidden name beside the file that `path` names, links followed."""
    real = Path(os.path.realpath(path))
    return real.with_name(f".{real.name}.{secrets.token_hex(4)}.unfinished")


def is_unfinished(name: str, output: str) -> bool:
    """Return whether a file name is that of an output which was never finished, because its process was killed."""
    return name.startswith(f".{output}.") and name.endswith(".unfinished")
