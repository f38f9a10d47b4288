"""Invoke as boto3 sends it: the function's input and the caller's response."""

from __future__ import annotations

import base64
import json
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from .front_end import FrontEnd
from .harness import Client
from .waiting import WAIT, wait_until

MakeFrontEnd = Callable[..., FrontEnd]

ECHO = """
import os

def handler(event, headers):
    print("event", event)
    known = {name.removeprefix("lambda-runtime-"): value for name, value in headers.items()}
    return {"event": event, "headers": known, "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "pid": os.getpid()}
"""
FAIL = "def handler(event, headers):\n    raise ValueError('boom')\n"
# The runtime responds, prints, waits for a file, and only then polls for the next event.
LINGERING_RUNTIME = """
import os, socket, sys, time
sys.path.insert(0, {root!r})
from tests.support.socket_runtime import read, request
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
api = socket.create_connection((host, int(port)))
replies = api.makefile("rb")
while True:
    api.sendall(request("GET", "invocation/next"))
    _, headers, event = read(replies)
    api.sendall(request("POST", "invocation/" + headers["lambda-runtime-aws-request-id"] + "/response", b'"done"'))
    read(replies)
    print("after the reply", flush=True)
    while not os.path.exists({gate!r}):
        time.sleep(0.005)
"""


def payload(response: Any) -> Any:
    """Return the parsed payload of a boto3 response."""
    return json.loads(response["Payload"].read())


def test_synchronous_invocation_returns_result(make_front_end: MakeFrontEnd) -> None:
    """A synchronous invocation returns result, status and version; function and caller see one request id."""
    client = make_front_end(ECHO).client()
    response = client.invoke(FunctionName="function", Payload=json.dumps({"name": "wörld"}))
    result = payload(response)
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response and "LogResult" not in response
    assert result["event"] == {"name": "wörld"}
    assert result["headers"]["aws-request-id"] == response["ResponseMetadata"]["RequestId"]
    assert payload(client.invoke(FunctionName="function"))["pid"] == result["pid"]


def test_missing_payload_is_empty_object(make_front_end: MakeFrontEnd) -> None:
    """The function receives an empty object if the caller sends no payload."""
    assert payload(make_front_end(ECHO).client().invoke(FunctionName="function"))["event"] == {}


def test_function_error_has_status_200(make_front_end: MakeFrontEnd) -> None:
    """A function error has status 200, `FunctionError`, and the error object as payload."""
    response = make_front_end(FAIL).client().invoke(FunctionName="function")
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert payload(response)["errorMessage"] == "boom"


@pytest.mark.parametrize(
    ("source", "timeout_s", "error_type"),
    [
        ("import os\ndef handler(event, headers):\n    os._exit(3)", 60.0, "Runtime.ExitError"),
        ("import time\ndef handler(event, headers):\n    time.sleep(60)", 0.5, "Sandbox.Timedout"),
    ],
    ids=["exit", "timeout"],
)
def test_process_failure_is_function_error(
    make_front_end: MakeFrontEnd, source: str, timeout_s: float, error_type: str
) -> None:
    """An exit or a timeout of the process is a function error."""
    response = make_front_end(source, timeout_s=timeout_s).client().invoke(FunctionName="function")
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert payload(response)["errorType"] == error_type


def test_caller_headers_reach_runtime(make_front_end: MakeFrontEnd) -> None:
    """The decoded client context, the tenant id and the trace id of the caller reach the runtime."""
    front_end = make_front_end(ECHO)
    client = front_end.client()
    context = {"client": {"installation_id": "i"}, "custom": {"a": "ä"}}
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    headers = payload(client.invoke(FunctionName="function", ClientContext=encoded, TenantId="blue/1"))["headers"]
    assert json.loads(headers["client-context"]) == context
    assert headers["aws-tenant-id"] == "blue/1"
    assert headers["trace-id"].startswith("Root=1-")
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    answer = urllib3.request(
        "POST",
        f"{front_end.url}/2015-03-31/functions/function/invocations",
        headers={"X-Amzn-Trace-Id": trace},
    )
    assert answer.json()["headers"]["trace-id"] == trace


def test_invalid_trace_is_replaced(make_front_end: MakeFrontEnd) -> None:
    """A trace header that is not valid text is replaced by a new trace."""
    front_end = make_front_end(ECHO)
    with Client(front_end.server.address) as caller:
        head = b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
        answer = caller.ask(head + b"X-Amzn-Trace-Id: \xe9\r\n\r\n")
    assert json.loads(answer.body)["headers"]["trace-id"].startswith("Root=1-")


def test_log_tail_has_last_4_kib(make_front_end: MakeFrontEnd) -> None:
    """The log tail has the last 4 KiB of the invocation's log, including REPORT."""
    source = "def handler(event, headers):\n    for n in range(200): print(f'line {n:020}')\n    return 1\n"
    response = make_front_end(source).client().invoke(FunctionName="function", LogType="Tail")
    log = base64.b64decode(response["LogResult"])
    assert len(log) == 4096
    assert b"line 00000000000000000199" in log and b"REPORT RequestId: " in log
    assert b"START" not in log and b"line 00000000000000000000\n" not in log


