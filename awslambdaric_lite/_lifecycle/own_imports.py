"""Imports that are never lazy (PEP 810): owns the filter that keeps them eager. Imports C builtins and opcodes.

An import in the error path could fail, e.g. because no file descriptor is left. Other imports would change what the
function does: see `may_be_lazy`.
"""

import sys

try:
    from _opcode_metadata import opmap  # type: ignore[import-not-found]
except ImportError:
    opmap = {}  # an older Python, which has no lazy imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

_EAGER = frozenset(("awslambdaric_lite", "asyncio", "orjson", "site"))
"""The top-level packages whose own imports are never lazy: this one, and those that it uses in an invocation."""

BREAKING = {
    "alembic": "its modules import each other, which works in one order only",
    "defusedxml": "it removes a module from `sys.modules` and imports it again",
    "matplotlib": "its classes register their documentation when they are imported",
    "pandas": "its C code uses an attribute that a module of it sets when it is imported",
    "pptx": "it registers its XML classes when their modules are imported",
    "requests": "others use modules of it that they do not import, e.g. requests.auth",
    "shapely": "it registers its geometries when their module is imported",
    "sqlalchemy": "it registers its events when their modules are imported",
    "sympy": "it registers its constants when their module is imported",
}
"""Known packages that do not work if their own imports are lazy, with the reasons."""

_GENERATOR_OR_COROUTINE = 0x2A0  # inspect.CO_COROUTINE, CO_GENERATOR and CO_ASYNC_GENERATOR
_STORE_NAME, _DELETE_NAME, _EXTENDED_ARG = (
    opmap.get(name, 0) for name in ("STORE_NAME", "DELETE_NAME", "EXTENDED_ARG")
)
_RAW_NAMES = frozenset(("globals", "locals", "vars"))  # these functions return a module's names without resolving them

_interpreter: "Any" = sys  # type checkers know the functions of Python 3.15 only for that version
_raw: "dict[str, bool]" = {}  # module: whether its code needs its names resolved
_stored: "dict[str, set[str]]" = {}  # module: the names that its code binds
_missing: "dict[str, bool]" = {}  # top-level module: whether no finder finds it


def keep_own_imports_eager(mode: str) -> None:
    """Set the filter, unless user code has set another one, where the interpreter was started with lazy imports."""
    if _interpreter.get_lazy_imports_filter() is None:
        _interpreter.set_lazy_imports_filter(may_be_lazy)
    _interpreter.set_lazy_imports(mode)


def may_be_lazy(importing: "str | None", name: str, names: "tuple[str, ...] | None") -> bool:
    """Return whether an import may be lazy; `importing` is None for code without a `__name__`, e.g. of a template.

    Besides the imports of the packages above, these are eager outside of the standard library, which works with all of
    its imports lazy, because the function would behave differently:

    - `from . import work` in a package, which may do it for its effects.
    - `from .work import Worker` in a package that has another object called `work`: the later import of the module
      would replace the object.
    - Imports of a package that deletes names of its modules, which only their import binds, and of a module that reads
      its names from a dict, which has placeholders for lazy imports.
    - Imports in a `with`, e.g. of `contextlib.suppress(ImportError)`.
    - A missing module if the importing module is imported in a `try` or a `with`, which may have an alternative.
    """
    if not isinstance(importing, str):
        return False
    top = importing.partition(".")[0]
    if top in _EAGER:
        return False
    if top in sys.stdlib_module_names:
        return True
    if is_marked(importing, name):
        return True
    frame = _frame_of(importing)
    if frame is None or top in BREAKING or _is_handled(frame):
        return False
    if importing not in _raw:
        _stored[importing] = _names(frame.f_code, _STORE_NAME)
        deleted = _names(frame.f_code, _DELETE_NAME) if "__path__" in frame.f_globals else set()
        _raw[importing] = not deleted <= _stored[importing] or _calls_raw(frame.f_code)
    inner = name.removeprefix(f"{importing}.")
    if name == importing or (inner != name and (names is None or inner.partition(".")[0] in _stored[importing])):
        return False
    top = name.partition(".")[0]
    return not _raw[importing] and (top in sys.modules or not _is_tried(frame) or not _is_missing(top))


def is_marked(importing: "str | None", name: str) -> bool:
    """Return whether an import is lazy for the interpreter, by `lazy import` or by `__lazy_modules__`."""
    frame = _frame_of(importing)
    if frame is None:
        return False
    return bool(frame.f_code.co_code[frame.f_lasti + 1] & 1) or name in frame.f_globals.get("__lazy_modules__", ())


def _frame_of(importing: "str | None") -> "FrameType | None":
    """Return the frame of the module whose import the filter decides on."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") != importing:
        frame = frame.f_back
    return frame


def _names(code: "CodeType", operation: int) -> "set[str]":
    """Return the names with which the code of a module does an operation."""
    operations, arguments = code.co_code[::2], code.co_code[1::2]
    found: set[str] = set()
    at = operations.find(operation)
    while at >= 0:
        high = arguments[at - 1] << 8 if at and operations[at - 1] == _EXTENDED_ARG else 0
        found.add(code.co_names[high | arguments[at]])
        at = operations.find(operation, at + 1)
    return found


def _calls_raw(code: "CodeType") -> bool:
    """Return whether code, or a function or class in it, calls a function that returns names unresolved."""
    if not _RAW_NAMES.isdisjoint(code.co_names):
        return True
    return any(type(constant) is type(code) and _calls_raw(constant) for constant in code.co_consts)


def _is_tried(frame: "FrameType") -> bool:
    """Return whether code that a frame has been called from is in a `try` or a `with`.

    The search ends at a coroutine or a generator, and at the runtime, which calls the handler in a `try`.
    """
    calling = frame.f_back
    while calling is not None:
        code = calling.f_code
        if not code.co_filename.startswith("<frozen importlib"):
            name = str(calling.f_globals.get("__name__"))
            if code.co_flags & _GENERATOR_OR_COROUTINE or name.startswith("awslambdaric_lite._"):
                return False
            if _is_handled(calling):
                return True
        calling = calling.f_back
    return False


def _is_handled(frame: "Any") -> bool:
    """Return whether the instruction of a frame is in a `try` or a `with`, by the code's table of exceptions."""
    if not frame.f_code.co_exceptiontable:
        return False
    values: list[int] = []  # of each entry: its begin, its length and two more
    value = 0
    for byte in frame.f_code.co_exceptiontable:
        value = value << 6 | byte & 63
        if not byte & 64:  # the last byte of the value
            values.append(value)
            value = 0
    position = frame.f_lasti // 2
    return any(begin <= position < begin + length for begin, length in zip(values[::4], values[1::4], strict=True))


def _is_missing(top: str) -> bool:
    """Return whether no finder finds a top-level module."""
    missing = _missing.get(top)
    if missing is None:
        find: Any = getattr(sys.modules["_frozen_importlib"], "_find_spec", None)
        if find is None:
            from importlib.machinery import PathFinder  # it finds the modules that users can lack

            find = PathFinder.find_spec
        missing = _missing[top] = find(top, None) is None
    return missing
