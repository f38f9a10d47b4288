"""A connection may break at any point: no result is lost, and no handler runs twice for one attempt."""

from __future__ import annotations

import pytest

from awslambdaric_lite._client import LambdaRuntimeClient
from awslambdaric_lite._function_errors import ApiError

from .doubles import ACCEPTED, ClassicApi, MakeClient, Notices, event

EVENTS = [("id-1", b'{"n":1}'), ("id-2", b"[]"), ("id-3", b"0")]
ANSWERS = len(ACCEPTED) * 3 + sum(len(event(*each)) for each in EVENTS)


def run_all(client: LambdaRuntimeClient) -> list[tuple[str, bytes]]:
    """Run the loop until the API has no more events; return request id and body of each invocation."""
    runs: list[tuple[str, bytes]] = []
    try:
        while True:
            invocation = client.wait_next_invocation()
            runs.append((invocation.invoke_id, bytes(invocation.take_body())))
            client.post_invocation_result(invocation.invoke_id, b"result of " + runs[-1][1])
    except ApiError as error:
        assert "TheEnd" in str(error)
    return runs


def expect_everything_once(api: ClassicApi, runs: list[tuple[str, bytes]], notices: Notices) -> None:
    """Assert that each event ran once, each result was accepted once, and the client reported nothing."""
    assert runs == EVENTS
    assert api.accepted == [(request_id, b"result of " + body) for request_id, body in EVENTS]
    assert notices.texts == []


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("pipeline", [True, False])
def test_connection_may_break_within_any_response(
    pipeline: bool, how: str, client_of: MakeClient, notices: Notices
) -> None:
    """Each event runs once and each result is accepted once if the connection breaks after any byte from the API."""
    for cut_after in range(ANSWERS):
        notices.texts.clear()
        with ClassicApi(EVENTS, cut_after=cut_after, how=how) as api:
            runs = run_all(client_of(api.address, pipeline=pipeline))
        assert api.broke_down
        expect_everything_once(api, runs, notices)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("lost", range(7))
def test_lost_request_is_repeated(lost: int, pipeline: bool, how: str, client_of: MakeClient, notices: Notices) -> None:
    """Each event runs once and each result is accepted once if the API ignores a request and ends the connection."""
    with ClassicApi(EVENTS, lose=lost, how=how) as api:
        runs = run_all(client_of(api.address, pipeline=pipeline))
    assert api.broke_down
    expect_everything_once(api, runs, notices)


def test_one_connection_suffices_without_breakdown(client_of: MakeClient, notices: Notices) -> None:
    """Without a breakdown, the client sends all requests on one connection."""
    with ClassicApi(EVENTS) as api:
        runs = run_all(client_of(api.address))
    expect_everything_once(api, runs, notices)
    assert api.connections == 1
    assert len(api.requests) == 7
