"""The Runtime API of Managed Instances: concurrent invocations, and its error responses."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from awslambdaric_lite.common.quotas import MAX_PAYLOAD
from awslambdaric_lite.emulator.config.function import ApiOptions
from awslambdaric_lite.emulator.results import Invocation
from awslambdaric_lite.emulator.runtime_api import managed, outcomes
from awslambdaric_lite.emulator.runtime_api.managed import DuplicatedInvocation, Unavailable

from .harness import Client, ManagedApiServer, get, post, reply
from .waiting import WAIT

INVALID_ID = b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'
TOO_LATE = b'{"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}\n'


@pytest.fixture
def api() -> Iterator[ManagedApiServer]:
    """Yield a Runtime API of Managed Instances."""
    server = ManagedApiServer(ApiOptions(invocation_ids=True, record_requests=True))
    yield server
    server.close()


def begin(api: ManagedApiServer, client: Client, request_id: str, *, streamed: bool = False) -> Invocation:
    """Deliver an invocation to a worker that polls."""
    client.send(get())
    api.await_next()
    invocation = api.deliver(request_id.encode(), request_id=request_id, streamed=streamed)
    assert client.read().body == request_id.encode()
    return invocation


def payload(invocation: Invocation) -> bytes:
    """Return the payload that the caller receives."""
    return invocation.answered.result(WAIT).payload


def error_type(invocation: Invocation) -> str | None:
    """Return the error type of the invocation."""
    return invocation.answered.result(WAIT).error_type


def test_replies_are_accepted_in_any_order(api: ManagedApiServer) -> None:
    """Replies are accepted in any order, on any connection, by their request ids."""
    clients = [api.client() for _ in range(4)]
    try:
        invocations = [begin(api, client, f"id-{number}") for number, client in enumerate(clients)]
        for client, invocation in zip(clients, reversed(invocations), strict=True):
            assert client.ask(reply(invocation, invocation.request_id.encode())).status == 202
        assert [payload(invocation) for invocation in invocations] == [b"id-0", b"id-1", b"id-2", b"id-3"]
    finally:
        for client in clients:
            client.__exit__(None, None, None)


def test_waiting_polls_get_invocations_in_order(api: ManagedApiServer) -> None:
    """Waiting polls get invocations in order; an invocation without a waiting poll is rejected."""
    with api.client() as first, api.client() as second:
        for client in (first, second):
            client.send(get())
            api.await_next()
        assert api.run(lambda: api.api.idle) == 2
        api.deliver(b"1", request_id="id-1")
        api.deliver(b"2", request_id="id-2")
        with pytest.raises(Unavailable):
            api.deliver(b"3", request_id="id-3")
        assert (first.read().body, second.read().body) == (b"1", b"2")


def test_running_request_id_is_rejected(api: ManagedApiServer) -> None:
    """An invocation with the id of a running one is rejected until that one is answered."""
    with api.client() as client, api.client() as other:
        invocation = begin(api, client, "id-1")
        other.send(get())
        api.await_next()
        with pytest.raises(DuplicatedInvocation):
            api.deliver(request_id="id-1")
        assert client.ask(reply(invocation)).status == 202
        api.deliver(b"again", request_id="id-1")
        assert other.read().body == b"again"


def test_disconnected_poll_gets_no_invocation(api: ManagedApiServer) -> None:
    """A disconnected poll receives no invocation."""
    with api.client() as client:
        client.send(get())
        api.await_next()
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()
    with pytest.raises(Unavailable):
        api.deliver()


def test_poll_above_limit_gets_500(api: ManagedApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll above the limit gets 500."""
    assert managed.MAX_POLLS == 10_000
    monkeypatch.setattr(managed, "MAX_POLLS", 1)
    with api.client() as first, api.client() as second:
        first.send(get())
        api.await_next()
        refusal = second.ask(get())
        assert refusal.status == 500
        assert refusal.body == b'{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}\n'


