"""The client sends exact bytes, header fields and paths to a real server."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import pytest

from awslambdaric_lite import __version__

from .doubles import ACCEPTED, MakeClient, Notices, RecordingSocketModule, ScriptedApi, Step, event, status

if TYPE_CHECKING:
    from awslambdaric_lite._types import ErrorReport

AGENT = f"aws-lambda-python/{platform.python_version().partition('+')[0]}-{__version__}"
ERROR: ErrorReport = {
    "errorMessage": "né",
    "errorType": "Runtime.ImportModuleError",
    "requestId": "",
    "stackTrace": ["a", "b"],
}


def golden(text: str, api: ScriptedApi) -> bytes:
    """Return request bytes for a readable text: insert `{host}` and `{agent}`, use CRLF."""
    return text.replace("{host}", api.address).replace("{agent}", AGENT).replace("\n", "\r\n").encode()


POLL = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\nHost: {host}\nUser-Agent: {agent}\n\n"


def test_poll_has_only_host_and_agent(client_of: MakeClient) -> None:
    """`GET next` has the header fields Host and User-Agent, and no other."""
    with ScriptedApi(event("id-1")) as api:
        client_of(api.address).wait_next_invocation()
    assert [request.raw for request in api.requests] == [golden(POLL, api)]


def test_result_has_its_exact_bytes(client_of: MakeClient) -> None:
    """A result is posted under its request id with its content type and length."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_result("id-1", b'{"a":1}')
        client.wait_next_invocation()
    expected = (
        "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\nHost: {host}\nUser-Agent: {agent}\n"
        'Content-Type: application/json\nContent-Length: 7\n\n{"a":1}'
    )
    assert [request.raw for request in api.requests] == [golden(POLL, api), golden(expected, api), golden(POLL, api)]


def test_result_keeps_content_type_and_id(client_of: MakeClient) -> None:
    """The caller chooses the content type; text is sent as UTF-8; an invocation id is echoed."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2"), ACCEPTED, event("id-3")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_result("id-1", b"\xff\x00", "application/unknown", "attempt 7")
        client.wait_next_invocation()
        client.post_invocation_result("id-2", "é")
        client.wait_next_invocation()
    result = (
        "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\nHost: {host}\nUser-Agent: {agent}\n"
        "Content-Type: application/unknown\nLambda-Runtime-Invocation-Id: attempt 7\nContent-Length: 2\n\n"
    )
    assert api.requests[1].raw == golden(result, api) + b"\xff\x00"
    assert api.requests[3].body == "é".encode()
    assert ("Content-Length", "2") in api.requests[3].headers
    assert not any(name == "Lambda-Runtime-Invocation-Id" for name, _ in api.requests[3].headers)


def test_error_has_its_exact_bytes(client_of: MakeClient) -> None:
    """An error has the X-Ray cause but no error type in its head, as with the official client."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_error("id-1", '{"errorType":"E"}', '{"paths":[]}', "attempt-1")
        client.wait_next_invocation()
    expected = (
        "POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\nHost: {host}\nUser-Agent: {agent}\n"
        "Content-Type: application/json\nLambda-Runtime-Invocation-Id: attempt-1\nContent-Length: 17\n"
        'Lambda-Runtime-Function-XRay-Error-Cause: {"paths":[]}\n\n{"errorType":"E"}'
    )
    assert api.requests[1].raw == golden(expected, api)


def test_empty_cause_has_no_header(client_of: MakeClient) -> None:
    """An empty X-Ray cause is not sent."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_error("id-1", b"{}", "")
        client.wait_next_invocation()
    names = [name for name, _ in api.requests[1].headers]
    assert names == ["Host", "User-Agent", "Content-Type", "Content-Length"]


def test_init_error_has_its_exact_bytes(client_of: MakeClient) -> None:
    """An init error has its type as a header field, and a body in UTF-8."""
    with ScriptedApi(ACCEPTED) as api:
        client_of(api.address).post_init_error(ERROR.copy())
    (request,) = api.requests
    body = json.dumps(ERROR, ensure_ascii=False, separators=(",", ":"))
    expected = (
        "POST /2018-06-01/runtime/init/error HTTP/1.1\nHost: {host}\nUser-Agent: {agent}\n"
        "Content-Type: application/json\nLambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\n"
        f"Content-Length: {len(body.encode())}\n\n{body}"
    )
    assert request.raw == golden(expected, api)


@pytest.mark.parametrize(
    ("override", "error_type", "header"),
    [
        ("Runtime.BeforeSnapshotError", "ValueError", "Runtime.BeforeSnapshotError"),
        (None, "Größe", "Runtime.Unknown"),
        (None, "a\r\nInjected: 1", "Runtime.Unknown"),
        (None, "ValueError", "ValueError"),
    ],
)
def test_init_error_type_is_a_header(override: str | None, error_type: str, header: str, client_of: MakeClient) -> None:
    """The header has the override or the error's type; a type that a header cannot hold is replaced in the header."""
    with ScriptedApi(ACCEPTED) as api:
        client_of(api.address).post_init_error({**ERROR, "errorType": error_type}, override)
    (request,) = api.requests
    assert ("Lambda-Runtime-Function-Error-Type", header) in request.headers
    assert len(request.headers) == 5
    assert json.loads(request.body)["errorType"] == error_type


