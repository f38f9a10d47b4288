"""The layer for `provided.al2023`: an interpreter, its standard library as bytecode, and the runtime.

This package decides which files are in the layer, and where. `build` collects them; `layers.writing` writes them.
"""

from __future__ import annotations

from .builder import build
from .selection import KEEPABLE

__all__ = ["KEEPABLE", "build"]
