"""Make the modules of each start as an import would make them, without a look at the file system.

Executed in `__main__`, where `folder` is that of the package; afterwards `bootstrap` is the runtime, because tools that
instrument the runtime client look for that name. The modules' own files are in the folder for code that reloads a
module, imports it again or reads its source. `start_file_worker` replaces some strings by values.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType


def _make_modules(
    package: str, folder: str, init: "CodeType", modules: "tuple[tuple[str, CodeType], ...]", kind: str, extension: str
) -> "ModuleType":
    """Make the package and its modules, in their order; return the last."""
    loaded = sys.modules
    make_module, make_spec = type(sys), loaded["_frozen_importlib"].ModuleSpec
    make_loader = getattr(loaded["_frozen_importlib_external"], kind)
    correct_file_name = loaded["_imp"]._fix_co_filename
    before, after = "/", extension
    if extension == ".py":
        before, after = "/__pycache__/", f".{sys.implementation.cache_tag}.pyc"
    cached_elsewhere = sys.flags.optimize or sys.pycache_prefix is not None

    def make(full_name: str, name: str, code: "CodeType", path: "list[str] | None") -> "ModuleType":
        place = f"{folder}/{name}{extension}"
        module = make_module(full_name)
        spec = make_spec(full_name, make_loader(full_name, place), origin=place)
        spec.submodule_search_locations = path
        spec.has_location = True
        if not cached_elsewhere:
            spec.cached = f"{folder}{before}{name}{after}"  # else the import system computes it
        names = module.__dict__
        names["__package__"] = package
        names["__loader__"] = spec.loader
        names["__spec__"] = spec
        names["__file__"] = place
        names["__cached__"] = spec.cached
        if path is not None:
            names["__path__"] = path
        if extension == ".py":
            correct_file_name(code, place)
        loaded[full_name] = module
        exec(code, names)
        return module

    names_of_package = make(package, "__init__", init, [folder]).__dict__
    for name, code in modules:
        names_of_package[name] = module = make(f"{package}.{name}", name, code, None)
    return module


if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # the script's folder, which Python has put there
bootstrap = _make_modules(
    "name of the package",
    folder,  # type: ignore[name-defined]  # noqa: F821
    "code of the package",  # type: ignore[arg-type]
    "modules",  # type: ignore[arg-type]
    "name of the loader",
    "extension",
)
del _make_modules, TYPE_CHECKING
