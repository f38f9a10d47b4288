"""The Extensions API on the wire: exact statuses, headers and bodies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from awslambdaric_lite.emulator.results import Invocation
from tests.support.extension_client import ExtensionClient, Reply

from .extension_harness import ExtensionServer
from .waiting import wait_until

REGISTER = "/2020-01-01/extension/register"
NEXT = "/2020-01-01/extension/event/next"
STRANGER = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.fixture
def client(extension_server: ExtensionServer) -> Iterator[ExtensionClient]:
    """Yield an extension that has not sent a request."""
    client = extension_server.client()
    yield client
    client.close()


def refusal(reply: Reply) -> tuple[str, str]:
    """Check the form of a 403 response; return its error type and message."""
    assert (reply.status, reply.headers["content-type"]) == (403, "application/json")
    body = reply.json()
    assert reply.body == json.dumps(body, separators=(",", ":")).encode() + b"\n"
    assert list(body) == ["errorMessage", "errorType"]
    return body["errorType"], body["errorMessage"]


def refused_move(client: ExtensionClient, state: str, target: str, name: str | None = None) -> tuple[str, str]:
    """Return the error type and message of a request that the extension's state does not allow."""
    return (
        "Extension.InvalidExtensionState",
        f"State transition from {state} to {target} failed for extension {name or client.identifier}. "
        "Error: State transition is not allowed",
    )


def test_registration_returns_id_and_function(client: ExtensionClient) -> None:
    """A registration returns an identifier and the function's data; the account id only if requested."""
    reply = client.register(["INVOKE"])
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert str(uuid.UUID(client.identifier)) == client.identifier
    assert reply.json() == {"functionName": "function", "functionVersion": "7", "handler": "app.handler"}
    client.name = "other"
    reply = client.register(Lambda_Extension_Accept_Feature="unknown, accountId")
    assert reply.json()["accountId"] == "012345678912"


@pytest.mark.parametrize("body", [b'{"events":[]}', b'{"events":null}', b"{}", b"null", b'{"configurationKeys":[]}'])
def test_registration_without_events_is_accepted(client: ExtensionClient, body: bytes) -> None:
    """A registration that subscribes to no event is accepted."""
    assert client.ask("POST", REGISTER, body, Lambda_Extension_Name="inner").status == 200


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        (b"", "InvalidRequestFormat", "Expecting value"),
        (b"{", "InvalidRequestFormat", "Expecting property name"),
        (b"[]", "InvalidRequestFormat", "not a JSON object"),
        (b'{"events":"INVOKE"}', "InvalidRequestFormat", "not a list of strings"),
        (b'{"events":[1]}', "InvalidRequestFormat", "not a list of strings"),
        (
            b'{"events":[],"configurationKeys":["A"]}',
            "InvalidRequestFormat",
            "configurationKeys are deprecated; use environment variables instead",
        ),
        (b'{"events":["BOOT"]}', "Extension.InvalidEventType", "BOOT: ErrorInvalidEventType"),
        (
            b'{"events":["INVOKE","SHUTDOWN"]}',
            "Extension.InvalidEventType",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
        ),
    ],
)
def test_invalid_registration_is_rejected_with_403(
    client: ExtensionClient, body: bytes, error_type: str, message: str
) -> None:
    """An invalid registration is rejected with 403, and its name stays free."""
    actual_type, actual_message = refusal(client.ask("POST", REGISTER, body, Lambda_Extension_Name="inner"))
    assert actual_type == error_type
    assert message in actual_message
    assert client.register().status == 200


def test_name_is_required_unique_and_limited(extension_server: ExtensionServer, client: ExtensionClient) -> None:
    """A registration needs a name that is new, and at most ten extensions register."""
    no_name = client.ask("POST", REGISTER, b"{}")
    assert refusal(no_name) == ("Extension.InvalidExtensionName", "Empty extension name")
    assert client.register().status == 200
    assert refusal(client.register()) == (
        "Extension.InvalidExtensionState",
        "Extension with this name already registered",
    )
    for number in range(9):
        client.name = f"inner-{number}"
        assert client.register().status == 200
    client.name = "inner-9"
    assert refusal(client.register()) == ("Extension.TooManyExtensions", "Extension limit (10) reached")


def test_registration_after_runtime_start_is_rejected(
    extension_server: ExtensionServer, client: ExtensionClient
) -> None:
    """A registration after the runtime's start is rejected."""
    extension_server.run(extension_server.extensions.runtime_is_up)
    assert refusal(client.register()) == ("Extension.RegistrationClosed", "Extension registration closed already")


@pytest.mark.parametrize("path", ["event/next", "init/error", "exit/error"])
def test_invalid_identifier_is_rejected_by_kind(client: ExtensionClient, path: str) -> None:
    """A missing, a malformed and an unknown identifier are rejected with different errors."""
    path = f"/2020-01-01/extension/{path}"
    method = "GET" if path == NEXT else "POST"
    error = {"Lambda_Extension_Function_Error_Type": "Own.Error"}
    assert refusal(client.ask(method, path, b"", **error)) == (
        "Extension.MissingExtensionIdentifier",
        "Missing Lambda-Extension-Identifier header",
    )
    assert refusal(client.ask(method, path, b"", Lambda_Extension_Identifier="x", **error)) == (
        "Extension.InvalidExtensionIdentifier",
        "Invalid Lambda-Extension-Identifier",
    )
    unknown = f"Unknown extension {STRANGER}" if path == NEXT else "Unknown Lambda-Extension-Identifier"
    assert refusal(client.ask(method, path, b"", Lambda_Extension_Identifier=STRANGER, **error)) == (
        "Extension.UnknownExtensionIdentifier",
        unknown,
    )


