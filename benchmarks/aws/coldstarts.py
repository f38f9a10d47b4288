"""Cold starts of a deployed function: each change of its configuration makes the next invocation a cold one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial

from .account import Account
from .reports import NoReport, Report, parse_tail
from .variants import Deployment

SAMPLE_VARIABLE = "BENCHMARK_SAMPLE"
"""The variable whose change makes Lambda replace the environments of a function."""

EXPECTED = {"message": "hello"}
_TRIES = 3


class Wrong(Exception):
    """A function that fails or responds wrongly; the message says how. Its measurement stops."""


@dataclass
class ColdStarts:
    """The reports of a function's cold starts, and of the warm invocations after them."""

    deployment: Deployment
    reports: list[Report] = field(default_factory=list)
    warm: list[Report] = field(default_factory=list)


def cold_start(account: Account, deployment: Deployment, sample: str) -> Report:
    """Make the next invocation a cold start; return its report.

    Raises:
        Wrong: the function fails, responds wrongly, or has no cold start after several changes.
    """
    for attempt in range(_TRIES):
        variables = {**deployment.variant.environment, SAMPLE_VARIABLE: f"{sample}-{attempt}"}
        change = partial(
            account.lambda_.update_function_configuration,
            FunctionName=deployment.name,
            Environment={"Variables": variables},
        )
        account.make_when_possible(change)
        account.lambda_.get_waiter("function_updated_v2").wait(FunctionName=deployment.name)
        report = invoke(account, deployment)
        if report.init is not None:
            return report
    raise Wrong(f"{_TRIES} changes of its configuration led to no cold start")


def invoke(account: Account, deployment: Deployment) -> Report:
    """Invoke the function and return the report.

    Raises:
        Wrong: the function fails, responds wrongly, or leaves no report.
    """
    answer = account.lambda_.invoke(FunctionName=deployment.name, LogType="Tail", Payload=b"{}")
    payload = answer["Payload"].read()
    try:
        value = json.loads(payload)
    except ValueError:
        value = None
    if answer.get("FunctionError") or value != EXPECTED:
        raise Wrong(f"responded {payload[:300].decode('utf-8', 'replace')} instead of {json.dumps(EXPECTED)}")
    try:
        return parse_tail(answer.get("LogResult", ""))
    except NoReport as error:
        raise Wrong(str(error)) from error
