"""The members of requests to the Lambda API: each is served or refused, never dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from awslambdaric_lite.emulator.frontend import requests
from awslambdaric_lite.emulator.frontend.requests import REFUSED, SUPPORTED

from .front_end import FrontEnd
from .harness import Client

MakeFrontEnd = Callable[..., FrontEnd]
INVOKE = "POST /2015-03-31/functions/function/invocations"
OPERATIONS = ("Invoke", "InvokeWithResponseStream", "InvokeAsync")
ANY = "def handler(event, headers):\n    return 'ran'\n"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_member_of_the_model_is_known(operation: str) -> None:
    """Each member in botocore's model is served or refused, under its name in HTTP."""
    model: Any = botocore.session.get_session().get_service_model("lambda")
    members = model.operation_model(operation).input_shape.members
    known = SUPPORTED | REFUSED
    assert set(members) <= set(known)
    for name, member in members.items():
        if member.serialization.get("location") in ("header", "querystring"):
            assert known[name] == member.serialization["name"]


def test_durable_execution_name_is_refused(make_front_end: MakeFrontEnd) -> None:
    """An invocation with the name of a durable execution gets a 400 that names the member, and does not run."""
    front_end = make_front_end(ANY)
    with pytest.raises(ClientError) as refused:
        front_end.client().invoke(FunctionName="function", DurableExecutionName="order-1")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert "DurableExecutionName" in refused.value.response["Error"]["Message"]
    assert front_end.host.pool.environments == []


@pytest.mark.parametrize("operation", ["2021-11-15 response-streaming-invocations", "2014-11-13 invoke-async"])
def test_every_operation_refuses_it(make_front_end: MakeFrontEnd, operation: str) -> None:
    """Operations without that member in today's model refuse it, too, in any case, even empty."""
    version, path = operation.split()
    with Client(make_front_end(ANY).server.address) as client:
        head = f"POST /{version}/functions/function/{path}/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
        reply = client.ask(f"{head}x-amz-durable-execution-name:\r\n\r\n".encode())
    assert (reply.status, b"DurableExecutionName" in reply.body) == (400, True)


@pytest.mark.parametrize(
    ("query", "header", "noted"),
    [
        ("", "X-Amz-Snapshot: 1", "'X-Amz-Snapshot'"),
        ("?Priority=1", "X-A: 1", "'Priority'"),
        ("?Qualifier=$LATEST&X-Amz-Signature=1", "X-Amz-Date: 1", None),
        ("", "X-Amz-Security-Token: 1", None),
    ],
)
def test_unknown_name_is_logged_once(
    make_front_end: MakeFrontEnd,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    header: str,
    noted: str | None,
) -> None:
    """A name that may be a member of a newer service is logged once; those of signatures are not."""
    monkeypatch.setattr(requests, "_noted", set())
    with caplog.at_level(logging.WARNING), Client(make_front_end(ANY).server.address) as client:
        for _ in range(2):
            head = f"{INVOKE}{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{header}\r\n\r\n"
            assert client.ask(head.encode()).status == 200
    messages = [record.getMessage() for record in caplog.records if "unknown" in record.getMessage()]
    assert messages == (
        [] if noted is None else [f"{noted} in a request is unknown to the local Lambda and has no effect"]
    )
