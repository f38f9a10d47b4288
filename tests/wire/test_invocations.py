"""The client reads events: header fields, bodies of any size, connections of any kind."""

from __future__ import annotations

import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from awslambdaric_lite._client import Invocation
from awslambdaric_lite._function_errors import ProtocolError
from awslambdaric_lite._http import ResponseReader

from ..architecture.child import run_python
from .doubles import (
    ACCEPTED,
    ClassicApi,
    MakeClient,
    RecordingClock,
    RecordingSocketModule,
    ScriptedApi,
    Step,
    event,
)

MEGABYTE = 1 << 20
OPTIONAL = {
    "Lambda-Runtime-Trace-Id": "x_amzn_trace_id",
    "Lambda-Runtime-Client-Context": "client_context",
    "Lambda-Runtime-Cognito-Identity": "cognito_identity",
    "Lambda-Runtime-Aws-Tenant-Id": "tenant_id",
    "Lambda-Runtime-Invocation-Id": "invocation_id",
}


def test_header_fields_become_attributes(client_of: MakeClient) -> None:
    """Each header field of the API becomes an attribute with the official client's name."""
    fields = [f"{name.lower()}:  value of {attribute} " for name, attribute in OPTIONAL.items()]
    with ScriptedApi(event("id-1", b"[1]", *fields)) as api:
        invocation = client_of(api.address).wait_next_invocation()
    assert invocation.invoke_id == "id-1"
    assert invocation.deadline_time_in_ms == 1542409706888
    assert invocation.invoked_function_arn == "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert invocation.content_type == "application/json"
    for attribute in OPTIONAL.values():
        assert getattr(invocation, attribute) == f"value of {attribute}"
    assert invocation.take_body() == b"[1]"


@pytest.mark.parametrize("value", ["absent", "empty"])
def test_empty_header_field_gives_none(value: str, client_of: MakeClient) -> None:
    """An empty header field, which Managed Instances send, gives None as an absent one does."""
    fields = [f"{name}: " for name in OPTIONAL] if value == "empty" else []
    with ScriptedApi(event("id-1", b"", *fields)) as api:
        invocation = client_of(api.address).wait_next_invocation()
    assert {attribute: getattr(invocation, attribute) for attribute in OPTIONAL.values()} == dict.fromkeys(
        OPTIONAL.values()
    )


@pytest.mark.parametrize("deadline", ["0", "1", "0042", "4102444800000", "9" * 19])
def test_deadline_of_up_to_19_digits_is_read(deadline: str, client_of: MakeClient) -> None:
    """A deadline of up to 19 digits, some of which may be leading zeros, is read as a number."""
    answer = event("id-1").replace(b"1542409706888", deadline.encode())
    with ScriptedApi(answer) as api:
        invocation = client_of(api.address).wait_next_invocation()
    assert invocation.deadline_time_in_ms == int(deadline)


@pytest.mark.parametrize("deadline", ["", "soon", "-1", "1.5", "²", "9" * 20, "9" * 5000])
def test_malformed_deadline_leaves_no_time(deadline: str, client_of: MakeClient) -> None:
    """A deadline that is not a number is read as 0, so that no time remains."""
    answer = event("id-1").replace(b"1542409706888", deadline.encode())
    with ScriptedApi(answer) as api:
        invocation = client_of(api.address).wait_next_invocation()
    assert invocation.deadline_time_in_ms == 0


def test_client_context_is_decoded_as_utf8(client_of: MakeClient) -> None:
    """The client context is decoded as UTF-8."""
    with ScriptedApi(event("id-1", b"{}", 'Lambda-Runtime-Client-Context: {"custom":{"name":"Zoë €"}}')) as api:
        invocation = client_of(api.address).wait_next_invocation()
    assert invocation.client_context == '{"custom":{"name":"Zoë €"}}'


