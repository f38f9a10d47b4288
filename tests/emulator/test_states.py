"""The state machine of the Runtime API, without any I/O."""

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
    """A machine in a given state, with an invocation where there would be one."""
    machine = RuntimeStateMachine()
    machine.state = state
    if state in (State.RUNNING, State.RESPONSE, State.ERROR_RESPONSE, State.RESPONSE_SENT):
        machine.request_id, machine.attempt_id = "id", "attempt"
    return machine


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("call", RuntimeEvent)
def test_every_call_in_every_state(state: State, call: RuntimeEvent) -> None:
    """A call makes the tabled transition, or is refused and leaves the state as it was."""
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
def test_refusals_are_worded_as_the_real_server_words_them(state: State, call: RuntimeEvent, text: str) -> None:
    """The text names both states and gives the fixed reason."""
    with pytest.raises(TransitionRefused) as refusal:
        at(state).apply(call)
    assert str(refusal.value) == (f"State transition {text} failed for runtime. Error: State transition is not allowed")


def test_an_invocation_is_current_from_delivery_to_the_following_next() -> None:
    """A second reply is refused by state while the id is current, and unknown once the runtime asked again."""
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


def test_the_id_is_looked_at_before_the_state() -> None:
    """A reply to a wrong id is unknown in whatever state."""
    for state in State:
        with pytest.raises(UnknownRequestId):
            at(state).reply(RuntimeEvent.RESPONSE, "other")


def test_a_reply_of_an_earlier_attempt_is_stale() -> None:
    """The same request id with another invocation id is told apart; without one it is taken."""
    with pytest.raises(StaleAttempt):
        at(State.RUNNING).reply(RuntimeEvent.RESPONSE, "id", "earlier")
    at(State.RUNNING).reply(RuntimeEvent.RESPONSE, "id", "attempt")
    at(State.RUNNING).reply(RuntimeEvent.RESPONSE, "id")


@given(st.lists(st.sampled_from(RuntimeEvent), max_size=30))
def test_a_request_id_exists_exactly_while_an_invocation_runs(calls: list[RuntimeEvent]) -> None:
    """Whatever is called in whatever order, the id is known from delivery until the runtime is ready again."""
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
