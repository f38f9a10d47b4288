"""The event loop of `awslambdaric-lite serve`, from the first environment to the signal that stops it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from ..emulator.config.function import FunctionConfig
from ..emulator.errors import AddressUnavailable, EmulatorError, TooManyRequests
from ..emulator.frontend.asynchronous import AsyncOptions
from ..emulator.frontend.url import InvokeMode
from ..emulator.frontend.url_cors import Cors
from ..emulator.results import Completion, FunctionOutcome, Invocation
from ..emulator.service import FunctionService
from .displays import Display, Figures, InvocationOutcome, Served
from .errors import UsageError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OPEN = "anyone who can reach {} can invoke this function; use --host 127.0.0.1 to allow this machine only"
_TICK_S = 0.5  # between figures that change without an invocation, e.g. when idle environments are shut down


@dataclass(frozen=True)
class Network:
    """The addresses of the Lambda API and the function URL, and the URL's settings."""

    host: str
    port: int
    url_port: int
    url_mode: InvokeMode
    cors: Cors | None


class Serving:
    """One run of `serve`."""

    def __init__(
        self, function: FunctionConfig, network: Network, asynchronous: AsyncOptions, display: Display
    ) -> None:
        self._function = function
        self._network = network
        self._display = display
        self._stop = asyncio.Event()
        self._stdout_error: OSError | None = None
        self._helpers: list[asyncio.Task[None]] = []  # tasks that end when `_stop` is set
        self._reloads: set[asyncio.Task[None]] = set()
        self._invocations = self._errors = self._throttles = 0
        self._service = FunctionService(
            function,
            on_log=lambda line: self._tell(lambda: display.line(line)),
            on_invocation=self._observe,
            asynchronous=asynchronous,
            url_mode=network.url_mode,
            cors=network.cors,
        )

    async def run(self, watched: Sequence[Path]) -> None:
        """Serve until a signal arrives, and reload when a file below the watched folders changes.

        Raises:
            UsageError: a port is in use, or standard output cannot be written.
            BrokenPipeError: the reader has closed standard output.
        """
        self._expect_signals()
        stopped = asyncio.create_task(self._stop.wait())
        serving = asyncio.create_task(self._serve(watched))
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()  # raises
        finally:
            self._stop.set()
            for starting in (serving, *self._reloads):  # they may wait for an init phase that hangs
                starting.cancel()
            await asyncio.gather(stopped, serving, *self._reloads, *self._helpers, return_exceptions=True)
            lost = await self._service.close()
            self._tell(lambda: self._display.stopped(lost))
        if isinstance(self._stdout_error, BrokenPipeError):
            raise self._stdout_error
        if self._stdout_error is not None:
            raise UsageError(f"standard output cannot be written: {self._stdout_error.strerror}")

    async def _serve(self, watched: Sequence[Path]) -> None:
        await self._service.start()
        served = self._open()
        self._helpers.append(asyncio.create_task(self._tick()))
        if watched:
            self._helpers.append(asyncio.create_task(self._watch(watched)))
            await asyncio.sleep(0)  # it watches before the first line says that the function is served
        self._tell(lambda: self._display.serving(served))
        for text in (*self._function.warnings, *self._service.host.warnings):
            self._tell(functools.partial(self._display.warning, text))
        if not _is_loopback(self._network.host):
            self._tell(lambda: self._display.warning(_OPEN.format(self._network.host)))
        await self._stop.wait()

    def _expect_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            self._stop.set()
            for number in _SIGNALS:  # a second signal kills the process, and its watcher cleans up
                loop.remove_signal_handler(number)

        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)

    def _open(self) -> Served:
        network = self._network
        try:
            endpoint_url = self._service.open_endpoint(network.host, network.port)
        except AddressUnavailable as error:
            raise UsageError(f"{'--host' if error.is_of_address else '--port'}: {error}") from None
        try:
            url = self._service.open_url(network.host, network.url_port)
        except AddressUnavailable as error:
            raise UsageError(f"--url-port: {error}") from None
        return Served(self._function.name, self._function.handler, endpoint_url, url)

    async def _watch(self, watched: Sequence[Path]) -> None:
        from ..emulator.watching import changes

        try:
            async for paths in changes(watched, self._stop):
                names = [os.path.relpath(path, self._function.task_root.resolve()) for path in paths]
                self._tell(functools.partial(self._display.reloading, names))
                # A reload may wait for provisioned environments; the next change does not wait for it.
                reload = asyncio.create_task(self._reload())
                self._reloads.add(reload)
                reload.add_done_callback(self._reloads.discard)
        except OSError as error:
            text = f"watching files stopped: {error}"
            self._tell(lambda: self._display.warning(text))

    async def _reload(self) -> None:
        try:
            await self._service.host.reload()
        except (EmulatorError, OSError) as error:
            text = f"not reloaded: {error}"
            self._tell(lambda: self._display.warning(text))

    async def _tick(self) -> None:
        while not self._stop.is_set():
            self._show_figures()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK_S)

    # Output

    def _observe(self, invocation: Invocation) -> None:
        """Count an invocation from any caller; its futures call back from this event loop."""
        self._invocations += 1
        self._show_figures()
        invocation.answered.add_done_callback(self._answered)
        invocation.completed.add_done_callback(lambda completed: self._completed(invocation, completed))

    def _answered(self, answered: Future[FunctionOutcome]) -> None:
        error = answered.exception()
        if isinstance(error, TooManyRequests):
            self._throttles += 1
        elif error is not None or answered.result().error is not None:
            self._errors += 1
        self._show_figures()

    def _completed(self, invocation: Invocation, completed: Future[Completion]) -> None:
        error = completed.exception()
        if error is None:
            report = completed.result().report
            outcome = InvocationOutcome(invocation.request_id, invocation.cold, _error_type(invocation), report)
        else:
            outcome = InvocationOutcome(invocation.request_id, invocation.cold, type(error).__name__, None)
        self._tell(lambda: self._display.outcome(outcome))

    def _show_figures(self) -> None:
        pool = self._service.host.pool
        figures = Figures(
            environments=len(pool.environments),
            busy=pool.busy,
            queued=pool.queued + self._service.queue.waiting,
            invocations=self._invocations,
            errors=self._errors,
            throttles=self._throttles,
        )
        self._tell(lambda: self._display.figures(figures))

    def _tell(self, show: Callable[[], None]) -> None:
        """Show something; stop when standard output is closed, as a closed pipe stops any program."""
        try:
            show()
        except OSError as error:
            self._stdout_error = error
            self._stop.set()


def _error_type(invocation: Invocation) -> str | None:
    return None if invocation.answered.exception() is not None else invocation.answered.result().error_type


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
