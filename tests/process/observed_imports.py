"""A handler that returns all that code can observe of its imports. A test copies it."""

import importlib
import importlib.machinery
import importlib.metadata
import importlib.resources
import importlib.util
import inspect
import linecache
import pickle
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

_NAMES = ["space", "space.one", "lib", "lib.sub", "lib.sub.deep", "own", "bare", "app", "colorsys", "json.tool"]
_FAILING = ["raises", "wrong", "missing", "lib.missing", "imports_missing"]


def _observe(name: str) -> dict[str, object]:
    module: Any = importlib.import_module(name)
    seen: dict[str, object] = {key: repr(value) for key, value in vars(module).items() if key.startswith("__")}
    seen.pop("__builtins__", None)
    spec, loader = module.__spec__, module.__loader__
    parent = name.rpartition(".")[0]
    found: Any = importlib.machinery.PathFinder.find_spec(name, sys.modules[parent].__path__ if parent else None)
    seen["spec"] = spec, spec.origin, spec.cached, spec.has_location, spec.parent, spec.loader_state
    seen["found"] = found == spec, vars(found).keys() == vars(spec).keys(), found
    if hasattr(loader, "path"):
        seen["loader"] = type(loader), sorted(vars(loader).items()), loader.is_package(name)
        seen["contents"] = (
            loader.get_data(module.__file__),
            loader.get_source(name),
            linecache.getlines(module.__file__),
        )
        code = loader.get_code(name)
        seen["code"] = code, code.co_filename, code == found.loader.get_code(name), loader.get_filename(name)
        seen["reader"] = type(loader.get_resource_reader(name))
    if hasattr(module, "__path__"):
        seen["modules"] = sorted(map(str, pkgutil.iter_modules(module.__path__, f"{name}.")))
        seen["walk"] = sorted(each.name for each in pkgutil.walk_packages(module.__path__, f"{name}."))
        seen["resources"] = sorted(each.name for each in importlib.resources.files(name).iterdir())
    if hasattr(module, "fail"):
        seen["functions"] = inspect.getsourcefile(module.fail), inspect.getmodule(module.fail)
        seen["source"] = None if name == "bare" else inspect.getsource(module.fail)
        seen["pickled"] = pickle.loads(pickle.dumps(module.fail)) is module.fail
        seen["traceback"] = _failure(module.fail)
    if name != "app":
        seen["reloaded"] = importlib.reload(module) is module, module, module.__spec__ == spec
    return seen


def _failure(action: Callable[..., object], *arguments: object) -> str:
    try:
        action(*arguments)
    except Exception:
        return traceback.format_exc()
    return ""


def handler(event: object, context: object) -> dict[str, str]:
    """Return texts by their names."""
    importlib.invalidate_caches()
    seen: dict[str, object] = {
        f"{name} {key}": value for name in _NAMES for key, value in sorted(_observe(name).items())
    }
    root = __file__.rpartition("/")[0]
    kinds: list[Any] = [type(sys.path_importer_cache[root]), importlib.machinery.SourceFileLoader]
    kinds += [importlib.machinery.SourcelessFileLoader.get_code, importlib.machinery.SourceFileLoader.get_code]
    colorsys: Any = importlib.machinery.PathFinder.find_spec("colorsys")
    kinds.append(colorsys.loader.get_code)
    for number, kind in enumerate(kinds):
        seen[f"kind {number}"] = kind, kind.__name__, kind.__qualname__, kind.__module__
    seen["signature"] = inspect.signature(importlib.machinery.SourceFileLoader.get_code)
    seen["get_code"] = inspect.getfile(importlib.machinery.SourceFileLoader.get_code)
    seen["finder"] = sys.path_importer_cache[root]
    seen["metadata"] = (
        importlib.metadata.version("library"),
        sorted(map(str, importlib.metadata.files("library") or [])),
    )
    seen["data"] = pkgutil.get_data("lib", "data.txt")
    seen["all modules"] = sorted(map(str, pkgutil.iter_modules([root])))
    seen |= {f"failure of {name}": _failure(importlib.import_module, name) for name in _FAILING}
    seen["loaded"] = sorted(name for name in sys.modules if "awslambdaric_lite" not in name)
    seen["sys"] = sys.path, len(sys.meta_path), sys.flags
    return {key: re.sub(" at 0x[0-9a-f]+", "", str(value)) for key, value in seen.items()}
