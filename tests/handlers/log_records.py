"""A handler that logs the record that the event names."""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from collections.abc import Callable
from decimal import Decimal

root = logging.getLogger()
child = logging.getLogger("app.child")
quiet = logging.getLogger("app.quiet")
quiet.setLevel(logging.ERROR)
chatty = logging.getLogger("app.chatty")
chatty.setLevel(logging.DEBUG)


class Detail:
    def __str__(self) -> str:
        return "detail"


def failing() -> None:
    raise ValueError("inner\nof two lines")


def with_exception(log: Callable[..., None] = root.exception) -> None:
    try:
        failing()
    except ValueError:
        log("went wrong")


def chained_exception() -> None:
    try:
        try:
            failing()
        except ValueError as error:
            raise KeyError("outer") from error
    except KeyError:
        root.exception("chain")


def exc_info_without_exception() -> None:
    root.error("nothing wrong", exc_info=True)


def exc_info_given() -> None:
    error = ValueError("never raised")
    root.error("given", exc_info=error)
    root.error("tuple", exc_info=(ValueError, error, None))


def in_thread() -> None:
    thread = threading.Thread(target=lambda: root.warning("from a thread"), name="worker")
    thread.start()
    thread.join()


def in_asyncio() -> None:
    async def inner() -> None:
        root.warning("in a task")

    async def outer() -> None:
        await asyncio.create_task(inner(), name="task-name")

    asyncio.run(outer())


def bad_arguments() -> None:
    logging.raiseExceptions = False
    root.warning("%d and %d", 1)
    logging.raiseExceptions = True


def captured_warning() -> None:
    logging.captureWarnings(True)
    warnings.warn_explicit("old", DeprecationWarning, "file.py", 7)
    logging.captureWarnings(False)


def named_levels() -> None:
    logging.addLevelName(25, "NOTICE")
    logging.addLevelName(35, "ALERT")
    root.log(25, "notice")
    root.log(35, "alert")
    root.log(30, "plain again")


def record_by_hand() -> None:
    root.handle(logging.makeLogRecord({"msg": "made", "levelno": 40, "levelname": "ERROR", "own": 1}))


CALLS: dict[str, Callable[[], object]] = {
    "debug": lambda: root.debug("debug"),
    "info": lambda: root.info("info"),
    "warning": lambda: root.warning("warning"),
    "error": lambda: root.error("error"),
    "critical": lambda: root.critical("critical"),
    "level 0": lambda: root.log(0, "nothing"),
    "level 5": lambda: chatty.log(5, "five"),
    "level 35": lambda: root.log(35, "between"),
    "level 99": lambda: root.log(99, "above"),
    "level 1000": lambda: root.log(1000, "far above"),
    "arguments": lambda: root.warning("%s is %d, %(b)s" if False else "%s is %d", "a", 1),
    "mapping": lambda: root.warning("%(name)s!", {"name": "mapped"}),
    "percent": lambda: root.warning("100% sure"),
    "no text": lambda: root.warning(""),
    "None": lambda: root.warning(None),
    "number": lambda: root.warning(7),
    "lines": lambda: root.warning("one\ntwo\r\nthree\n"),
    "non-ASCII": lambda: root.warning("é € 😀 \u2028 \x85"),
    "controls": lambda: root.warning('\0 \x1b[0m \t "quoted" \\'),
    "dict": lambda: root.warning({"event": "x", "é": [1, {"a": None}], "when": Detail(), 3: 4}),
    "dict with arguments": lambda: root.warning({"event": "x"}, 1) if False else root.warning({"event": "%s"}),
    "list": lambda: root.warning(["a", 1]),
    "object": lambda: root.warning(Detail()),
    "exception as message": lambda: root.warning(ValueError("text of it")),
    "extra": lambda: root.warning(
        "more", extra={"one": 1, "none": None, "deep": {"é": [1]}, "object": Detail(), "d": Decimal("1.10")}
    ),
    "extra that collides": lambda: root.warning(
        "more", extra={"level": "mine", "timestamp": 1, "requestId": "mine", "logger": 2}
    ),
    "extra tenant": lambda: root.warning("more", extra={"tenantId": "mine"}),
    "extra nan": lambda: root.warning("more", extra={"nan": float("inf") - float("inf")}),
    "child": lambda: child.warning("child"),
    "quiet child": lambda: quiet.warning("not shown"),
    "chatty child": lambda: chatty.debug("shown to the root"),
    "exception": with_exception,
    "exception at info": lambda: with_exception(lambda text: chatty.info(text, exc_info=True)),
    "chained exception": chained_exception,
    "exc_info without exception": exc_info_without_exception,
    "exc_info given": exc_info_given,
    "stack_info": lambda: root.warning("stack", stack_info=False),
    "thread": in_thread,
    "asyncio": in_asyncio,
    "bad arguments": bad_arguments,
    "captured warning": captured_warning,
    "named levels": named_levels,
    "record by hand": record_by_hand,
    "long": lambda: root.warning("x" * 100_000),
    "surrogate": lambda: root.warning("%a", "\ud800"),
}


def handler(event: str, context: object) -> object:
    """Log the record that the event names."""
    CALLS[event]()
    root.warning("done")
    return [type(item).__name__ for item in root.handlers]
