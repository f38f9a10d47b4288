"""Invoke as boto3 sees it: what reaches the function, and what comes back."""

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

from .front_end import WAIT, FrontEnd, await_that
from .harness import Client

MakeFrontEnd = Callable[..., FrontEnd]

ECHO = """
import os

def handler(event, headers):
    print("event", event)
    known = {name.removeprefix("lambda-runtime-"): value for name, value in headers.items()}
    return {"event": event, "headers": known, "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "pid": os.getpid()}
"""
FAIL = "def handler(event, headers):\n    raise ValueError('boom')\n"
# Replies, does something more, waits for a file, and only then asks for the next event.
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
    """The parsed payload of a boto3 response."""
    return json.loads(response["Payload"].read())


def test_a_synchronous_invocation(make_front_end: MakeFrontEnd) -> None:
    """Result, status, version and one request id for the function and the caller; warm the second time."""
    client = make_front_end(ECHO).client()
    response = client.invoke(FunctionName="function", Payload=json.dumps({"name": "wörld"}))
    result = payload(response)
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response and "LogResult" not in response
    assert result["event"] == {"name": "wörld"}
    assert result["headers"]["aws-request-id"] == response["ResponseMetadata"]["RequestId"]
    assert payload(client.invoke(FunctionName="function"))["pid"] == result["pid"]


def test_no_payload_is_the_empty_object(make_front_end: MakeFrontEnd) -> None:
    """As on AWS."""
    assert payload(make_front_end(ECHO).client().invoke(FunctionName="function"))["event"] == {}


def test_a_function_error(make_front_end: MakeFrontEnd) -> None:
    """Status 200 with `FunctionError`, and the error object as payload."""
    response = make_front_end(FAIL).client().invoke(FunctionName="function")
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert payload(response)["errorMessage"] == "boom"


@pytest.mark.parametrize(
    ("source", "timeout_s", "error_type"),
    [
        ("import os\ndef handler(event, headers):\n    os._exit(3)", 60.0, "Runtime.ExitError"),
        ("import time\ndef handler(event, headers):\n    time.sleep(60)", 0.5, "Sandbox.Timedout"),
    ],
    ids=["exit", "time-out"],
)
def test_a_failure_of_the_process(make_front_end: MakeFrontEnd, source: str, timeout_s: float, error_type: str) -> None:
    """An exit and a time-out are function errors, too."""
    response = make_front_end(source, timeout_s=timeout_s).client().invoke(FunctionName="function")
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert payload(response)["errorType"] == error_type


def test_client_context_tenant_and_trace(make_front_end: MakeFrontEnd) -> None:
    """What the caller says of itself reaches the runtime; the context decoded."""
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


def test_a_garbled_trace(make_front_end: MakeFrontEnd) -> None:
    """A header that no runtime could be given is replaced by a trace of its own."""
    front_end = make_front_end(ECHO)
    with Client(front_end.server.address) as caller:
        head = b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
        answer = caller.ask(head + b"X-Amzn-Trace-Id: \xe9\r\n\r\n")
    assert json.loads(answer.body)["headers"]["trace-id"].startswith("Root=1-")


def test_log_tail(make_front_end: MakeFrontEnd) -> None:
    """The last 4 KB of the log, from the function's lines to REPORT."""
    source = "def handler(event, headers):\n    for n in range(200): print(f'line {n:020}')\n    return 1\n"
    response = make_front_end(source).client().invoke(FunctionName="function", LogType="Tail")
    log = base64.b64decode(response["LogResult"])
    assert len(log) == 4096
    assert b"line 00000000000000000199" in log and b"REPORT RequestId: " in log
    assert b"START" not in log and b"line 00000000000000000000\n" not in log


