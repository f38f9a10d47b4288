"""The state machine of a runtime that has one invocation at a time.

It decides which request is allowed in which state, and which request id is current.
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


class RuntimeEvent(Enum):
    """A request of the runtime or a step of the platform; the value has the state that a refusal names as target."""

    NEXT = State.READY, 1
    RESPONSE = State.RESPONSE, 2
    ERROR = State.ERROR_RESPONSE, 3
    INIT_ERROR = State.INIT_ERROR, 4
    RESTORE_NEXT = State.READY, 5
    RESTORE_ERROR = State.RESTORE_ERROR, 6
    # steps of the platform
    INVOKE = State.RUNNING, 7
    REPLY_TAKEN = State.RESPONSE_SENT, 8
    RESTORE = State.RESTORING, 9


TRANSITIONS: dict[tuple[State, RuntimeEvent], State] = {
    (State.STARTED, RuntimeEvent.NEXT): State.READY,
    (State.STARTED, RuntimeEvent.INIT_ERROR): State.INIT_ERROR,
    (State.STARTED, RuntimeEvent.RESTORE_NEXT): State.RESTORE_READY,
    (State.RESTORE_READY, RuntimeEvent.RESTORE): State.RESTORING,
    (State.RESTORING, RuntimeEvent.NEXT): State.READY,
    (State.RESTORING, RuntimeEvent.RESTORE_ERROR): State.RESTORE_ERROR,
    (State.RESTORING, RuntimeEvent.INIT_ERROR): State.RESTORE_ERROR,
    (State.READY, RuntimeEvent.NEXT): State.READY,  # a second poll waits, too
    (State.READY, RuntimeEvent.INVOKE): State.RUNNING,
    (State.RUNNING, RuntimeEvent.NEXT): State.RUNNING,  # the same event again
    (State.RUNNING, RuntimeEvent.RESPONSE): State.RESPONSE,
    (State.RUNNING, RuntimeEvent.ERROR): State.ERROR_RESPONSE,
    (State.RESPONSE, RuntimeEvent.REPLY_TAKEN): State.RESPONSE_SENT,
    (State.ERROR_RESPONSE, RuntimeEvent.REPLY_TAKEN): State.RESPONSE_SENT,
    (State.RESPONSE_SENT, RuntimeEvent.NEXT): State.READY,
}


class TransitionRefused(Exception):
    """The event is not allowed in this state; the text is that of the Runtime API."""

    def __init__(self, state: State, event: RuntimeEvent) -> None:
        super().__init__(
            f"State transition from {state.value} to {event.value[0].value} failed for runtime. "
            "Error: State transition is not allowed"
        )
        self.state = state
        self.event = event


class UnknownRequestId(Exception):
    """The reply names an invocation that is not the current one."""


class StaleAttempt(Exception):
    """The reply belongs to an earlier attempt of the current request id."""


class RuntimeStateMachine:
    """State of one runtime process."""

    __slots__ = ("attempt_id", "request_id", "state")

    def __init__(self) -> None:
        self.state = State.STARTED
        self.request_id: str | None = None
        self.attempt_id: str | None = None

    def apply(self, event: RuntimeEvent) -> State:
        """Make the transition and return the new state.

        Raises:
            TransitionRefused: the event is not allowed in this state, which does not change.
        """
        target = TRANSITIONS.get((self.state, event))
        if target is None:
            raise TransitionRefused(self.state, event)
        if event is RuntimeEvent.NEXT and target is State.READY:
            self.request_id = self.attempt_id = None  # the invocation is complete: a late reply to it is unknown
        self.state = target
        return target

    def invoke(self, request_id: str, attempt_id: str | None = None) -> None:
        """Give the runtime an invocation.

        Raises:
            TransitionRefused: the runtime is not waiting for one.
        """
        self.apply(RuntimeEvent.INVOKE)
        self.request_id = request_id
        self.attempt_id = attempt_id

    def reply(self, event: RuntimeEvent, request_id: str, attempt_id: str | None = None) -> None:
        """Begin a reply (`RESPONSE` or `ERROR`); the ids are checked before the state.

        Raises:
            UnknownRequestId: the request id is not the current one.
            StaleAttempt: the invocation id is not that of the current attempt.
            TransitionRefused: the invocation has a reply already.
        """
        if request_id != self.request_id:
            raise UnknownRequestId(request_id)
        if attempt_id is not None and self.attempt_id is not None and attempt_id != self.attempt_id:
            raise StaleAttempt(attempt_id)
        self.apply(event)
