"""Random sequences of environment events: no event is lost or answered twice, and no state is stuck."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from awslambdaric_lite.emulator import AsyncOptions, InvokeResult, LocalLambda

from .runtimes import SOCKET_RUNTIME
from .waiting import WAIT

LIMIT = 3  # environments
SOURCE = """
import os, time

def handler(event, context):
    kind, number = event
    if kind == "raise": raise ValueError(number)
    if kind == "exit": os._exit(number % 200)
    if kind == "hang":
        print("hangs", number, flush=True)
        time.sleep(600)
    return number
"""
ENDS = {"time_out_now": "Sandbox.Timedout", "crash": "Runtime.ExitError"}


class Hanging:
    """Invocation that only the platform can end."""

    def __init__(self, function: LocalLambda, number: int) -> None:
        self.result: InvokeResult | None = None
        self._function = function
        self._number = number
        self._thread = threading.Thread(target=self._invoke)
        self._thread.start()

    def _invoke(self) -> None:
        self.result = self._function.invoke(["hang", self._number])

    def ended(self) -> InvokeResult:
        """Wait for the end of the invocation."""
        self._thread.join(WAIT)
        assert self.result is not None, f"invocation {self._number} is stuck"
        assert self.result.report.request_id == self.result.request_id  # waits until the environment is free
        return self.result


class FunctionSequences(RuleBasedStateMachine):
    """One function, the events of its environments, and the expected results."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "app.py").write_text(SOURCE)
        self.records = self.folder / "records.jsonl"
        self.begun = threading.Semaphore(0)
        self.hanging: list[Hanging] = []
        self.queued: set[str] = set()
        self.number = 0
        self.left_to_finish = 0
        self.function = LocalLambda(
            "app.handler",
            task_root=self.folder,
            runtime=[sys.executable, "-S", str(SOCKET_RUNTIME)],
            concurrency=LIMIT,
            timeout_s=600,
            on_log=lambda line: self.begun.release() if line.startswith("hangs") else None,
            asynchronous=AsyncOptions(retry_delay_scale=0.0, on_success=self.records, on_failure=self.records),
        )
        self.function.start()

    def next_number(self) -> int:
        """Return the number of a new event."""
        self.number += 1
        return self.number

    def free(self) -> bool:
        """Return whether an invocation finds an environment, given that asynchronous events use some."""
        return len(self.hanging) < LIMIT and not self.queued

    @precondition(free)
    @rule()
    def succeeds(self) -> None:
        """Check that an ordinary invocation succeeds after any sequence and gets the response to its event."""
        number = self.next_number()
        result = self.function.invoke(["echo", number])
        assert (result.error, result.json()) == (None, number)
        assert result.report.status == "success"

    @precondition(free)
    @rule(kind=st.sampled_from(["raise", "exit"]))
    def fails(self, kind: str) -> None:
        """Check that a failure affects only its invocation."""
        number = self.next_number()
        result = self.function.invoke([kind, number])
        assert result.error == "Unhandled"
        assert result.json()["errorType"] == {"raise": "ValueError", "exit": "Runtime.ExitError"}[kind]
        assert result.report.request_id == result.request_id

    @precondition(free)
    @rule()
    def hangs(self) -> None:
        """Start an invocation that does not return."""
        self.hanging.append(Hanging(self.function, self.next_number()))
        assert self.begun.acquire(timeout=WAIT), "the invocation did not begin"

    @rule(end=st.sampled_from(sorted(ENDS)))
    def ends(self, end: str) -> None:
        """End every running invocation, and check that each reports the reason."""
        self.settle()
        getattr(self.function, end)()
        hanging, self.hanging = self.hanging, []
        for each in hanging:
            assert each.ended().error_type == ENDS[end]

    @rule()
    def frozen_for_a_while(self) -> None:
        """Freeze and thaw the environments."""
        self.function.freeze()
        self.function.thaw()

    @precondition(lambda self: not self.hanging and not self.queued)
    @rule()
    def frozen(self) -> None:
        """Freeze idle environments, which their next invocation thaws."""
        self.function.freeze()

    @rule()
    def reloaded(self) -> None:
        """Reload the code."""
        self.settle()
        self.left_to_finish = max(self.left_to_finish, len(self.hanging))
        self.function.reload()

    @precondition(lambda self: len(self.hanging) < LIMIT)
    @rule(kind=st.sampled_from(["echo", "raise", "exit"]))
    def queued_event(self, kind: str) -> None:
        """Queue an event whose outcome is recorded."""
        self.queued.add(self.function.invoke_async([kind, self.next_number()]))

    @rule()
    def settle(self) -> None:
        """Wait for queued events, and check that each is recorded once."""
        if self.queued and len(self.hanging) < LIMIT:
            self.function.wait_for_async()
            lines = self.records.read_text().splitlines()
            recorded = [json.loads(line)["requestContext"]["requestId"] for line in lines]
            assert len(recorded) == len(set(recorded))
            assert self.queued <= set(recorded)
            self.queued = set()

    @invariant()
    def within_the_limit(self) -> None:
        """Check that at most the limit of environments runs, plus those that a reload lets finish."""
        assert len(self.function.environments) <= LIMIT + self.left_to_finish

    def teardown(self) -> None:
        """End all invocations and close the function."""
        try:
            self.ends("crash")
            self.succeeds()
        finally:
            self.function.close()
            shutil.rmtree(self.folder)


TestFunctionSequences = FunctionSequences.TestCase
TestFunctionSequences.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
