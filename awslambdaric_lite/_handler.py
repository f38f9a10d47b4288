"""The handler: owns loading it by name, with the official client's messages and order of failures.

Also owns the package's entry in `sys.meta_path`, see `after_import()`.
"""

import sys

from ._function_errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_GENERATOR_OR_COROUTINE = 0x2A0  # inspect.CO_COROUTINE, CO_GENERATOR and CO_ASYNC_GENERATOR


def load(handler: str) -> "Callable[..., object]":
    """Import the module that a handler string names, e.g. `app.handler` or `src/app.handler`; return the handler.

    Raises:
        Fault: `Runtime.MalformedHandlerName`, `.BuiltInModuleConflict`, `.ImportModuleError`, `.UserCodeSyntaxError`
            or `.HandlerNotFound`.
        BaseException: whatever else the module raises while it is imported.
    """
    try:
        module_name, name = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {error}") from error
    if module_name.split(".")[0] in sys.builtin_module_names:
        text = f"Cannot use built-in module {module_name} as a handler module"
        raise Fault("Runtime.BuiltInModuleConflict", text)
    try:
        module = _import(module_name.replace("/", "."))
    except (ImportError, SyntaxError) as error:
        raise import_fault(error, module_name) from error
    try:
        found: "Callable[..., object]" = getattr(module, name)
    except AttributeError as error:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'") from error
    return found


def import_fault(error: "ImportError | SyntaxError", module_name: str) -> Fault:
    """Return the error of a module that cannot be imported, or that is not Python."""
    if isinstance(error, ImportError):
        return Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
    return Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace)


def _import(name: str) -> "ModuleType":
    """Import a module by its full name.

    `__import__` runs the same machinery as `importlib.import_module`, but loads no module for it and leaves no frames
    of importlib in the traceback of a failing module.
    """
    if name.startswith("."):  # import_module's text; `__import__` would look for a module with an empty name
        text = f"the 'package' argument is required to perform a relative import for {name!r}"
        raise TypeError(text)
    __import__(name)
    return sys.modules[name]


def needs_adapter(handler: object) -> bool:
    """Return whether the handler is a coroutine or generator function, or a web application."""
    if code_flags(handler) & _GENERATOR_OR_COROUTINE:
        return True
    try:
        code = getattr(handler, "__code__", None)
        if code is not None and code.co_argcount == 2 and code.co_varnames[1][:5] != "start":
            return False
        from ._handlers.recognition import kind_of

        return kind_of(handler) is not None
    except Exception:
        return False  # a proxy, or a class whose attributes cannot be read


def code_flags(handler: object) -> int:
    """Return the flags (`inspect.CO_*`) of the code behind a function, a method, a partial or a callable object.

    This is a hint for what to prepare in init: what a call returns decides whether it is awaited or streamed.
    """
    try:
        partial = getattr(sys.modules.get("functools"), "partial", ())
        while issubclass(type(handler), partial):
            handler = handler.func  # type: ignore[attr-defined]
        code = getattr(handler, "__code__", None)
        if code is None and callable(handler):
            code = getattr(type(handler).__call__, "__code__", None)
        flags = getattr(code, "co_flags", 0)
        return flags if type(flags) is int else 0
    except Exception:
        return 0  # e.g. a proxy whose object does not exist before the first invocation


def rescue_stale_bytecode(*, trust_all: bool) -> None:
    """Let `_lifecycle.stale_bytecode` check bytecode that the interpreter rejects for the date of its source.

    Replaces the function that compares dates, so that accepted bytecode costs nothing.
    """
    external = sys.modules["_frozen_importlib_external"]
    validate = getattr(external, "_validate_timestamp_pyc", None)
    if validate is None:
        return  # another version of Python compares dates elsewhere

    def validate_or_rescue(data: bytes, mtime: int, size: int, name: str, details: "dict[str, str]") -> None:
        try:
            validate(data, mtime, size, name, details)
        except ImportError:
            if name.startswith("awslambdaric_lite."):
                raise  # e.g. of `_lifecycle.stale_bytecode` itself
            from ._lifecycle.stale_bytecode import accept_stale_pyc

            if not accept_stale_pyc(data, size, name, details["path"], trust_all=trust_all):
                raise

    external._validate_timestamp_pyc = validate_or_rescue  # type: ignore[attr-defined]


_OFFICIAL = "awslambdaric"  # the package of AWS's client
_awaited: "dict[str, list[Callable[[ModuleType], None]]]" = {}  # module name: actions to run after its import


def after_import(name: str, action: "Callable[[ModuleType], None]") -> None:
    """Call `action(module)` after user code imports the module `name`, or now if it is imported already."""
    module = sys.modules.get(name)
    if module is not None:
        action(module)
        return
    _await(name).append(action)


def provide_official_names() -> None:
    """Let `_official` answer for the package of AWS's client, unless that is imported already."""
    if _OFFICIAL not in sys.modules:
        _await(_OFFICIAL)


def _await(name: str) -> "list[Callable[[ModuleType], None]]":
    if _THIS not in sys.meta_path:
        sys.meta_path.insert(0, _THIS)  # pyright: ignore[reportArgumentType]
    return _awaited.setdefault(name, [])


def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
    """Find a module that has actions, with the other finders; `sys.meta_path` calls this function."""
    if name not in _awaited:
        return None
    if name == _OFFICIAL:
        from ._official.finder import complete

        _THIS.find_spec = complete(find_spec)  # type: ignore[attr-defined]
        return _THIS.find_spec(name)  # type: ignore[no-any-return]
    for finder in sys.meta_path:
        find = None if finder is _THIS else getattr(finder, "find_spec", None)
        spec: "ModuleSpec | None" = find(name, None) if find is not None else None
        if spec is not None:
            if spec.loader is not None:
                _act_after(name, spec.loader)
            return spec
    return None


def _act_after(name: str, loader: object) -> None:
    """Wrap a loader, because finding a module does not import it (`importlib.util.find_spec`)."""
    execute = loader.exec_module  # type: ignore[attr-defined]

    def exec_module(module: "ModuleType") -> None:
        del loader.exec_module  # type: ignore[attr-defined]
        execute(module)
        if _THIS in sys.meta_path:
            actions = _awaited.pop(name, [])
            if not _awaited:
                sys.meta_path.remove(_THIS)
            for action in actions:
                action(module)

    loader.exec_module = exec_module  # type: ignore[attr-defined]


_THIS = sys.modules[__name__]  # a finder without a class, which would cost 0.2 % more instructions (guard)
