"""The layer for managed runtimes: a wrapper script, and the runtime for the function's own interpreter.

This package decides which files are in the layer, and where. `build` collects them; `layers.writing` writes them.
"""

from __future__ import annotations

from .builder import build

__all__ = ["build"]
