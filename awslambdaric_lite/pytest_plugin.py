"""Fixtures for the tests of Lambda functions: `local_lambda` and `lambda_context`.

pytest loads this module in every run, wanted or not: nothing else of the package is imported before a fixture is used.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from . import LambdaContext
    from .emulator import LocalLambda

_TASK_ROOT = "local_lambda_task_root"
_TIMEOUT_S = 3.0  # as on AWS unless told otherwise
_LOGS = pytest.StashKey[deque[str]]()  # lines of a test's functions that have not been shown


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting of the configuration file."""
    parser.addini(_TASK_ROOT, "folder of the functions of local_lambda, relative to the root directory", "string")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "local_lambda(**settings): settings for the functions that the fixture local_lambda starts"
    )


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Show the logs while pytest still captures what the test prints."""
    try:
        return (yield)
    finally:
        _show_logs(item)


@pytest.fixture
def local_lambda(request: pytest.FixtureRequest) -> Iterator[Callable[..., LocalLambda]]:
    """Start functions: `local_lambda("app.handler", task_root="src", timeout_s=10)` returns a `LocalLambda`.

    Settings are those of `LocalLambda`. What a call leaves out comes from the markers `local_lambda`, the closest
    first, and the task root then from the setting `local_lambda_task_root`. Logs go to standard error, so that pytest
    shows them with a test that fails. Every function is closed when the test is over.
    """
    from .emulator import LocalLambda

    item = request.node
    # The lines come from another thread, at times when pytest captures nothing, too: they are shown by this one.
    item.stash[_LOGS] = deque()
    at_once = request.config.getoption("capture") == "no"
    settings: dict[str, Any] = {"on_log": _show if at_once else item.stash[_LOGS].append}
    if task_root := request.config.getini(_TASK_ROOT):
        settings["task_root"] = Path(request.config.rootpath, task_root)
    for marker in reversed(list(item.iter_markers("local_lambda"))):
        settings |= marker.kwargs
    with ExitStack() as functions:

        def start(handler: str, **own: Any) -> LocalLambda:
            return functions.enter_context(LocalLambda(handler, **{**settings, **own}))

        yield start
    _show_logs(item)


@pytest.fixture
def lambda_context() -> LambdaContext:
    """A context as a handler receives it, with a fresh request id and three seconds to go.

    Name, version, memory and logs are those of the variables of Lambda (`AWS_LAMBDA_FUNCTION_NAME` and its like) where
    the test has set them, else made up. All attributes may be changed.
    """
    import os
    import time
    import uuid

    from . import LambdaContext

    region = os.environ.get("AWS_REGION", "us-east-1")
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "function")
    context = LambdaContext(
        str(uuid.uuid4()),
        epoch_deadline_time_in_ms=int((time.time() + _TIMEOUT_S) * 1000),
        invoked_function_arn=f"arn:aws:lambda:{region}:012345678912:function:{name}",
    )
    context.function_name = name
    context.function_version = context.function_version or "$LATEST"
    context.memory_limit_in_mb = context.memory_limit_in_mb or "128"
    context.log_group_name = context.log_group_name or f"/aws/lambda/{name}"
    context.log_stream_name = (
        context.log_stream_name or f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
    )
    return context


def _show_logs(item: pytest.Item) -> None:
    lines = item.stash.get(_LOGS, None)
    while lines:
        _show(lines.popleft())


def _show(line: str) -> None:
    # Within a line of log, a carriage return stands for a line break (CloudWatch shows it so).
    print(line.replace("\r", "\n"), file=sys.stderr)
