"""A fast, pure Python runtime client for AWS Lambda.

Modules are imported when one of their names is first used, so importing the package costs nothing at a cold start.
"""

import sys

__version__ = "0.1.0"
__all__ = ["LambdaContext", "StreamingResponse", "__version__", "on_shutdown"]

_PUBLIC = {
    "LambdaContext": "_context",
    "StreamingResponse": "_handlers.responses",
    "on_shutdown": "_lifecycle.shutdown",
}  # public name -> module that defines it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._context import LambdaContext as LambdaContext
    from ._handlers.responses import StreamingResponse as StreamingResponse
    from ._lifecycle.shutdown import on_shutdown as on_shutdown


def _keep_own_imports_eager() -> None:
    mode = sys.get_lazy_imports()  # type: ignore[attr-defined]
    sys.set_lazy_imports("normal")  # type: ignore[attr-defined]
    from ._lifecycle.own_imports import keep_own_imports_eager

    keep_own_imports_eager(mode)


if getattr(sys.flags, "lazy_imports", -1) == 1:  # `PYTHON_LAZY_IMPORTS=all`, on Python 3.15 and later
    _keep_own_imports_eager()


def __getattr__(name: str) -> object:
    """Import a public name when it is first used.

    Raises:
        AttributeError: the package has no such name.
    """
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(__import__(f"{__name__}.{module}", fromlist=[name]), name)


def __dir__() -> "list[str]":
    return sorted([*globals(), *_PUBLIC])
