"""The Telemetry API (version 2022-07-01) of one execution environment, and the Logs API that it replaced.

It keeps the subscriptions and the earlier records: a subscriber receives those of the whole init.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...protocol.replies import METHOD_NOT_ALLOWED, NOT_FOUND
from ..http.exchange import Exchange
from ..logs.extension_events import TelemetrySubscribed
from ..logs.stream import LogStream, TelemetryRecord
from ..runtime_api.sending import send_reply
from .delivery import Subscriber
from .payloads import LOGS_NOT_SUPPORTED, SUBSCRIBED, forbidden, invalid_subscription
from .registry import IDENTIFIER, Extension, ExtensionRefused, parse_identifier
from .subscription import InvalidSubscription, parse_subscription

TELEMETRY = "/2022-07-01/telemetry"
LOGS = "/2020-08-15/logs"
_BACKLOG = 10_000  # records
_BACKLOG_SIZE = 4 * 1024 * 1024  # bytes of them

FindExtension = Callable[[str, str], Extension]
"""Returns the extension of an identifier, with the text of a refusal; raises `ExtensionRefused`."""


class TelemetryApi:
    """Application that accepts subscriptions and delivers records, from an init to the next reset."""

    def __init__(self, find: FindExtension, log: LogStream) -> None:
        self._find = find
        self._log = log
        self._backlog: list[TelemetryRecord] = []
        self._backlog_size = 0
        self._subscribers: dict[str, Subscriber] = {}
        self._open = True
        log.listen(self._take)

    def end_of_init(self) -> None:
        """Refuse later subscriptions."""
        self._open = False
        self._backlog.clear()
        if not self._subscribers:
            self._log.unlisten(self._take)

    def pause(self) -> None:
        """Stop the timers, because the environment is being frozen."""
        for subscriber in self._subscribers.values():
            subscriber.pause()

    def resume(self) -> None:
        """Restart the timers."""
        for subscriber in self._subscribers.values():
            subscriber.resume()

    async def flush(self, limit_s: float) -> None:
        """Deliver buffered events; stop waiting after `limit_s` seconds."""
        await asyncio.gather(*(subscriber.flush(limit_s) for subscriber in self._subscribers.values()))

    async def close(self) -> None:
        """Stop the delivery."""
        if self._open or self._subscribers:
            self._open = False
            self._log.unlisten(self._take)
        subscribers, self._subscribers = self._subscribers, {}
        await asyncio.gather(*(subscriber.close() for subscriber in subscribers.values()))

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Refuse requests that are not part of these APIs."""
        if exchange.request.path.partition("?")[0] not in (TELEMETRY, LOGS):
            send_reply(exchange, NOT_FOUND)
        elif exchange.request.method != "PUT":
            send_reply(exchange, METHOD_NOT_ALLOWED)

    def on_body(self, exchange: Exchange) -> None:
        """Act on a complete request."""
        if exchange.request.path.startswith(LOGS):
            return send_reply(exchange, LOGS_NOT_SUPPORTED)
        try:
            identifier = parse_identifier(exchange.request.header(IDENTIFIER))
            extension = self._find(identifier, "Unknown extension {}")
            if not self._open:
                raise ExtensionRefused("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed")
            self._subscribe(extension.name, bytes(exchange.body))
        except ExtensionRefused as refusal:
            return send_reply(exchange, forbidden(refusal.error_type, refusal.message))
        except InvalidSubscription as problem:
            return send_reply(exchange, invalid_subscription(str(problem)))
        return send_reply(exchange, SUBSCRIBED)

    def on_truncated(self, exchange: Exchange) -> None:
        """Ignore a truncated request."""

    def on_lost(self, exchange: Exchange) -> None:
        """Do nothing: no request waits."""

    def _subscribe(self, name: str, body: bytes) -> None:
        subscription = parse_subscription(body)
        if name in self._subscribers:
            self._log.emit(TelemetrySubscribed(name, "Already subscribed", subscription.types))
            return
        subscriber = self._subscribers[name] = Subscriber(name, subscription)
        for record in self._backlog:
            subscriber.add(record)
        self._log.emit(TelemetrySubscribed(name, "Subscribed", subscription.types))

    def _take(self, record: TelemetryRecord) -> None:
        if self._open and len(self._backlog) < _BACKLOG and self._backlog_size < _BACKLOG_SIZE:
            self._backlog.append(record)
            self._backlog_size += len(record.line())
        for subscriber in self._subscribers.values():
            subscriber.add(record)
