"""Lazy imports (PEP 810): owns which imports wait until their name is used.

Loaded in init if a setting or the interpreter's own options ask for lazy imports, on Python 3.15 and later. Imports
written in this package and in the packages that it imports are never lazy: an import in the error path could fail.
"""

import posix
import sys

from .._report import notice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._types import LogSink

    Filter = Callable[[str, str, "tuple[str, ...] | None"], bool]

_SETTING = "AWSLAMBDARIC_LITE_LAZY_IMPORTS"
_EAGER = frozenset(("awslambdaric_lite", "asyncio", "concurrent", "faulthandler", "logging", "orjson", "site", "traceback"))
"""The top-level packages whose own imports are never lazy: this one, and those that it imports."""

_SITES = ("/site-packages", "/dist-packages")
_LAYERS = "/opt/python"
_NOBODY_WAITS = {
    b"AWS_LAMBDA_INITIALIZATION_TYPE": (b"snap-start", b"provisioned-concurrency"),
    b"AWS_LAMBDA_MAX_CONCURRENCY": None,
}  # variables with which init is over before the first event, and their values; None: any

_interpreter: "Any" = sys  # type checkers know the functions of Python 3.15 only for that version
_installed: "dict[str, bool]" = {}  # importing module: whether it is part of an installed distribution


def keep_own_imports_eager() -> None:
    """Set a filter where the interpreter was started with lazy imports (`PYTHON_LAZY_IMPORTS`, `-X lazy_imports`)."""
    if _interpreter.get_lazy_imports_filter() is None:
        _interpreter.set_lazy_imports_filter(_is_of_others)
    _interpreter.set_lazy_imports("all")


def enable(value: str, sink: "LogSink", log_level: "str | None") -> None:
    """Make imports of the handler's module lazy, and of the modules that it imports.

    Args:
        value: `all`, `installed` or the path of a file of patterns.
        sink: takes a line if this is not possible.
        log_level: a level below INFO also logs why imports stay as they are although they could be lazy.
    """
    if not hasattr(sys, "set_lazy_imports"):
        notice(sink, "", f"{_SETTING}={value} has no effect: Python 3.15 and later has lazy imports")
        return
    for name, values in _NOBODY_WAITS.items():
        found = posix.environ.get(name)
        if found is not None and (values is None or found in values):
            if log_level in ("DEBUG", "TRACE"):
                text = f"{name.decode()}={found.decode(errors='replace')}"
                notice(sink, "", f"imports are not lazy with {text}: no caller waits for the init phase")
            return
    if _interpreter.get_lazy_imports_filter() not in (None, _is_of_others) or (
        _interpreter.get_lazy_imports() != "normal" and getattr(sys.flags, "lazy_imports", -1) != 1
    ):
        notice(sink, "", f"{_SETTING}={value} is ignored: user code has called sys.set_lazy_imports or its filter")
        return
    chosen: "Filter | None" = {"all": _is_of_others, "installed": _is_installed}.get(value)
    if chosen is None:
        chosen = _matching(value, sink)
    if chosen is not None:
        _interpreter.set_lazy_imports_filter(chosen)
        _interpreter.set_lazy_imports("all")


def _is_of_others(importing: str, name: str, names: "tuple[str, ...] | None") -> bool:
    """Return whether an import may be lazy: whether neither this package nor what it imports has written it."""
    return importing.partition(".")[0] not in _EAGER


def _is_installed(importing: str, name: str, names: "tuple[str, ...] | None") -> bool:
    """Return whether an import is written in an installed distribution or a layer."""
    known = _installed.get(importing)
    if known is None:
        known = _installed[importing] = importing.partition(".")[0] not in _EAGER and _is_of_distribution(importing)
    return known


def _is_of_distribution(importing: str) -> bool:
    spec = getattr(sys.modules.get(importing), "__spec__", None)
    origin = getattr(spec, "origin", None)
    if not isinstance(origin, str):
        return False
    top = importing.partition(".")[0]
    for folder in sys.path:
        if folder and origin.startswith(f"{folder}/"):
            if folder.endswith(_SITES) or folder == _LAYERS:
                return True
            from .stale_bytecode import is_recorded

            return is_recorded(folder, top)
    return False


def _matching(path: str, sink: "LogSink") -> "Filter | None":
    """Return a filter of the patterns in a file; None, with a line in the log, if it has none."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.partition("#")[0].strip() for line in file]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        notice(sink, "", f"{_SETTING}={path} is ignored: the file cannot be read: {reason}")
        return None
    exact = frozenset(line for line in lines if line and not line.endswith("*"))
    begins = tuple(line[:-1] for line in lines if line.endswith("*"))
    if not exact and not begins:
        notice(sink, "", f"{_SETTING}={path} is ignored: the file names no module; write one a line, e.g. botocore.*")
        return None

    def matches(importing: str, name: str, names: "tuple[str, ...] | None") -> bool:
        return _is_of_others(importing, name, names) and (importing in exact or importing.startswith(begins))

    return matches
