"""Telemetry subscriptions: which requests are valid."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awslambdaric_lite.emulator.extensions.subscription import (
    Destination,
    InvalidSubscription,
    parse_subscription,
)

from .extension_harness import ExtensionServer

HTTP = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/telemetry"}


def request(**changes: Any) -> bytes:
    """Return a valid request with changes; None omits an attribute."""
    base = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": HTTP}
    return json.dumps({key: value for key, value in {**base, **changes}.items() if value is not None}).encode()


def test_missing_settings_get_defaults() -> None:
    """A minimal subscription gets Lambda's default buffering and unchanged records."""
    subscription = parse_subscription(request())
    assert subscription.types == ("platform",)
    assert subscription.destination == Destination(8080, "http://sandbox.localdomain:8080/telemetry")
    assert (subscription.max_items, subscription.max_bytes, subscription.timeout_s) == (10_000, 262_144, 1.0)
    assert not subscription.as_text


def test_all_settings_are_parsed() -> None:
    """A subscription's buffering, TCP destination, schema and unique types are parsed."""
    subscription = parse_subscription(
        request(
            schemaVersion="2022-07-01",
            types=["function", "extension", "function"],
            destination={"protocol": "TCP", "port": 9999},
            buffering={"maxItems": 1000, "maxBytes": 1_048_576, "timeoutMs": 25},
        )
    )
    assert subscription.types == ("function", "extension")
    assert subscription.destination == Destination(9999)
    assert (subscription.max_items, subscription.max_bytes, subscription.timeout_s) == (1000, 1_048_576, 0.025)
    assert subscription.as_text


@pytest.mark.parametrize("host", ["sandbox.localdomain", "sandbox", "localhost", "127.0.0.1", "[::1]"])
def test_local_host_is_valid_destination(host: str) -> None:
    """Every name of the environment's host is a valid destination."""
    subscription = parse_subscription(request(destination={"protocol": "HTTP", "URI": f"http://{host}:80"}))
    assert subscription.destination.port == 80


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schemaVersion": None}, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ({"schemaVersion": "2019-01-01"}, "schemaVersion should be one of"),
        ({"schemaVersion": ["2022-12-13"]}, "schemaVersion should be one of"),
        ({"types": []}, "types should not be empty"),
        ({"types": None}, "types should not be empty"),
        ({"types": "platform"}, "types should be a list of platform, function, extension"),
        ({"types": ["platform", "xray"]}, "types should be a list of"),
        ({"types": [{}]}, "types should be a list of"),
        ({"destination": None}, "destination is not provided"),
        ({"destination": {"protocol": "UDP", "port": 1}}, "protocol should be HTTP or TCP"),
        ({"destination": {"protocol": "TCP"}}, "port should be from 1 to 65535"),
        ({"destination": {"protocol": "TCP", "port": 0}}, "port should be from 1 to 65535"),
        ({"destination": {"protocol": "TCP", "port": True}}, "port should be from 1 to 65535"),
        ({"destination": {"protocol": "TCP", "port": "80"}}, "port should be from 1 to 65535"),
        ({"destination": {"protocol": "HTTP"}}, "URI is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}}, "URI port is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox:99999"}}, "URI is not valid"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox:80/a b\r\nX: y"}}, "URI is not valid"),
        ({"destination": {"protocol": "HTTP", "URI": "http://[::1"}}, "URI is not valid"),
        ({"destination": {"protocol": "HTTP", "URI": "http://example.com:80"}}, "URI should begin with"),
        ({"destination": {"protocol": "HTTP", "URI": "https://sandbox:80"}}, "URI should begin with"),
        ({"buffering": []}, "buffering should be an object"),
        ({"buffering": {"maxItems": 999}}, "maxItems should be from 1000 to 10000"),
        ({"buffering": {"maxBytes": 1_048_577}}, "maxBytes should be from 262144 to 1048576"),
        ({"buffering": {"timeoutMs": 24}}, "timeoutMs should be from 25 to 30000"),
        ({"buffering": {"timeoutMs": "100"}}, "timeoutMs should be from 25 to 30000"),
        ({"buffering": {"maxItems": True}}, "maxItems should be from 1000 to 10000"),
    ],
)
def test_invalid_subscription_is_rejected_with_cure(changes: dict[str, Any], problem: str) -> None:
    """An invalid subscription is rejected with the valid values."""
    with pytest.raises(InvalidSubscription) as caught:
        parse_subscription(request(**changes))
    assert problem in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_non_object_body_is_rejected(body: bytes) -> None:
    """A body that is not a JSON object is rejected."""
    with pytest.raises(InvalidSubscription, match="the body is not"):
        parse_subscription(body)


def test_error_lists_all_problems() -> None:
    """The error lists every problem of a subscription."""
    with pytest.raises(InvalidSubscription) as caught:
        parse_subscription(request(types=[], destination={"protocol": "HTTP", "URI": "http://sandbox"}))
    assert str(caught.value) == "types should not be empty; URI port is not provided"


def test_subscription_statuses_are_exact(extension_server: ExtensionServer) -> None:
    """A valid subscription gets 200, an invalid one 400, an unknown extension and a late one 403."""
    client = extension_server.client()
    path = "/2022-07-01/telemetry"
    assert client.ask("PUT", path, request()).json()["errorType"] == "Extension.MissingExtensionIdentifier"
    client.register()
    identifier = {"Lambda_Extension_Identifier": client.identifier}
    bad = client.ask("PUT", path, request(types=[]), **identifier)
    assert (bad.status, bad.json()) == (
        400,
        {"errorType": "ValidationError", "errorMessage": "types should not be empty"},
    )
    for _ in range(2):
        good = client.ask("PUT", path, request(), **identifier)
        assert (good.status, good.body) == (200, b'"OK"')
    extension_server.run(extension_server.extensions.report)
    late = client.ask("PUT", path, request(), **identifier)
    assert (late.status, late.json()) == (
        403,
        {"errorMessage": "Telemetry API subscription is closed", "errorType": "Telemetry.SubscriptionClosed"},
    )
    stranger = {"Lambda_Extension_Identifier": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}
    assert client.ask("PUT", path, request(), **stranger).json()["errorType"] == "Extension.UnknownExtensionIdentifier"
    client.close()
    assert extension_server.log[:2] == [
        "TELEMETRY\tName: inner\tState: Subscribed\tTypes: [Platform]",
        "TELEMETRY\tName: inner\tState: Already subscribed\tTypes: [Platform]",
    ]
