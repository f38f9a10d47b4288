"""The Runtime API on the wire: exact statuses and bodies, framing, pipelining, broken clients."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from typing import Literal

import pytest

from awslambdaric_lite.emulator.config.function import MAX_PAYLOAD, ApiOptions

from .harness import ARN, ApiServer, Client, get, post, reply

MakeApi = Callable[[ApiOptions], ApiServer]

OK = b'{"status":"OK"}\n'
REFUSED = "State transition from {} to {} failed for runtime. Error: State transition is not allowed"


def error_body(error_type: str, message: str) -> bytes:
    """An error body, byte for byte."""
    return b'{"errorMessage":"%s","errorType":"%s"}\n' % (message.encode(), error_type.encode())


def refused(state: str, target: str) -> tuple[int, bytes]:
    """The 403 of a call that the state does not allow."""
    return 403, error_body("InvalidStateTransition", REFUSED.format(state, target))


INVALID_ID = (400, error_body("InvalidRequestID", "Invalid request ID"))


def test_an_event_comes_with_the_headers_of_the_protocol(api: ApiServer) -> None:
    """`next` gives the event, its content type, id, deadline and ARN, and no header that has nothing to say."""
    with api.client() as client:
        client.send(get())
        api.await_next()
        api.deliver(b'{"a":1}', trace_id="Root=1-2-3")
        event = client.read()
    assert (event.status, event.body) == (200, b'{"a":1}')
    assert event.headers.pop("date")
    assert event.headers == {
        "content-type": "application/json",
        "content-length": "7",
        "lambda-runtime-aws-request-id": "id-1",
        "lambda-runtime-deadline-ms": "1234",
        "lambda-runtime-invoked-function-arn": ARN,
        "lambda-runtime-trace-id": "Root=1-2-3",
    }


def test_empty_headers_are_sent_on_request(make_api: MakeApi) -> None:
    """As Managed Instances do: trace, client context and identity are there and empty."""
    api = make_api(ApiOptions(empty_headers=True))
    with api.client() as client:
        client.send(get())
        api.await_next()
        api.deliver()
        headers = client.read().headers
    for name in ("trace-id", "client-context", "cognito-identity"):
        assert headers[f"lambda-runtime-{name}"] == ""
    assert "lambda-runtime-aws-tenant-id" not in headers


@pytest.mark.parametrize(
    ("framing", "size", "chunked"),
    [
        ("auto", 2048, False),
        ("auto", 2049, True),
        ("auto", 6_000_000, True),
        ("length", 6_000_000, False),
        ("chunked", 1, True),
    ],
)
def test_framing_of_events(
    make_api: MakeApi, framing: Literal["auto", "length", "chunked"], size: int, chunked: bool
) -> None:
    """A declared length up to 2048 bytes and chunks above, unless told otherwise; the same bytes either way."""
    api = make_api(ApiOptions(event_framing=framing))
    body = b"x" * size
    with api.client() as client:
        client.send(get())
        api.await_next()
        api.deliver(body)
        event = client.read()
    assert event.body == body
    assert ("transfer-encoding" in event.headers, "content-length" in event.headers) == (chunked, not chunked)


def test_a_response_is_accepted_and_reaches_the_caller(api: ApiServer) -> None:
    """202 with the fixed body; payload and content type are handed on unchanged."""
    with api.client() as client:
        invocation = api.begin(client)
        accepted = client.ask(reply(invocation, b"\x00raw", "Content-Type: application/unknown"))
    assert (accepted.status, accepted.body) == (202, OK)
    assert accepted.headers["content-type"] == "application/json"
    [answer] = api.answers
    assert (answer.payload, answer.content_type, answer.error) == (b"\x00raw", "application/unknown", None)


@pytest.mark.parametrize(
    ("header", "recorded"),
    [
        ("Function.MyError", "Function.MyError"),
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("x-Function.Inside", "x-Function.Inside"),  # the server's expression is not anchored
        ("Function.lower", "Function.Unknown"),
        ("ValueError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
def test_an_error_is_accepted_and_its_type_is_classified(api: ApiServer, header: str, recorded: str) -> None:
    """202; the body reaches the caller unchanged, the type header only decides how the failure is recorded."""
    body = b'{"errorMessage":"m","errorType":"ValueError","stackTrace":[]}'
    with api.client() as client:
        invocation = api.begin(client)
        sent = reply(invocation, body, f"Lambda-Runtime-Function-Error-Type: {header}", kind="error")
        accepted = client.ask(sent)
    assert (accepted.status, accepted.body) == (202, OK)
    [answer] = api.answers
    assert (answer.payload, answer.error, answer.error_type) == (body, "Unhandled", recorded)


def test_an_empty_error_is_worded_by_the_platform(api: ApiServer) -> None:
    """The caller gets an object with the type of the header."""
    with api.client() as client:
        invocation = api.begin(client)
        client.ask(reply(invocation, b"", "Lambda-Runtime-Function-Error-Type: Function.Bad", kind="error"))
    assert json.loads(api.answers[0].payload) == {"errorType": "Function.Bad"}


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b'{"errorType":"E","errorMessage":"m","errorCause":{}}', b'{"errorMessage":"m","errorType":"E"}'),
        (b"not json", b'"Invalid error body"'),
    ],
)
def test_an_error_with_its_cause_in_the_body(api: ApiServer, body: bytes, payload: bytes) -> None:
    """The cause is taken out; a body that is not an object is replaced."""
    with api.client() as client:
        invocation = api.begin(client)
        content_type = "Content-Type: application/vnd.aws.lambda.error.cause+json"
        assert client.ask(reply(invocation, body, content_type, kind="error")).status == 202
    assert api.answers[0].payload == payload


def test_a_wrong_id_is_refused_and_the_event_given_again(api: ApiServer) -> None:
    """400 for a reply to an id that is not current; `next` in the middle of an invocation repeats it."""
    with api.client() as client:
        invocation = api.begin(client, b'{"n":1}')
        assert client.ask(post("invocation/other/response"))[::2] == INVALID_ID
        assert client.ask(get()).body == b'{"n":1}'
        assert client.ask(get()).headers["lambda-runtime-aws-request-id"] == "id-1"
        assert client.ask(reply(invocation)).status == 202
    assert len(api.answers) == 1


def test_a_second_reply_is_refused_by_state_then_by_id(api: ApiServer) -> None:
    """403 before the following `next`, 400 after it."""
    with api.client() as client:
        invocation = api.begin(client)
        assert client.ask(reply(invocation)).status == 202
        again = client.ask(reply(invocation))
        assert again[::2] == refused("RuntimeResponseSentState", "InvocationResponse")
        again = client.ask(reply(invocation, kind="error"))
        assert again[::2] == refused("RuntimeResponseSentState", "InvocationErrorResponse")
        api.begin(client, request_id="id-2")
        assert client.ask(reply(invocation))[::2] == INVALID_ID


def test_a_reply_before_any_event_has_no_valid_id(api: ApiServer) -> None:
    """400, in whatever state."""
    with api.client() as client:
        assert client.ask(post("invocation/id-1/response"))[::2] == INVALID_ID


def test_init_error_ends_the_runtime(api: ApiServer) -> None:
    """202 before the first `next`, which is refused afterwards; so is a second init error."""
    body = b'{"errorMessage":"m","errorType":"Runtime.ImportModuleError","stackTrace":[]}'
    with api.client() as client:
        sent = post("init/error", body, "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError")
        assert client.ask(sent)[::2] == (202, OK)
        assert client.ask(get())[::2] == refused("InitError", "Ready")
        assert client.ask(post("init/error"))[::2] == refused("InitError", "InitError")
    [answer] = api.init_errors
    assert (answer.payload, answer.content_type) == (body, "application/json")
    assert answer.error_type == "Runtime.ImportModuleError"


def test_init_error_that_is_not_json_is_handed_on_as_bytes(api: ApiServer) -> None:
    """The caller is told that it is no JSON."""
    with api.client() as client:
        assert client.ask(post("init/error", b"oops")).status == 202
    assert api.init_errors[0].content_type == "application/octet-stream"


def test_init_error_after_next_is_refused(api: ApiServer) -> None:
    """403, from Ready and from Running."""
    with api.client() as poller, api.client() as other:
        poller.send(get())
        api.await_next()
        assert other.ask(post("init/error"))[::2] == refused("Ready", "InitError")
        api.deliver()
        assert other.ask(post("init/error"))[::2] == refused("Running", "InitError")
    assert api.init_errors == []


@pytest.mark.parametrize("mode", ["buffered", "Streaming", "x"])
def test_an_invalid_response_mode_leaves_the_state_stuck(api: ApiServer, mode: str) -> None:
    """400; the caller has an error already, and the following `next` is refused, as by the real server."""
    with api.client() as client:
        invocation = api.begin(client)
        bad = client.ask(reply(invocation, b"{}", f"Lambda-Runtime-Function-Response-Mode: {mode}"))
        assert bad[::2] == (400, error_body("InvalidFunctionResponseMode", "Invalid function response mode"))
        assert client.ask(get())[::2] == refused("InvocationResponse", "Ready")
    assert [answer.error_type for answer in api.answers] == ["Runtime.InvalidResponseModeHeader"]


def test_a_streamed_response_is_buffered_for_the_caller(api: ApiServer) -> None:
    """Chunks in mode `streaming` are put together; error trailers make it a function error."""
    with api.client() as client:
        invocation = api.begin(client)
        head = (
            f"POST /2018-06-01/runtime/invocation/{invocation.request_id}/response HTTP/1.1\r\nHost: api\r\n"
            "Transfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
        )
        body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.StreamError\r\n\r\n"
        assert client.ask(head.encode() + body).status == 202
    [answer] = api.answers
    assert (answer.payload, answer.error_type) == (b"abcde", "Runtime.StreamError")
    assert answer.trailers == (("Lambda-Runtime-Function-Error-Type", "Runtime.StreamError"),)


@pytest.mark.parametrize("size", [MAX_PAYLOAD, MAX_PAYLOAD + 1])
def test_the_size_of_a_response_is_limited(api: ApiServer, size: int) -> None:
    """Exactly the limit passes; one byte more is a 413, told to the caller, and the next poll is fine."""
    with api.client() as client:
        invocation = api.begin(client)
        answer = client.ask(reply(invocation, b"x" * size))
        if size == MAX_PAYLOAD:
            assert answer.status == 202
            assert len(api.answers[0].payload) == size
        else:
            text = "Exceeded maximum allowed payload size (6291556 bytes)."
            assert answer[::2] == (413, error_body("RequestEntityTooLarge", text))
            assert json.loads(api.answers[0].payload) == {
                "errorType": "Function.ResponseSizeTooLarge",
                "errorMessage": f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
                "(6291556 bytes).",
            }
        api.begin(client, request_id="id-2")


def test_a_reply_that_breaks_off_is_reported_to_the_caller(api: ApiServer) -> None:
    """A body shorter than declared: 400 for the runtime, a truncated response for the caller, and on it goes."""
    with api.client() as client:
        invocation = api.begin(client)
        client.send(reply(invocation, b"x" * 100)[:-1])
        client.socket.shutdown(socket.SHUT_WR)
        truncated = client.read()
        assert truncated[::2] == (400, error_body("TruncatedHTTPRequest", "HTTP request detected as truncated"))
        assert client.at_end()
    assert [answer.error_type for answer in api.answers] == ["Runtime.TruncatedResponse"]
    with api.client() as client:
        api.begin(client, request_id="id-2")


def test_a_reset_in_the_middle_of_a_reply_ends_the_invocation(api: ApiServer) -> None:
    """Nobody is left to be told, but the caller is."""
    with api.client() as client:
        invocation = api.begin(client)
        client.send(reply(invocation, b"x" * 100)[:-1])
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert invocation.answered.result(10).error_type == "Runtime.TruncatedResponse"


def test_a_truncated_error_is_taken_with_what_the_header_says(api: ApiServer) -> None:
    """An /error whose body broke off still ends the invocation with its type."""
    with api.client() as client:
        invocation = api.begin(client)
        client.send(
            reply(invocation, b'{"a":1}', "Lambda-Runtime-Function-Error-Type: Function.Bad", kind="error")[:-1]
        )
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read().status == 202
    assert api.answers[0].error_type == "Function.Bad"


@pytest.mark.parametrize("kind", ["response", "error"])
def test_reply_and_next_poll_in_one_write(api: ApiServer, kind: str) -> None:
    """Pipelined requests are handled strictly in order, on the one connection."""
    with api.client() as client:
        invocation = api.begin(client)
        for number in range(2, 6):
            client.send(reply(invocation, b"{}", kind=kind) + get())
            assert client.read().status == 202
            api.await_next()
            invocation = api.deliver(b"%d" % number, request_id=f"id-{number}")
            assert client.read().body == b"%d" % number
    assert [request.method for request in api.requests] == ["GET", *["POST", "GET"] * 4]
    assert {request.connection for request in api.requests} == {1}


def test_a_rejected_reply_and_the_next_poll_in_one_write(api: ApiServer) -> None:
    """The poll behind a wrong reply gets the same event again."""
    with api.client() as client:
        api.begin(client, b'{"n":1}')
        client.send(post("invocation/wrong/response") + get())
        assert client.read()[::2] == INVALID_ID
        assert client.read().body == b'{"n":1}'


def test_a_request_may_arrive_byte_by_byte(api: ApiServer) -> None:
    """However the stream is cut up, it is the same request."""
    with api.client() as client:
        invocation = api.begin(client)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in reply(invocation, b'{"slow":true}'):
            client.send(bytes([byte]))
        assert client.read().status == 202
    assert api.answers[0].payload == b'{"slow":true}'


def test_stale_attempts_are_gone(make_api: MakeApi) -> None:
    """With invocation ids: sent with the event, 410 for another one, 202 for the right one."""
    api = make_api(ApiOptions(invocation_ids=True))
    with api.client() as client:
        client.send(get())
        api.await_next()
        invocation = api.deliver()
        attempt = client.read().headers["lambda-runtime-invocation-id"]
        assert attempt == invocation.attempt_id
        stale = client.ask(reply(invocation, b"{}", "Lambda-Runtime-Invocation-Id: other"))
        assert stale[::2] == (410, error_body("InvokeTimeout", "Invoke timeout"))
        assert api.answers == []
        assert client.ask(reply(invocation, b"{}", f"lambda-runtime-invocation-id: {attempt}")).status == 202


def test_an_event_for_a_dead_poll_waits_for_the_next_one(api: ApiServer) -> None:
    """Nothing is lost when the connection of a poll goes: a new poll gets the event."""
    with api.client() as client:
        client.send(get())
        api.await_next()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with api.client() as client:
        client.send(get())  # accepted after the reset has been seen: one loop takes both in order
        api.await_next()
        api.deliver(b'{"n":7}')
        assert client.read().body == b'{"n":7}'


def test_a_poll_after_delivery_to_nobody_gets_the_event(api: ApiServer) -> None:
    """An event delivered while no poll was open is given to the first that asks."""
    with api.client() as client:
        client.send(get())
        api.await_next()
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()  # the server has let go of it
    api.deliver(b'{"n":8}')
    with api.client() as client:
        assert client.ask(get()).body == b'{"n":8}'


def test_of_two_polls_one_gets_the_event(api: ApiServer) -> None:
    """A second poll in Ready waits beside the first and takes the following event."""
    with api.client() as first, api.client() as second:
        first.send(get())
        api.await_next()
        second.send(get())
        api.await_next()
        invocation = api.deliver(b"1")
        assert first.read().body == b"1"
        assert first.ask(reply(invocation)).status == 202
        first.send(get())
        api.await_next()
        api.deliver(b"2", request_id="id-2")
        assert second.read().body == b"2"


@pytest.mark.parametrize(
    ("request_bytes", "status", "body"),
    [
        (get("ping"), 200, b"pong"),
        (get("nothing/here"), 404, b"404 page not found\n"),
        (b"GET /other/api HTTP/1.1\r\nHost: api\r\n\r\n", 404, b"404 page not found\n"),
        (get("runtime/restore/next"), 404, b"404 page not found\n"),
        (get("runtime/init/error"), 405, b""),
        (post("invocation/next"), 405, b""),
        (get("runtime/invocation/id-1/response"), 405, b""),
    ],
)
def test_other_paths(api: ApiServer, request_bytes: bytes, status: int, body: bytes) -> None:
    """Ping answers; unknown paths are 404, wrong methods 405, and the connection stays usable."""
    with api.client() as client:
        assert client.ask(request_bytes)[::2] == (status, body)
        assert client.ask(get("ping")).body == b"pong"


@pytest.mark.parametrize(("size", "status"), [(1_000_000, 202), (1_100_000, 431)])
def test_headers_up_to_one_mebibyte(api: ApiServer, size: int, status: int) -> None:
    """A large X-Ray header passes below the limit of the server and is refused above it."""
    with api.client() as client:
        invocation = api.begin(client)
        cause = "Lambda-Runtime-Function-XRay-Error-Cause: " + "x" * size
        assert client.ask(reply(invocation, b"{}", cause, kind="error")).status == status
        if status == 431:
            assert client.at_end()


def test_garbage_is_a_bad_request(api: ApiServer) -> None:
    """400, and the connection is closed."""
    with api.client() as client:
        assert client.ask(b"what is this\r\n\r\n").status == 400
        assert client.at_end()


def test_a_large_refused_body_is_not_read(api: ApiServer) -> None:
    """The refusal comes before the body, says that the connection closes, and closes it."""
    with api.client() as client:
        api.begin(client)
        head = post("invocation/wrong/response", b"x" * 1_000_000).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        refusal = client.ask(head)
        assert refusal[::2] == INVALID_ID
        assert refusal.headers["connection"] == "close"
        assert client.at_end()


def test_a_small_refused_body_keeps_the_connection(api: ApiServer) -> None:
    """It is read and thrown away."""
    with api.client() as client:
        api.begin(client, b"1")
        assert client.ask(post("invocation/wrong/response", b"x" * 200_000))[::2] == INVALID_ID
        assert client.ask(get()).body == b"1"


def test_expect_continue_is_answered(api: ApiServer) -> None:
    """A client that waits for permission gets it when the reply is welcome."""
    with api.client() as client:
        invocation = api.begin(client)
        head, _, body = reply(invocation, b'{"a":1}', "Expect: 100-continue").partition(b"\r\n\r\n")
        assert client.ask(head + b"\r\n\r\n").status == 100
        assert client.ask(body).status == 202


@pytest.mark.parametrize("head", ["HTTP/1.0\r\n", "HTTP/1.1\r\nConnection: close\r\nHost: api\r\n"])
def test_a_client_may_close_after_each_request(api: ApiServer, head: str) -> None:
    """HTTP/1.0 and `Connection: close` get one answer and the end of the connection."""
    with api.client() as client:
        assert client.ask(f"GET /2018-06-01/ping {head}\r\n".encode()).body == b"pong"
        assert client.at_end()


def test_requests_are_recorded_as_they_came(api: ApiServer) -> None:
    """Method, path, headers in order and spelling, body, status; refused ones included."""
    with api.client() as client:
        invocation = api.begin(client)
        client.ask(post("invocation/wrong/error", b"no"))
        client.ask(reply(invocation, b"yes", "X-Odd-cAsE: Ünïcode"))
    following, wrong, right = api.requests
    assert (following.method, following.path, following.status) == ("GET", "/2018-06-01/runtime/invocation/next", 200)
    assert (wrong.body, wrong.status) == (b"no", 400)
    assert (right.path, right.body, right.status) == (
        "/2018-06-01/runtime/invocation/id-1/response",
        b"yes",
        202,
    )
    assert right.headers == [("Host", "api"), ("Content-Length", "3"), ("X-Odd-cAsE", "Ünïcode")]
    assert right.header("x-odd-case") == "Ünïcode"


def test_requests_are_not_kept_unless_asked_for(make_api: MakeApi) -> None:
    """A long-lived local Lambda does not grow with its traffic."""
    api = make_api(ApiOptions())
    with api.client() as client:
        client.ask(get("ping"))
    assert api.requests == []


def test_the_address_is_a_port_of_its_own_on_the_loopback(make_api: MakeApi) -> None:
    """Each API listens on 127.0.0.1 and on another port."""
    addresses = {make_api(ApiOptions()).server.address for _ in range(3)}
    assert len(addresses) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    with Client(addresses.pop()) as client:
        assert client.ask(get("ping")).body == b"pong"