@pytest.mark.parametrize("kind", ["response", "error"])
def test_second_reply_gets_400(api: ManagedApiServer, kind: str) -> None:
    """A second reply gets 400."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        assert client.ask(reply(invocation, b"1")).status == 202
        assert client.ask(reply(invocation, b"2", kind=kind))[::2] == (400, INVALID_ID)
    assert payload(invocation) == b"1"


def test_concurrent_second_response_gets_400(api: ManagedApiServer) -> None:
    """A second response gets 400 while the body of the first one arrives."""
    with api.client() as client, api.client() as other:
        invocation = begin(api, client, "id-1", streamed=True)
        client.send(reply(invocation, b"12345")[:-1])
        assert invocation.stream is not None
        assert api.wait(invocation.stream.read()) == b"1234"
        assert other.ask(reply(invocation, b"no"))[::2] == (400, INVALID_ID)
        assert client.ask(b"5").status == 202
    assert error_type(invocation) is None


def test_error_aborts_running_response(api: ManagedApiServer) -> None:
    """An error during a response gets 202 and fails the invocation; the response's connection is closed."""
    with api.client() as client, api.client() as other:
        invocation = begin(api, client, "id-1", streamed=True)
        client.send(reply(invocation, b"12345")[:-1])
        assert invocation.stream is not None
        assert api.wait(invocation.stream.read()) == b"1234"
        assert other.ask(reply(invocation, b'{"errorType":"E"}', kind="error")).status == 202
        assert client.at_end()
    assert payload(invocation) == b'{"errorType":"E"}'


def test_reply_after_timeout_gets_410_once(api: ManagedApiServer) -> None:
    """The first reply after a timeout gets 410, and a further one 400."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        api.run(lambda: api.api.time_out(invocation, outcomes.timed_out("id-1", 3)))
        assert error_type(invocation) == "Sandbox.Timedout"
        assert client.ask(reply(invocation))[::2] == (410, TOO_LATE)
        assert client.ask(reply(invocation, kind="error"))[::2] == (400, INVALID_ID)
        begin(api, client, "id-2")


def test_timeout_during_response_gets_410(api: ManagedApiServer) -> None:
    """A response that a timeout interrupts gets 410."""
    with api.client() as client:
        invocation = begin(api, client, "id-1", streamed=True)
        client.send(reply(invocation, b"12345")[:-1])
        assert invocation.stream is not None
        assert api.wait(invocation.stream.read()) == b"1234"
        api.run(lambda: api.api.time_out(invocation, outcomes.timed_out("id-1", 3)))
        assert client.read()[::2] == (410, TOO_LATE)
    assert error_type(invocation) == "Sandbox.Timedout"


def test_timeout_after_response_has_no_effect(api: ManagedApiServer) -> None:
    """A timeout after the response has no effect, even on a later invocation with the same id."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        assert client.ask(reply(invocation, b"1")).status == 202
        later = begin(api, client, "id-1")
        api.run(lambda: api.api.time_out(invocation, outcomes.timed_out("id-1", 3)))
        assert client.ask(reply(later, b"2")).status == 202
    assert (payload(invocation), payload(later)) == (b"1", b"2")


@pytest.mark.parametrize("kind", ["response", "error"])
def test_reply_of_other_attempt_gets_410(api: ManagedApiServer, kind: str) -> None:
    """A reply with another attempt's id gets 410, and the right one is accepted."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        stale = client.ask(reply(invocation, b"1", "Lambda-Runtime-Invocation-Id: other", kind=kind))
        assert stale[::2] == (410, TOO_LATE)
        right = f"Lambda-Runtime-Invocation-Id: {invocation.attempt_id}"
        assert client.ask(reply(invocation, b"2", right, kind=kind)).status == 202
    assert payload(invocation) == b"2"


def test_invalid_mode_fails_invocation(api: ManagedApiServer) -> None:
    """An invalid response mode gets 400 and fails the invocation, and the worker can poll again."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        assert client.ask(reply(invocation, b"{}", "Lambda-Runtime-Function-Response-Mode: x")).status == 400
        assert error_type(invocation) == "Runtime.InvalidResponseModeHeader"
        begin(api, client, "id-2")


def test_oversized_reply_gets_413(api: ManagedApiServer) -> None:
    """An oversized response fails the invocation; an error above 1 MiB is rejected without effect."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        assert client.ask(reply(invocation, b"x" * (MAX_PAYLOAD + 1))).status == 413
        assert error_type(invocation) == "Function.ResponseSizeTooLarge"
        invocation = begin(api, client, "id-2")
        refusal = client.ask(reply(invocation, b"x" * (1024 * 1024 + 1), kind="error"))
        assert (refusal.status, b"6291556" in refusal.body) == (413, True)
        assert client.ask(reply(invocation, b"1")).status == 202
        assert payload(invocation) == b"1"


@pytest.mark.parametrize(("kind", "status"), [("response", 400), ("error", 413)])
def test_truncated_reply_is_rejected(api: ManagedApiServer, kind: str, status: int) -> None:
    """A truncated response fails the invocation; a truncated error gets 413, as from AWS, and has no effect."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        client.send(reply(invocation, b"12345", kind=kind)[:-1])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read().status == status
    if kind == "response":
        assert error_type(invocation) == "Runtime.TruncatedResponse"
    else:
        with api.client() as client:
            assert client.ask(reply(invocation, b"1")).status == 202


