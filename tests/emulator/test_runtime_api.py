"""The Runtime API on the wire: exact statuses and bodies, framing, pipelining, broken clients."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from typing import Literal

import pytest

from awslambdaric_lite.common.quotas import MAX_PAYLOAD
from awslambdaric_lite.emulator.config.function import ApiOptions

from .harness import ARN, ApiServer, Client, get, post, reply

MakeApi = Callable[[ApiOptions], ApiServer]

OK = b'{"status":"OK"}\n'
REFUSED = "State transition from {} to {} failed for runtime. Error: State transition is not allowed"


def error_body(error_type: str, message: str) -> bytes:
    """Return an error body, byte for byte."""
    return b'{"errorMessage":"%s","errorType":"%s"}\n' % (message.encode(), error_type.encode())


def refused(state: str, target: str) -> tuple[int, bytes]:
    """Return the 403 response to a request that the state does not allow."""
    return 403, error_body("InvalidStateTransition", REFUSED.format(state, target))


INVALID_ID = (400, error_body("InvalidRequestID", "Invalid request ID"))


def test_event_has_protocol_headers(api: ApiServer) -> None:
    """`next` returns the event with content type, id, deadline and ARN, and omits empty headers."""
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


def test_empty_headers_option_sends_them(make_api: MakeApi) -> None:
    """With `empty_headers` the trace, client context and identity headers are sent empty."""
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
def test_event_above_2048_bytes_is_chunked(
    make_api: MakeApi, framing: Literal["auto", "length", "chunked"], size: int, chunked: bool
) -> None:
    """An event above 2048 bytes is chunked unless the option sets a framing; the bytes are the same."""
    api = make_api(ApiOptions(event_framing=framing))
    body = b"x" * size
    with api.client() as client:
        client.send(get())
        api.await_next()
        api.deliver(body)
        event = client.read()
    assert event.body == body
    assert ("transfer-encoding" in event.headers, "content-length" in event.headers) == (chunked, not chunked)


def test_response_reaches_caller_unchanged(api: ApiServer) -> None:
    """A response gets 202, and its payload and content type reach the caller unchanged."""
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
        ("x-Function.Inside", "x-Function.Inside"),  # AWS's regular expression is not anchored
        ("Function.lower", "Function.Unknown"),
        ("ValueError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
def test_error_type_is_classified(api: ApiServer, header: str, recorded: str) -> None:
    """An error gets 202 and reaches the caller unchanged; its type header only classifies the failure."""
    body = b'{"errorMessage":"m","errorType":"ValueError","stackTrace":[]}'
    with api.client() as client:
        invocation = api.begin(client)
        sent = reply(invocation, body, f"Lambda-Runtime-Function-Error-Type: {header}", kind="error")
        accepted = client.ask(sent)
    assert (accepted.status, accepted.body) == (202, OK)
    [answer] = api.answers
    assert (answer.payload, answer.error, answer.error_type) == (body, "Unhandled", recorded)


def test_empty_error_gets_type_of_header(api: ApiServer) -> None:
    """The caller of an empty error receives an object with the type of the header."""
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
def test_error_cause_is_removed_from_body(api: ApiServer, body: bytes, payload: bytes) -> None:
    """The cause is removed from an error's body, and a body that is not an object is replaced."""
    with api.client() as client:
        invocation = api.begin(client)
        content_type = "Content-Type: application/vnd.aws.lambda.error.cause+json"
        assert client.ask(reply(invocation, body, content_type, kind="error")).status == 202
    assert api.answers[0].payload == payload


def test_wrong_id_is_rejected_event_repeated(api: ApiServer) -> None:
    """A reply with a wrong id gets 400, and `next` during an invocation returns its event again."""
    with api.client() as client:
        invocation = api.begin(client, b'{"n":1}')
        assert client.ask(post("invocation/other/response"))[::2] == INVALID_ID
        assert client.ask(get()).body == b'{"n":1}'
        assert client.ask(get()).headers["lambda-runtime-aws-request-id"] == "id-1"
        assert client.ask(reply(invocation)).status == 202
    assert len(api.answers) == 1


def test_second_reply_gets_403_then_400(api: ApiServer) -> None:
    """A second reply gets 403 before the following `next` and 400 after it."""
    with api.client() as client:
        invocation = api.begin(client)
        assert client.ask(reply(invocation)).status == 202
        again = client.ask(reply(invocation))
        assert again[::2] == refused("RuntimeResponseSentState", "InvocationResponse")
        again = client.ask(reply(invocation, kind="error"))
        assert again[::2] == refused("RuntimeResponseSentState", "InvocationErrorResponse")
        api.begin(client, request_id="id-2")
        assert client.ask(reply(invocation))[::2] == INVALID_ID


def test_reply_before_event_gets_400(api: ApiServer) -> None:
    """A reply before the first event gets 400."""
    with api.client() as client:
        assert client.ask(post("invocation/id-1/response"))[::2] == INVALID_ID


