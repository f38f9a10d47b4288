"""One function and its front ends in one event loop: direct calls, the asynchronous queue, the Lambda API, the URL.

It opens and closes them in order. `LocalLambda` and `awslambdaric-lite serve` use it.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Protocol

from .config.function import FunctionConfig
from .errors import AddressUnavailable
from .frontend.asynchronous import AsynchronousQueue, AsyncOptions
from .functions.registry import FunctionEntry, Registry
from .host import FunctionHost
from .http.exchange import Application
from .http.server import HttpServer
from .logs.stream import LineSink
from .results import Invocation

if TYPE_CHECKING:
    from .frontend.url import InvokeMode
    from .frontend.url_cors import Cors

LOOPBACK = "127.0.0.1"


class ClosingApplication(Application, Protocol):
    """Application of a server that has unfinished responses when the functions are closed."""

    async def close(self) -> None:
        """Wait for the unfinished responses."""


class Listeners:
    """The open ports of a service, each with its application."""

    def __init__(self, allow_hosts: Sequence[str]) -> None:
        self._allow_hosts = allow_hosts
        self._open: dict[Hashable, tuple[ClosingApplication, HttpServer]] = {}

    def open(self, key: Hashable, application: Callable[[], ClosingApplication], address: str, port: int) -> str:
        """Open a port for an application that `application` creates; return its URL, the same for a second call.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
        """
        if key not in self._open:
            new = application()
            try:
                self._open[key] = new, HttpServer(new, address, port, allow_hosts=self._allow_hosts)
            except OSError as error:
                # A negative number is one of the resolver.
                unknown = error.errno == errno.EADDRNOTAVAIL or (error.errno or 0) < 0
                raise AddressUnavailable(_reason(address, port, error), is_of_address=unknown) from error
        return f"http://{self._open[key][1].address}"

    async def close_one(self, key: Hashable) -> None:
        """Finish the responses of an application and close its port, if it is open."""
        if key in self._open:
            application, server = self._open.pop(key)
            await application.close()
            server.close()

    async def close(self) -> None:
        """Close all ports; to be called after the functions are closed."""
        for key in list(self._open):
            await self.close_one(key)
        await asyncio.sleep(0)  # for the connections to close


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
        self.entry = FunctionEntry(self.host, asynchronous)
        self._url_mode: InvokeMode = url_mode
        self._cors = cors
        self._listeners = Listeners(function.allow_hosts)

    @property
    def queue(self) -> AsynchronousQueue:
        """The queue of asynchronous events."""
        return self.entry.queue

    async def start(self) -> None:
        """Prepare for invocations, and wait for the provisioned environments."""
        await self.host.start()

    async def close(self) -> int:
        """Close everything; return the number of asynchronous events that are lost."""
        lost = await self.entry.close()
        await self._listeners.close()
        return lost

    # The front ends are imported when they are opened: direct invocations need none.

    def open_endpoint(self, address: str = LOOPBACK, port: int = 0) -> str:
        """Open the Lambda API and return its URL; a second call returns the same URL.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
        """
        from .frontend.invoke_api import InvokeApi

        return self._listeners.open("api", lambda: InvokeApi(Registry.of_one(self.entry)), address, port)

    def open_url(self, address: str = LOOPBACK, port: int = 0) -> str:
        """Open the function URL and return it; a second call returns the same URL.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
        """
        from .frontend.url import FunctionUrl

        mode, cors = self._url_mode, self._cors

        def application() -> FunctionUrl:
            return FunctionUrl(self.host, invoke_mode=mode, cors=cors)

        return self._listeners.open("url", application, address, port) + "/"


def _reason(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {address} is in use; stop its listener, or choose another port (0 selects a free one)"
    if error.errno == errno.EACCES:
        return f"port {port} of {address} is not allowed for this user; choose one above 1023 (0 selects a free one)"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"address {address} is not a local address; use e.g. {LOOPBACK}"
    if error.errno is not None and error.errno < 0:  # of the resolver
        return f"address {address} is unknown; use a local address, e.g. {LOOPBACK}"
    return f"port {port} of {address} cannot be opened: {error.strerror}"
