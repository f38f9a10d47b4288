"""A function served from its start to the signal that ends it: the event loop behind `awslambdaric-lite serve`."""

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
from ..emulator.results import Completion, Invocation, InvocationOutcome
from ..emulator.service import FunctionService
from .displays import Display, Figures, Outcome, Served
from .errors import UsageError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OPEN = "whoever reaches {} can run this function; --host 127.0.0.1 lets only this machine"
_TICK_S = 0.5  # how old figures may be that change by themselves, as when idle environments end


@dataclass(frozen=True)
class Doors:
    """Where callers come in."""

    host: str
    port: int
    url_port: int
    url_mode: InvokeMode
    cors: Cors | None


class Serving:
    """One run of `serve`."""

    def __init__(self, function: FunctionConfig, doors: Doors, asynchronous: AsyncOptions, display: Display) -> None:
        self._function = function
        self._doors = doors
        self._display = display
        self._stop = asyncio.Event()
        self._unheard: OSError | None = None
        self._helpers: list[asyncio.Task[None]] = []  # that end when it stops
        self._reloads: set[asyncio.Task[None]] = set()
        self._invocations = self._errors = self._throttles = 0
        self._service = FunctionService(
            function,
            on_log=lambda line: self._tell(lambda: display.line(line)),
            on_invocation=self._observe,
            asynchronous=asynchronous,
            url_mode=doors.url_mode,
            cors=doors.cors,
        )

    async def run(self, watched: Sequence[Path]) -> None:
        """Serve until a signal comes, and reload when something below what is watched changes.

        Raises:
            UsageError: a port cannot be had, or what is told cannot be written.
            BrokenPipeError: nobody reads it any longer.
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
            for starting in (serving, *self._reloads):  # they may wait for an init that hangs
                starting.cancel()
            await asyncio.gather(stopped, serving, *self._reloads, *self._helpers, return_exceptions=True)
            lost = await self._service.close()
            self._tell(lambda: self._display.stopped(lost))
        if isinstance(self._unheard, BrokenPipeError):
            raise self._unheard
        if self._unheard is not None:
            raise UsageError(f"standard output cannot be written: {self._unheard.strerror}")

    async def _serve(self, watched: Sequence[Path]) -> None:
        await self._service.start()
        served = self._open()
        self._helpers.append(asyncio.create_task(self._tick()))
        if watched:
            self._helpers.append(asyncio.create_task(self._watch(watched)))
            await asyncio.sleep(0)  # it watches before anybody is told that the function is served
        self._tell(lambda: self._display.serving(served))
        if not _is_loopback(self._doors.host):
            self._tell(lambda: self._display.warning(_OPEN.format(self._doors.host)))
        await self._stop.wait()

    def _expect_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            self._stop.set()
            for number in _SIGNALS:  # a second one ends at once, and the guardian cleans up
                loop.remove_signal_handler(number)

        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)

    def _open(self) -> Served:
        doors = self._doors
        try:
            endpoint_url = self._service.open_endpoint(doors.host, doors.port)
        except AddressUnavailable as error:
            raise UsageError(f"{'--host' if error.is_of_address else '--port'}: {error}") from None
        try:
            url = self._service.open_url(doors.host, doors.url_port)
        except AddressUnavailable as error:
            raise UsageError(f"--url-port: {error}") from None
        return Served(self._function.name, self._function.handler, endpoint_url, url)

    async def _watch(self, watched: Sequence[Path]) -> None:
        from ..emulator.watching import changes

        try:
            async for paths in changes(watched, self._stop):
                names = [os.path.relpath(path, self._function.task_root.resolve()) for path in paths]
                self._tell(functools.partial(self._display.reloading, names))
                # It may wait for what is provisioned; the next change does not wait for it.
                reload = asyncio.create_task(self._reload())
                self._reloads.add(reload)
                reload.add_done_callback(self._reloads.discard)
        except OSError as error:
            text = f"files are no longer watched: {error}"
            self._tell(lambda: self._display.warning(text))

    async def _reload(self) -> None:
        try:
            await self._service.host.reload()
        except (EmulatorError, OSError) as error:
            text = f"the change is not taken: {error}"
            self._tell(lambda: self._display.warning(text))

    async def _tick(self) -> None:
        while not self._stop.is_set():
            self._show_figures()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK_S)

    # What is told

    def _observe(self, invocation: Invocation) -> None:
        """Count an invocation, whichever way it came; the futures call back from this event loop."""
        self._invocations += 1
        self._show_figures()
        invocation.answered.add_done_callback(self._answered)
        invocation.completed.add_done_callback(lambda completed: self._completed(invocation, completed))

    def _answered(self, answered: Future[InvocationOutcome]) -> None:
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
            outcome = Outcome(invocation.request_id, invocation.cold, _error_type(invocation), report)
        else:
            outcome = Outcome(invocation.request_id, invocation.cold, type(error).__name__, None)
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

    def _tell(self, say: Callable[[], None]) -> None:
        """Say something; whoever no longer listens ends the run, as a closed pipe ends any program."""
        try:
            say()
        except OSError as error:
            self._unheard = error
            self._stop.set()


def _error_type(invocation: Invocation) -> str | None:
    return None if invocation.answered.exception() is not None else invocation.answered.result().error_type


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