def test_invoke_event_reaches_only_subscribers(extension_server: ExtensionServer, client: ExtensionClient) -> None:
    """An INVOKE event reaches only subscribers, with a new identifier for each event."""
    quiet = extension_server.client("quiet")
    client.register(["INVOKE"])
    quiet.register()
    client.wait()
    quiet.wait()
    extension_server.run(extension_server.extensions.runtime_is_up)
    invocation = Invocation(b"{}", request_id="id-1", arn="arn", deadline_ms=1234, trace_id="Root=1")
    extension_server.run(lambda: extension_server.extensions.invoke(invocation))
    reply = client.read()
    assert reply.json() == {
        "eventType": "INVOKE",
        "deadlineMs": 1234,
        "requestId": "id-1",
        "invokedFunctionArn": "arn",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"},
    }
    first_id = uuid.UUID(reply.headers["lambda-extension-event-identifier"])
    assert not extension_server.extensions.ready
    client.wait()
    other = Invocation(b"{}", request_id="id-2")
    wait_until(lambda: extension_server.extensions.ready)
    assert extension_server.calls[-1] == "ready"
    extension_server.run(lambda: extension_server.extensions.invoke(other))
    reply = client.read()
    assert "tracing" not in reply.json()
    assert uuid.UUID(reply.headers["lambda-extension-event-identifier"]) != first_id
    quiet.close()


def test_second_concurrent_poll_is_rejected(extension_server: ExtensionServer, client: ExtensionClient) -> None:
    """A second `event/next` request of an extension is rejected while the first one waits."""
    client.register()
    client.wait()
    again = extension_server.client()
    again.identifier = client.identifier
    wait_until(lambda: extension_server.polls() == 1)
    assert refusal(again.next()) == refused_move(client, "Ready", "Ready")
    again.close()


def test_error_report_needs_type_and_state(client: ExtensionClient) -> None:
    """An error report needs a type and an allowed state; a repeated report has no effect."""
    client.register()
    path = "/2020-01-01/extension/init/error"
    untyped = client.ask("POST", path, Lambda_Extension_Identifier=client.identifier)
    assert refusal(untyped) == ("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
    for _ in range(2):
        reply = client.report("init", "Own.Error")
        assert (reply.status, reply.body) == (202, b'{"status":"OK"}\n')
    assert refusal(client.next()) == refused_move(client, "InitError", "Ready")
    assert refusal(client.report("exit", "Own.Error")) == refused_move(client, "InitError", "Exited")
    client.name = "other"
    client.register()
    for _ in range(2):
        assert client.report("exit", "Own.Error").status == 202
    assert refusal(client.report("init", "Own.Error")) == refused_move(client, "ExitError", "InitError")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", REGISTER, 405),
        ("POST", NEXT, 405),
        ("GET", "/2020-01-01/extension/init/error", 405),
        ("POST", "/2020-01-01/extension/other", 404),
        ("POST", "/2020-01-01/extension/", 404),
        ("POST", "/2022-07-01/telemetry", 405),
        ("PUT", "/2022-07-01/telemetry/more", 404),
        ("GET", "/2020-08-15/logs", 405),
    ],
)
def test_unknown_route_is_rejected(client: ExtensionClient, method: str, path: str, status: int) -> None:
    """An unknown path is rejected with 404, an unknown method with 405."""
    reply = client.ask(method, path, b"{}")
    assert (reply.status, reply.body) == (status, b"404 page not found\n" if status == 404 else b"")


def test_logs_api_is_reported_as_unsupported(client: ExtensionClient) -> None:
    """The Logs API responds with 202 and an error that says it is not supported."""
    reply = client.ask("PUT", "/2020-08-15/logs", b"{}", Lambda_Extension_Identifier=STRANGER)
    assert reply.status == 202
    assert reply.json() == {"errorMessage": "Logs API is not supported", "errorType": "Logs.NotSupported"}


def test_event_of_disconnected_poll_is_lost(extension_server: ExtensionServer, client: ExtensionClient) -> None:
    """The event for a disconnected poll is lost; the extension can poll again on a new connection."""
    client.register(["INVOKE"])
    client.wait()
    wait_until(lambda: extension_server.polls() == 1)
    client.close()
    extension_server.run(extension_server.extensions.runtime_is_up)
    extension_server.run(lambda: extension_server.extensions.invoke(Invocation(b"{}", request_id="id-1")))
    again = extension_server.client()
    again.identifier = client.identifier
    again.wait()
    wait_until(lambda: extension_server.extensions.ready)
    extension_server.run(lambda: extension_server.extensions.invoke(Invocation(b"{}", request_id="id-2")))
    assert again.read().json()["requestId"] == "id-2"
    again.close()
