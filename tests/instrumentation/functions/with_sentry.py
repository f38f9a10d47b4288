"""Functions that sentry-sdk watches; `SENTRY_TEST` selects a failure of init."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

    from awslambdaric_lite import LambdaContext

_WARNED = threading.Event()


def _watch(event: Event, hint: Hint) -> Event:
    if event["exception"]["values"][-1]["type"] == "ServerlessTimeoutWarning":
        _WARNED.set()
    return event


def initialize() -> None:
    """Start sentry-sdk as its documentation says, with the local collector for its reports."""
    sentry_sdk.init(
        dsn=f"http://public@{os.environ['COLLECTOR']}/1",
        integrations=[AwsLambdaIntegration(timeout_warning="TIMEOUT_WARNING" in os.environ)],
        before_send=_watch,
    )


if os.environ.get("SENTRY_TEST") != "in handler":
    initialize()
if os.environ.get("SENTRY_TEST") == "import":
    __import__("a_module_that_is_missing")
if os.environ.get("SENTRY_TEST") == "raise":
    raise ValueError("init failed on purpose")
if os.environ.get("SENTRY_TEST") == "exit":
    sys.exit("left on purpose")


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Raise if the event says so."""
    if event.get("initialize"):
        initialize()
    if event.get("fail"):
        secret = event["fail"]
        raise ValueError(f"failed on purpose: {secret}")
    return {"answer": event}


def slow(event: object, context: LambdaContext) -> object:
    """Work until sentry-sdk has warned about the deadline, then return."""
    warned = _WARNED.wait(30)
    return {"warned": warned, "time_left": context.get_remaining_time_in_millis() > 0, "now": time.time() > 0}
