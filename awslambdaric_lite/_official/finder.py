"""The finder of the names of AWS's client: owns giving the modules of `_official` a second name in `sys.modules`."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    FindSpec = Callable[..., ModuleSpec | None]

_NAME = "awslambdaric"
_PACKAGE = __name__.rpartition(".")[0]
_MODULES = (
    "bootstrap",
    "lambda_concurrency_hooks",
    "lambda_context",
    "lambda_literals",
    "lambda_runtime_client",
    "lambda_runtime_exception",
    "lambda_runtime_hooks_runner",
    "lambda_runtime_log_utils",
    "lambda_runtime_marshaller",
)


def complete(find_other: "FindSpec") -> "FindSpec":
    """Return a finder's function that finds the package and its modules, and everything that `find_other` finds."""

    def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        package, dot, module = name.partition(".")
        if package != _NAME:
            return find_other(name, path, target)
        if dot and module not in _MODULES:
            # Without `name`, because `from awslambdaric import …` would replace an error that has it.
            raise ModuleNotFoundError(f"awslambdaric-lite does not provide {name}, only {', '.join(_MODULES)}")
        spec: ModuleSpec = type(__spec__)(name, sys.modules[__name__], is_package=not dot)  # type: ignore[arg-type]
        return spec

    return find_spec


def create_module(spec: "ModuleSpec") -> "ModuleType | None":
    """Return None: the interpreter then makes a module, which `exec_module()` replaces."""
    return None


def exec_module(module: "ModuleType") -> None:
    """Import the module of `_official`, and give the official name to it or to the module that it provides."""
    name = module.__name__
    ours = _PACKAGE + name[len(_NAME) :]
    __import__(ours)
    sys.modules[name] = provided = getattr(sys.modules[ours], "provided", sys.modules[ours])
    if name == _NAME:
        provided.__name__ = _NAME  # of which `from awslambdaric import bootstrap` imports a module

    def refuse(attribute: str) -> object:
        raise AttributeError(f"awslambdaric-lite does not provide {name}.{attribute}")

    provided.__dict__.setdefault("__getattr__", refuse)