def test_init_error_precludes_next(api: ApiServer) -> None:
    """An init error before the first `next` gets 202; a later `next` or init error is rejected."""
    body = b'{"errorMessage":"m","errorType":"Runtime.ImportModuleError","stackTrace":[]}'
    with api.client() as client:
        sent = post("init/error", body, "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError")
        assert client.ask(sent)[::2] == (202, OK)
        assert client.ask(get())[::2] == refused("InitError", "Ready")
        assert client.ask(post("init/error"))[::2] == refused("InitError", "InitError")
    [answer] = api.init_errors
    assert (answer.payload, answer.content_type) == (body, "application/json")
    assert answer.error_type == "Runtime.ImportModuleError"


def test_non_json_init_error_is_octet_stream(api: ApiServer) -> None:
    """An init error that is not JSON has the content type of bytes."""
    with api.client() as client:
        assert client.ask(post("init/error", b"oops")).status == 202
    assert api.init_errors[0].content_type == "application/octet-stream"


def test_init_error_after_next_is_rejected(api: ApiServer) -> None:
    """An init error after the first `next` gets 403."""
    with api.client() as poller, api.client() as other:
        poller.send(get())
        api.await_next()
        assert other.ask(post("init/error"))[::2] == refused("Ready", "InitError")
        api.deliver()
        assert other.ask(post("init/error"))[::2] == refused("Running", "InitError")
    assert api.init_errors == []


@pytest.mark.parametrize("mode", ["buffered", "Streaming", "x"])
def test_invalid_response_mode_blocks_next(api: ApiServer, mode: str) -> None:
    """An invalid response mode gets 400 and fails the invocation; the following `next` is rejected, as by AWS."""
    with api.client() as client:
        invocation = api.begin(client)
        bad = client.ask(reply(invocation, b"{}", f"Lambda-Runtime-Function-Response-Mode: {mode}"))
        assert bad[::2] == (400, error_body("InvalidFunctionResponseMode", "Invalid function response mode"))
        assert client.ask(get())[::2] == refused("InvocationResponse", "Ready")
    assert [answer.error_type for answer in api.answers] == ["Runtime.InvalidResponseModeHeader"]


def test_streamed_response_is_buffered_for_caller(api: ApiServer) -> None:
    """A streamed response is buffered for a buffered caller; error trailers make it a function error."""
    with api.client() as client:
        invocation = api.begin(client)
        head = (
            f"POST /2018-06-01/runtime/invocation/{invocation.request_id}/response HTTP/1.1\r\nHost: localhost\r\n"
            "Transfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
        )
        body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.StreamError\r\n\r\n"
        assert client.ask(head.encode() + body).status == 202
    [answer] = api.answers
    assert (answer.payload, answer.error_type) == (b"abcde", "Runtime.StreamError")
    assert answer.trailers == (("Lambda-Runtime-Function-Error-Type", "Runtime.StreamError"),)


@pytest.mark.parametrize("size", [MAX_PAYLOAD, MAX_PAYLOAD + 1])
def test_oversized_response_gets_413(api: ApiServer, size: int) -> None:
    """A response of exactly the limit is accepted; one more byte gets 413 and fails the invocation."""
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


def test_truncated_response_fails_invocation(api: ApiServer) -> None:
    """A truncated response gets 400 and fails the invocation; the next one works."""
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


def test_reset_during_response_fails_invocation(api: ApiServer) -> None:
    """A reset during the response fails the invocation as truncated."""
    with api.client() as client:
        invocation = api.begin(client)
        client.send(reply(invocation, b"x" * 100)[:-1])
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert invocation.answered.result(10).error_type == "Runtime.TruncatedResponse"


def test_truncated_error_keeps_header_type(api: ApiServer) -> None:
    """A truncated error gets 202 and fails the invocation with the type of the header."""
    with api.client() as client:
        invocation = api.begin(client)
        client.send(
            reply(invocation, b'{"a":1}', "Lambda-Runtime-Function-Error-Type: Function.Bad", kind="error")[:-1]
        )
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read().status == 202
    assert api.answers[0].error_type == "Function.Bad"


@pytest.mark.parametrize("kind", ["response", "error"])
def test_pipelined_poll_follows_reply(api: ApiServer, kind: str) -> None:
    """A reply and the next poll in one write are processed in order on one connection."""
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


def test_poll_behind_rejected_reply_repeats_event(api: ApiServer) -> None:
    """A poll behind a rejected reply returns the same event again."""
    with api.client() as client:
        api.begin(client, b'{"n":1}')
        client.send(post("invocation/wrong/response") + get())
        assert client.read()[::2] == INVALID_ID
        assert client.read().body == b'{"n":1}'


def test_request_in_single_bytes_is_accepted(api: ApiServer) -> None:
    """A request that arrives in single bytes is accepted."""
    with api.client() as client:
        invocation = api.begin(client)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in reply(invocation, b'{"slow":true}'):
            client.send(bytes([byte]))
        assert client.read().status == 202
    assert api.answers[0].payload == b'{"slow":true}'


