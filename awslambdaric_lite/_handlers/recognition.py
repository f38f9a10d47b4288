"""Recognition of web applications: owns telling an application from a handler by the parameters of its call.

Imports nothing, because init loads this module for each handler that is not a function of two parameters.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

# Frameworks whose applications may have a `__call__` that does not show its parameters, e.g. webob's `wsgify`.
_WSGI_FRAMEWORKS = ("bottle", "django", "falcon", "flask", "pyramid", "webob", "werkzeug")
_VARARGS, _COROUTINE = 0x04, 0x80  # inspect.CO_*
_ASGI = ["scope", "receive", "send"]
_WRAPPERS = 20  # that are followed


def kind_of(handler: object) -> "str | None":
    """Return `asgi` or `wsgi` for an application, None for a handler.

    A handler takes an event and a context, so a call with `(environ, start_response)` or with three required parameters
    cannot be one. The `__call__` that runs decides: a class may derive from a framework and still be a handler.
    """
    for _ in range(_WRAPPERS):
        bound = 0
        named: set[str] = set()
        definer: type = object
        function: Any = handler
        while type(function).__module__ == "functools" and hasattr(function, "func"):  # a partial
            bound += len(function.args)
            named.update(function.keywords)
            function = function.func
        if not hasattr(function, "__code__") or isinstance(function, type):
            name, kind = ("__init__", function) if isinstance(function, type) else ("__call__", type(function))
            definer = next((base for base in kind.__mro__ if name in vars(base)), object)
            function = vars(definer).get(name)
            if isinstance(function, staticmethod):
                function = function.__func__
            else:
                bound += 1
        elif hasattr(function, "__self__"):  # a method
            bound += 1
        code = getattr(function, "__code__", None)
        if not code or (code.co_argcount <= bound and code.co_flags & _VARARGS):  # a decorator, perhaps
            wrapped = getattr(handler, "__wrapped__", None) or getattr(function, "__wrapped__", None)
            if wrapped is not None:
                handler = wrapped
                continue
        return _kind_of_call(code, function, bound, named) or _kind_in_framework(code, definer)
    return None


def _kind_of_call(code: "CodeType | None", function: "Any", bound: int, named: "set[str]") -> "str | None":
    """Return the kind that the parameters show, without those that are `bound` by position or by name."""
    if code is None:
        return None
    names = [name for name in code.co_varnames[bound : code.co_argcount] if name not in named]
    required = len(names) - len(function.__defaults__ or ())
    if required == 3 and (names == _ASGI or (code.co_flags & _COROUTINE and names[0] != "event")):
        return "asgi"
    if required <= 2 <= len(names):
        first, second = names[:2]
        if second == "start_response" or (first in ("env", "environ") and second.startswith("start")):
            return "wsgi"
    return None


def _kind_in_framework(code: "CodeType | None", definer: type) -> "str | None":
    """Return the kind of an application whose `__call__` is a framework's and does not show its parameters."""
    if definer.__module__.partition(".")[0] not in _WSGI_FRAMEWORKS:
        return None
    return "asgi" if code is not None and code.co_flags & _COROUTINE else "wsgi"
