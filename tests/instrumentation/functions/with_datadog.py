"""A function as it is before datadog-lambda wraps it: no trace of the tool."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awslambdaric_lite import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Log, then answer or fail."""
    logging.warning("in the handler")
    if event.get("fail"):
        raise ValueError("failed on purpose")
    root = [type(handler).__name__ for handler in logging.getLogger().handlers]
    return {"answer": event, "tool": "datadog_lambda" in sys.modules, "root": root, "id": context.aws_request_id}
