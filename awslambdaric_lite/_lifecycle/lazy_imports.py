"""Lazy imports (PEP 810): owns which imports wait until their name is used.

Loaded in init if a setting or the interpreter's own options ask for lazy imports, on Python 3.15 and later. Imports
written in this package and in the packages that it imports are never lazy: an import in the error path could fail.
"""

import posix
import sys
import time

from .._function_errors import Fault
from .._report import notice
from .own_imports import is_of_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._types import LogSink, Settings

    Handler = Callable[[object, Any], object]
    Filter = Callable[["str | None", str, "tuple[str, ...] | None"], bool]

_clock = time.perf_counter  # as it is before user code runs, which may replace it
_SETTING = "AWSLAMBDARIC_LITE_LAZY_IMPORTS"
_SITES = ("/site-packages", "/dist-packages")
_LAYERS = "/opt/python"
_NOBODY_WAITS = {
    b"AWS_LAMBDA_INITIALIZATION_TYPE": (b"snap-start", b"provisioned-concurrency"),
    b"AWS_LAMBDA_MAX_CONCURRENCY": None,
}  # variables with which init is over before the first event, and their values; None: any

_interpreter: "Any" = sys  # type checkers know the functions of Python 3.15 only for that version
_installed: "dict[str, bool]" = {}  # importing module: whether it is part of an installed distribution


def around(load: "Callable[[], Handler]", settings: "Settings", sink: "LogSink") -> "Callable[[], Handler]":
    """Return a function that loads the handler with lazy imports, and imports what the import list names."""
    options = settings.options
    assert options is not None
    verbose = settings.log_level in ("DEBUG", "TRACE")

    def load_handler() -> "Handler":
        lazy = options["LAZY_IMPORTS"] != "off" and _enable(options["LAZY_IMPORTS"], sink, verbose=verbose)
        handler = load()
        if options["IMPORT_LIST"]:
            from .import_list import import_listed

            import_listed(options["IMPORT_LIST"], sink)
        if not lazy:
            return handler
        module = settings.handler.rpartition(".")[0]
        return _report_missing(_log_first_event(handler, sink) if verbose else handler, module, sink)

    return load_handler


def _enable(value: str, sink: "LogSink", *, verbose: bool) -> bool:
    """Make imports lazy in the modules that a value names; return whether some are, or log the reason."""
    if not hasattr(sys, "set_lazy_imports"):
        notice(sink, "", f"{_SETTING}={value} has no effect: Python 3.15 and later has lazy imports")
        return False
    for name, values in _NOBODY_WAITS.items():
        found = posix.environ.get(name)
        if found is not None and (values is None or found in values):
            if verbose:
                text = f"{name.decode()}={found.decode(errors='replace')}"
                notice(sink, "", f"imports are not lazy with {text}: no caller waits for the init phase")
            return False
    if _interpreter.get_lazy_imports_filter() not in (None, is_of_others) or (
        _interpreter.get_lazy_imports() != "normal" and getattr(sys.flags, "lazy_imports", -1) != 1
    ):
        notice(sink, "", f"{_SETTING}={value} is ignored: user code has called sys.set_lazy_imports or its filter")
        return False
    chosen: Filter | None = {"all": is_of_others, "installed": _is_installed}.get(value)
    if chosen is None:
        chosen = _matching(value, sink)
    if chosen is not None:
        _interpreter.set_lazy_imports_filter(chosen)
        _interpreter.set_lazy_imports("all")
    return chosen is not None


def _report_missing(handler: "Handler", module: str, sink: "LogSink") -> "Handler":
    """Return a handler that reports lazy imports that fail as init would have, and logs their places."""

    def report_missing(event: object, context: "Any") -> object:
        try:
            return handler(event, context)
        except ImportError as error:
            cause = error.__cause__
            if type(cause) is not ImportError or not str(cause).startswith("lazy import of "):
                raise
            text = f"the lazy import in {_place(cause)} failed when its name was used in {_place(error)}"
            notice(sink, context.aws_request_id, text)
            raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from error

    return report_missing


def _place(error: BaseException) -> str:
    """Return the file and the line that an exception comes from."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "?" if traceback is None else f"{traceback.tb_frame.f_code.co_filename}, line {traceback.tb_lineno}"


def _log_first_event(handler: "Handler", sink: "LogSink") -> "Handler":
    """Return a handler that logs which imports its first event resolved, and how long they took."""
    from .import_list import Watch

    def log_imports(event: object, context: "Any") -> object:
        if logged:
            return handler(event, context)
        logged.append(True)
        watch, spent = Watch(), _ImportTime()
        try:
            return handler(event, context)
        finally:
            spent.stop()
            entries = [f"{module}:{name}" if name else module for module, name in watch.imported()]
            text = f"the first event resolved {len(entries)} imports in {spent.seconds * 1000:.1f} ms"
            notice(sink, context.aws_request_id, f"{text}: {', '.join(entries)}" if entries else text)

    logged: list[bool] = []
    return log_imports


class _ImportTime:
    """The seconds that imports take, each with the imports in it counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._machinery = _interpreter.modules["_frozen_importlib"]
        self._original: Any = getattr(self._machinery, "_find_and_load", None)
        self._depth = 0
        if self._original is not None:  # else another version of Python, and the log shows no time
            self._machinery._find_and_load = self._timed  # the interpreter looks it up for each import

    def _timed(self, name: str, import_: object) -> object:
        self._depth += 1
        begin = _clock()
        try:
            return self._original(name, import_)
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += _clock() - begin

    def stop(self) -> None:
        if self._original is not None:
            self._machinery._find_and_load = self._original


def _is_installed(importing: "str | None", name: str, names: "tuple[str, ...] | None") -> bool:
    """Return whether an import is written in an installed distribution or a layer."""
    if importing is None:
        return False
    known = _installed.get(importing)
    if known is None:
        known = _installed[importing] = is_of_others(importing, name, names) and _is_of_distribution(importing)
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
    from .import_list import read_lines

    lines = read_lines(_SETTING, path, "write one a line, e.g. botocore.*", sink)
    exact = frozenset(line for line in lines if not line.endswith("*"))
    begins = tuple(line[:-1] for line in lines if line.endswith("*"))
    if not lines:
        return None

    def matches(importing: "str | None", name: str, names: "tuple[str, ...] | None") -> bool:
        if importing is None or not is_of_others(importing, name, names):
            return False
        return importing in exact or importing.startswith(begins)

    return matches
