"""Every case with this project's client, with AWS's for Python, and with a client that does nothing right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from awslambdaric_lite.bench import bare_client
from awslambdaric_lite.conformance.case import CallerCase, Case
from awslambdaric_lite.conformance.cases import ALL_CASES, LINES
from awslambdaric_lite.conformance.run import Subject, run_case
from benchmarks.build_cache import Unavailable
from tests.conformance.clients import OFFICIAL, OURS, Client
from tests.conformance.stored import read, run_any

every_case = pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.id)


def subject(client: Client) -> Subject:
    """Return a client as the subject of cases; skip the test without it."""
    try:
        return client.subject()
    except Unavailable as reason:
        pytest.skip(str(reason))


@every_case
def test_our_client_conforms(case: Case | CallerCase) -> None:
    """This project's client passes the case."""
    result = run_any(case, subject(OURS))
    assert (result.outcome, result.reason) == ("passed", "")


@every_case
def test_official_client_has_its_stored_result(case: Case | CallerCase) -> None:
    """AWS's client for Python has the result that the documentation shows."""
    stored = read()[OFFICIAL.name]
    if OFFICIAL.version != stored["version"]:
        pytest.skip(f"awslambdaric {OFFICIAL.version or 'is not installed'}; results are of {stored['version']}")
    assert run_any(case, subject(OFFICIAL)).outcome == stored["cases"][case.id]["outcome"]


@every_case
def test_wrong_client_fails(case: Case | CallerCase) -> None:
    """A client that answers every event with null, over one connection, passes nothing."""
    script = str(Path(bare_client.__file__))
    wrong = Subject([sys.executable, "-I", "-S", script], "conformance.handler", Path(script).parent, {}, 1.0)
    assert run_any(case, wrong).outcome != "passed"


def test_cases_are_named_after_their_lines() -> None:
    """Each case has a unique id that begins with its line, and each line of the checklist has a case."""
    assert len({case.id for case in ALL_CASES}) == len(ALL_CASES)
    assert all(case.id.startswith(f"{case.line}.") for case in ALL_CASES)
    assert {case.line for case in ALL_CASES} == set(LINES)


_POLLS = """
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
print("the report of an error", flush=True)
while True:
    try:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        response = api.getresponse()
    except OSError as error:
        print("connection lost", error, flush=True)
        raise
    response.read()
    path = "/2018-06-01/runtime/invocation/" + response.getheader("Lambda-Runtime-Aws-Request-Id") + "/error"
    api.request("POST", path, b"{}")
    api.getresponse().read()
"""


def test_stopped_client_does_not_report_the_end_of_the_api(tmp_path: Path) -> None:
    """A client whose pending poll is not answered is killed before the API closes its connection."""
    script = tmp_path / "polls.py"
    script.write_text(_POLLS)
    case = next(case for case in ALL_CASES if isinstance(case, Case) and case.id == "logs.report")
    result = run_case(case, Subject([sys.executable, "-I", "-S", str(script)], "any.handler", tmp_path, {}, 20.0))
    assert (result.outcome, result.reason) == ("passed", "")
