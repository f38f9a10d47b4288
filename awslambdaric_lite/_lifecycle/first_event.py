"""The imports of the first event: owns logging which they are, and how long they take.

Loaded if imports are lazy and the log level is DEBUG or TRACE.
"""

import sys
import time

from .._report import notice
from .import_list import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._client import LambdaRuntimeClient
    from .._types import LogSink

    Handler = Callable[[object, Any], object]

_interpreter: "Any" = sys
_clock = time.perf_counter  # as it is before user code runs, which may replace it
_POSTS = ("post_reply", "wait_next_invocation")  # the first ends an event; a stream ends with the next poll


def log_first_event(handler: "Handler", client: "LambdaRuntimeClient", sink: "LogSink") -> "Handler":
    """Return a handler whose first event is followed by a line in the log, before its reply or the next poll."""

    def watched(event: object, context: "Any") -> object:
        if not begun:
            begun.append(True)
            _FirstEvent(context.aws_request_id, client, sink)
        return handler(event, context)

    begun: list[bool] = []
    return watched


class _FirstEvent:
    """The imports from now until the client posts something."""

    def __init__(self, request_id: str, client: "LambdaRuntimeClient", sink: "LogSink") -> None:
        self._request_id = request_id
        self._client = client
        self._sink = sink
        self._watch, self._spent = Watch(), _ImportTime()
        self._replaced = {name: vars(client).get(name) for name in _POSTS}  # e.g. by the timeout dump
        for name in _POSTS:
            setattr(client, name, self._ending(name))

    def _ending(self, name: str) -> "Callable[..., Any]":
        def end_first(*arguments: "Any", **named: "Any") -> "Any":
            self._end()
            return getattr(self._client, name)(*arguments, **named)

        return end_first

    def _end(self) -> None:
        self._spent.stop()
        for name, method in self._replaced.items():
            if method is None:
                delattr(self._client, name)
            else:
                setattr(self._client, name, method)
        entries = [f"{module}:{name}" if name else module for module, name in self._watch.imported()]
        text = f"the first event resolved {len(entries)} imports in {self._spent.seconds * 1000:.1f} ms"
        notice(self._sink, self._request_id, f"{text}: {', '.join(entries)}" if entries else text, 10)


class _ImportTime:
    """The seconds that imports take, each with the imports in it counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._machinery: Any = _interpreter.modules["_frozen_importlib"]
        self._original: Any = getattr(self._machinery, "_find_and_load", None)
        self._depth = 0
        if self._original is None:
            return  # another version of Python, and the log shows no time

        def find_and_load(*arguments: Any, **named: Any) -> object:
            self._depth += 1
            begin = _clock()
            try:
                return self._original(*arguments, **named)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += _clock() - begin

        # The interpreter looks it up for each import, and removes frames of this file from tracebacks.
        find_and_load.__code__ = find_and_load.__code__.replace(co_filename="<frozen importlib._bootstrap>")
        self._machinery._find_and_load = find_and_load

    def stop(self) -> None:
        if self._original is not None:
            self._machinery._find_and_load = self._original
