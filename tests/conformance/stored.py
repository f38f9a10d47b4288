"""The stored run of all cases, and the functions of AWS's emulator that some of them invoke."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from awslambdaric_lite.conformance.case import CallerCase, Case
from awslambdaric_lite.conformance.cases import ALL_CASES, CALLER_CASES
from awslambdaric_lite.conformance.outcomes import Outcome
from awslambdaric_lite.conformance.run import (
    Caller,
    Result,
    StartFunction,
    Subject,
    local_function,
    run_caller_case,
    run_case,
)
from tests.support.real_emulator import RealEmulator

RESULTS = Path(__file__).with_name("results.json")


class StoredCase(TypedDict):
    """A result in the file: the outcome, and the reason unless it passed."""

    outcome: str
    reason: str


class StoredRun(TypedDict):
    """The results of one client: by case, and by case under AWS's emulator."""

    version: str
    cases: dict[str, StoredCase]
    emulator: dict[str, StoredCase]


def read() -> dict[str, StoredRun]:
    """Return the stored runs by the client's name."""
    stored: dict[str, StoredRun] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return stored


def run_any(case: Case | CallerCase, subject: Subject) -> Result:
    """Run a case; one at the Invoke API through the local Lambda."""
    return run_case(case, subject) if isinstance(case, Case) else run_caller_case(case, local_function(subject))


def all_results(subject: Subject) -> dict[str, StoredCase]:
    """Run all cases."""
    return {case.id: _stored(run_any(case, subject)) for case in ALL_CASES}


def emulator_results(subject: Subject) -> dict[str, StoredCase]:
    """Run the cases at the Invoke API through AWS's emulator."""
    start = emulator_function(subject)
    return {case.id: _stored(run_caller_case(case, start)) for case in CALLER_CASES if runs_in_emulator(case)}


def runs_in_emulator(case: CallerCase) -> bool:
    """Return whether AWS's emulator can run a case: it never shuts its function down."""
    return not case.logged


def emulator_function(subject: Subject) -> StartFunction:
    """Return what starts a function under AWS's emulator."""

    @contextmanager
    def start(case: CallerCase) -> Iterator[Caller]:
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "LAMBDA_TASK_ROOT": str(subject.task_root),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(case.timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            **subject.env,
            **case.env,
        }
        words = subject.words
        # The emulator takes the last of several arguments as the handler.
        command = words if words[-1] == subject.handler else [*words, subject.handler]
        with RealEmulator(command, env, subject.task_root) as emulator:
            yield Caller(lambda event: Outcome(emulator.invoke(event).body), emulator.log)

    return start


def _stored(result: Result) -> StoredCase:
    return {"outcome": result.outcome, "reason": result.reason}
