"""The routes of this package's own commands, at the address of the Lambda API: logs of functions, and sources.

GET  /local/functions/NAME/logs[?follow=1]   lines of the log, as one JSON object each
POST /local/sources/NAME/trigger             the outcome of an event, as JSON
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ...common.json_text import compact
from ...common.quotas import MAX_PAYLOAD
from ...common.terminal_text import PlatformLine, ReportLine
from ..http.authority import foreign_origin
from ..http.exchange import Exchange, finish_responses
from ..logs.recent import RecentLines
from ..service import ClosingApplication
from .service_errors import access_denied, invalid_content, not_found, service_error, too_large, unknown_operation

_PREFIX = "/local/"
_JSON_LINES = [("Content-Type", "application/x-ndjson")]

Trigger = Callable[[str, bytes], Awaitable[dict[str, Any]]]
"""Runs an event as a source would and returns what is shown of the outcome; raises LookupError for an unknown name."""


class LocalApi:
    """Application that serves the routes below `/local/`, and leaves every other request to the Lambda API."""

    def __init__(self, lambda_api: ClosingApplication, logs: Mapping[str, RecentLines], trigger: Trigger) -> None:
        self._lambda_api = lambda_api
        self._logs = logs
        self._trigger = trigger
        self._tasks: dict[asyncio.Task[None], Exchange] = {}
        self._followers: dict[Exchange, asyncio.Task[None]] = {}  # they end with their readers

    async def close(self) -> None:
        """End the streams of logs, and wait for unfinished responses."""
        for task in self._followers.values():
            task.cancel()
        await finish_responses(self._tasks)
        await self._lambda_api.close()

    # Called by the HTTP server

    def on_head(self, exchange: Exchange) -> None:
        """Begin with a request of a route, or leave it to the Lambda API."""
        if not _is_local(exchange):
            return self._lambda_api.on_head(exchange)
        if (reason := foreign_origin(exchange.request)) is not None:
            return _refuse(exchange, access_denied(reason.rstrip()))

        def on_data(data: bytes) -> None:
            exchange.body += data
            if len(exchange.body) > MAX_PAYLOAD:
                _refuse(exchange, too_large(len(exchange.body), "RequestResponse", MAX_PAYLOAD))

        exchange.on_data = on_data
        return None

    def on_body(self, exchange: Exchange) -> None:
        """Respond to a route."""
        if not _is_local(exchange):
            return self._lambda_api.on_body(exchange)
        url, method = urlsplit(exchange.request.path), exchange.request.method
        match url.path.removeprefix(_PREFIX).split("/"):
            case ["functions", name, "logs"] if method == "GET":
                follow = "follow" in parse_qs(url.query)
                task = self._start(exchange, self._send_log(exchange, unquote(name), follow))
                if follow:
                    self._followers[exchange] = task
                return None
            case ["sources", name, "trigger"] if method == "POST":
                self._start(exchange, self._send_outcome(exchange, unquote(name)))
                return None
        return _refuse(exchange, unknown_operation(method, url.path))

    def on_truncated(self, exchange: Exchange) -> None:
        """Ignore a truncated request."""
        if not _is_local(exchange):
            self._lambda_api.on_truncated(exchange)

    def on_lost(self, exchange: Exchange) -> None:
        """End the stream of a disconnected reader; what was triggered continues."""
        if not _is_local(exchange):
            return self._lambda_api.on_lost(exchange)
        if (follower := self._followers.pop(exchange, None)) is not None:
            follower.cancel()
        return None

    # The routes

    def _start(self, exchange: Exchange, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        async def run() -> None:
            try:
                await work
            except LookupError as error:
                _refuse(exchange, not_found(str(error.args[0])))
            except ValueError as error:
                _refuse(exchange, invalid_content(f"the event is not JSON: {error}"))
            except Exception as error:
                _refuse(exchange, error)
            finally:
                if exchange.open:  # the stream of a log, which is closed
                    exchange.finish()

        task = asyncio.get_running_loop().create_task(run())
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.pop)
        return task

    async def _send_log(self, exchange: Exchange, name: str, follow: bool) -> None:
        if name not in self._logs:
            raise LookupError(f"no function has the name {name}; choose one of: {', '.join(self._logs) or '(none)'}")
        log, number = self._logs[name], 0
        exchange.start(200, _JSON_LINES)
        while exchange.open:
            lines, number, missed = log.after(number)
            records = [_record(name, line) for line in lines]
            if missed:
                records.insert(0, {"function": name, "kind": "note", "line": f"{missed} lines of the log are not kept"})
            exchange.write("".join(compact(record, ascii_only=True) + "\n" for record in records).encode())
            await exchange.drained()
            if not follow:
                return
            if log.added == number:
                await log.wait()

    async def _send_outcome(self, exchange: Exchange, name: str) -> None:
        outcome = await self._trigger(name, bytes(exchange.body))
        exchange.respond(
            200, [("Content-Type", "application/json")], compact(outcome, ascii_only=True).encode(), "length"
        )


def _record(name: str, line: str) -> dict[str, str]:
    kind = "platform" if isinstance(line, PlatformLine) else "report" if isinstance(line, ReportLine) else "function"
    return {"function": name, "kind": kind, "line": line}


def _is_local(exchange: Exchange) -> bool:
    return exchange.request.path.startswith(_PREFIX)


def _refuse(exchange: Exchange, error: Exception) -> None:
    refusal = service_error(error)
    exchange.respond(refusal.status, refusal.headers, refusal.body, "length")
