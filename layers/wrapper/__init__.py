"""The layer for managed runtimes: a wrapper script, and the runtime where the function's own interpreter finds it.

Owns what is in that layer and where. `build` puts it together; the layer is written by `layers.layer`.
"""

from __future__ import annotations

from .builder import MANAGED_VERSIONS, build

__all__ = ["MANAGED_VERSIONS", "build"]
