"""The order of requests: reply and poll in one write, each status of a reply, repeated invocations."""

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
    """Receive one invocation, post a result, and return its request id."""
    invocation = client.wait_next_invocation()
    client.post_invocation_result(invocation.invoke_id, body, "application/json", invocation.invocation_id)
    return invocation.invoke_id


# Reply and next poll in one write


def test_result_is_sent_with_next_poll(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """A result and the next poll are one write once the API has kept the connection open."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2"), ACCEPTED, event("id-3")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        client.wait_next_invocation()
    poll, first, second = sockets.writes
    assert first == api.requests[1].raw + poll
    assert second == api.requests[3].raw + poll
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-2"), NEXT]
    assert api.connections == 1


def test_error_is_sent_with_next_poll(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """An error and the next poll are one write."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_error("id-1", "{}", "{}")
        client.wait_next_invocation()
    assert sockets.writes == [api.requests[0].raw, api.requests[1].raw + api.requests[2].raw]


def test_pipelining_can_be_turned_off(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """Without pipelining, each request waits for the response to the previous one."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2"), ACCEPTED, event("id-3")) as api:
        client = client_of(api.address, pipeline=False)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        client.wait_next_invocation()
    assert sockets.writes == [request.raw for request in api.requests]


@pytest.mark.parametrize(("size", "together"), [(65536, True), (65537, False)])
def test_large_result_is_sent_alone(
    size: int, together: bool, sockets: RecordingSocketModule, client_of: MakeClient
) -> None:
    """Above 64 KB, the status of a result is read before the next poll is sent."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        answer(client, body=b"x" * size)
        assert len(sockets.writes) == (2 if together else 3)
        client.wait_next_invocation()
    assert len(sockets.writes) == (2 if together else 4)
    assert api.lines == [NEXT, response("id-1"), NEXT]


def test_closing_server_gets_separate_requests(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """If the server closes connections, each request is sent alone on a new one."""
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


def test_last_reply_is_sent_without_poll(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """The last reply of a process is sent without a poll, and its status is read before the method returns."""
    with ScriptedApi(event("id-1"), ACCEPTED) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.finishing = True
        client.post_invocation_error("id-1", "{}", "")
        assert api.steps == []
    assert sockets.writes == [request.raw for request in api.requests]


@pytest.mark.parametrize("then", ["close", "reset"])
def test_last_reply_is_repeated_until_acknowledged(then: str, client_of: MakeClient) -> None:
    """The last reply is posted again if the connection ends; a 403 then means that it had arrived."""
    with ScriptedApi(event("id-1"), Step(then=then), Step(then=then), status(403, b"{}")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.finishing = True
        client.post_invocation_result("id-1", b"1")
    assert api.lines == [NEXT, *[response("id-1")] * 3]


# Statuses


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("code", [400, 403, 404, 410, 413, 431])
def test_refused_reply_is_reported(code: int, pipeline: bool, client_of: MakeClient, notices: Notices) -> None:
    """A refused reply is reported once with request id, status and the API's text, and the loop continues."""
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
def test_server_error_on_reply_is_fatal(code: int, pipeline: bool, client_of: MakeClient) -> None:
    """A server error on a reply raises an ApiError with request, status and text."""
    with ScriptedApi(event("id-1"), status(code, b'{"errorType":"InternalServerError"}'), event("id-2")) as api:
        client = client_of(api.address, pipeline=pipeline)
        with pytest.raises(ApiError, match=f"response to id-1 with {code}: .*InternalServerError"):
            for _ in range(2):
                answer(client)
    assert api.lines[:2] == [NEXT, response("id-1")]
    assert api.lines[2:] == ([NEXT] if pipeline else [])


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("code", [204, 400, 403, 404, 500])
def test_refused_next_is_fatal(code: int, pipeline: bool, client_of: MakeClient) -> None:
    """Each status of `next` other than 200 raises an ApiError."""
    with ScriptedApi(event("id-1"), ACCEPTED, status(code, b"" if code == 204 else b'{"errorType":"X"}\n')) as api:
        client = client_of(api.address, pipeline=pipeline)
        answer(client)
        with pytest.raises(ApiError, match=f"invocation/next with {code}: ") as caught:
            client.wait_next_invocation()
    assert str(caught.value).endswith("(no body)" if code == 204 else '{"errorType":"X"}')


@pytest.mark.parametrize("pipeline", [True, False])
def test_too_large_head_is_resent_without_cause(pipeline: bool, client_of: MakeClient, notices: Notices) -> None:
    """On 431 the error is posted again on a new connection without the X-Ray header, and nothing is reported."""
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


def test_second_431_is_reported(client_of: MakeClient, notices: Notices) -> None:
    """A second 431 for the same error is reported, and the error is not posted again."""
    too_large = Step(status(431, b"", "Connection: close"), "close")
    with ScriptedApi(event("id-1"), too_large, too_large, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_error("id-1", "{}", "{}")
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert [text for _, text in notices.texts] == ["The Runtime API refused the error with 431: "]
    assert len(api.requests) == 4


@pytest.mark.parametrize("then", ["close", "reset"])
def test_refusal_before_the_body_is_seen(then: str, client_of: MakeClient, notices: Notices) -> None:
    """If a server answers 413 without reading the body, the loop continues and sends nothing but `next`.

    The client may miss the status, because a reset can overtake it.
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


# Repeated invocations


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("second", [200, 202, 400, 403, 410])
def test_unacknowledged_result_is_posted_again(
    second: int, pipeline: bool, client_of: MakeClient, notices: Notices
) -> None:
    """If the API repeats an invocation whose result it did not acknowledge, the same bytes are posted silently."""
    with ScriptedApi(event("id-1"), Step(then="close"), event("id-1"), status(second, b"{}"), event("id-2")) as api:
        client = client_of(api.address, pipeline=pipeline)
        assert answer(client) == "id-1"
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-1"), NEXT]
    assert api.requests[1].raw == api.requests[3].raw
    assert notices.texts == []


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("second", [202, 400, 403, 410])
def test_third_delivery_of_invocation_is_fatal(second: int, pipeline: bool, client_of: MakeClient) -> None:
    """An invocation that arrives a third time after two results raises an ApiError, unless the second was accepted."""
    script: list[Step | bytes] = [event("id-1"), Step(then="close"), event("id-1")]
    script += [status(second, b"{}"), event("id-1")]
    with ScriptedApi(*script) as api:
        client = client_of(api.address, pipeline=pipeline)
        answer(client)
        if second == 202:  # acknowledged, so it is a new attempt
            assert client.wait_next_invocation().invoke_id == "id-1"
        else:
            with pytest.raises(ApiError, match=r"response to id-1 .*handed out again"):
                client.wait_next_invocation()
    assert api.lines.count(response("id-1")) == 2


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("code", [400, 403])
def test_refused_result_is_repeated_once(code: int, pipeline: bool, client_of: MakeClient, notices: Notices) -> None:
    """A server that refuses a result and repeats its invocation gets it once more; then an ApiError is raised."""
    refusal = status(code, b"{}")
    with ScriptedApi(event("id-1"), refusal, event("id-1"), refusal, event("id-1")) as api:
        client = client_of(api.address, pipeline=pipeline)
        answer(client)
        with pytest.raises(ApiError, match="handed out again"):
            client.wait_next_invocation()
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-1"), NEXT]
    assert len(notices.texts) == 1


@pytest.mark.parametrize("code", [202, 410, 413])
def test_acknowledged_invocation_runs_again(code: int, client_of: MakeClient) -> None:
    """After a final status, the same request id is another attempt by the service, and runs."""
    with ScriptedApi(event("id-1"), status(code, b"{}"), event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-1"]
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert api.steps == []


def test_new_invocation_id_runs_again(client_of: MakeClient) -> None:
    """A new invocation id with the same request id runs, although the first result was not acknowledged."""
    first, again = (event("id-1", b"{}", f"Lambda-Runtime-Invocation-Id: attempt-{number}") for number in (1, 2))
    with ScriptedApi(first, Step(then="close"), again, ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-1"]
        assert client.wait_next_invocation().invoke_id == "id-2"
    echoes = [dict(request.headers).get("Lambda-Runtime-Invocation-Id") for request in api.requests]
    assert echoes == [None, "attempt-1", None, "attempt-2", None]


def test_repeated_invocation_id_does_not_run(client_of: MakeClient) -> None:
    """The kept result is posted if the same invocation id arrives again."""
    first = event("id-1", b"{}", "Lambda-Runtime-Invocation-Id: attempt-1")
    with ScriptedApi(first, Step(then="reset"), first, ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        assert answer(client) == "id-1"
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert api.lines == [NEXT, response("id-1"), NEXT, response("id-1"), NEXT]


def test_next_invocation_settles_the_previous(client_of: MakeClient, notices: Notices) -> None:
    """A different invocation means that the previous result arrived, so that a later repetition runs."""
    with ScriptedApi(event("id-1"), Step(then="close"), event("id-2"), ACCEPTED, event("id-1")) as api:
        client = client_of(api.address)
        assert [answer(client), answer(client)] == ["id-1", "id-2"]
        assert client.wait_next_invocation().invoke_id == "id-1"  # a retry, which runs
    assert api.lines.count(response("id-1")) == 1
    assert notices.texts == []


# An unreachable API


@pytest.mark.parametrize("at", ["the start", "next", "a reply"])
def test_unreachable_api_is_retried_five_times(at: str, client_of: MakeClient, clock: RecordingClock) -> None:
    """The client makes five more attempts, 10 to 160 ms apart, then raises a ConnectionLost that names the API."""
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


def test_refused_connection_names_the_address(client_of: MakeClient, clock: RecordingClock) -> None:
    """If the API refuses connections, the error's cause names the address after five more attempts."""
    with ScriptedApi() as api:
        address = api.address
    with pytest.raises(ConnectionLost, match="cannot be reached") as caught:
        client_of(address).wait_next_invocation()
    assert address in str(caught.value.__cause__ or caught.value.__context__)
    assert len(clock.sleeps) == 5


def test_each_response_resets_the_attempts(client_of: MakeClient, clock: RecordingClock) -> None:
    """An API that loses connections but answers within five attempts is not given up."""
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
