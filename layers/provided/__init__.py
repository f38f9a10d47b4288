"""The layer for `provided.al2023`: an interpreter, its standard library as bytecode, and the runtime.

Owns what is in that layer and where. `build` puts it together; the layer is written by `layers.layer`.
"""

from __future__ import annotations

from .builder import build
from .selection import KEEPABLE

__all__ = ["KEEPABLE", "build"]
