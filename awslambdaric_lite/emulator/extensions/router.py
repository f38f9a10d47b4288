"""Several APIs on one port: which of them a request is for."""

from __future__ import annotations

from collections.abc import Callable

from ..http.exchange import Application, Exchange


class Router:
    """The application of an environment's port: the Runtime API, and beside it the APIs of the extensions.

    `on_request` is told of each request as soon as its head is in.
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
        """The request line and headers are in."""
        if self._on_request is not None:
            self._on_request(exchange)
        self._of(exchange).on_head(exchange)

    def on_body(self, exchange: Exchange) -> None:
        """The body is in."""
        self._of(exchange).on_body(exchange)

    def on_truncated(self, exchange: Exchange) -> None:
        """The client stopped sending before the end of the body."""
        self._of(exchange).on_truncated(exchange)

    def on_lost(self, exchange: Exchange) -> None:
        """The connection went while the exchange waited for its answer."""
        self._of(exchange).on_lost(exchange)

    def _of(self, exchange: Exchange) -> Application:
        for prefix, application in self._prefixes.items():
            if exchange.request.path.startswith(prefix):
                return application
        return self._default
