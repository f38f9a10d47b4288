"""The Extensions API (version 2020-01-01) of one execution environment.

It routes and parses requests, and keeps the polls that wait. `ExtensionRegistry` decides what is allowed; an
`ExtensionObserver` learns what follows for the environment.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from ...protocol.replies import ACCEPTED, METHOD_NOT_ALLOWED, NOT_FOUND, Reply
from ...protocol.routes import EXTENSIONS
from ..config.function import FunctionConfig
from ..http.exchange import Exchange
from ..runtime_api.sending import send_reply
from .payloads import compact, forbidden
from .registry import IDENTIFIER, Extension, ExtensionRefused, ExtensionRegistry, State, parse_identifier

_METHODS = {"register": "POST", "event/next": "GET", "init/error": "POST", "exit/error": "POST"}
_NAME = "Lambda-Extension-Name"
_FEATURES = "Lambda-Extension-Accept-Feature"
_ERROR_TYPE = "Lambda-Extension-Function-Error-Type"


class ExtensionObserver(Protocol):
    """Receiver of what extensions report."""

    def on_registered(self, extension: Extension) -> None:
        """Note that an extension has registered."""

    def on_ready(self, extension: Extension) -> None:
        """Note that an extension waits for its next event."""

    def on_error(self, extension: Extension, error_type: str) -> None:
        """Note that an extension reported an error, with the platform's name for it; it is expected to exit."""


class ExtensionsApi:
    """Application that serves the extensions of an environment."""

    def __init__(
        self, registry: ExtensionRegistry, observer: ExtensionObserver, function: FunctionConfig, version: str
    ) -> None:
        self._registry = registry
        self._observer = observer
        self._function = function
        self._version = version
        self._polls: dict[Extension, Exchange] = {}

    def deliver(self, extension: Extension, event: dict[str, Any]) -> None:
        """Give an event to an extension that waits for one."""
        extension.state = State.RUNNING
        poll = self._polls.pop(extension, None)
        if poll is not None:
            headers = [("Lambda-Extension-Event-Identifier", str(uuid.uuid4()))]
            send_reply(poll, Reply(200, compact(event)), headers)

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Refuse requests that are not part of this API."""
        allowed = _METHODS.get(_path(exchange))
        if allowed is None:
            send_reply(exchange, NOT_FOUND)
        elif exchange.request.method != allowed:
            send_reply(exchange, METHOD_NOT_ALLOWED)

    def on_body(self, exchange: Exchange) -> None:
        """Act on a complete request."""
        try:
            match _path(exchange):
                case "register":
                    self._register(exchange)
                case "event/next":
                    self._next(exchange)
                case "init/error":
                    self._error(exchange, "Extension.InitError", Extension.fail_init)
                case _:
                    self._error(exchange, "Extension.ExitError", Extension.fail)
        except ExtensionRefused as refusal:
            send_reply(exchange, forbidden(refusal.error_type, refusal.message))

    def on_truncated(self, exchange: Exchange) -> None:
        """Ignore a truncated request."""

    def on_lost(self, exchange: Exchange) -> None:
        """Forget a poll whose connection is closed.

        As in the open server, the extension still counts as waiting, and its next event is lost.
        """
        for extension, poll in self._polls.items():
            if poll is exchange:
                del self._polls[extension]
                return

    # The requests

    def _register(self, exchange: Exchange) -> None:
        request = exchange.request
        name = request.header(_NAME)
        if not name:
            raise ExtensionRefused("Extension.InvalidExtensionName", "Empty extension name")
        extension = self._registry.register(name, _subscribed_events(bytes(exchange.body)))
        body = {
            "functionName": self._function.name,
            "functionVersion": self._version,
            "handler": self._function.handler,
        }
        if "accountId" in [feature.strip() for feature in (request.header(_FEATURES) or "").split(",")]:
            body["accountId"] = self._function.account
        send_reply(exchange, Reply(200, compact(body) + b"\n"), [(IDENTIFIER, extension.identifier)])
        self._observer.on_registered(extension)

    def _next(self, exchange: Exchange) -> None:
        extension = self._registry.find(parse_identifier(exchange.request.header(IDENTIFIER)), "Unknown extension {}")
        extension.ask()
        self._polls[extension] = exchange
        self._observer.on_ready(extension)

    def _error(self, exchange: Exchange, platform_type: str, report: Callable[[Extension, str], None]) -> None:
        identifier = parse_identifier(exchange.request.header(IDENTIFIER))
        error_type = exchange.request.header(_ERROR_TYPE)
        if not error_type:  # checked before the extension is looked up, as in the open server
            raise ExtensionRefused("Extension.MissingHeader", f"{_ERROR_TYPE} not found")
        extension = self._registry.find(identifier)
        report(extension, error_type)
        self._observer.on_error(extension, platform_type)
        send_reply(exchange, ACCEPTED)


def _path(exchange: Exchange) -> str:
    return exchange.request.path.partition("?")[0].removeprefix(EXTENSIONS)


def _subscribed_events(body: bytes) -> list[str]:
    """Return the events that a registration subscribes to.

    Raises:
        ExtensionRefused: the body is invalid.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise ExtensionRefused("InvalidRequestFormat", str(error)) from None
    if request is None:
        return []
    if not isinstance(request, dict):
        raise ExtensionRefused("InvalidRequestFormat", "the body is not a JSON object")
    if request.get("configurationKeys"):
        raise ExtensionRefused(
            "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead"
        )
    events = request.get("events") or []
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise ExtensionRefused("InvalidRequestFormat", "events is not a list of strings")
    return events
