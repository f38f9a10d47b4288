"""The event loop of `awslambdaric-lite serve`, from the first environment to the signal that stops it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..emulator.config.function import FunctionConfig
from ..emulator.errors import AddressUnavailable, EmulatorError, TooManyRequests
from ..emulator.frontend.asynchronous import AsyncOptions
from ..emulator.frontend.url import InvokeMode
from ..emulator.frontend.url_cors import Cors
from ..emulator.results import Completion, FunctionOutcome, Invocation
from ..emulator.service import FunctionService
from .displays import Display, Figures, InvocationOutcome, ServedFunction
from .errors import UsageError

if TYPE_CHECKING:
    from ..emulator.functions.registry import FunctionEntry
    from ..emulator.watching import Sources

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OPEN = "anyone who can reach {} can invoke this function{}; use --host 127.0.0.1 to allow this machine only"
_TICK_S = 0.5  # between figures that change without an invocation, e.g. when idle environments are shut down


class Serving(ABC):
    """One run of `serve`, from the first address to the signal that stops it."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._stop = asyncio.Event()
        self._stdout_error: OSError | None = None
        self._helpers: list[asyncio.Task[None]] = []  # tasks that end when `_stop` is set
        self._reloads: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until a signal arrives.

        Raises:
            UsageError: a port is in use, or standard output cannot be written.
            BrokenPipeError: the reader has closed standard output.
        """
        self._expect_signals()
        stopped = asyncio.create_task(self._stop.wait())
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()  # raises
        finally:
            self._stop.set()
            for starting in (serving, *self._reloads):  # they may wait for an init phase that hangs
                starting.cancel()
            await asyncio.gather(stopped, serving, *self._reloads, *self._helpers, return_exceptions=True)
            lost = await self._close()
            self._tell(lambda: self._display.stopped(lost))
        if isinstance(self._stdout_error, BrokenPipeError):
            raise self._stdout_error
        if self._stdout_error is not None:
            raise UsageError(f"standard output cannot be written: {self._stdout_error.strerror}")

    @abstractmethod
    async def _serve(self) -> None:
        """Open everything, show it, and wait for `_stop`."""

    @abstractmethod
    async def _close(self) -> int:
        """Close everything; return the number of asynchronous events that are lost."""

    @abstractmethod
    def _show_figures(self) -> None:
        """Show the current figures of each function."""

    def _expect_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            self._stop.set()
            for number in _SIGNALS:  # a second signal kills the process, and its watcher cleans up
                loop.remove_signal_handler(number)

        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)

    async def _watch(self, changes: AsyncIterator[list[Path]], on_change: Callable[[list[Path]], None]) -> None:
        try:
            async for paths in changes:
                on_change(paths)
        except OSError as error:
            self._warn(f"watching files stopped: {error}")

    def _reload(self, reload: Coroutine[Any, Any, None]) -> None:
        """Reload a function; the next change does not wait, e.g. for provisioned environments."""

        async def run() -> None:
            try:
                await reload
            except (EmulatorError, OSError, UsageError) as error:
                self._warn(f"not reloaded: {error}")

        task = asyncio.create_task(run())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _tick(self) -> None:
        while not self._stop.is_set():
            self._show_figures()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK_S)

    def _warn_of_open_host(self, host: str, *, aws_credentials: bool) -> None:
        if not _is_loopback(host):
            self._warn(_OPEN.format(host, " with your AWS credentials" if aws_credentials else ""))

    def _warn(self, text: str) -> None:
        self._tell(lambda: self._display.warning(text))

    def _tell(self, show: Callable[[], None]) -> None:
        """Show something; stop when standard output is closed, as a closed pipe stops any program."""
        try:
            show()
        except OSError as error:
            self._stdout_error = error
            self._stop.set()


class Observed:
    """Counts of one function's invocations, which are shown as they change; `function` is its name in a project."""

    def __init__(self, tell: Callable[[Callable[[], None]], None], display: Display, function: str = "") -> None:
        self._tell = tell
        self._display = display
        self._function = function
        self._invocations = self._errors = self._throttles = 0
        self.entry: FunctionEntry | None = None

    def observe(self, invocation: Invocation) -> None:
        """Count an invocation from any caller; its futures call back from the event loop of its function."""
        self._invocations += 1
        self.show()
        invocation.answered.add_done_callback(self._answered)
        invocation.completed.add_done_callback(lambda completed: self._completed(invocation, completed))

    def show(self) -> None:
        """Show the current figures."""
        assert self.entry is not None
        pool = self.entry.host.pool
        figures = Figures(
            environments=len(pool.environments),
            busy=pool.busy,
            queued=pool.queued + self.entry.queue.waiting,
            invocations=self._invocations,
            errors=self._errors,
            throttles=self._throttles,
        )
        self._tell(lambda: self._display.figures(figures, self._function))

    def _answered(self, answered: Future[FunctionOutcome]) -> None:
        error = answered.exception()
        if isinstance(error, TooManyRequests):
            self._throttles += 1
        elif error is not None or answered.result().error is not None:
            self._errors += 1
        self.show()

    def _completed(self, invocation: Invocation, completed: Future[Completion]) -> None:
        error = completed.exception()
        if error is None:
            report = completed.result().report
            outcome = InvocationOutcome(invocation.request_id, invocation.cold, _error_type(invocation), report)
        else:
            outcome = InvocationOutcome(invocation.request_id, invocation.cold, type(error).__name__, None)
        self._tell(lambda: self._display.outcome(outcome, self._function))


