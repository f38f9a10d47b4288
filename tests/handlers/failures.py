"""A handler that raises the exception that the event names."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable


class CustomError(Exception):
    """An exception with a number as its argument."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")


class NoText(Exception):
    def __str__(self) -> str:
        return ""


class Größenfehler(Exception):  # a class name that is not ASCII
    pass


class Outer:
    class Inner(Exception):
        pass


class SubText(str):
    pass


def plain() -> None:
    """Raise an ordinary exception."""
    raise ValueError("broken")


def with_message(message: object) -> Callable[[], None]:
    """Return a function that raises with that message."""

    def raising() -> None:
        raise RuntimeError(message)

    return raising


def chained() -> None:
    try:
        plain()
    except ValueError as error:
        raise KeyError("outer") from error


def in_context() -> None:
    try:
        plain()
    finally:
        raise LookupError("while another was handled")


def recursive(depth: int = 0) -> None:
    recursive(depth + 1)


def mutual(depth: int = 0) -> None:
    if depth == 440:
        raise OverflowError("enough")
    other(depth)


def other(depth: int) -> None:
    mutual(depth + 1)


def shallow(depth: int = 7) -> None:
    if depth:
        shallow(depth - 1)
    else:
        raise ValueError("the bottom")


def from_c() -> None:
    int("x")


def from_c_callback() -> None:
    sorted([1, 2], key=lambda item: 1 // (item - 1))


def from_json() -> None:
    json.loads("{")


def from_exec() -> None:
    exec("def f():\n    raise ValueError('in exec')\nf()")


def from_exec_with_name() -> None:
    exec(compile("\n\nraise ValueError('in exec')", "generated.py", "exec"))


def from_eval() -> None:
    eval("1 / 0")


def from_lambda() -> None:
    (lambda: [][0])()


def from_comprehension() -> None:
    [1 // item for item in (1, 0)]


def from_generator() -> None:
    list(1 // item for item in (1, 0))  # noqa: C400


def from_class_body() -> None:
    class Broken:
        value = 1 // 0


def from_property() -> None:
    class Owner:
        @property
        def value(self) -> int:
            raise AttributeError("inside a property")

    Owner().value  # noqa: B018


def from_method() -> None:
    class Owner:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            raise OSError(2, "No such file", "path")

    with Owner():
        pass


def from_partial() -> None:
    functools.partial(with_message("partial"))()


def from_import() -> None:
    import no_such_module_anywhere  # type: ignore[import-not-found]  # noqa: F401


def from_syntax() -> None:
    compile("a b", "typed.py", "exec")


def from_assert() -> None:
    assert json is None, "not so"


def from_unicode() -> None:
    b"\xff".decode()


def from_stop() -> None:
    next(iter(()))


def again() -> None:
    """Raise one exception object a second time."""
    try:
        plain()
    except ValueError as error:
        raise error


def without_traceback() -> None:
    raise ValueError("cut").with_traceback(None)


def with_notes() -> None:
    error = ValueError("noted")
    error.__notes__ = ["a note"]  # type: ignore[attr-defined, unused-ignore]
    raise error


def custom() -> None:
    raise CustomError(7)


def wide() -> None:
    raise Größenfehler("größer als €")


def nested_class() -> None:
    raise Outer.Inner("inner")


def anonymous() -> None:
    raise type("Made<up>", (Exception,), {})("made")


def renamed() -> None:
    error = type("Before", (Exception,), {})
    error.__name__ = "After"
    error.__qualname__ = "Not.This"
    raise error("renamed")


FAILURES: dict[str, Callable[[], None]] = {
    "plain": plain,
    "no message": with_message(""),
    "no arguments": lambda: (_ for _ in ()).throw(RuntimeError),
    "several arguments": lambda: (_ for _ in ()).throw(RuntimeError("a", 2)),
    "lines": with_message("one\ntwo\r\nthree\n\n  four"),
    "blanks": with_message("  leading and trailing  "),
    "non-ASCII": with_message("é € 😀 \u2028 \x85"),
    "controls": with_message("\0 \x1b[31m \x7f"),
    "str subclass": with_message(SubText("sub")),
    "long message": with_message("m" * 3000),
    "not text": with_message({"a": 1}),
    "KeyError": lambda: dict[str, None]()["missing"],
    "empty text": lambda: (_ for _ in ()).throw(NoText("not shown")),
    "chained": chained,
    "in context": in_context,
    "recursive": recursive,
    "mutual": mutual,
    "shallow": shallow,
    "from C": from_c,
    "from a callback of C": from_c_callback,
    "from the standard library": from_json,
    "from exec": from_exec,
    "from exec with a name": from_exec_with_name,
    "from eval": from_eval,
    "from lambda": from_lambda,
    "from comprehension": from_comprehension,
    "from generator": from_generator,
    "from class body": from_class_body,
    "from property": from_property,
    "from __exit__": from_method,
    "from partial": from_partial,
    "ImportError": from_import,
    "SyntaxError": from_syntax,
    "AssertionError": from_assert,
    "UnicodeDecodeError": from_unicode,
    "StopIteration": from_stop,
    "again": again,
    "without traceback": without_traceback,
    "with notes": with_notes,
    "custom": custom,
    "wide": wide,
    "nested class": nested_class,
    "anonymous": anonymous,
    "renamed": renamed,
    "OSError": lambda: open("/no/such/file").close(),
    "TypeError of the call": lambda: plain(1),  # type: ignore[call-arg]
}


def handler(event: str, context: object) -> object:
    """Raise the exception that the event names."""
    FAILURES[event]()
    return None
