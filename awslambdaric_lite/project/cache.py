"""The user's cache: files and folders whose names are digests of what they were made from."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..common.files import unfinished_name
from ..common.json_text import compact
from .errors import Problem


def digest(*parts: object) -> str:
    """Return the name in the cache of what is made from these values, which have a JSON form."""
    return hashlib.sha256(compact(parts, ascii_only=True).encode()).hexdigest()[:32]


def cache_path(*parts: str) -> Path:
    """Return a path in the cache, which may not exist; a relative `XDG_CACHE_HOME` is ignored, as its standard says."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(home) if os.path.isabs(home) else Path(os.path.expanduser("~"), ".cache")
    return folder.joinpath("awslambdaric-lite", *parts)


def kept_folder(kind: str, name: str, fill: Callable[[Path], None]) -> Path:
    """Return a folder of the cache; if it does not exist, `fill` writes it, and it appears complete or not at all.

    Raises:
        Problem: the cache cannot be written.
    """
    path = cache_path(kind, name)
    if path.is_dir():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = unfinished_name(path)
        try:
            fresh.mkdir()
            fill(fresh)
            os.rename(fresh, path)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        if path.is_dir():  # another process was faster
            return path
        raise Problem(f"the cache {path.parent} cannot be written: {error.strerror}; set XDG_CACHE_HOME") from None
    return path
