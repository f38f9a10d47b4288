"""Injected network faults between a runtime and the Runtime API, and their effects."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.config.function import ApiOptions
from awslambdaric_lite.emulator.errors import EmulatorError
from awslambdaric_lite.emulator.http.faults import Faults, Target

from .harness import ApiServer, Client, get, post, reply
from .waiting import WAIT

MakeApi = Callable[[ApiOptions], ApiServer]


def reset(client: Client) -> bool:
    """Return whether the connection has been reset."""
    try:
        client.at_end()
    except ConnectionResetError:
        return True
    return False


def test_reset_poll_is_not_processed(api: ApiServer) -> None:
    """A reset `next` request is not processed, and a second one is served."""
    api.server.faults.reset(on="next")
    with api.client() as client:
        client.send(get())
        assert reset(client)
    with api.client() as client:
        api.begin(client)
    assert api.server.faults.waiting == 0


def test_reset_response_can_be_sent_again(api: ApiServer) -> None:
    """A reset response is not processed, and the runtime can send it again."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.reset(on="response")
        client.send(reply(invocation, b"1"))
        assert reset(client)
    assert api.answers == []
    with api.client() as client:
        assert client.ask(reply(invocation, b"2")).status == 202
    assert [answer.payload for answer in api.answers] == [b"2"]


def test_reset_happens_after_request_head(api: ApiServer) -> None:
    """A reset happens after the request's head, before its body has arrived."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.reset()
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                client.send(reply(invocation, b"x" * 6_000_000)[:1_000_000])
    assert api.answers == []


@pytest.mark.parametrize("size", [0, 1, 10, 40])
def test_response_with_cut_reply_is_processed(api: ApiServer, size: int) -> None:
    """A response whose HTTP reply is cut is processed, and a second one is rejected."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.cut_after(size, on="response")
        client.send(reply(invocation, b"1"))
        received = b""
        while part := client.socket.recv(100):
            received += part
        assert received == b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"[:size]
    assert [answer.payload for answer in api.answers] == [b"1"]
    with api.client() as client:
        assert client.ask(reply(invocation, b"2")).status == 403


def test_cut_event_is_delivered_again(api: ApiServer) -> None:
    """The runtime receives the same event again after a cut one."""
    with api.client() as client:
        api.server.faults.cut_after(200, on="next")
        client.send(get())
        api.await_next()
        api.deliver(b'{"n":1}')
        assert len(client.socket.recv(1000)) == 200
        assert client.at_end()
    with api.client() as client:
        assert client.ask(get()).body == b'{"n":1}'


@pytest.mark.parametrize(("status", "line"), [(500, b"500 Internal Server Error"), (599, b"599 Unknown")])
def test_injected_status_skips_processing(api: ApiServer, status: int, line: bytes) -> None:
    """A request with an injected status is not processed, and the connection stays open."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.status(status, on="response")
        refusal = client.ask(reply(invocation, b"1"))
        assert (refusal.status, refusal.body) == (status, line)
        assert refusal.headers["content-type"]
        assert client.ask(reply(invocation, b"2")).status == 202
    assert [answer.payload for answer in api.answers] == [b"2"]
    assert [request.status for request in api.requests] == [200, status, 202]


def test_garbage_ends_connection(api: ApiServer) -> None:
    """An injected garbage reply is not HTTP, and the connection ends."""
    api.server.faults.garbage(b"\x00garbage")
    with api.client() as client:
        client.send(get("ping"))
        assert client.socket.recv(100) == b"\x00garbage"
        assert client.at_end()
    api.server.faults.garbage()
    with api.client() as client:
        client.send(get("ping"))
        assert not client.socket.recv(100).startswith(b"HTTP")


def test_delay_postpones_reply_not_effect(api: ApiServer) -> None:
    """A delayed request is processed immediately; its reply and those behind it are late."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.delay(0.3, on="response")
        started = time.monotonic()
        client.send(reply(invocation, b"1") + get("ping"))
        assert invocation.answered.result(WAIT).payload == b"1"
        assert client.read().status == 202
        assert time.monotonic() - started >= 0.29
        assert client.read().body == b"pong"


