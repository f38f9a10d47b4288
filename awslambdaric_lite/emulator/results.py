"""Invocations and their outcomes."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

from .streams import ResponseStream

Status = Literal["success", "error", "timeout"]


@dataclass(frozen=True)
class FunctionOutcome:
    """What the caller receives: a response, or a function error."""

    payload: bytes
    content_type: str = "application/json"
    error_type: str | None = None  # the platform's name for the failure; None for a response
    trailers: tuple[tuple[str, str], ...] = ()
    streaming: bool = False  # whether the runtime asked for streaming
    xray_cause: str | None = None  # of an error: the runtime's cause for X-Ray, as JSON

    @property
    def error(self) -> str | None:
        """The value of the header `X-Amz-Function-Error`."""
        return None if self.error_type is None else "Unhandled"


@dataclass(frozen=True)
class Report:
    """The figures of the REPORT line."""

    request_id: str
    duration_ms: float
    memory_size_mb: int
    max_memory_used_mb: int
    init_duration_ms: float | None = None
    restore_duration_ms: float | None = None
    status: Status = "success"
    error_type: str | None = None

    @property
    def billed_duration_ms(self) -> int:
        """Whole milliseconds; the init of an on-demand environment is billed, too."""
        return math.ceil(self.duration_ms + (self.init_duration_ms or 0.0))

    def line(self) -> str:
        """Return the line of the log, with its tabs."""
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_duration_ms} ms",
            f"Memory Size: {self.memory_size_mb} MB",
            f"Max Memory Used: {self.max_memory_used_mb} MB",
        ]
        if self.init_duration_ms is not None:
            parts.append(f"Init Duration: {self.init_duration_ms:.2f} ms")
        if self.restore_duration_ms is not None:
            parts.append(f"Restore Duration: {self.restore_duration_ms:.2f} ms")
            parts.append(f"Billed Restore Duration: {math.ceil(self.restore_duration_ms)} ms")
        if self.status == "timeout":
            parts.append("Status: timeout")
        elif self.status == "error":
            parts.append(f"Status: error\tError Type: {self.error_type}")
        return "\t".join([*parts, ""])


@dataclass(frozen=True)
class Completion:
    """Report and logs of an invocation, known when its environment is free again."""

    report: Report
    logs: str


@dataclass(eq=False)
class Invocation:
    """One attempt: the event for the runtime, and the futures of the outcome."""

    event: bytes
    content_type: str = "application/json"
    client_context: str = ""
    cognito_identity: str = ""
    tenant_id: str = ""
    trace_id: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempt_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    version: str = "$LATEST"  # the version of the alias or qualifier
    arn: str = ""  # as the caller invoked it, with the qualifier
    stream: ResponseStream | None = None  # for a caller of a streamed response
    deadline_ms: int = 0
    cold: bool = False
    answered: Future[FunctionOutcome] = field(default_factory=Future)
    completed: Future[Completion] = field(default_factory=Future)

    def answer(self, answer: FunctionOutcome) -> None:
        """Give the caller its outcome; a second one is ignored.

        A streamed response ends with this: its payload was in the stream.
        """
        if not self.answered.done():
            self.answered.set_result(answer)
        if self.stream is not None:
            self.stream.end()

    def abandon(self, reason: BaseException) -> None:
        """Fail the invocation; every waiting caller receives `reason`."""
        for future in (self.answered, self.completed):
            if not future.done():
                future.set_exception(reason)
        if self.stream is not None:
            self.stream.end()


class InvokeResult:
    """The result of `LocalLambda.invoke`.

    The payload is known when the runtime has replied. `logs` and `report` wait until the invocation is complete: the
    runtime polls again, exits, or times out.
    """

    __slots__ = ("_completed", "cold", "content_type", "error", "error_type", "payload", "request_id")

    def __init__(self, invocation: Invocation, answer: FunctionOutcome) -> None:
        self._completed = invocation.completed
        self.payload = answer.payload
        self.content_type = answer.content_type
        self.error = answer.error
        self.error_type = answer.error_type
        self.request_id = invocation.request_id
        self.cold = invocation.cold

    def json(self) -> Any:
        """Parse the payload.

        Raises:
            ValueError: the payload is not JSON.
        """
        return json.loads(self.payload)

    @property
    def logs(self) -> str:
        """The log in order: platform lines and the output of the process."""
        return self._completed.result().logs

    @property
    def report(self) -> Report:
        """The figures of the REPORT line."""
        return self._completed.result().report

    def __repr__(self) -> str:
        return f"<InvokeResult {self.request_id} error={self.error_type} payload={self.payload[:80]!r}>"


SubmitTo = Callable[[str, str | None, Invocation], None]
"""Runs an invocation of a function, by its name and a qualifier; the invocation's futures receive the outcome.

Unknown names and qualifiers, throttles and functions that cannot run here are exceptions of the future `answered`.
"""
