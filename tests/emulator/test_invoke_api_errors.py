"""Service errors: boto3 raises the same class as on AWS, with the fields of its shape."""

from __future__ import annotations

import base64
import gc
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from awslambdaric_lite.emulator.frontend.service_errors import service_error

from .front_end import FrontEnd
from .harness import Client
from .waiting import WAIT, wait_until

MakeFrontEnd = Callable[..., FrontEnd]

ANY = "def handler(event, headers):\n    return event\n"
WAITING = """
import os, time
def handler(event, headers):
    open({begun!r}, "w").close()
    while not os.path.exists({gate!r}): time.sleep(0.005)
    return event
"""
INVOKE = "/2015-03-31/functions/function/invocations"
LIMITS = {"RequestResponse": 6_291_556, "DryRun": 6_291_556, "Event": 1_048_576}


def context(value: str) -> str:
    """Encode a client context."""
    return base64.b64encode(value.encode()).decode()


@pytest.mark.parametrize(
    ("settings", "name", "status", "text"),
    [
        ({"FunctionName": "other"}, "ResourceNotFoundException", 404, "Function not found: arn:.*:function:other$"),
        ({"FunctionName": "other:live"}, "ResourceNotFoundException", 404, "Function not found: .*:other:live$"),
        ({"Qualifier": "7"}, "ResourceNotFoundException", 404, "Function not found: .*:function:function:7$"),
        (
            {"FunctionName": "arn:aws:lambda:eu-west-1:012345678912:function:function"},
            "ResourceNotFoundException",
            404,
            r"Functions from 'eu-west-1' are not reachable in this region \('us-east-1'\)",
        ),
        (
            {"FunctionName": "function:live", "Qualifier": "3"},
            "InvalidParameterValueException",
            400,
            "derived qualifier from the function name does not match",
        ),
        ({"Payload": b"{a"}, "InvalidRequestContentException", 400, "Could not parse request body into json: "),
        ({"Payload": b"\xff"}, "InvalidRequestContentException", 400, "Could not parse request body into json: "),
        ({"Payload": b"NaN"}, "InvalidRequestContentException", 400, "NaN"),
        ({"Payload": b"{a", "InvocationType": "Event"}, "InvalidRequestContentException", 400, "Could not parse"),
        ({"Payload": b"{a", "InvocationType": "DryRun"}, "InvalidRequestContentException", 400, "Could not parse"),
        ({"ClientContext": "{}"}, "InvalidRequestContentException", 400, "valid Base64-encoded JSON object"),
        ({"ClientContext": context("{a")}, "InvalidRequestContentException", 400, "valid Base64-encoded JSON object"),
        ({"ClientContext": context("[1]")}, "InvalidRequestContentException", 400, "valid Base64-encoded JSON object"),
        ({"ClientContext": "A" * 3584}, "InvalidRequestContentException", 400, "3584 bytes .* up to 3583"),
        ({"InvocationType": "Later"}, "ValidationException", 400, "'Later' at 'invocationType' .*Event, DryRun"),
        ({"LogType": "All"}, "ValidationException", 400, "'All' at 'logType' .*None, Tail"),
        ({"TenantId": "a,b"}, "ValidationException", 400, "'a,b' at 'tenantId'"),
        ({"TenantId": "a" * 257}, "ValidationException", 400, "at 'tenantId'"),
        ({"FunctionName": "no name"}, "ValidationException", 400, "'no name' at 'functionName'"),
        ({"Qualifier": "a.b"}, "ValidationException", 400, "'a.b' at 'qualifier'"),
    ],
)
def test_invalid_request_raises_service_error(
    make_front_end: MakeFrontEnd, settings: dict[str, Any], name: str, status: int, text: str
) -> None:
    """An invalid request raises AWS's error class with its status and message, and starts no environment."""
    front_end = make_front_end(ANY, aliases={"live": "3"})
    client = front_end.client()
    with pytest.raises(getattr(client.exceptions, name, ClientError), match=text) as raised:
        client.invoke(**{"FunctionName": "function", **settings})
    response = raised.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (name, status)
    assert response.get("Type", "User") == "User"
    assert len(response["ResponseMetadata"]["RequestId"]) == 36
    assert front_end.host.pool.environments == []


def test_deeply_nested_event_is_rejected(make_front_end: MakeFrontEnd) -> None:
    """An event that is nested too deeply is rejected as invalid content."""
    client = make_front_end(ANY).client()
    gc.disable()  # a finalizer that runs at the bottom of the recursion would fail the test
    try:
        with pytest.raises(client.exceptions.InvalidRequestContentException, match="nested too deeply"):
            client.invoke(FunctionName="function", Payload=b"[" * 100_000)
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", LIMITS)
def test_oversized_event_is_rejected_with_413(make_front_end: MakeFrontEnd, kind: str) -> None:
    """An event of one byte above its invocation type's limit is rejected with 413."""
    client = make_front_end("def handler(event, headers):\n    return len(event)\n").client()
    event = b'"' + b"x" * (LIMITS[kind] - 2) + b'"'
    with pytest.raises(client.exceptions.RequestTooLargeException, match=str(LIMITS[kind])) as raised:
        client.invoke(FunctionName="function", InvocationType=kind, Payload=event + b" ")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert client.invoke(FunctionName="function", InvocationType=kind, Payload=event)["StatusCode"] in (200, 202, 204)