def test_second_init_error_gets_403(api: ManagedApiServer) -> None:
    """An init error is accepted once, even after a poll, and its body is ignored."""
    with api.client() as client, api.client() as poller:
        poller.send(get())
        api.await_next()
        kind = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError"
        assert client.ask(post("init/error", b'{"errorType":"X"}', kind)).status == 202
        refusal = client.ask(post("init/error"))
        text = "State transition from InitError to InitError failed for runtime. Error: state transition is not allowed"
        assert (refusal.status, text.encode() in refusal.body) == (403, True)
    [answer] = api.init_errors
    assert (answer.payload, answer.error_type) == (
        b'{"errorType":"Runtime.ImportModuleError"}',
        "Runtime.ImportModuleError",
    )


def test_error_trailers_replace_body(api: ManagedApiServer) -> None:
    """Error trailers replace the body for a buffered caller, as on AWS."""
    with api.client() as client:
        invocation = begin(api, client, "id-1")
        head = (
            "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: localhost\r\n"
            "Transfer-Encoding: chunked\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
        )
        tail = "Lambda-Runtime-Function-Error-Type: Function.Bad\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n"
        assert client.ask(f"{head}1\r\nx\r\n0\r\n{tail}".encode()).status == 202
    assert (payload(invocation), error_type(invocation)) == (b"{}", "Function.Bad")


def test_restore_path_gets_404(api: ManagedApiServer) -> None:
    """`ping` gets a response, the restore path 404, and a wrong method 405."""
    with api.client() as client:
        assert client.ask(get("ping")).body == b"pong"
        assert client.ask(get("runtime/restore/next")).status == 404
        assert client.ask(post("invocation/next")).status == 405


def test_thousand_invocations_get_matching_replies(api: ManagedApiServer) -> None:
    """Each of a thousand invocations on eight workers gets the reply for its id."""
    clients = [api.client() for _ in range(8)]
    try:
        answers = {}
        for start in range(0, 1000, 8):
            batch = [begin(api, client, f"id-{start + at}") for at, client in enumerate(clients)]
            for client, invocation in zip(clients, batch[3:] + batch[:3], strict=True):
                assert client.ask(reply(invocation, invocation.request_id.encode())).status == 202
            answers.update({invocation.request_id: payload(invocation) for invocation in batch})
        assert answers == {f"id-{number}": f"id-{number}".encode() for number in range(1000)}
    finally:
        for client in clients:
            client.__exit__(None, None, None)


def test_late_invocation_lingers_until_reply(api: ManagedApiServer) -> None:
    """A timed-out invocation lingers until the runtime has received a 410."""
    with api.client() as client, api.client() as other:
        invocations = [begin(api, each, request_id) for each, request_id in ((client, "id-1"), (other, "id-2"))]
        for invocation in invocations:
            api.run(lambda invocation=invocation: api.api.time_out(invocation, outcomes.timed_out("id", 3.0)))  # type: ignore[misc]
        assert api.run(lambda: api.api.lingering) == 2
        assert client.ask(reply(invocations[0])).status == 410
        assert api.run(lambda: api.api.lingering) == 1
        assert other.ask(reply(invocations[1], kind="error")).status == 410
        assert api.run(lambda: api.api.lingering) == 0


def test_late_reply_does_not_answer_retry(api: ManagedApiServer) -> None:
    """A late reply gets 410 and does not answer a retry with the same request id."""
    with api.client() as client, api.client() as other:
        first = begin(api, client, "id-1")
        api.run(lambda: api.api.time_out(first, outcomes.timed_out("id", 3.0)))
        retry = begin(api, other, "id-1")
        late = client.ask(reply(first, b"1", f"Lambda-Runtime-Invocation-Id: {first.attempt_id}"))
        assert (late.status, late.body) == (410, TOO_LATE)
        assert api.run(lambda: api.api.lingering) == 0
        assert other.ask(reply(retry, b"2", f"Lambda-Runtime-Invocation-Id: {retry.attempt_id}")).status == 202
        assert payload(retry) == b"2"