def test_event_body_is_released_once_taken(client_of: MakeClient) -> None:
    """`take_body` gives the event away, so that it can be freed."""
    with ScriptedApi(event("id-1", b"x" * 1000)) as api:
        invocation = client_of(api.address).wait_next_invocation()
    assert len(invocation.take_body()) == 1000
    assert len(invocation.take_body()) == 0


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [0, 1, 2048, 2049, 65_535, 65_536, 65_537, 1_000_000])
def test_body_of_any_size_arrives_whole(size: int, chunked: bool, client_of: MakeClient) -> None:
    """A sized or chunked body arrives whole around each size limit, and the connection stays usable."""
    body = bytes(index * 31 % 251 for index in range(size))
    with ScriptedApi(event("id-1", body, chunked=chunked), ACCEPTED, event("id-2", b"next")) as api:
        client = client_of(api.address)
        assert client.wait_next_invocation().take_body() == body
        client.post_invocation_result("id-1", b"1")
        assert client.wait_next_invocation().take_body() == b"next"
    assert api.connections == 1


def test_large_sized_body_is_received_in_place(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """Of a body of 5 MB with a declared length, at most one ordinary read is copied."""
    body = bytes(5 * MEGABYTE)
    with ScriptedApi(event("id-1", body)) as api:
        assert client_of(api.address).wait_next_invocation().take_body() == body
    assert 0 < sum(count for _, count in sockets.reads) <= 2 * 65536
    head = len(event("id-1", body)) - len(body)
    assert sum(count for _, count in sockets.reads) + sum(sockets.reads_in_place) == head + len(body)


def test_large_chunked_body_is_not_copied_repeatedly(client_of: MakeClient) -> None:
    """Of a chunked body of 5 MB, the reader keeps only the current piece in addition to the body.

    The test limits the memory in use after each piece; a bytearray may be an eighth larger than its content.
    """
    data = event("id-1", bytes(5 * MEGABYTE), chunked=True)
    reader = ResponseReader()
    tracemalloc.start()
    try:
        response, position, fed = None, 0, 0
        while response is None:
            piece = data[position : position + min(reader.wanted, 60_000)]
            position += len(piece)
            response = reader.feed(piece)
            fed += 1
            del piece
            assert tracemalloc.get_traced_memory()[0] < position * 1.13 + 200_000
    finally:
        tracemalloc.stop()
    assert response[2] == bytes(5 * MEGABYTE)
    assert fed <= len(data) // 60_000 + 1


def test_large_sized_body_needs_no_second_buffer() -> None:
    """A body of 5 MB that is received in place needs at most 300 KB in addition to the body."""
    data = event("id-1", bytes(5 * MEGABYTE))
    view = memoryview(data)
    reader = ResponseReader()
    tracemalloc.start()
    try:
        response, position = reader.feed(data[:60_000]), 60_000
        while response is None:
            room = reader.room()
            assert room is not None
            count = min(len(room), 200_000)
            room[:count] = view[position : position + count]
            position += count
            response = reader.filled(count)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * MEGABYTE + 300_000
    assert response[2] == bytes(5 * MEGABYTE)


def test_interim_response_is_skipped(client_of: MakeClient) -> None:
    """A response 100 before an event or a status changes nothing."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with ScriptedApi(interim + event("id-1"), interim + ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_result("id-1", b"1")
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert len(api.requests) == 3


def test_answer_that_is_not_http_is_shown(client_of: MakeClient) -> None:
    """The error shows the answer of a service that does not use HTTP."""
    with (
        ScriptedApi(Step(b"SSH-2.0-OpenSSH_9.6\r\n", "close")) as api,
        pytest.raises(ProtocolError, match=r"SSH-2\.0-OpenSSH_9\.6"),
    ):
        client_of(api.address).wait_next_invocation()


def test_default_timeout_is_not_inherited(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """`socket.setdefaulttimeout()` in user code does not limit the client's connection, because a poll may last."""
    with ScriptedApi(event("id-1")) as api:
        socket.setdefaulttimeout(5)
        try:
            client_of(api.address).wait_next_invocation()
        finally:
            socket.setdefaulttimeout(None)
    assert sockets.timeouts == [None]


def test_each_address_of_a_name_is_tried(
    sockets: RecordingSocketModule, client_of: MakeClient, clock: RecordingClock
) -> None:
    """The client tries a name's next address immediately if one refuses the connection."""
    with ScriptedApi() as gone:
        pass
    with ScriptedApi(event("id-1")) as api:
        sockets.addresses = [("127.0.0.1", gone.port), ("127.0.0.1", api.port)]
        assert client_of(f"runtime.internal:{api.port}").wait_next_invocation().invoke_id == "id-1"
    assert sockets.resolved == [(b"runtime.internal", api.port)]  # bytes: text would import `encodings.idna`
    assert clock.sleeps == []
    assert dict(api.requests[0].headers)["Host"] == f"runtime.internal:{api.port}"


def test_host_name_is_resolved(client_of: MakeClient) -> None:
    """The client reaches an API at `localhost`."""
    with ScriptedApi(event("id-1")) as api:
        assert client_of(f"localhost:{api.port}").wait_next_invocation().invoke_id == "id-1"


def test_numeric_address_needs_no_resolver(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """A numeric address, like Lambda's, is not resolved."""
    with ScriptedApi(event("id-1")) as api:
        client_of(api.address).wait_next_invocation()
    assert sockets.resolved == []


def test_small_writes_are_sent_immediately(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """The client's socket has TCP_NODELAY, so that a reply does not wait for an acknowledgement."""
    with ScriptedApi(event("id-1")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        (connected,) = sockets.sockets
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_warm_up_sends_nothing(sockets: RecordingSocketModule, client_of: MakeClient, clock: RecordingClock) -> None:
    """A warm-up invocation uses no network and does not change the requests that follow."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        seen: list[str] = []

        def answer(invocation: Invocation) -> None:
            seen.append(bytes(invocation.take_body()).decode())
            client.post_invocation_result(invocation.invoke_id, b"1")

        for _ in range(2):
            client.warm_up(answer)
        assert (sockets.writes, clock.sleeps) == ([], [])
        assert seen == ['{"a":[1]}'] * 2 * 3  # the third event of a warm-up uses the cached header lines
        client.wait_next_invocation()
        client.post_invocation_result("id-1", b"1")
        client.wait_next_invocation()
    assert [request.line for request in api.requests] == [
        "GET invocation/next",
        "POST invocation/id-1/response",
        "GET invocation/next",
    ]
    assert api.connections == 1


def test_closed_descriptor_is_replaced(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """The client reconnects and delivers the result if user code closes its descriptor, e.g. by `os.closerange()`."""
    with ClassicApi([("id-1", b"1"), ("id-2", b"2")]) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        os.close(sockets.sockets[0].fileno())
        client.post_invocation_result("id-1", b"result")
        assert client.wait_next_invocation().invoke_id == "id-2"
    assert api.accepted == [("id-1", b"result")]


FORK = """
import os, sys
from awslambdaric_lite._client import LambdaRuntimeClient
from awslambdaric_lite._codec import Marshaller
from awslambdaric_lite._function_errors import ForkedChild
from awslambdaric_lite._settings import read_address
client = LambdaRuntimeClient(read_address(sys.argv[1]), Marshaller(), print)
invocation = client.wait_next_invocation()
child = os.fork()
if not child:
    for use in (lambda: client.post_invocation_result("id-1", b"child"), client.wait_next_invocation):
        try:
            use()
        except ForkedChild:
            pass
        else:
            os._exit(1)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
client.post_invocation_result("id-1", b"parent")
print(client.wait_next_invocation().invoke_id)
"""


def test_forked_child_cannot_use_the_client(tmp_path: Path) -> None:
    """In a forked child each use of the client raises an error, and the parent's connection stays usable."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        finished = run_python(FORK, api.address, folder=tmp_path)
    assert finished.stdout == "id-2\n", finished.stderr
    assert [request.body for request in api.requests] == [b"", b"parent", b""]
    assert api.connections == 1
