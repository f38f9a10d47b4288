"""A double of an error tool: it replaces the same hooks, and records each call before it calls the original.

sentry-sdk and honeybadger replace `__main__.bootstrap.handle_event_request`; sentry-sdk also replaces three methods of
its `LambdaRuntimeClient`. Their replacements name the first positional arguments, and have `*args` for the rest.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

EVENT = "handle_event_request"
METHODS = ("post_invocation_result", "post_invocation_error", "post_init_error")


def plain(value: object) -> object:
    """Return a JSON value that can be compared between two runtimes."""
    if value is None or isinstance(value, (str, int, dict)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return value.decode()
    return f"a {'callable' if callable(value) else type(value).__name__}"


def replace() -> None:
    """Replace the hooks that the variable `REPLACED` names (all of them if it is unset), as real tools do."""
    names = os.environ.get("REPLACED", " ".join((EVENT, *METHODS))).split()
    main = sys.modules["__main__"]
    bootstrap: Any = sys.modules.get("bootstrap") or main.bootstrap
    for name in names:
        owner = bootstrap if name == EVENT else bootstrap.LambdaRuntimeClient
        setattr(owner, name, styled(name, getattr(owner, name)))


def styled(name: str, original: Callable[..., object]) -> object:
    """Return a replacement in the style that the variable `STYLE` names; tools use all of these styles."""
    style = os.environ.get("STYLE", "function")
    replacement = recorded(name, original)
    if style == "wraps":
        return functools.wraps(original)(replacement)
    if style == "partial":
        return functools.partial(replacement)
    if style == "wrapt":
        wrapt: Any = import_module("wrapt")
        # The wrapper has the code and module of the function that it wraps.
        return wrapt.FunctionWrapper(
            original, lambda original, client, args, kwargs: _call(name, original, client, args, kwargs)
        )
    return replacement


def _call(name: str, original: Callable[..., object], client: object, args: Any, kwargs: Any) -> object:
    if client is None:  # a plain function, not a method
        return recorded(name, original)(*args, **kwargs)
    return recorded(name, lambda _, *args, **kwargs: original(*args, **kwargs))(client, *args, **kwargs)


def recorded(name: str, original: Callable[..., object]) -> Callable[..., object]:
    """Return a function that records its arguments and whether an exception is handled, then calls the original."""

    def replacement(lambda_runtime_client: object, *args: object, **kwargs: object) -> object:
        call = {
            "name": name,
            "client": type(lambda_runtime_client).__name__,
            "args": [plain(value) for value in args],
            "kwargs": sorted(kwargs),
            "handling": sys.exc_info()[0] is not None,
        }
        with open(os.environ["CALLS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")
        return original(lambda_runtime_client, *args, **kwargs)

    return replacement
