"""Recognition of web applications: owns telling an application from a handler by the parameters of its call.

Imports nothing, because init loads this module for each handler that is not a function of two parameters.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

# Packages whose applications may have a call that does not show its parameters, e.g. webob's `wsgify`.
_FRAMEWORKS = ("bottle", "django", "falcon", "flask", "pyramid", "webob", "werkzeug", "wsgiref")
_VARARGS, _COROUTINE = 0x04, 0x80  # inspect.CO_*
_ASGI = ["scope", "receive", "send"]
_WRAPPERS = 20  # that are followed
_CODE = type((lambda: None).__code__)


def kind_of(handler: object) -> "str | None":
    """Return `asgi` or `wsgi` for an application, None for a handler.

    A handler takes an event and a context, so a call with `(environ, start_response)` or with three required parameters
    cannot be one. The `__call__` that runs decides: a class may derive from a framework and still be a handler.
    """
    try:
        return _kind_of(handler)
    except Exception:
        return None  # a proxy, or a class whose attributes cannot be read


def _kind_of(handler: object) -> "str | None":
    for _ in range(_WRAPPERS):
        function, bound, named, module = _call_of(handler)
        code = _code_of(function)
        while _hides_parameters(code, bound) and module.partition(".")[0] not in _FRAMEWORKS:
            function = getattr(function, "__wrapped__", None)
            if function is None:
                break
            code = _code_of(function)
        shown = code is not None and not _hides_parameters(code, bound)
        kind = _kind_of_call(code, function, bound, named) if shown else None
        if kind is None and module.partition(".")[0] in _FRAMEWORKS:
            kind = "asgi" if code is not None and code.co_flags & _COROUTINE else "wsgi"
        if shown or kind is not None:
            return kind
        wrapped = getattr(handler, "__wrapped__", None)  # e.g. of an object that decorates
        if wrapped is None:
            return None
        handler = wrapped
    return None


def _call_of(handler: object) -> "tuple[Any, int, set[str], str]":
    """Return the function that a call runs, its parameters that are bound by position and by name, and its module."""
    bound = 0
    named: set[str] = set()
    function: Any = handler
    while type(function).__module__ == "functools" and hasattr(function, "func"):  # a partial
        bound += len(function.args)
        named.update(function.keywords)
        function = function.func
    definer: type | None = None
    if isinstance(function, type) or _code_of(function) is None:
        name, kind = ("__init__", function) if isinstance(function, type) else ("__call__", type(function))
        definer = next((base for base in kind.__mro__ if name in vars(base)), object)
        called = vars(definer).get(name)
        if type(called).__name__ == "member_descriptor":  # a slot: each object has another `__call__`
            function = getattr(function, name, None)
            bound += hasattr(function, "__self__")
        elif isinstance(called, staticmethod):
            function = called.__func__
        else:
            function = called
            bound += 1
    elif hasattr(function, "__self__"):  # a method
        bound += 1
    names = getattr(function, "__globals__", None)
    module = names.get("__name__") if isinstance(names, dict) else getattr(definer, "__module__", None)
    return function, bound, named, module if isinstance(module, str) else ""


def _code_of(function: object) -> "CodeType | None":
    code = getattr(function, "__code__", None)
    return code if isinstance(code, _CODE) else None


def _hides_parameters(code: "CodeType | None", bound: int) -> bool:
    """Return whether a function takes whatever it is called with, as many decorators do."""
    return code is None or bool(code.co_argcount <= bound and code.co_flags & _VARARGS)


def _kind_of_call(code: "Any", function: "Any", bound: int, named: "set[str]") -> "str | None":
    """Return the kind that the parameters show, without those that are `bound` by position or by name."""
    names = [name for name in code.co_varnames[bound : code.co_argcount] if name not in named]
    required = len(names) - len(function.__defaults__ or ())
    if required == 3 and (names == _ASGI or (code.co_flags & _COROUTINE and names[0] != "event")):
        return "asgi"
    if required <= 2 <= len(names):
        first, second = names[:2]
        if second == "start_response" or (first in ("env", "environ") and second.startswith("start")):
            return "wsgi"
    return None