@pytest.mark.parametrize(
    ("request_id", "path"),
    [
        ("8476a536-e9f4-11e8-9739-2dfe598c3fcd", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("a.b_c~d", "a.b_c~d"),
        ("a/b", "a%2Fb"),
        ("../next", "..%2Fnext"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b%20", "a%20b%2520"),
        ("é€", "%C3%A9%E2%82%AC"),
        ("²", "%C2%B2"),
        ("a+b&c=d", "a%2Bb%26c%3Dd"),
        ("!*'();:@$,[]|^`{}\\\"<>", "%21%2A%27%28%29%3B%3A%40%24%2C%5B%5D%7C%5E%60%7B%7D%5C%22%3C%3E"),
    ],
)
def test_request_id_is_percent_encoded(request_id: str, path: str, client_of: MakeClient) -> None:
    """A request id is percent-encoded in the path, except for the unreserved characters of RFC 3986 section 2.3."""
    with ScriptedApi(event(request_id), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        assert client.wait_next_invocation().invoke_id == request_id
        client.post_invocation_result(request_id, b"1")
        client.wait_next_invocation()
    assert api.lines[1] == f"POST invocation/{path}/response"


@pytest.mark.parametrize("prefix", ["/api", "/a/b/"])
def test_path_prefix_precedes_each_path(prefix: str, client_of: MakeClient) -> None:
    """Scheme and path prefix of the address may be set; each path has the prefix, and the Host field has neither."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2"), ACCEPTED) as api:
        client = client_of(f"http://{api.address}{prefix}")
        client.wait_next_invocation()
        client.post_invocation_result("id-1", b"1")
        client.wait_next_invocation()
        client.post_init_error(ERROR.copy())
    start = prefix.rstrip("/") + "/2018-06-01/runtime/"
    assert [request.raw.split()[1].decode() for request in api.requests] == [
        f"{start}invocation/next",
        f"{start}invocation/id-1/response",
        f"{start}invocation/next",
        f"{start}init/error",
    ]
    assert {dict(request.headers)["Host"] for request in api.requests} == {api.address}


def test_requests_have_no_expect_header(client_of: MakeClient) -> None:
    """Requests have no `Expect`, `Connection` or `Accept`, whatever their size."""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_result("id-1", b"x" * 200_000)
        client.wait_next_invocation()
    names = {name.lower() for request in api.requests for name, _ in request.headers}
    assert names == {"host", "user-agent", "content-type", "content-length"}


def test_large_result_is_not_copied(sockets: RecordingSocketModule, client_of: MakeClient) -> None:
    """A large result is sent as two writes: the head, and the very object of the caller."""
    body = b"x" * 5_000_000
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2")) as api:
        client = client_of(api.address)
        client.wait_next_invocation()
        client.post_invocation_result("id-1", body)
        client.wait_next_invocation()
    assert len(sockets.writes) == 4
    assert sockets.writes[2] is body
    assert api.requests[1].body == body


def test_init_error_is_repeated_after_reset(client_of: MakeClient) -> None:
    """An init error is posted again on a new connection if the first is reset before the status."""
    with ScriptedApi(Step(then="reset"), ACCEPTED) as api:
        client_of(api.address).post_init_error(ERROR.copy())
    assert api.lines == ["POST init/error"] * 2
    assert api.requests[0].raw == api.requests[1].raw


def test_refused_init_error_raises(client_of: MakeClient, notices: Notices) -> None:
    """A status other than 202 for an init error raises an ApiError with status and body."""
    from awslambdaric_lite._function_errors import ApiError

    with (
        ScriptedApi(status(403, b'{"errorType":"InvalidStateTransition"}')) as api,
        pytest.raises(ApiError, match=r"init/error with 403: .*InvalidStateTransition"),
    ):
        client_of(api.address).post_init_error(ERROR.copy())
    assert notices.texts == []
