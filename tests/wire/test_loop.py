"""The order of requests: reply and poll in one write, every status on a reply, invocations that come again."""

from __future__ import annotations

import pytest

from awslambdaric_lite._client import LambdaRuntimeClient
from awslambdaric_lite._function_errors import ApiError, ConnectionLost

from .doubles import (
    ACCEPTED,
    MakeClient,
    Notices,
    RecordingClock,
    RecordingSocketModule,
    ScriptedApi,
    Step,
    event,
    status,
)

NEXT = "GET invocation/next"


def response(request_id: str) -> str:
    """Return the request line of a result, as recorded."""
    return f"POST invocation/{request_id}/response"


def answer(client: LambdaRuntimeClient, *, body: bytes = b"1") -> str:
    """Take one invocation, post a result, and return its request id."""
    invocation = client.wait_next_invocation()
    client.post_invocation_result(invocation.invoke_id, body, "application/json", invocation.invocation_id)
    return invocation.invoke_id


# Reply and next poll in one write


def test_a_reply_takes_the_next_poll_along(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """Once the API has kept the connection open, a result and the poll that follows are one write."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2"), ACCEPTED, event("id-3")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        client.wait_next_invocation()
    poll, first, second = sockets.writes
    assert first == api.requests[1].raw + poll
    assert second == api.requests[3].raw + poll
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-2"), NEXT]
    assert api.connections == 1


def test_an_error_takes_the_next_poll_along(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """Errors leave with the next poll as results do."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_error("id-1", "{}", "{}")
        client.wait_next_invocation()
    assert sockets.writes == [api.requests[0].raw, api.requests[1].raw + api.requests[2].raw]


def test_pipelining_can_be_turned_off(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """Without it every request waits for the answer to the one before."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2"), ACCEPTED, event("id-3")) as api:
        client = client_of(api.address, pipeline=False)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        client.wait_next_invocation()
    assert sockets.writes == [request.raw for request in api.requests]


@pytest.mark.parametrize(("size", "together"), [(65536, True), (65537, False)])
def test_a_large_result_leaves_alone(
    size: int, together: bool, sockets: RecordingSocketModule, client_of: MakeClient
) -> None:
    """Above 64 KB the status is read before the next poll is sent."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        answer(client, body=b"x" * size)
        assert len(sockets.writes) == (2 if together else 3)
        client.wait_next_invocation()
    assert len(sockets.writes) == (2 if together else 4)
    assert api.lines == [NEXT, response("id-1"), NEXT]


def test_a_server_that_closes_gets_no_poll_with_a_reply(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """Where connections do not persist, each request has one of its own."""
    close = "Connection: close"
    with ScriptedApi(
        Step(event("id-1", b"{}", close), "close"),
        Step(status(202, b"", close), "close"),
        Step(event("id-2", b"{}", close), "close"),
    ) as api:
        client = client_of(api.address)
        assert answer(client) == "id-1"
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert sockets.writes == [request.raw for request in api.requests]
    assert [request.connection for request in api.requests] == [1, 2, 3]


def test_the_last_reply_asks_for_nothing_more(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """When the process ends after a reply, no poll leaves with it, and its status is read before the method returns."""
    with ScriptedApi(event("id-1"), ACCEPTED) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.finishing = True
        client.post_invocation_error("id-1", "{}", "")
        assert api.steps == []
    assert sockets.writes == [request.raw for request in api.requests]


@pytest.mark.parametrize("then", ["close", "reset"])
def test_the_last_reply_is_posted_until_its_status_is_known(then: str, client_of: MakeClient) -> None:
    """No `next` will tell whether the last reply has arrived: it is posted again, and a 403 means that it had."""
    with ScriptedApi(event("id-1"), Step(then=then), Step(then=then), status(403, b"{}")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.finishing = True
        client.post_invocation_result("id-1", b"1")
    assert api.lines == [NEXT, *[response("id-1")] * 3]


# Statuses


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("code", [400, 403, 404, 410, 413, 431])
def test_a_refused_reply_is_reported_and_the_loop_goes_on(
    code: int, pipeline: bool, client_of: MakeClient, notices: Notices
) -> None:
    """The notice has the old request id, the status and the API's text; nothing else is posted for the invocation."""
    refusal = status(code, b'{"errorMessage":"why","errorType":"What"}\n')
    with ScriptedApi(event("id-1"), refusal, event("id-2"), ACCEPTED, event("id-3")) as api:
        client = client_of(api.address, pipeline=pipeline)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        assert client.wait_next_invocation().invoke_id == "id-3"
    ((request_id, text),) = notices.texts
    assert request_id == "id-1"
    assert str(code) in text
    assert text.endswith('{"errorMessage":"why","errorType":"What"}')
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-2"), NEXT]


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("code", [500, 503])
def test_a_server_error_on_a_reply_ends_the_process(code: int, pipeline: bool, client_of: MakeClient) -> None:
    """The container is lost: an error that names request, status and text, not another `next`."""
    with ScriptedApi(event("id-1"), status(code, b'{"errorType":"InternalServerError"}'), event("id-2")) as api:
        client = client_of(api.address, pipeline=pipeline)
        with pytest.raises(ApiError, match=f"response to id-1 with {code}: .*InternalServerError"):
            for _ in range(2):
                answer(client)
    assert api.lines[:2] == [NEXT, response("id-1")]
    assert api.lines[2:] == ([NEXT] if pipeline else [])


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("code", [204, 400, 403, 404, 500])
def test_a_refused_next_ends_the_process(code: int, pipeline: bool, client_of: MakeClient) -> None:
    """Only 200 brings an invocation."""
    with ScriptedApi(event("id-1"), ACCEPTED, status(code, b"" if code == 204 else b'{"errorType":"X"}\n')) as api:
        client = client_of(api.address, pipeline=pipeline)
        answer(client)
        with pytest.raises(ApiError, match=f"invocation/next with {code}: ") as caught:
            client.wait_next_invocation()
    assert str(caught.value).endswith("(no body)" if code == 204 else '{"errorType":"X"}')


@pytest.mark.parametrize("pipeline", [True, False])
def test_a_head_that_is_too_large_is_sent_without_its_cause(
    pipeline: bool, client_of: MakeClient, notices: Notices
) -> None:
    """On 431 the error is posted again on a new connection, without the X-Ray header, and nobody is told."""
    too_large = Step(status(431, b"", "Connection: close"), "close")
    with ScriptedApi(event("id-1"), too_large, ACCEPTED, event("id-2")) as api:
        client = client_of(api.address, pipeline=pipeline)
        client.wait_next_invocation()
        client.post_invocation_error("id-1", '{"errorType":"E"}', '{"paths":[]}')
        assert client.wait_next_invocation().invoke_id == "id-2"
    cause = b'Lambda-Runtime-Function-XRay-Error-Cause: {"paths":[]}\r\n'
    assert cause in api.requests[1].raw
    assert api.requests[2].raw == api.requests[1].raw.replace(cause, b"")
    assert [request.connection for request in api.requests] == [1, 1, 2, 2]
    assert notices.texts == []


def test_a_head_that_stays_too_large_is_reported(client_of: MakeClient, notices: Notices) -> None:
    """A second 431 ends the attempts."""
    too_large = Step(status(431, b"", "Connection: close"), "close")
    with ScriptedApi(event("id-1"), too_large, too_large, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_error("id-1", "{}", "{}")
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert [text for _, text in notices.texts] == ["The Runtime API refused the error with 431: "]
    assert len(api.requests) == 4


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_refusal_that_comes_before_the_body_was_read_is_seen(
    then: str, client_of: MakeClient, notices: Notices
) -> None:
    """A server may answer 413 and close with the body unread: at worst the result counts as not confirmed.

    Either the answer is read, or it was overtaken by the reset; the loop goes on, and nothing but `next` is sent.
    """
    refusal = Step(status(413, b"{}", "Connection: close"), then, early=True)
    with ScriptedApi(event("id-1"), refusal, event("id-2"), ACCEPTED, event("id-3")) as api:
        client = client_of(api.address)
        assert [answer(client, body=b"x" * 8_000_000), answer(client)] == ["id-1", "id-2"]
        assert client.wait_next_invocation().invoke_id == "id-3"
    assert [text.partition(":")[0] for _, text in notices.texts] in (
        [],
        ["The Runtime API refused the response with 413"],
    )
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-2"), NEXT]


# Invocations that come again


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("second", [200, 202, 400, 403, 410])
def test_an_unconfirmed_result_is_posted_again(
    second: int, pipeline: bool, client_of: MakeClient, notices: Notices
) -> None:
    """The API hands out an invocation whose reply it never confirmed: the same bytes again, and no word about it."""
    with ScriptedApi(event("id-1"), Step(then="close"), event("id-1"), status(second, b"{}"), event("id-2")) as api:
        client = client_of(api.address, pipeline=pipeline)
        assert answer(client) == "id-1"
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-1"), NEXT]
    assert api.requests[1].raw == api.requests[3].raw
    assert notices.texts == []


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("second", [202, 400, 403, 410])
def test_an_invocation_that_comes_a_third_time_is_the_end(second: int, pipeline: bool, client_of: MakeClient) -> None:
    """A result that was posted twice and is asked for again will never be taken: one clear error."""
    script: list[Step | bytes] = [event("id-1"), Step(then="close"), event("id-1")]
    script += [status(second, b"{}"), event("id-1")]
    with ScriptedApi(*script) as api:
        client = client_of(api.address, pipeline=pipeline)
        answer(client)
        if second == 202:  # confirmed after all: then it is a new attempt
            assert client.wait_next_invocation().invoke_id == "id-1"
        else:
            with pytest.raises(ApiError, match=r"response to id-1 .*handed out again"):
                client.wait_next_invocation()
    assert api.lines.count(response("id-1")) == 2


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("code", [400, 403])
def test_a_refused_result_is_posted_once_more_when_asked_for(
    code: int, pipeline: bool, client_of: MakeClient, notices: Notices
) -> None:
    """A server that refuses a result and hands out its invocation again does not spin: second post, then the end."""
    refusal = status(code, b"{}")
    with ScriptedApi(event("id-1"), refusal, event("id-1"), refusal, event("id-1")) as api:
        client = client_of(api.address, pipeline=pipeline)
        answer(client)
        with pytest.raises(ApiError, match="handed out again"):
            client.wait_next_invocation()
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-1"), NEXT]
    assert len(notices.texts) == 1


@pytest.mark.parametrize("code", [202, 410, 413])
def test_a_settled_invocation_that_comes_again_is_a_retry(code: int, client_of: MakeClient) -> None:
    """After a status that settles it, the same request id is another attempt by the service, and runs."""
    with ScriptedApi(event("id-1"), status(code, b"{}"), event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-1"]
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert api.steps == []


def test_another_attempt_has_another_invocation_id(client_of: MakeClient) -> None:
    """The same request id under a new invocation id runs, though the first reply was never confirmed."""
    first, again = (event("id-1", b"{}", f"Lambda-Runtime-Invocation-Id: attempt-{number}") for number in (1, 2))
    with ScriptedApi(first, Step(then="close"), again, ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-1"]
        assert client.wait_next_invocation().invoke_id == "id-2"
    echoes = [dict(request.headers).get("Lambda-Runtime-Invocation-Id") for request in api.requests]
    assert echoes == [None, "attempt-1", None, "attempt-2", None]


def test_the_same_attempt_has_the_same_invocation_id(client_of: MakeClient) -> None:
    """With an invocation id, too, the same attempt is answered from memory."""
    first = event("id-1", b"{}", "Lambda-Runtime-Invocation-Id: attempt-1")
    with ScriptedApi(first, Step(then="reset"), first, ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        assert answer(client) == "id-1"
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-1"), NEXT]


def test_another_invocation_settles_the_one_before(client_of: MakeClient, notices: Notices) -> None:
    """The API goes on to another invocation: the unconfirmed reply had arrived, and is forgotten."""
    with ScriptedApi(event("id-1"), Step(then="close"), event("id-2"), ACCEPTED, event("id-1")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        assert client.wait_next_invocation().invoke_id == "id-1"  # a retry, minutes later: it runs
    assert api.lines.count(response("id-1")) == 1
    assert notices.texts == []


# An API that is gone


@pytest.mark.parametrize("at", ["the start", "next", "a reply"])
def test_an_api_that_is_gone_is_asked_five_times_more(at: str, client_of: MakeClient, clock: RecordingClock) -> None:
    """Five more connections, 10 to 160 ms apart, then one clear error."""
    with ScriptedApi(*([] if at == "the start" else [event("id-1")])) as api:
        client = client_of(api.address)
        if at != "the start":
            client.wait_next_invocation()
        if at == "a reply":
            client.post_invocation_result("id-1", b"1")
        with pytest.raises(
            ConnectionLost, match=f"the Runtime API at {api.address} .*AWS_LAMBDA_RUNTIME_API.* cannot be reached"
        ):
            client.wait_next_invocation()
    assert clock.sleeps == [0.01, 0.02, 0.04, 0.08, 0.16]
    assert api.lines.count(response("id-1")) == (1 if at == "a reply" else 0)


def test_an_api_that_refuses_connections_is_named(client_of: MakeClient, clock: RecordingClock) -> None:
    """Nobody listens: the same attempts; the error has its cause, which names the address."""
    with ScriptedApi() as api:
        address = api.address
    with pytest.raises(ConnectionLost, match="cannot be reached") as caught:
        client_of(address).wait_next_invocation()
    assert address in str(caught.value.__cause__ or caught.value.__context__)
    assert len(clock.sleeps) == 5


def test_attempts_are_counted_anew_after_each_answer(client_of: MakeClient, clock: RecordingClock) -> None:
    """An API that loses every connection but always answers in the end is not gone."""
    lost = Step(then="close")
    script: list[Step | bytes] = [
        lost,
        lost,
        lost,
        event("id-1"),
        lost,
        lost,
        lost,
        lost,
        event("id-2"),
        ACCEPTED,
        lost,
        event("id-3"),
    ]
    with ScriptedApi(*script) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        assert client.wait_next_invocation().invoke_id == "id-3"
    assert api.steps == []
    assert max(clock.sleeps) <= 0.08
