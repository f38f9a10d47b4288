"""Lazy imports (PEP 810): owns which imports wait until their name is used.

Loaded in init if a setting or the interpreter's own options ask for lazy imports, on Python 3.15 and later. Imports
written in this package and in the packages that it imports are never lazy: an import in the error path could fail.
"""

import posix
import sys

from .. import _report
from .._handler import import_fault
from .._report import notice
from .own_imports import is_marked, may_be_lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._client import LambdaRuntimeClient
    from .._types import LogSink, Settings

    Handler = Callable[[object, Any], object]
    Filter = Callable[["str | None", str, "tuple[str, ...] | None"], bool]

_SETTING = "AWSLAMBDARIC_LITE_LAZY_IMPORTS"
_SITES = ("/site-packages", "/dist-packages")
_LAYERS = "/opt/python"
_NOBODY_WAITS = {
    b"AWS_LAMBDA_INITIALIZATION_TYPE": (b"snap-start", b"provisioned-concurrency"),
    b"AWS_LAMBDA_MAX_CONCURRENCY": None,
}  # variables with which init is over before the first event, and their values; None: any

_interpreter: "Any" = sys  # type checkers know the functions of Python 3.15 only for that version
_installed: "dict[str | None, bool]" = {}  # importing module: whether it is part of an installed distribution


def around(
    load: "Callable[[], Handler]", settings: "Settings", client: "LambdaRuntimeClient", sink: "LogSink"
) -> "Callable[[], Handler]":
    """Return a function that loads the handler with lazy imports, and imports what the import list names."""
    options = settings.options
    assert options is not None
    verbose = settings.log_level in ("DEBUG", "TRACE")

    def load_handler() -> "Handler":
        lazy = options["LAZY_IMPORTS"] != "off" and _enable(options["LAZY_IMPORTS"], sink, verbose=verbose)
        if lazy:
            _report.converted = _as_in_init(settings.handler.rpartition(".")[0], sink)
        handler = load()
        if options["IMPORT_LIST"]:
            from .import_list import import_listed

            import_listed(options["IMPORT_LIST"], sink)
        if lazy and verbose:
            from .first_event import log_first_event

            return log_first_event(handler, client, sink)
        return handler

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
                notice(sink, "", f"imports are not lazy with {text}: no caller waits for the init phase", 10)
            return False
    started = (
        ("all", may_be_lazy) if _interpreter.flags.lazy_imports == 1 else ("normal", None)
    )  # see the package's `__init__`
    if (_interpreter.get_lazy_imports(), _interpreter.get_lazy_imports_filter()) != started:
        notice(sink, "", f"{_SETTING}={value} is ignored: user code has called sys.set_lazy_imports or its filter")
        return False
    chosen: Filter | None = {"all": may_be_lazy, "installed": _is_installed}.get(value)
    if chosen is None:
        chosen = _matching(value, sink)
    if chosen is _is_installed:
        from . import stale_bytecode  # noqa: F401 -- the filter must not import modules

    if chosen is not None:
        _interpreter.set_lazy_imports_filter(chosen)
        _interpreter.set_lazy_imports("all")
    return chosen is not None


def _as_in_init(module: str, sink: "LogSink") -> "Callable[[BaseException, str], BaseException]":
    """Return a function that converts the error of a lazy import to that of init, and logs its places."""

    def convert(raised: BaseException, request_id: str) -> BaseException:
        kind = type(raised)  # `isinstance` would ask the class of user code
        if issubclass(kind, AttributeError):
            waiting = _waiting_module(raised)
            if waiting:
                text = f"{waiting} is not imported yet, because imports are lazy: add `import {waiting}`"
                notice(sink, request_id, text)
        if not issubclass(kind, (ImportError, SyntaxError)):
            return raised
        try:
            cause = raised.__cause__
            if type(cause) is not ImportError or not str(cause).startswith("lazy import of "):
                return raised
            fault = import_fault(raised, module)  # type: ignore[arg-type]
            text = f"the lazy import in {_place(cause)} failed when its name was used in {_place(raised)}"
        except Exception:  # raised by a class of user code
            return raised
        notice(sink, request_id, text)
        fault.__cause__ = raised
        return fault

    return convert


def _waiting_module(error: "Any") -> "str | None":
    """Return the name of a module that a package does not have as an attribute, because nothing has imported it."""
    try:
        name = f"{error.obj.__name__}.{error.name}"
        spec = _interpreter.modules["_frozen_importlib"]._find_spec(name, error.obj.__path__)
        return None if spec is None or name in sys.modules else name
    except Exception:  # it has no modules, or no file descriptor is left
        return None


def _place(error: BaseException) -> str:
    """Return the file and the line that an exception comes from, without modules that were imported from there."""
    traceback = error.__traceback__
    place = traceback
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name != "<module>" or place is None:
            place = traceback
        traceback = traceback.tb_next
    return "?" if place is None else f"{place.tb_frame.f_code.co_filename}, line {place.tb_lineno}"


def _is_installed(importing: "str | None", name: str, names: "tuple[str, ...] | None") -> bool:
    """Return whether an import may be lazy, and is written in an installed distribution or a layer."""
    known = _installed.get(importing)
    if known is None:
        known = _installed[importing] = _is_of_distribution(importing)
    return (known or is_marked(importing, name)) and may_be_lazy(importing, name, names)


def _is_of_distribution(importing: "str | None") -> bool:
    spec = getattr(sys.modules.get(importing), "__spec__", None)  # type: ignore[arg-type]
    origin = getattr(spec, "origin", None)
    if not isinstance(origin, str) or importing is None:
        return False
    # The longest, because the folder of a virtual environment may be in that of the function.
    folder = max((folder for folder in sys.path if folder and origin.startswith(f"{folder}/")), key=len, default="")
    if folder.endswith(_SITES) or folder == _LAYERS:
        return True
    from .stale_bytecode import is_recorded  # loaded before imports are lazy

    return bool(folder) and is_recorded(folder, importing.partition(".")[0])


def _matching(path: str, sink: "LogSink") -> "Filter | None":
    """Return a filter of the patterns in a file; None, with a line in the log, if it has none."""
    from .import_list import read_lines

    lines = read_lines(_SETTING, path, "write one a line, e.g. botocore.*", sink)
    wrong = [line for line in lines if "*" in line[:-1]]
    if wrong:
        notice(sink, "", f"{_SETTING}={path}: {', '.join(wrong)}: * may only end a pattern, e.g. botocore.*")
    exact = frozenset(line for line in lines if not line.endswith("*"))
    begins = tuple(line[:-1] for line in lines if line.endswith("*"))
    if len(lines) == len(wrong):
        return None

    def matches(importing: "str | None", name: str, names: "tuple[str, ...] | None") -> bool:
        if importing is None:
            return False
        chosen = importing in exact or importing.startswith(begins)
        return (chosen or is_marked(importing, name)) and may_be_lazy(importing, name, names)

    return matches
