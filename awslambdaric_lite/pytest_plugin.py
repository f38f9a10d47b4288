"""Fixtures for the tests of Lambda functions: `local_lambda`, `local_project` and `lambda_context`.

pytest loads this module in every run, so it imports the rest of the package only when a test uses a fixture.
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
    from .emulator import LocalLambda, LocalProject
    from .emulator.config.project import Project

_TASK_ROOT = "local_lambda_task_root"
_TIMEOUT_S = 3.0  # the default on AWS
_LOGS = pytest.StashKey[deque[str]]()  # lines of a test's functions that are not shown yet


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
    """Show the logs while pytest still captures output."""
    try:
        return (yield)
    finally:
        _show_logs(item)


@pytest.fixture
def local_lambda(request: pytest.FixtureRequest) -> Iterator[Callable[..., LocalLambda]]:
    """Start functions: `local_lambda("app.handler", task_root="src", timeout_s=10)` returns a `LocalLambda`.

    Settings are those of `LocalLambda`. The markers `local_lambda` supply settings that a call omits, the closest
    marker first; then the option `local_lambda_task_root` supplies the task root. Logs go to standard error, so pytest
    shows them with a failed test. Every function is closed after the test.
    """
    from .emulator import LocalLambda

    item = request.node
    settings: dict[str, Any] = {"on_log": _log_of(request)}
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
def local_project(request: pytest.FixtureRequest) -> Iterator[Callable[..., LocalProject]]:
    """Start projects: `local_project(project)` returns a `LocalProject`, whose settings are the other arguments.

    Logs go to standard error, with the function's name before each line. Every project is closed after the test.
    """
    from .emulator import LocalProject

    log = _log_of(request)
    with ExitStack() as projects:

        def start(project: Project, **settings: Any) -> LocalProject:
            settings = {"on_log": lambda name, line: log(f"{name}: {line}"), **settings}
            return projects.enter_context(LocalProject(project, **settings))

        yield start
    _show_logs(request.node)


@pytest.fixture
def lambda_context() -> LambdaContext:
    """Return a context as a handler receives it, with a new request id and a deadline in three seconds.

    Name, version, memory and logs come from Lambda's variables (e.g. `AWS_LAMBDA_FUNCTION_NAME`) if the test has set
    them, and are examples otherwise. A test may change all attributes.
    """
    import os
    import time
    import uuid

    from . import LambdaContext
    from .common.regions import ACCOUNT, make_arn, users_region

    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "function")
    context = LambdaContext(
        str(uuid.uuid4()),
        epoch_deadline_time_in_ms=int((time.time() + _TIMEOUT_S) * 1000),
        invoked_function_arn=make_arn("lambda", users_region(), ACCOUNT, f"function:{name}"),
    )
    context.function_name = name
    context.function_version = context.function_version or "$LATEST"
    context.memory_limit_in_mb = context.memory_limit_in_mb or "128"
    context.log_group_name = context.log_group_name or f"/aws/lambda/{name}"
    context.log_stream_name = (
        context.log_stream_name or f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
    )
    return context


def _log_of(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what receives the lines of a test's functions."""
    if request.config.getoption("capture") == "no":
        return _show
    # Lines arrive in another thread, also while pytest does not capture output, so the test's thread prints them.
    lines: deque[str] = request.node.stash.setdefault(_LOGS, deque())
    return lines.append


def _show_logs(item: pytest.Item) -> None:
    lines = item.stash.get(_LOGS, None)
    while lines:
        _show(lines.popleft())


def _show(line: str) -> None:
    # CloudWatch shows a carriage return within a log line as a line break.
    print(line.replace("\r", "\n"), file=sys.stderr)
