"""The state machine of the Runtime API, without I/O."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite.protocol.states import (
    TRANSITIONS,
    RuntimeEvent,
    RuntimeStateMachine,
    StaleAttempt,
    State,
    TransitionRefused,
    UnknownRequestId,
)


def at(state: State) -> RuntimeStateMachine:
    """Return a machine in the state, with an invocation if the state has one."""
    machine = RuntimeStateMachine()
    machine.state = state
    if state in (State.RUNNING, State.RESPONSE, State.ERROR_RESPONSE, State.RESPONSE_SENT):
        machine.request_id, machine.attempt_id = "id", "attempt"
    return machine


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("call", RuntimeEvent)
def test_transition_follows_table(state: State, call: RuntimeEvent) -> None:
    """Each event makes the transition of the table, or is rejected and keeps the state."""
    machine = at(state)
    target = TRANSITIONS.get((state, call))
    if target is None:
        with pytest.raises(TransitionRefused):
            machine.apply(call)
        assert machine.state is state
    else:
        assert machine.apply(call) is machine.state is target


@pytest.mark.parametrize(
    ("state", "call", "text"),
    [
        (State.INIT_ERROR, RuntimeEvent.NEXT, "from InitError to Ready"),
        (State.RESTORE_READY, RuntimeEvent.NEXT, "from RestoreReady to Ready"),
        (State.RESPONSE, RuntimeEvent.NEXT, "from InvocationResponse to Ready"),
        (State.ERROR_RESPONSE, RuntimeEvent.NEXT, "from InvocationErrorResponse to Ready"),
        (State.RESTORE_ERROR, RuntimeEvent.NEXT, "from RuntimeRestoreErrorState to Ready"),
        (State.RESPONSE_SENT, RuntimeEvent.RESPONSE, "from RuntimeResponseSentState to InvocationResponse"),
        (State.READY, RuntimeEvent.INIT_ERROR, "from Ready to InitError"),
        (State.RUNNING, RuntimeEvent.RESTORE_NEXT, "from Running to Ready"),
    ],
)
def test_rejection_has_message_of_aws(state: State, call: RuntimeEvent, text: str) -> None:
    """A rejected transition has the message of AWS's server with both states."""
    with pytest.raises(TransitionRefused) as refusal:
        at(state).apply(call)
    assert str(refusal.value) == (f"State transition {text} failed for runtime. Error: State transition is not allowed")


def test_invocation_is_current_until_next() -> None:
    """A second reply is rejected by state before the following `next` and by id after it."""
    machine = RuntimeStateMachine()
    machine.apply(RuntimeEvent.NEXT)
    machine.invoke("id")
    machine.reply(RuntimeEvent.RESPONSE, "id")
    machine.apply(RuntimeEvent.REPLY_TAKEN)
    with pytest.raises(TransitionRefused):
        machine.reply(RuntimeEvent.ERROR, "id")
    machine.apply(RuntimeEvent.NEXT)
    with pytest.raises(UnknownRequestId):
        machine.reply(RuntimeEvent.ERROR, "id")


def test_id_is_checked_before_state() -> None:
    """A reply with a wrong id is rejected by id in every state."""
    for state in State:
        with pytest.raises(UnknownRequestId):
            at(state).reply(RuntimeEvent.RESPONSE, "other")


def test_reply_of_earlier_attempt_is_stale() -> None:
    """A reply with another attempt's id is stale, and one without attempt id is accepted."""
    with pytest.raises(StaleAttempt):
        at(State.RUNNING).reply(RuntimeEvent.RESPONSE, "id", "earlier")
    at(State.RUNNING).reply(RuntimeEvent.RESPONSE, "id", "attempt")
    at(State.RUNNING).reply(RuntimeEvent.RESPONSE, "id")


@given(st.lists(st.sampled_from(RuntimeEvent), max_size=30))
def test_request_id_is_known_during_invocation(calls: list[RuntimeEvent]) -> None:
    """For every sequence of events, the request id is known from delivery until the runtime is ready again."""
    machine = RuntimeStateMachine()
    for call in calls:
        try:
            if call is RuntimeEvent.INVOKE:
                machine.invoke("id")
            else:
                machine.apply(call)
        except TransitionRefused:
            continue
        active = machine.state in (State.RUNNING, State.RESPONSE, State.ERROR_RESPONSE, State.RESPONSE_SENT)
        assert (machine.request_id is not None) == active
