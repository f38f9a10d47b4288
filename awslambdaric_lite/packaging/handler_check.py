"""Whether a package has the handler that it is said to have, as far as can be told without running it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from .archive import Member
from .errors import PackagingError

_BUILT = re.compile(r"(\.[\w-]+)?\.so")  # what follows the name of an extension module
# Ways for a module to have names that its text does not have.
_DYNAMIC = re.compile(r"\bimport\s*\(?\s*\*|\bglobals\(|\bexec\(|\bsetattr\(|\bvars\(|\b__getattr__\b|\b__dict__\b")


def split_handler(handler: str) -> tuple[str, str]:
    """Its module and its function.

    Raises:
        PackagingError: it has only one of them.
    """
    module, _, function = handler.rpartition(".")
    if not module or not function:
        raise PackagingError(f"handler {handler!r} has no dot; write module.function, such as app.handler")
    return module, function


def check_handler(handler: str, members: Mapping[str, Member]) -> str | None:
    """See to it that the module of a handler such as `app.handler` or `folder/app.handler` is in a package.

    Returns:
        The name of its source, None for an extension module.

    Raises:
        PackagingError: the module is not there, or has nothing of that name.
    """
    module, function = split_handler(handler)
    path = module.replace(".", "/")
    source = next((name for name in (f"{path}/__init__.py", f"{path}.py") if name in members), None)
    if source is None:
        if any(name.startswith(path) and _BUILT.fullmatch(name[len(path) :]) for name in members):
            return None
        raise PackagingError(f"handler {handler}: the package has no {path}.py{_there_is(path, members)}")
    text = members[source].read().decode("utf-8", "replace")
    if not re.search(rf"\b{re.escape(function)}\b", text) and not _DYNAMIC.search(text):
        raise PackagingError(f"handler {handler}: {source} has no {function}{_meant(function, text)}")
    return source


def _there_is(path: str, members: Mapping[str, Member]) -> str:
    folder = path.rpartition("/")[0]
    beside = [
        name.removesuffix(".py")
        for name in members
        if name.endswith(".py") and name.rpartition("/")[0] == folder and not name.endswith("__init__.py")
    ]
    close = difflib.get_close_matches(path, beside, 1) or ([beside[0]] if len(beside) == 1 else [])
    return f"; did you mean {close[0].replace('/', '.')}?" if close else "; correct --handler, or put the file there"


def _meant(function: str, text: str) -> str:
    names = re.findall(r"^(?:async\s+)?(?:def|class)\s+(\w+)|^(\w+)\s*[:=]", text, re.MULTILINE)
    close = difflib.get_close_matches(function, [first or second for first, second in names], 1)
    return f"; did you mean {close[0]}?" if close else "; correct --handler"
