"""The states of the client: what the Runtime API owes, compared with the table in the docstring of `_client`."""

from __future__ import annotations

import pytest

from awslambdaric_lite import _client
from awslambdaric_lite._client import LambdaRuntimeClient
from awslambdaric_lite._codec import Marshaller
from awslambdaric_lite._settings import read_address

from .doubles import ACCEPTED, Notices, RecordingSocketModule, ScriptedApi, Step, event, status

NOTHING, STATUS, EVENT = _client.NOTHING, _client.STATUS, _client.EVENT
STATUS_AND_EVENT = STATUS | EVENT
CLOSE = "Connection: close"


class Observed(LambdaRuntimeClient):
    """A client that records each state."""

    def __init__(self, address: str, *, pipeline: bool) -> None:
        self.states: list[int] = []
        super().__init__(read_address(address), Marshaller(), Notices(), pipeline=pipeline)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "owed":
            assert isinstance(value, int)
            self.states.append(value)
        super().__setattr__(name, value)


@pytest.mark.parametrize(
    ("pipeline", "size", "steps", "reply", "poll"),
    [
        pytest.param(True, 1, [ACCEPTED], [STATUS_AND_EVENT], [EVENT, NOTHING], id="one write"),
        pytest.param(False, 1, [ACCEPTED], [STATUS, NOTHING], [NOTHING], id="no pipelining"),
        pytest.param(True, 70_000, [ACCEPTED], [STATUS, NOTHING], [NOTHING], id="large reply"),
        pytest.param(
            *(True, 1, [Step(status(202, b"", CLOSE), "close")], [STATUS_AND_EVENT], [EVENT, NOTHING, NOTHING]),
            id="closed after the status",
        ),
        pytest.param(
            *(True, 1, [Step(then="close")], [STATUS_AND_EVENT], [EVENT, NOTHING, NOTHING]), id="lost before the status"
        ),
        pytest.param(
            *(True, 1, [ACCEPTED, Step(then="close")], [STATUS_AND_EVENT], [EVENT, NOTHING, NOTHING]),
            id="lost before the event",
        ),
        pytest.param(False, 1, [Step(then="close")], [STATUS, NOTHING, NOTHING], [NOTHING], id="lost, no pipelining"),
        pytest.param(True, 1, [status(413, b"")], [STATUS_AND_EVENT], [EVENT, NOTHING], id="refused reply"),
    ],
)
def test_client_passes_through_the_states_of_the_table(
    pipeline: bool,
    size: int,
    steps: list[Step | bytes],
    reply: list[int],
    poll: list[int],
    sockets: RecordingSocketModule,
) -> None:
    """Posting a reply and polling again lead through exactly the states that the table names."""
    with ScriptedApi(event("id-1"), *steps, event("id-2")) as api:
        client = Observed(api.address, pipeline=pipeline)
        client.wait_next_invocation()
        assert client.states == [NOTHING, NOTHING]
        client.states.clear()
        client.post_invocation_result("id-1", b"x" * size)
        assert client.states == reply
        client.states.clear()
        assert client.wait_next_invocation().invoke_id == "id-2"
        assert client.states == poll
        sockets.sockets[-1].close()
