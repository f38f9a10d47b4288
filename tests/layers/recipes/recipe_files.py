"""The folder of the recipes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import layers

RECIPES = Path(layers.__file__).with_name("recipes")
FUNCTION = RECIPES / "function"
HANDLER = "greeting.handler"
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def load(path: Path) -> ModuleType:
    """Import a script outside of packages."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
