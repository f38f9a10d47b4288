"""The state machine of a runtime, as the classic Runtime API keeps it. No I/O.

Owns which call is allowed in which state and which request id is current. `RuntimeApi` asks it and renders the answer.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The states, by the names that a refusal (403) quotes."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    RUNNING = "Running"
    RESTORE_READY = "RestoreReady"
    RESTORING = "Restoring"
    RESPONSE = "InvocationResponse"
    ERROR_RESPONSE = "InvocationErrorResponse"
    RESPONSE_SENT = "RuntimeResponseSentState"
    RESTORE_ERROR = "RuntimeRestoreErrorState"


class Call(Enum):
    """What can happen to a runtime; the value is the state that a refusal names as the target."""

    NEXT = State.READY, 1
    RESPONSE = State.RESPONSE, 2
    ERROR = State.ERROR_RESPONSE, 3
    INIT_ERROR = State.INIT_ERROR, 4
    RESTORE_NEXT = State.READY, 5
    RESTORE_ERROR = State.RESTORE_ERROR, 6
    # the platform's own moves
    INVOKE = State.RUNNING, 7
    REPLY_TAKEN = State.RESPONSE_SENT, 8
    RESTORE = State.RESTORING, 9


TRANSITIONS: dict[tuple[State, Call], State] = {
    (State.STARTED, Call.NEXT): State.READY,
    (State.STARTED, Call.INIT_ERROR): State.INIT_ERROR,
    (State.STARTED, Call.RESTORE_NEXT): State.RESTORE_READY,
    (State.RESTORE_READY, Call.RESTORE): State.RESTORING,
    (State.RESTORING, Call.NEXT): State.READY,
    (State.RESTORING, Call.RESTORE_ERROR): State.RESTORE_ERROR,
    (State.RESTORING, Call.INIT_ERROR): State.RESTORE_ERROR,
    (State.READY, Call.NEXT): State.READY,  # a second poll waits beside the first
    (State.READY, Call.INVOKE): State.RUNNING,
    (State.RUNNING, Call.NEXT): State.RUNNING,  # the same event again
    (State.RUNNING, Call.RESPONSE): State.RESPONSE,
    (State.RUNNING, Call.ERROR): State.ERROR_RESPONSE,
    (State.RESPONSE, Call.REPLY_TAKEN): State.RESPONSE_SENT,
    (State.ERROR_RESPONSE, Call.REPLY_TAKEN): State.RESPONSE_SENT,
    (State.RESPONSE_SENT, Call.NEXT): State.READY,
}


class TransitionRefused(Exception):
    """The call is not allowed now. Its text is that of the Runtime API."""

    def __init__(self, state: State, call: Call) -> None:
        super().__init__(
            f"State transition from {state.value} to {call.value[0].value} failed for runtime. "
            "Error: State transition is not allowed"
        )
        self.state = state
        self.call = call


class UnknownRequestId(Exception):
    """The reply names an invocation that is not the current one."""


class StaleAttempt(Exception):
    """The reply belongs to an earlier attempt of the current request id."""


class RuntimeStateMachine:
    """One runtime process, from its start to its end."""

    __slots__ = ("attempt_id", "request_id", "state")

    def __init__(self) -> None:
        self.state = State.STARTED
        self.request_id: str | None = None
        self.attempt_id: str | None = None

    def apply(self, call: Call) -> State:
        """Make the transition and return the new state.

        Raises:
            TransitionRefused: the call is not allowed in this state, which stays as it is.
        """
        target = TRANSITIONS.get((self.state, call))
        if target is None:
            raise TransitionRefused(self.state, call)
        if call is Call.NEXT and target is State.READY:
            self.request_id = self.attempt_id = None  # the invocation is complete: a late reply to it is unknown
        self.state = target
        return target

    def invoke(self, request_id: str, attempt_id: str | None = None) -> None:
        """Hand the runtime an invocation.

        Raises:
            TransitionRefused: the runtime is not waiting for one.
        """
        self.apply(Call.INVOKE)
        self.request_id = request_id
        self.attempt_id = attempt_id

    def reply(self, call: Call, request_id: str, attempt_id: str | None = None) -> None:
        """Begin a reply (`RESPONSE` or `ERROR`); the ids are looked at before the state.

        Raises:
            UnknownRequestId: the request id is not the current one.
            StaleAttempt: the invocation id is not that of the current attempt.
            TransitionRefused: a reply to it has been taken already.
        """
        if request_id != self.request_id:
            raise UnknownRequestId(request_id)
        if attempt_id is not None and self.attempt_id is not None and attempt_id != self.attempt_id:
            raise StaleAttempt(attempt_id)
        self.apply(call)
