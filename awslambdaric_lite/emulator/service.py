"""One function and its front ends in one event loop: direct calls, the asynchronous queue, the Lambda API, the URL.

It opens and closes them in order. `LocalLambda` and `awslambdaric-lite serve` use it.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from .config.function import FunctionConfig
from .errors import AddressUnavailable
from .frontend.asynchronous import AsynchronousQueue, AsyncOptions
from .host import FunctionHost
from .http.exchange import Application
from .http.server import HttpServer
from .logs.stream import LineSink
from .results import Invocation

if TYPE_CHECKING:
    from .frontend.invoke_api import InvokeApi
    from .frontend.url import FunctionUrl, InvokeMode
    from .frontend.url_cors import Cors

_LOOPBACK = "127.0.0.1"


class FunctionService:
    """Service of a function from `start` to `close`; all calls come from the event loop in which it was started."""

    def __init__(
        self,
        function: FunctionConfig,
        *,
        on_log: LineSink | None = None,
        on_invocation: Callable[[Invocation], None] | None = None,
        asynchronous: AsyncOptions | None = None,
        url_mode: InvokeMode = "BUFFERED",
        cors: Cors | None = None,
    ) -> None:
        self.function = function
        self.host = FunctionHost(function, on_log, on_invocation)
        self._asynchronous = asynchronous
        self._url_mode = url_mode
        self._cors = cors
        self._queue: AsynchronousQueue | None = None
        # Imported when they are opened: direct invocations need neither.
        self._api: tuple[InvokeApi, HttpServer] | None = None
        self._url: tuple[FunctionUrl, HttpServer] | None = None

    @property
    def queue(self) -> AsynchronousQueue:
        """The queue of asynchronous events."""
        assert self._queue is not None
        return self._queue

    async def start(self) -> None:
        """Prepare for invocations, and wait for the provisioned environments."""
        self._queue = AsynchronousQueue(self.host, self._asynchronous)
        await self.host.start()

    async def close(self) -> int:
        """Close everything; return the number of asynchronous events that are lost."""
        lost = 0 if self._queue is None else await self._queue.close()
        await self.host.close()
        for door in (self._api, self._url):
            if door is not None:
                application, server = door
                await application.close()
                server.close()
        await asyncio.sleep(0)  # for the connections to close
        return lost

    def open_endpoint(self, address: str = _LOOPBACK, port: int = 0) -> str:
        """Open the Lambda API and return its URL; a second call returns the same URL.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
        """
        if self._api is None:
            from .frontend.invoke_api import InvokeApi

            application = InvokeApi(self.host, self.queue)
            self._api = application, self._listen(application, address, port)
        return f"http://{self._api[1].address}"

    def open_url(self, address: str = _LOOPBACK, port: int = 0) -> str:
        """Open the function URL and return it; a second call returns the same URL.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
        """
        if self._url is None:
            from .frontend.url import FunctionUrl

            mode, cors = self._url_mode, self._cors
            application = FunctionUrl(self.host, invoke_mode=mode, cors=cors)  # pyright: ignore[reportArgumentType]
            self._url = application, self._listen(application, address, port)
        return f"http://{self._url[1].address}/"

    def _listen(self, application: Application, address: str, port: int) -> HttpServer:
        try:
            return HttpServer(application, address, port, allow_hosts=self.function.allow_hosts)
        except OSError as error:
            unknown = error.errno == errno.EADDRNOTAVAIL or (error.errno or 0) < 0  # negative: a number of the resolver
            raise AddressUnavailable(_reason(address, port, error), is_of_address=unknown) from error


def _reason(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {address} is in use; stop its listener, or choose another port (0 selects a free one)"
    if error.errno == errno.EACCES:
        return f"port {port} of {address} is not allowed for this user; choose one above 1023 (0 selects a free one)"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"address {address} is not a local address; use e.g. {_LOOPBACK}"
    if error.errno is not None and error.errno < 0:  # of the resolver
        return f"address {address} is unknown; use a local address, e.g. {_LOOPBACK}"
    return f"port {port} of {address} cannot be opened: {error.strerror}"