def test_delayed_reply_tolerates_disconnected_client(api: ApiServer) -> None:
    """A client that disconnects before a delayed reply causes no error."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.delay(0.05)
        client.send(reply(invocation, b"1"))
        assert invocation.answered.result(WAIT).payload == b"1"
    with api.client() as client:
        api.begin(client, request_id="id-2")


@pytest.mark.parametrize(
    ("on", "request_bytes"),
    [
        ("next", get()),
        ("response", post("invocation/a/response")),
        ("error", post("invocation/a/error")),
        ("init/error", post("init/error")),
        ("restore/next", get("runtime/restore/next")),
        ("restore/error", post("restore/error")),
        (None, get("ping")),
    ],
)
def test_fault_applies_only_to_its_target(api: ApiServer, on: Target | None, request_bytes: bytes) -> None:
    """A fault applies only to its target request; requests with similar paths pass."""
    faults = api.server.faults
    others = [get("runtime/invocation/response"), post("invocation/next/other"), post("error"), get("nope/next")]
    faults.status(503, on=on)
    with api.client() as client:
        if on is not None:
            assert [client.ask(other).status for other in others] == [404] * 4
            assert faults.waiting == 1
        assert client.ask(request_bytes).status == 503
    assert faults.waiting == 0


def test_faults_apply_in_order_and_count(api: ApiServer) -> None:
    """Faults apply in the order and count in which they were added; `clear` removes the rest."""
    faults = api.server.faults
    faults.status(501, times=2)
    faults.status(502, on="next")
    faults.status(503)
    faults.status(504)
    with api.client() as client:
        assert [client.ask(get("ping")).status for _ in range(3)] == [501, 501, 503]
        assert client.ask(get()).status == 502
        assert faults.waiting == 1
        faults.clear()
        assert client.ask(get("ping")).status == 200


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (lambda faults: faults.reset(on="nxt"), "unknown request 'nxt'; choose one of: next, response"),
        (lambda faults: faults.reset(times=0), "0 times"),
        (lambda faults: faults.status(99), "99 is not the status"),
        (lambda faults: faults.delay(-1), "-1 s"),
        (lambda faults: faults.cut_after(-1), "-1 bytes"),
    ],
)
def test_invalid_fault_is_rejected(order: Callable[[Faults], None], message: str) -> None:
    """An invalid fault is rejected with a message."""
    with pytest.raises(ValueError, match=message):
        order(Faults())


def test_stale_reply_is_rejected_with_410(make_api: MakeApi) -> None:
    """The reply of a replaced attempt is rejected with 410; the event is delivered as a new attempt."""
    api = make_api(ApiOptions(invocation_ids=True))
    with api.client() as client:
        client.send(get())
        api.await_next()
        invocation = api.deliver(b"1")
        first = client.read().headers["lambda-runtime-invocation-id"]
        api.run(api.api.make_attempt_stale)
        echo = f"Lambda-Runtime-Invocation-Id: {first}"
        assert client.ask(reply(invocation, b"stale", echo)).status == 410
        assert client.ask(reply(invocation, b"stale", echo, kind="error")).status == 410
        again = client.ask(get())
        second = again.headers["lambda-runtime-invocation-id"]
        assert (again.body, again.headers["lambda-runtime-aws-request-id"]) == (b"1", invocation.request_id)
        assert second == invocation.attempt_id != first
        assert client.ask(reply(invocation, b"good", f"Lambda-Runtime-Invocation-Id: {second}")).status == 202
    assert [answer.payload for answer in api.answers] == [b"good"]


def test_stale_reply_needs_invocation_and_ids(make_api: MakeApi) -> None:
    """A stale reply needs a running invocation and attempt ids; without them an error states what is missing."""
    without_ids = make_api(ApiOptions())
    with pytest.raises(EmulatorError, match="invocation_ids=True"):
        without_ids.run(without_ids.api.make_attempt_stale)
    api = make_api(ApiOptions(invocation_ids=True))
    with pytest.raises(EmulatorError, match="no invocation is running"):
        api.run(api.api.make_attempt_stale)
    with api.client() as client:
        invocation = api.begin(client)
        assert client.ask(reply(invocation)).status == 202
        with pytest.raises(EmulatorError, match="no invocation is running"):
            api.run(api.api.make_attempt_stale)


@pytest.fixture
def runtime(make_api: MakeApi, write_handler: Callable[[str], Path]) -> Iterator[ApiServer]:
    """Yield an API with this package's runtime as its client."""
    api = make_api(ApiOptions(invocation_ids=True, record_requests=True))
    root = write_handler("def handler(event, context):\n    return event")
    env = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.server.address,
        "LAMBDA_TASK_ROOT": str(root),
        "_HANDLER": "app.handler",
    }
    process = subprocess.Popen([sys.executable, "-m", "awslambdaric_lite"], env=env, cwd=root)
    yield api
    process.kill()
    process.wait(WAIT)


def answered(api: ApiServer, event: bytes, request_id: str) -> bytes:
    """Invoke the function when the runtime polls; return the response's payload."""
    api.await_next()
    return api.deliver(event, request_id=request_id).answered.result(WAIT).payload


@pytest.mark.parametrize(
    "order",
    [
        lambda faults: faults.reset(on="response"),
        lambda faults: faults.delay(0.1, on="response"),
        lambda faults: faults.cut_after(10, on="response"),
        lambda faults: faults.cut_after(0, on="response"),
        lambda faults: faults.reset(on="next"),
        lambda faults: faults.cut_after(0, on="next"),
        lambda faults: faults.cut_after(50, on="next"),
    ],
    ids=["reset", "delay", "cut", "unanswered", "reset-poll", "unanswered-poll", "cut-event"],
)
def test_runtime_survives_network_fault(runtime: ApiServer, order: Callable[[Faults], None]) -> None:
    """This package's runtime answers each event exactly once despite a network fault."""
    assert answered(runtime, b"1", "id-1") == b"1"
    order(runtime.server.faults)
    assert answered(runtime, b"2", "id-2") == b"2"
    assert answered(runtime, b"3", "id-3") == b"3"
    assert [answer.payload for answer in runtime.answers] == [b"1", b"2", b"3"]
    assert runtime.server.faults.waiting == 0
