"""An event loop in a separate thread, and calls into it from other threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .errors import LocalLambdaClosed

_T = TypeVar("_T")


class LoopThread:
    """Event loop that runs from `start` to `stop`; it may be started again."""

    def __init__(self, owner: str = "LocalLambda") -> None:
        self._owner = owner  # the class that callers know
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # None: calls are not accepted
        self._stop = asyncio.Event()

    def start(self, opening: Coroutine[Any, Any, None], closing: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Start the thread and run `opening` in it; if that raises, run `closing`, stop the thread and raise again."""
        started: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="local-lambda", daemon=True)
        self._thread.start()
        try:
            self._loop = started.result()
        except BaseException:
            opening.close()
            raise
        try:
            self.call(opening)
        except BaseException:
            self.stop(closing())
            raise

    def stop(self, closing: Coroutine[Any, Any, _T]) -> _T:
        """Refuse further calls, run `closing`, cancel the remaining tasks and stop the thread.

        Raises:
            LocalLambdaClosed: the loop was stopped already.
        """
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            closing.close()
            raise closed(self._owner)
        try:
            return asyncio.run_coroutine_threadsafe(closing, loop).result()
        finally:
            loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop; return or raise its result.

        Raises:
            LocalLambdaClosed: the loop does not run, or was stopped meanwhile.
        """
        with self._lock:
            if self._loop is None:
                work.close()
                raise closed(self._owner)
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise closed(self._owner) from None
        except BaseException:  # Ctrl-C, if it does not come from the work itself
            future.cancel()
            raise

    def do(self, act: Callable[[], _T]) -> _T:
        """Call a function in the loop; return or raise its result.

        Raises:
            LocalLambdaClosed: the loop does not run, or was stopped meanwhile.
        """

        async def in_loop() -> _T:
            return act()

        return self.call(in_loop())

    def post(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the loop without waiting for it.

        Raises:
            LocalLambdaClosed: the loop does not run.
        """
        with self._lock:
            if self._loop is None:
                raise closed(self._owner)
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _run(self, started: concurrent.futures.Future[asyncio.AbstractEventLoop]) -> None:
        async def main() -> None:
            self._stop = asyncio.Event()
            started.set_result(asyncio.get_running_loop())
            await self._stop.wait()

        try:
            asyncio.run(main())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)  # a loop cannot be created, e.g. without free descriptors


def closed(owner: str = "LocalLambda") -> LocalLambdaClosed:
    """Return the exception for a call while the loop does not run."""
    return LocalLambdaClosed(f"this {owner} is not running; use it in a `with` block")
