"""Hints for a handler that cannot be found. Loaded after a failed init, before the process exits."""

import difflib
import os
import sys

from .._function_errors import Fault


def hint(failed: BaseException, handler: str) -> "str | None":
    """Return one line about the probable cause of a failed import, None without a hint."""
    if not isinstance(failed, Fault):
        return None
    module_name, _, name = handler.rpartition(".")
    module_name = module_name.replace("/", ".")
    if failed.error_type == "Runtime.MalformedHandlerName":
        return "name the handler as MODULE.FUNCTION, e.g. app.handler, in _HANDLER or as argument"
    if failed.error_type == "Runtime.HandlerNotFound":
        names = vars(sys.modules[module_name])
        known = [key for key, value in names.items() if callable(value) and not key.startswith("_")]
        return _close(name, known, "the module has {}")
    cause = failed.__cause__
    if failed.error_type == "Runtime.ImportModuleError" and isinstance(cause, ModuleNotFoundError):
        if not cause.name:
            return None
        if cause.name == module_name.split(".")[0]:
            return _close(cause.name, list(_modules()), "the task root has {}")
        if not module_name.startswith(cause.name):
            return f"{cause.name!r} is neither in the function's package, nor in a layer, nor in this Python"
    return None


def _modules() -> "set[str]":
    found: set[str] = set()
    for entry in os.listdir(sys.path[0] or "."):
        stem, extension = os.path.splitext(entry)
        if extension == ".py" or os.path.isdir(os.path.join(sys.path[0], entry)):
            found.add(stem)
    return found


def _close(name: str, known: "list[str]", text: str) -> "str | None":
    for candidate in difflib.get_close_matches(name, known, n=1):
        return f"{text.format(repr(candidate))}: did you mean that?"
    return None
