"""The conformance cases of callers, with AWS's own runtime interface emulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from awslambdaric_lite.conformance.case import CallerCase
from awslambdaric_lite.conformance.cases import CALLER_CASES
from awslambdaric_lite.conformance.run import Subject, run_caller_case
from benchmarks.build_cache import Unavailable
from tests.conformance.clients import OFFICIAL, OURS
from tests.conformance.stored import emulator_function, read, runs_in_emulator
from tests.support import real_emulator
from tests.support.client_process import BOOTSTRAPPED, package_root

cases = pytest.mark.parametrize(
    "case", [case for case in CALLER_CASES if runs_in_emulator(case)], ids=lambda case: case.id
)


@pytest.fixture(scope="module", autouse=True)
def _emulator() -> None:
    try:
        real_emulator.binary()
    except real_emulator.Unavailable as reason:
        pytest.skip(str(reason))


def bootstrapped() -> Subject:
    """Return this project's client as `bootstrap` starts it."""
    ours = OURS.subject()
    env = {**ours.env, "PYTHONPATH": package_root(), "AWSLAMBDARIC_LITE_PYTHON": ours.command[0]}
    return replace(ours, command=BOOTSTRAPPED, env=env)


@cases
@pytest.mark.parametrize("client", [OURS.subject, bootstrapped], ids=["module", "bootstrap"])
def test_our_client_conforms(case: CallerCase, client: Callable[[], Subject]) -> None:
    """This project's client passes the case, started as a module or by `bootstrap`."""
    result = run_caller_case(case, emulator_function(client()))
    assert (result.outcome, result.reason) == ("passed", "")


@cases
def test_official_client_has_its_stored_result(case: CallerCase) -> None:
    """AWS's client for Python has the result that the documentation shows."""
    try:
        subject = OFFICIAL.subject()
    except Unavailable as reason:
        pytest.skip(str(reason))
    stored = read()[OFFICIAL.name]
    if OFFICIAL.version != stored["version"]:
        pytest.skip(f"awslambdaric {OFFICIAL.version}; results are of {stored['version']}")
    assert run_caller_case(case, emulator_function(subject)).outcome == stored["emulator"][case.id]["outcome"]
