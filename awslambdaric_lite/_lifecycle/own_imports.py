"""Imports of the runtime where others are lazy (PEP 810): owns the filter that keeps them eager. Imports only `sys`.

An import in the error path could fail: for want of a file descriptor, for example.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EAGER = frozenset(
    ("awslambdaric_lite", "asyncio", "concurrent", "faulthandler", "logging", "orjson", "site", "traceback")
)
"""The top-level packages whose own imports are never lazy: this one, and those that it imports."""

BREAKING = {
    "pandas": "its C code uses an attribute that a module of it sets when it is imported",
    "sqlalchemy": "it registers its events when their modules are imported",
}
"""Known packages that do not work if their own imports are lazy, with the reasons."""

_interpreter: "Any" = sys  # type checkers know the functions of Python 3.15 only for that version


def keep_own_imports_eager() -> None:
    """Set the filter, unless user code has set another one, where the interpreter was started with lazy imports."""
    if _interpreter.get_lazy_imports_filter() is None:
        _interpreter.set_lazy_imports_filter(is_of_others)
    _interpreter.set_lazy_imports("all")


def is_of_others(importing: "str | None", name: str, names: "tuple[str, ...] | None") -> bool:
    """Return whether an import may be lazy; `importing` is None for code without a `__name__`, e.g. of a template."""
    top = importing.partition(".")[0] if importing else "awslambdaric_lite"
    return top not in _EAGER and top not in BREAKING
