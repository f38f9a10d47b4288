"""Faults of the network between runtime and Runtime API, and what they leave behind."""

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

from .harness import WAIT, ApiServer, Client, get, post, reply

MakeApi = Callable[[ApiOptions], ApiServer]


def reset(client: Client) -> bool:
    """Whether the connection has been reset."""
    try:
        client.at_end()
    except ConnectionResetError:
        return True
    return False


def test_a_reset_poll(api: ApiServer) -> None:
    """The API has not seen it; a second try is served."""
    api.server.faults.reset(on="next")
    with api.client() as client:
        client.send(get())
        assert reset(client)
    with api.client() as client:
        api.begin(client)
    assert api.server.faults.waiting == 0


def test_a_reset_response(api: ApiServer) -> None:
    """The reply had no effect: it may be sent again."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.reset(on="response")
        client.send(reply(invocation, b"1"))
        assert reset(client)
    assert api.answers == []
    with api.client() as client:
        assert client.ask(reply(invocation, b"2")).status == 202
    assert [answer.payload for answer in api.answers] == [b"2"]


def test_a_reset_in_the_middle_of_a_large_body(api: ApiServer) -> None:
    """It strikes at the head, whatever is still on its way."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.reset()
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                client.send(reply(invocation, b"x" * 6_000_000)[:1_000_000])
    assert api.answers == []


@pytest.mark.parametrize("size", [0, 1, 10, 40])
def test_an_answer_that_is_cut(api: ApiServer, size: int) -> None:
    """The reply has its effect, its answer ends early, and a second one is refused."""
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


def test_an_event_that_is_cut(api: ApiServer) -> None:
    """The runtime that asks again gets the same event."""
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
def test_another_status(api: ApiServer, status: int, line: bytes) -> None:
    """The API has not seen the request, and the connection stays."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.status(status, on="response")
        refusal = client.ask(reply(invocation, b"1"))
        assert (refusal.status, refusal.body) == (status, line)
        assert refusal.headers["content-type"]
        assert client.ask(reply(invocation, b"2")).status == 202
    assert [answer.payload for answer in api.answers] == [b"2"]
    assert [request.status for request in api.requests] == [200, status, 202]


def test_garbage(api: ApiServer) -> None:
    """Something that is not HTTP, and the end."""
    api.server.faults.garbage(b"\x00garbage")
    with api.client() as client:
        client.send(get("ping"))
        assert client.socket.recv(100) == b"\x00garbage"
        assert client.at_end()
    api.server.faults.garbage()
    with api.client() as client:
        client.send(get("ping"))
        assert not client.socket.recv(100).startswith(b"HTTP")


def test_a_delay(api: ApiServer) -> None:
    """The request has its effect at once, the answer comes late, and what was sent behind it after that."""
    with api.client() as client:
        invocation = api.begin(client)
        api.server.faults.delay(0.3, on="response")
        started = time.monotonic()
        client.send(reply(invocation, b"1") + get("ping"))
        assert invocation.answered.result(WAIT).payload == b"1"
        assert client.read().status == 202
        assert time.monotonic() - started >= 0.29
        assert client.read().body == b"pong"


def test_a_delayed_answer_to_nobody(api: ApiServer) -> None:
    """A client that does not wait for it does no harm."""
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
def test_a_fault_waits_for_its_request(api: ApiServer, on: Target | None, request_bytes: bytes) -> None:
    """Others pass, also those with a similar path."""
    faults = api.server.faults
    others = [get("runtime/invocation/response"), post("invocation/next/other"), post("error"), get("nope/next")]
    faults.status(503, on=on)
    with api.client() as client:
        if on is not None:
            assert [client.ask(other).status for other in others] == [404] * 4
            assert faults.waiting == 1
        assert client.ask(request_bytes).status == 503
    assert faults.waiting == 0


def test_faults_strike_in_order_and_so_many_times(api: ApiServer) -> None:
    """First come, first served, each as often as asked for; the rest can be called off."""
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
def test_orders_that_make_no_sense(order: Callable[[Faults], None], message: str) -> None:
    """They are refused, in words."""
    with pytest.raises(ValueError, match=message):
        order(Faults())


def test_cross_wiring(make_api: MakeApi) -> None:
    """The reply of the attempt that runs is a stale one; the event comes again, as another attempt."""
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


def test_cross_wiring_needs_something_to_cross(make_api: MakeApi) -> None:
    """An invocation that runs, and ids of attempts; else the error says so."""
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
    """An API with this package's runtime as its client."""
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
    """Invoke the runtime's function when it asks."""
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
def test_our_runtime_survives(runtime: ApiServer, order: Callable[[Faults], None]) -> None:
    """No event is lost and none answered twice."""
    assert answered(runtime, b"1", "id-1") == b"1"
    order(runtime.server.faults)
    assert answered(runtime, b"2", "id-2") == b"2"
    assert answered(runtime, b"3", "id-3") == b"3"
    assert [answer.payload for answer in runtime.answers] == [b"1", b"2", b"3"]
    assert runtime.server.faults.waiting == 0
