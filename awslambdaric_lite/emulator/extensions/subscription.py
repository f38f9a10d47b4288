"""Subscriptions of extensions to telemetry. Limits: "Lambda Telemetry API" of the developer guide."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TYPES = ("platform", "function", "extension")
_SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
_STRINGS_ONLY = "2022-07-01"
_LOCAL_HOSTS = ("sandbox.localdomain", "sandbox", "localhost", "127.0.0.1", "::1")
_BUFFERING = {  # name: lowest, highest, default
    "maxItems": (1000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1000),
}


class InvalidSubscription(ValueError):
    """Lambda would refuse the subscription; the message lists every problem."""


@dataclass(frozen=True)
class Destination:
    """Destination of telemetry; always a local port."""

    port: int
    url: str | None = None
    """The URI of the HTTP listener; None for a TCP port that receives lines of JSON."""


@dataclass(frozen=True)
class Subscription:
    """A valid subscription."""

    types: tuple[str, ...]
    destination: Destination
    max_items: int
    max_bytes: int
    timeout_s: float
    as_text: bool
    """Whether JSON objects of functions and extensions are records of type string (in the oldest schema)."""


def parse_subscription(body: bytes) -> Subscription:
    """Check a request.

    Raises:
        InvalidSubscription: the subscription is not valid.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise InvalidSubscription(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise InvalidSubscription("the body is not a JSON object")
    problems: list[str] = []
    schema = request.get("schemaVersion")
    if schema not in _SCHEMAS:
        problems.append(f"schemaVersion should be one of {', '.join(_SCHEMAS)}")
    types = _types(request.get("types"), problems)
    destination = _destination(request.get("destination"), problems)
    items, size, timeout_ms = _buffering(request.get("buffering"), problems)
    if problems or destination is None:
        raise InvalidSubscription("; ".join(problems))
    return Subscription(types, destination, items, size, timeout_ms / 1000, as_text=schema == _STRINGS_ONLY)


def _types(value: Any, problems: list[str]) -> tuple[str, ...]:
    if not value:
        problems.append("types should not be empty")
        return ()
    if not isinstance(value, list) or any(each not in TYPES for each in value):
        problems.append(f"types should be a list of {', '.join(TYPES)}")
        return ()
    return tuple(dict.fromkeys(value))


def _destination(value: Any, problems: list[str]) -> Destination | None:
    if not isinstance(value, dict):
        problems.append("destination is not provided")
        return None
    protocol = value.get("protocol")
    if protocol == "TCP":
        port = value.get("port")
        if type(port) is int and 0 < port < 65536:
            return Destination(port)
        problems.append("port should be from 1 to 65535")
    elif protocol == "HTTP":
        return _http_destination(value.get("URI"), problems)
    else:
        problems.append("protocol should be HTTP or TCP")
    return None


def _http_destination(uri: Any, problems: list[str]) -> Destination | None:
    if not isinstance(uri, str) or not uri:
        problems.append("URI is not provided")
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        problems.append(f"URI is not valid: {uri}")
        return None
    if parts.scheme != "http" or parts.hostname not in _LOCAL_HOSTS:
        problems.append("URI should begin with http://sandbox.localdomain")
    elif port is None:
        problems.append("URI port is not provided")
    elif not uri.isprintable() or " " in uri:
        problems.append(f"URI is not valid: {uri!r}")
    else:
        return Destination(port, uri)
    return None


def _buffering(value: Any, problems: list[str]) -> list[int]:
    if value is not None and not isinstance(value, dict):
        problems.append("buffering should be an object")
    given = value if isinstance(value, dict) else {}
    settings = []
    for name, (lowest, highest, default) in _BUFFERING.items():
        setting = given.get(name, default)
        if type(setting) is not int or not lowest <= setting <= highest:
            problems.append(f"{name} should be from {lowest} to {highest}")
        settings.append(setting)
    return settings
