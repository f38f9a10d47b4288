"""Does a package have its handler, as far as its text shows?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from .archive import Member
from .errors import PackagingError

_BUILT = re.compile(r"(\.[\w-]+)?\.so")  # the suffix of an extension module
# Code that gives a module names which its text does not have.
_DYNAMIC = re.compile(r"\bimport\s*\(?\s*\*|\bglobals\(|\bexec\(|\bsetattr\(|\bvars\(|\b__getattr__\b|\b__dict__\b")


def split_handler(handler: str) -> tuple[str, str]:
    """Return the module and the function of a handler.

    Raises:
        PackagingError: one of them is missing.
    """
    module, _, function = handler.rpartition(".")
    if not module or not function:
        raise PackagingError(f"handler {handler!r} must be MODULE.FUNCTION, e.g. app.handler")
    return module, function


def check_handler(handler: str, members: Mapping[str, Member]) -> str | None:
    """Check that a package has the module of a handler, e.g. of `app.handler` or `folder/app.handler`.

    Returns:
        The name of its source, None for an extension module.

    Raises:
        PackagingError: the package lacks the module, or the module lacks the function.
    """
    module, function = split_handler(handler)
    path = module.replace(".", "/")
    source = next((name for name in (f"{path}/__init__.py", f"{path}.py") if name in members), None)
    if source is None:
        if any(name.startswith(path) and _BUILT.fullmatch(name[len(path) :]) for name in members):
            return None
        found = other_place(module, members)
        raise PackagingError(
            f"handler {handler}: the package has no {path}.py; {found or 'correct --handler, or put the file there'}"
        )
    text = members[source].read().decode("utf-8", "replace")
    if not re.search(rf"\b{re.escape(function)}\b", text) and not _DYNAMIC.search(text):
        raise PackagingError(f"handler {handler}: {source} has no {function}{_meant(function, text)}")
    return source


def other_place(module: str, names: Iterable[str], *, guess: bool = True) -> str | None:
    """Return the module of a package that may be meant by one that it lacks; None if it has no such module.

    It is the same in another folder or with other case; with `guess` also one with a similar name.
    """
    path = module.replace(".", "/")
    sources = [name.removesuffix("/__init__.py").removesuffix(".py") for name in names if name.endswith(".py")]
    below = sorted((name for name in sources if name.endswith(f"/{path}")), key=len)
    if below:
        folder = below[0][: -len(path) - 1]
        return f"it is in {folder}/: zip the content of that folder, not the folder, or write {_dotted(below[0])}"
    same = [name for name in sources if name.lower() == path.lower()]
    beside = [name for name in sources if name.rpartition("/")[0] == path.rpartition("/")[0]]
    if not guess:
        beside = []
    close = same or difflib.get_close_matches(path, beside, 1) or (beside if len(beside) == 1 else [])
    return f"did you mean {_dotted(close[0])}?" if close else None


def _dotted(path: str) -> str:
    return path.replace("/", ".")


def _meant(function: str, text: str) -> str:
    names = re.findall(r"^(?:async\s+)?(?:def|class)\s+(\w+)|^(\w+)\s*[:=]", text, re.MULTILINE)
    close = difflib.get_close_matches(function, [first or second for first, second in names], 1)
    return f"; did you mean {close[0]}?" if close else "; correct --handler"
