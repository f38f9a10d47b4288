"""Router of several APIs on one port."""

from __future__ import annotations

from collections.abc import Callable

from ..http.answers import PLAIN_TEXT
from ..http.authority import foreign_origin
from ..http.exchange import Application, Exchange

MAX_KEPT_BODY = 8 * 1024 * 1024  # bytes of a request, above every limit of these APIs


class Router:
    """Application of an environment's port: the Runtime API and the APIs of the extensions.

    `on_request` receives each request when its head has been read.
    """

    def __init__(
        self,
        default: Application,
        prefixes: dict[str, Application],
        on_request: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._default = default
        self._prefixes = prefixes
        self._on_request = on_request

    def on_head(self, exchange: Exchange) -> None:
        """Pass on a request whose head has been read; refuse one of a web page."""
        if (reason := foreign_origin(exchange.request)) is not None:
            exchange.respond(403, PLAIN_TEXT, reason.encode())
            return
        if self._on_request is not None:
            self._on_request(exchange)
        exchange.keep = MAX_KEPT_BODY
        self._of(exchange).on_head(exchange)

    def on_body(self, exchange: Exchange) -> None:
        """Pass on a request whose body has been read."""
        self._of(exchange).on_body(exchange)

    def on_truncated(self, exchange: Exchange) -> None:
        """Pass on a truncated request."""
        self._of(exchange).on_truncated(exchange)

    def on_lost(self, exchange: Exchange) -> None:
        """Pass on a request whose client has disconnected."""
        self._of(exchange).on_lost(exchange)

    def _of(self, exchange: Exchange) -> Application:
        for prefix, application in self._prefixes.items():
            if exchange.request.path.startswith(prefix):
                return application
        return self._default