def test_response_precedes_end_of_invocation(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The caller gets the response before the runtime polls again, except if it requested the log tail."""
    gate = tmp_path / "gate"
    script = tmp_path / "runtime.py"
    script.write_text(LINGERING_RUNTIME.format(root=str(Path(__file__).parents[2]), gate=str(gate)))
    client = make_front_end(ECHO, runtime=[sys.executable, "-S", str(script)], concurrency=2).client()
    assert payload(client.invoke(FunctionName="function")) == "done"  # the gate is still closed
    with ThreadPoolExecutor() as threads:
        tailed = threads.submit(client.invoke, FunctionName="function", LogType="Tail")
        gate.touch()
        assert b"after the reply" in base64.b64decode(tailed.result(WAIT)["LogResult"])


@pytest.mark.parametrize(
    ("name", "qualifier", "version", "suffix"),
    [
        ("function", None, "$LATEST", ""),
        ("function", "$LATEST", "$LATEST", ":$LATEST"),
        ("function", "live", "3", ":live"),
        ("function:live", None, "3", ":live"),
        ("function:3", "3", "3", ":3"),
        ("012345678912:function:function", None, "$LATEST", ""),
        ("012345678912:function:function:live", None, "3", ":live"),
        ("arn:aws:lambda:us-east-1:012345678912:function:function", "live", "3", ":live"),
        ("arn:aws:lambda:us-east-1:999999999999:function:function:live", None, "3", ":live"),
    ],
)
def test_name_and_qualifier_select_version(
    make_front_end: MakeFrontEnd, name: str, qualifier: str | None, version: str, suffix: str
) -> None:
    """Every form of function name and qualifier selects the version and the ARN."""
    client = make_front_end(ECHO, aliases={"live": "3"}).client()
    response = client.invoke(FunctionName=name, **({"Qualifier": qualifier} if qualifier else {}))
    result = payload(response)
    assert response["ExecutedVersion"] == result["version"] == version
    arn = f"arn:aws:lambda:us-east-1:012345678912:function:function{suffix}"
    assert result["headers"]["invoked-function-arn"] == arn


def test_dry_run_starts_no_environment(make_front_end: MakeFrontEnd) -> None:
    """A dry run gets 204 and starts no environment."""
    front_end = make_front_end(ECHO)
    assert front_end.client().invoke(FunctionName="function", InvocationType="DryRun")["StatusCode"] == 204
    assert front_end.host.pool.environments == []


@pytest.mark.parametrize("path", ["/health", "/", "/health?verbose=1"])
def test_health_check_starts_no_environment(make_front_end: MakeFrontEnd, path: str) -> None:
    """A health check gets 200 with the function's status and starts no environment."""
    front_end = make_front_end(ECHO)
    answer = urllib3.request("GET", front_end.url + path)
    assert (answer.status, answer.json()) == (200, {"status": "ok", "function": "function", "environments": 0})
    assert urllib3.request("HEAD", front_end.url + path).status == 200
    assert front_end.host.pool.environments == []


def test_form_content_type_is_json(make_front_end: MakeFrontEnd) -> None:
    """The default content type of `curl -d` and JSON types with parameters are accepted as JSON, chunked or not."""
    url = f"{make_front_end(ECHO).url}/2015-03-31/functions/function/invocations"
    for content_type in ("application/x-www-form-urlencoded", "application/json; charset=utf-8", "application/a+json"):
        answer = urllib3.request("POST", url, body=b'{"a":1}', headers={"Content-Type": content_type})
        assert answer.json()["event"] == {"a": 1}
    assert urllib3.request("POST", url, body=iter([b'{"a"', b":2}"])).json()["event"] == {"a": 2}


def test_request_id_of_caller_is_used(make_front_end: MakeFrontEnd) -> None:
    """A UUID in `x-amzn-RequestId` becomes the request id, in lower case."""
    own = uuid.uuid4()
    url = f"{make_front_end(ECHO).url}/2015-03-31/functions/function/invocations"
    answer = urllib3.request("POST", url, headers={"x-amzn-RequestId": str(own).upper()})
    assert answer.json()["headers"]["aws-request-id"] == answer.headers["x-amzn-RequestId"] == str(own)


def test_payload_limit_is_6291556_bytes(make_front_end: MakeFrontEnd) -> None:
    """A payload of 6,291,556 bytes is accepted; one more byte in the response is a function error."""
    limit = 6_291_556
    front_end = make_front_end("def handler(event, headers):\n    return event if event[0] == 'x' else event + '+'\n")
    client = front_end.client()
    event = b'"' + b"x" * (limit - 2) + b'"'
    assert client.invoke(FunctionName="function", Payload=event)["Payload"].read() == event
    response = client.invoke(FunctionName="function", Payload=event.replace(b"x", b"y"))
    assert response["FunctionError"] == "Unhandled"
    assert payload(response)["errorType"] == "Function.ResponseSizeTooLarge"


def test_concurrent_callers_get_matching_responses(make_front_end: MakeFrontEnd) -> None:
    """Each of many concurrent callers gets the response to its event."""
    client = make_front_end(ECHO, concurrency=5).client()
    with ThreadPoolExecutor(5) as threads:
        answers = threads.map(lambda n: payload(client.invoke(FunctionName="function", Payload=str(n))), range(40))
        assert [answer["event"] for answer in answers] == list(range(40))


def test_disconnected_caller_does_not_stop_function(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """A disconnected caller does not stop the function, and its environment serves the next event."""
    source = f"""
import os, time
def handler(event, headers):
    if event == 1:
        open({str(tmp_path / "begun")!r}, "w").close()
        while not os.path.exists({str(tmp_path / "gate")!r}): time.sleep(0.005)
        return "nobody reads this"
    return os.getpid()
"""
    front_end = make_front_end(source, concurrency=1)
    client = front_end.client()
    pid = payload(client.invoke(FunctionName="function"))
    with Client(front_end.server.address) as caller:
        caller.send(
            b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1"
        )
        wait_until((tmp_path / "begun").exists)
    (tmp_path / "gate").touch()
    wait_until(lambda: not front_end.busy)
    assert payload(client.invoke(FunctionName="function")) == pid
