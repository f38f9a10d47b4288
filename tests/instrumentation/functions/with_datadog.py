"""A function without a trace of datadog-lambda, which wraps it."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awslambdaric_lite import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Log, then return a result or raise."""
    logging.warning("in the handler")
    if event.get("fail"):
        raise ValueError("failed on purpose")
    root = [type(handler).__name__ for handler in logging.getLogger().handlers]
    return {"answer": event, "tool": "datadog_lambda" in sys.modules, "root": root, "id": context.aws_request_id}
