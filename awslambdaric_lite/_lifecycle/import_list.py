"""The import list: owns importing in init what events will need, and the text that names it.

A list has one entry a line: `module`, or `module:name` for a lazy import that the module has under that name. A `#`
begins a comment. Loaded in init if the setting IMPORT_LIST names a file, and to record one.
"""

import sys

from .._report import notice
from .originals import in_task_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._types import LogSink

_SETTING = "AWSLAMBDARIC_LITE_IMPORT_LIST"


def import_listed(path: str, sink: "LogSink") -> None:
    """Import what a list names; what cannot be imported gets one line in the log, and changes nothing else."""
    pairs = [line.partition(":") for line in read_lines(_SETTING, path, "record one with record-imports", sink)]
    failed = _import([(module.strip(), name.strip()) for module, _, name in pairs])
    if failed:
        text = "; ".join(f"{entry}: {error}" for entry, error in failed.items())
        notice(sink, "", f"{_SETTING}={path}: not imported: {text}")


def read_lines(setting: str, path: str, cure: str, sink: "LogSink") -> "list[str]":
    """Return the lines of a file that a setting names, without comments; log the reason if there are none.

    Code that the handler's import runs may have changed the current folder.
    """
    try:
        with open(in_task_root(path), encoding="utf-8") as file:
            lines = [line.partition("#")[0].strip() for line in file]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        notice(sink, "", f"{setting}={path} is ignored: the file cannot be read: {reason}")
        return []
    found = [line for line in lines if line]
    if not found:
        notice(sink, "", f"{setting}={path} is ignored: the file names no module; {cure}")
    return found


def _import(entries: "list[tuple[str, str]]") -> "dict[str, str]":
    """Import entries, pairs of a module and a name that may be empty; return those that fail with the reasons."""
    failed: dict[str, str] = {}
    waiting = entries
    while waiting:
        later = []
        for module, name in waiting:
            if name and module not in sys.modules:
                later.append((module, name))  # another entry may import the module
                continue
            try:
                if name:
                    getattr(sys.modules[module], name)
                else:
                    __import__(module)
            except (Exception, SystemExit) as error:  # a script exits
                failed[f"{module}:{name}" if name else module] = f"{type(error).__name__}: {error}"
        if len(later) == len(waiting):
            break
        waiting = later
    failed.update({f"{module}:{name}": f"{module} is not imported" for module, name in waiting})
    return failed


def lazy_names() -> "set[tuple[str, str]]":
    """Return the lazy imports that were not resolved yet, as pairs of importing module and name."""
    found: set[tuple[str, str]] = set()
    for module_name, module in list(sys.modules.items()):
        lazy = [key for key, value in list(_names(module).items()) if type(value).__name__ == "lazy_import"]
        found.update((module_name, key) for key in lazy)
    return found


def _names(module: object) -> "dict[str, object]":
    """Return the names of a module; an attribute of some modules would import them (importlib.util.LazyLoader)."""
    try:
        names: object = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return names if isinstance(names, dict) else {}


class Watch:
    """The imports between two moments."""

    def __init__(self) -> None:
        self._modules = set(sys.modules)
        self._lazy = lazy_names()

    def imported(self) -> "list[tuple[str, str]]":
        """Return the entries of a list that names them all, without those of this package."""
        resolved = [pair for pair in self._lazy - lazy_names() if pair[0] in sys.modules]
        loaded = set(sys.modules) - self._modules
        with_spec = [name for name in loaded if _names(sys.modules[name]).get("__spec__") is not None]
        modules = [(name, "") for name in with_spec if name != "__mp_main__"]  # which is `__main__`
        return sorted(pair for pair in resolved + modules if pair[0].partition(".")[0] != "awslambdaric_lite")
