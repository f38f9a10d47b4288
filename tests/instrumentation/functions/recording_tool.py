"""A stand-in for an error tool: replaces what such tools replace, and writes down every call before passing it on.

sentry-sdk and honeybadger take `__main__.bootstrap.handle_event_request`, sentry-sdk three methods of its
`LambdaRuntimeClient` too. Their replacements name what comes first by position, and take the rest as `*args`.
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
    """Return something that can be written down and compared between two runtimes."""
    if value is None or isinstance(value, (str, int, dict)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return value.decode()
    return f"a {'callable' if callable(value) else type(value).__name__}"


def replace() -> None:
    """Replace what the variable `REPLACED` names (without it everything), in the way of the real tools."""
    names = os.environ.get("REPLACED", " ".join((EVENT, *METHODS))).split()
    main = sys.modules["__main__"]
    bootstrap: Any = sys.modules.get("bootstrap") or main.bootstrap
    for name in names:
        owner = bootstrap if name == EVENT else bootstrap.LambdaRuntimeClient
        setattr(owner, name, styled(name, getattr(owner, name)))


def styled(name: str, original: Callable[..., object]) -> object:
    """Return a replacement of the kind that the variable `STYLE` names; tools are written in all of them."""
    style = os.environ.get("STYLE", "function")
    replacement = recorded(name, original)
    if style == "wraps":
        return functools.wraps(original)(replacement)
    if style == "partial":
        return functools.partial(replacement)
    if style == "wrapt":
        wrapt: Any = import_module("wrapt")
        # The wrapper looks like the function that it wraps in every way, its code and module included.
        return wrapt.FunctionWrapper(
            original, lambda original, client, args, kwargs: _call(name, original, client, args, kwargs)
        )
    return replacement


def _call(name: str, original: Callable[..., object], client: object, args: Any, kwargs: Any) -> object:
    if client is None:  # a plain function, not a method
        return recorded(name, original)(*args, **kwargs)
    return recorded(name, lambda _, *args, **kwargs: original(*args, **kwargs))(client, *args, **kwargs)


def recorded(name: str, original: Callable[..., object]) -> Callable[..., object]:
    """Return a function that writes down its name, arguments and the exception in hand, and calls the original."""

    def replacement(lambda_runtime_client: object, *args: object, **kwargs: object) -> object:
        call = {
            "name": name,
            "client": type(lambda_runtime_client).__name__,
            "args": [plain(value) for value in args],
            "kwargs": sorted(kwargs),
            "in_hand": sys.exc_info()[0] is not None,
        }
        with open(os.environ["CALLS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")
        return original(lambda_runtime_client, *args, **kwargs)

    return replacement