def test_the_caller_waits_for_the_reply_only(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The answer leaves before the environment is free again; with a log tail it has to wait for that."""
    gate = tmp_path / "gate"
    script = tmp_path / "runtime.py"
    script.write_text(LINGERING_RUNTIME.format(root=str(Path(__file__).parents[2]), gate=str(gate)))
    client = make_front_end(ECHO, runtime=[sys.executable, "-S", str(script)], concurrency=2).client()
    assert payload(client.invoke(FunctionName="function")) == "done"  # would not come: there is no gate yet
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
def test_names(make_front_end: MakeFrontEnd, name: str, qualifier: str | None, version: str, suffix: str) -> None:
    """Every form of name and qualifier; version and ARN are those that the qualifier stands for."""
    client = make_front_end(ECHO, aliases={"live": "3"}).client()
    response = client.invoke(FunctionName=name, **({"Qualifier": qualifier} if qualifier else {}))
    result = payload(response)
    assert response["ExecutedVersion"] == result["version"] == version
    arn = f"arn:aws:lambda:us-east-1:012345678912:function:function{suffix}"
    assert result["headers"]["invoked-function-arn"] == arn


def test_a_dry_run(make_front_end: MakeFrontEnd) -> None:
    """204 when all is well, and nothing was started."""
    front_end = make_front_end(ECHO)
    assert front_end.client().invoke(FunctionName="function", InvocationType="DryRun")["StatusCode"] == 204
    assert front_end.host.pool.environments == []


@pytest.mark.parametrize("path", ["/health", "/", "/health?verbose=1"])
def test_health(make_front_end: MakeFrontEnd, path: str) -> None:
    """200 with a few words, and nothing was started."""
    front_end = make_front_end(ECHO)
    answer = urllib3.request("GET", front_end.url + path)
    assert (answer.status, answer.json()) == (200, {"status": "ok", "function": "function", "environments": 0})
    assert urllib3.request("HEAD", front_end.url + path).status == 200
    assert front_end.host.pool.environments == []


def test_curl_needs_no_content_type(make_front_end: MakeFrontEnd) -> None:
    """What `curl -d` declares is taken for JSON, and so is JSON with parameters; a chunked body does as well."""
    url = f"{make_front_end(ECHO).url}/2015-03-31/functions/function/invocations"
    for content_type in ("application/x-www-form-urlencoded", "application/json; charset=utf-8", "application/a+json"):
        answer = urllib3.request("POST", url, body=b'{"a":1}', headers={"Content-Type": content_type})
        assert answer.json()["event"] == {"a": 1}
    assert urllib3.request("POST", url, body=iter([b'{"a"', b":2}"])).json()["event"] == {"a": 2}


def test_the_callers_own_request_id(make_front_end: MakeFrontEnd) -> None:
    """A UUID in `x-amzn-RequestId` is used, in the form in which request ids are written."""
    own = uuid.uuid4()
    url = f"{make_front_end(ECHO).url}/2015-03-31/functions/function/invocations"
    answer = urllib3.request("POST", url, headers={"x-amzn-RequestId": str(own).upper()})
    assert answer.json()["headers"]["aws-request-id"] == answer.headers["x-amzn-RequestId"] == str(own)


def test_the_largest_event_and_response(make_front_end: MakeFrontEnd) -> None:
    """6 291 556 bytes are taken, one more in the response is a function error."""
    limit = 6_291_556
    front_end = make_front_end("def handler(event, headers):\n    return event if event[0] == 'x' else event + '+'\n")
    client = front_end.client()
    event = b'"' + b"x" * (limit - 2) + b'"'
    assert client.invoke(FunctionName="function", Payload=event)["Payload"].read() == event
    response = client.invoke(FunctionName="function", Payload=event.replace(b"x", b"y"))
    assert response["FunctionError"] == "Unhandled"
    assert payload(response)["errorType"] == "Function.ResponseSizeTooLarge"


def test_many_callers_at_once(make_front_end: MakeFrontEnd) -> None:
    """Each gets its own answer."""
    client = make_front_end(ECHO, concurrency=5).client()
    with ThreadPoolExecutor(5) as threads:
        answers = threads.map(lambda n: payload(client.invoke(FunctionName="function", Payload=str(n))), range(40))
        assert [answer["event"] for answer in answers] == list(range(40))


def test_a_caller_who_leaves(make_front_end: MakeFrontEnd, tmp_path: Path) -> None:
    """The function runs to its end, and the environment takes the next event."""
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
            b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"
        )
        await_that((tmp_path / "begun").exists)
    (tmp_path / "gate").touch()
    await_that(lambda: not front_end.busy)
    assert payload(client.invoke(FunctionName="function")) == pid