@dataclass(frozen=True)
class Network:
    """The addresses of the Lambda API and the function URL, and the URL's settings."""

    host: str
    port: int
    url_port: int
    url_mode: InvokeMode
    cors: Cors | None


class FunctionServing(Serving):
    """A run of `serve` for one function, which reloads when the sources change; `new_function` reads it again."""

    def __init__(
        self,
        function: FunctionConfig,
        network: Network,
        asynchronous: AsyncOptions,
        display: Display,
        sources: Sources | None = None,
        new_function: Callable[[], FunctionConfig] | None = None,
    ) -> None:
        super().__init__(display)
        self._function = function
        self._network = network
        self._sources = sources
        self._new_function = new_function
        self._observed = Observed(self._tell, display)
        self._service = FunctionService(
            function,
            on_log=lambda line: self._tell(lambda: display.line(line)),
            on_invocation=self._observed.observe,
            asynchronous=asynchronous,
            url_mode=network.url_mode,
            cors=network.cors,
        )
        self._observed.entry = self._service.entry

    async def _serve(self) -> None:
        if self._sources is not None:
            self._service.host.on_activity = self._sources.on_activity
        await self._service.start()
        served = self._open()
        self._helpers.append(asyncio.create_task(self._tick()))
        if self._sources is not None:
            self._helpers.append(asyncio.create_task(self._watch(self._sources.changes(self._stop), self._changed)))
            await asyncio.sleep(0)  # it watches before the first line says that the function is served
        self._tell(lambda: self._display.serving(served))
        for text in (*self._function.warnings, *self._service.host.warnings):
            self._warn(text)
        self._warn_of_open_host(self._network.host, aws_credentials=self._function.aws_credentials)
        await self._stop.wait()

    async def _close(self) -> int:
        return await self._service.close()

    def _open(self) -> ServedFunction:
        network = self._network
        endpoint_url = open_address("--port", lambda: self._service.open_endpoint(network.host, network.port))
        url = open_address("--url-port", lambda: self._service.open_url(network.host, network.url_port))
        return ServedFunction(self._function.name, self._function.handler, endpoint_url, url)

    def _changed(self, paths: list[Path]) -> None:
        names = [os.path.relpath(path, self._function.task_root.resolve()) for path in paths]
        self._tell(lambda: self._display.reloading(names))
        self._reload(self._reload_function())

    async def _reload_function(self) -> None:
        await self._service.host.reload(None if self._new_function is None else self._new_function())

    def _show_figures(self) -> None:
        self._observed.show()


def open_address(option: str, open_it: Callable[[], str]) -> str:
    """Return the URL of a port that is opened; `option` is the one that chooses the port.

    Raises:
        UsageError: the address cannot be opened for listening; the message names the option.
    """
    try:
        return open_it()
    except AddressUnavailable as error:
        raise UsageError(f"{'--host' if error.is_of_address else option}: {error}") from None


def _error_type(invocation: Invocation) -> str | None:
    return None if invocation.answered.exception() is not None else invocation.answered.result().error_type


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