def test_chunked_event_is_rejected_while_sending(make_front_end: MakeFrontEnd) -> None:
    """A chunked event above the limit is rejected before the caller has sent its end."""
    front_end = make_front_end(ANY)
    with Client(front_end.server.address) as caller:
        head = f"POST {INVOKE} HTTP/1.1\r\nHost: localhost\r\nX-Amz-Invocation-Type: Event\r\n"
        head += "Transfer-Encoding: chunked\r\n\r\n"
        caller.send(head.encode() + b"%x\r\n%s\r\n" % (LIMITS["Event"] + 1, b"x" * (LIMITS["Event"] + 1)))
        answer = caller.read()
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")
    text = "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    assert json.loads(answer.body) == {"Type": "User", "message": text}


def test_truncated_request_starts_no_environment(make_front_end: MakeFrontEnd) -> None:
    """A truncated request starts no environment, and the API forgets it."""
    front_end = make_front_end(ANY)
    with Client(front_end.server.address) as caller:
        caller.send(f"POST {INVOKE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345".encode())
        wait_until(lambda: front_end.api.unfinished)
    wait_until(lambda: not front_end.api.unfinished)
    assert front_end.host.pool.environments == []


@pytest.mark.parametrize("operation", ["invoke", "invoke_with_response_stream"])
def test_invocation_above_concurrency_is_throttled(
    make_front_end: MakeFrontEnd, tmp_path: Path, operation: str
) -> None:
    """An invocation above the concurrency limit gets 429 with reason and retry delay; the running one completes."""
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    front_end = make_front_end(WAITING.format(begun=str(begun), gate=str(gate)), concurrency=1)
    client = front_end.client()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(client.invoke, FunctionName="function", Payload=b'"first"')
        wait_until(begun.exists)
        with pytest.raises(client.exceptions.TooManyRequestsException, match="Rate Exceeded") as raised:
            getattr(client, operation)(FunctionName="function")
        gate.touch()
        assert running.result(WAIT)["Payload"].read() == b'"first"'
    response = raised.value.response
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert (response["Type"], response["retryAfterSeconds"]) == ("User", "1")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429


@pytest.mark.parametrize("content_type", ["text/html", "multipart/form-data; boundary=x", "application/xml"])
def test_other_content_type_gets_415(make_front_end: MakeFrontEnd, content_type: str) -> None:
    """A content type other than JSON is rejected with 415 and the type in the message."""
    url = make_front_end(ANY).url + INVOKE
    answer = urllib3.request("POST", url, body=b"{}", headers={"Content-Type": content_type})
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (415, "UnsupportedMediaTypeException")
    assert answer.json() == {"Type": "User", "message": f"Unsupported content type: {content_type}"}


def test_invalid_request_id_gets_400(make_front_end: MakeFrontEnd) -> None:
    """A request id that is not a UUID is rejected with 400 and the value in the message."""
    answer = urllib3.request("POST", make_front_end(ANY).url + INVOKE, headers={"x-amzn-RequestId": "mine"})
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestContentException")
    assert answer.json()["message"] == "x-amzn-RequestId is not a UUID: mine"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", INVOKE),
        ("POST", "/2015-03-31/functions/function"),
        ("POST", "/2021-11-15/functions/function/invocations"),
        ("POST", "/health"),
    ],
)
def test_unknown_path_gets_404(make_front_end: MakeFrontEnd, method: str, path: str) -> None:
    """An unknown path is rejected with 404, and method and path in the message."""
    answer = urllib3.request(method, make_front_end(ANY).url + path)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")
    assert f"{method} {path}" in answer.json()["message"]


@pytest.mark.parametrize("operation", ["invoke", "invoke_with_response_stream"])
def test_close_fails_waiting_caller(make_front_end: MakeFrontEnd, tmp_path: Path, operation: str) -> None:
    """Closing the function fails waiting and later callers with `ServiceException`."""
    begun = tmp_path / "begun"
    front_end = make_front_end(WAITING.format(begun=str(begun), gate=str(tmp_path / "gate")))
    client = front_end.client()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(getattr(client, operation), FunctionName="function")
        wait_until(begun.exists)
        front_end.close_function()
        with pytest.raises(client.exceptions.ServiceException, match="closed before") as raised:
            running.result(WAIT)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    for settings in ({}, {"InvocationType": "Event"}):
        with pytest.raises(client.exceptions.ServiceException, match="closed"):
            client.invoke(FunctionName="function", **settings)


def test_internal_error_is_service_exception() -> None:
    """An unexpected error becomes a `ServiceException` with status 500 and its message."""
    failure = service_error(OSError("no space left"))
    assert (failure.status, failure.name) == (500, "ServiceException")
    assert json.loads(failure.body) == {"Type": "Service", "Message": "no space left"}