def test_reply_with_stale_id_gets_410(make_api: MakeApi) -> None:
    """A reply with another attempt's id gets 410, and one with the current id 202."""
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


def test_event_of_reset_poll_is_redelivered(api: ApiServer) -> None:
    """The event for a reset poll is delivered to the next poll."""
    with api.client() as client:
        client.send(get())
        api.await_next()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with api.client() as client:
        client.send(get())  # processed after the reset, because one event loop processes both
        api.await_next()
        api.deliver(b'{"n":7}')
        assert client.read().body == b'{"n":7}'


def test_event_without_poll_is_kept(api: ApiServer) -> None:
    """An event delivered without an open poll goes to the next poll."""
    with api.client() as client:
        client.send(get())
        api.await_next()
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()  # the server has closed the connection
    api.deliver(b'{"n":8}')
    with api.client() as client:
        assert client.ask(get()).body == b'{"n":8}'


def test_second_poll_gets_following_event(api: ApiServer) -> None:
    """Of two waiting polls the first gets the event and the second the following one."""
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
        (b"GET /other/api HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, b"404 page not found\n"),
        (get("runtime/restore/next"), 404, b"404 page not found\n"),
        (get("runtime/init/error"), 405, b""),
        (post("invocation/next"), 405, b""),
        (get("runtime/invocation/id-1/response"), 405, b""),
    ],
)
def test_unknown_path_or_method_is_rejected(api: ApiServer, request_bytes: bytes, status: int, body: bytes) -> None:
    """`ping` gets a response, an unknown path 404, a wrong method 405; the connection stays open."""
    with api.client() as client:
        assert client.ask(request_bytes)[::2] == (status, body)
        assert client.ask(get("ping")).body == b"pong"


@pytest.mark.parametrize(("size", "status"), [(1_000_000, 202), (1_100_000, 431)])
def test_headers_above_one_mebibyte_get_431(api: ApiServer, size: int, status: int) -> None:
    """Headers below one mebibyte are accepted, and larger ones get 431."""
    with api.client() as client:
        invocation = api.begin(client)
        cause = "Lambda-Runtime-Function-XRay-Error-Cause: " + "x" * size
        assert client.ask(reply(invocation, b"{}", cause, kind="error")).status == status
        if status == 431:
            assert client.at_end()


def test_garbage_gets_400(api: ApiServer) -> None:
    """Bytes that are not HTTP get 400, and the connection is closed."""
    with api.client() as client:
        assert client.ask(b"what is this\r\n\r\n").status == 400
        assert client.at_end()


def test_large_rejected_body_is_not_read(api: ApiServer) -> None:
    """A rejected request with a large body is answered before the body, and the connection is closed."""
    with api.client() as client:
        api.begin(client)
        head = post("invocation/wrong/response", b"x" * 1_000_000).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        refusal = client.ask(head)
        assert refusal[::2] == INVALID_ID
        assert refusal.headers["connection"] == "close"
        assert client.at_end()


def test_small_rejected_body_is_discarded(api: ApiServer) -> None:
    """The small body of a rejected request is read and discarded, and the connection stays open."""
    with api.client() as client:
        api.begin(client, b"1")
        assert client.ask(post("invocation/wrong/response", b"x" * 200_000))[::2] == INVALID_ID
        assert client.ask(get()).body == b"1"


def test_expect_continue_gets_100(api: ApiServer) -> None:
    """A reply with `Expect: 100-continue` gets status 100 before its body."""
    with api.client() as client:
        invocation = api.begin(client)
        head, _, body = reply(invocation, b'{"a":1}', "Expect: 100-continue").partition(b"\r\n\r\n")
        assert client.ask(head + b"\r\n\r\n").status == 100
        assert client.ask(body).status == 202


@pytest.mark.parametrize("head", ["HTTP/1.0\r\n", "HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n"])
def test_connection_close_is_honoured(api: ApiServer, head: str) -> None:
    """HTTP/1.0 and `Connection: close` get one response and the end of the connection."""
    with api.client() as client:
        assert client.ask(f"GET /2018-06-01/ping {head}\r\n".encode()).body == b"pong"
        assert client.at_end()


def test_requests_are_recorded_unchanged(api: ApiServer) -> None:
    """Recorded requests, rejected ones included, have the original method, path, headers, body and status."""
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
    assert right.headers == [("Host", "localhost"), ("Content-Length", "3"), ("X-Odd-cAsE", "Ünïcode")]
    assert right.header("x-odd-case") == "Ünïcode"


def test_requests_are_not_recorded_by_default(make_api: MakeApi) -> None:
    """Requests are not recorded by default."""
    api = make_api(ApiOptions())
    with api.client() as client:
        client.ask(get("ping"))
    assert api.requests == []


def test_each_api_has_separate_port(make_api: MakeApi) -> None:
    """Each API listens on a separate port of 127.0.0.1."""
    addresses = {make_api(ApiOptions()).server.address for _ in range(3)}
    assert len(addresses) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    with Client(addresses.pop()) as client:
        assert client.ask(get("ping")).body == b"pong"
