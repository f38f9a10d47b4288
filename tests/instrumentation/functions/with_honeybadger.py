"""A function that honeybadger watches."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awslambdaric_lite import LambdaContext

honeybadger: Any = import_module("honeybadger").honeybadger  # untyped
honeybadger.configure(api_key="none", endpoint=f"http://{os.environ['COLLECTOR']}", environment="production")


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Raise if the event says so."""
    if event.get("fail"):
        raise ValueError("failed on purpose")
    return {"answer": event}
