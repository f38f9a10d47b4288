"""An event loop in a thread, in which servers run while a test sends requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from .waiting import WAIT

T = TypeVar("T")


class LoopThread:
    """Event loop that runs in a thread until `stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, call: Callable[[], T]) -> T:
        """Call a function in the loop; return its result."""

        async def inside() -> T:
            return call()

        return self.wait(inside())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop; return its result."""
        return self.start(asyncio.wait_for(work, WAIT)).result()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """Wait for the remaining tasks and stop the loop."""

        async def finish() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)  # the transports close

        self.start(finish()).result(WAIT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
