"""Assignment of invocations to environments: a warm one first, else a new one up to the limit.

Idle environments are closed after a while. An environment has one slot, or several, which are filled before another
environment is started.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Container

from ..errors import Limit, TooManyRequests
from ..results import FunctionOutcome, Invocation
from .environment import EnvironmentOver, ExecutionEnvironment

_SETTLE_S = 0.1  # the wait for an environment that has replied, before another one is started

Create = Callable[[str, bool], ExecutionEnvironment]
"""Creates an environment for a version; the flag is true for a provisioned one."""


class EnvironmentPool:
    """Pool of up to `limit` environments, which closes those that were idle for `idle_timeout_s`."""

    def __init__(self, create: Create, limit: int, idle_timeout_s: float) -> None:
        self.environments: list[ExecutionEnvironment] = []
        """All environments, in the order of their start."""
        self.limited_by: Limit = "function"
        """The limit that the error of a throttled invocation names."""
        self._create = create
        self._limit = limit
        self._idle_timeout_s = idle_timeout_s
        self._idle: dict[ExecutionEnvironment, asyncio.TimerHandle | None] = {}
        self._taken: dict[ExecutionEnvironment, int] = {}  # slots of busy environments
        self._running: dict[Invocation, ExecutionEnvironment] = {}
        self._waiting: deque[tuple[str, asyncio.Future[ExecutionEnvironment | None]]] = deque()
        self._discarding: set[asyncio.Task[None]] = set()
        self._retired: set[ExecutionEnvironment] = set()  # busy environments that get no further invocation
        self._closing = False

    @property
    def running(self) -> list[ExecutionEnvironment]:
        """The environments that run invocations."""
        return list(dict.fromkeys(self._running.values()))

    @property
    def busy(self) -> int:
        """The number of environments that run invocations."""
        return len(set(self._running.values()))

    @property
    def queued(self) -> int:
        """The number of invocations that wait for an environment."""
        return len(self._waiting)

    async def provision(self, version: str, count: int) -> None:
        """Start or close provisioned environments until the version has this number; wait until they are ready."""
        present = self.provisioned(version)
        for environment in present[count:]:
            if environment in self._idle:
                self._scale_in(environment)
            else:
                self._retired.add(environment)
        environments = [self._new(version, provisioned=True) for _ in range(count - len(present))]
        await asyncio.gather(*(environment.prepare() for environment in environments))
        for environment in environments:
            self._release(environment)

    def provisioned(self, version: str) -> list[ExecutionEnvironment]:
        """Return the provisioned environments of a version."""
        return [
            each
            for each in self.environments
            if each.provisioned and each.version == version and each not in self._retired
        ]

    async def run(self, invocation: Invocation, *, queue: bool) -> None:
        """Run an invocation to its completion.

        Raises:
            TooManyRequests: every environment is busy, the limit is reached, and `queue` is false.
        """
        while True:
            environment = await self._acquire(invocation.version, queue)
            self._running[invocation] = environment
            try:
                return await environment.run(invocation)
            except EnvironmentOver:
                continue
            finally:
                del self._running[invocation]
                self._release(environment)

    async def restore(self, version: str) -> FunctionOutcome | None:
        """Start an environment up to its snapshot and restore it; return the failure."""
        environment = self._new(version)
        failure = await environment.prepare() or await environment.restore()
        self._release(environment)
        return failure

    def retire_all(self, *, except_for: Container[str] = ()) -> None:
        """Use new environments for later invocations; close idle ones now, busy ones after their invocations.

        Those of the versions `except_for` stay. Retired environments do not count towards the limit.
        """
        for environment in [each for each in self.environments if each.version not in except_for]:
            if environment in self._idle:
                self._scale_in(environment)
            else:
                self._retired.add(environment)
        self._offer_room()

    def set_limit(self, limit: int) -> None:
        """Change the limit; close idle environments above it now, busy ones after their invocations."""
        self._limit = limit
        for environment in list(self._idle):
            if self._room < 0:
                self._scale_in(environment)
        self._offer_room()

    async def close(self) -> None:
        """Close every environment."""
        self._closing = True
        for timer in self._idle.values():
            if timer is not None:
                timer.cancel()
        await asyncio.gather(*(environment.close() for environment in self.environments), *self._discarding)

    async def _acquire(self, version: str, queue: bool) -> ExecutionEnvironment:
        """Return an environment with a slot for the caller, who must release it."""
        for environment in (*self._taken, *reversed(self._idle)):  # the idle one that was used last is the warmest
            if environment.version == version and self._free(environment) > 0:
                self._take(environment)
                return environment
        if self._about_to_be_free(version) and (soon := await self._wait(version, _SETTLE_S)):
            return soon
        while True:
            if self._room > 0:
                return self._new(version)
            for (
                environment
            ) in self._idle:  # of another version, or without a free slot: close the one that was idle longest
                if not environment.provisioned or not environment.slots:
                    self._mark_busy(environment)
                    self._discard(environment)
                    return self._new(version)
            if not queue:
                text = f"all {self._limit} execution environments of the function are busy"
                raise TooManyRequests(text, self.limited_by)
            if given := await self._wait(version, None):
                return given

    @property
    def _room(self) -> int:
        """The number of environments that may still be started."""
        return self._limit - len(self.environments) + len(self._retired)

    def _offer_room(self) -> None:
        """Wake waiting callers, one for each environment that may be started."""
        for _ in range(min(max(self._room, 0), len(self._waiting))):
            self._waiting.popleft()[1].set_result(None)

    def _about_to_be_free(self, version: str) -> bool:
        answered = sum(
            environment.version == version and invocation.answered.done() and environment not in self._retired
            for invocation, environment in self._running.items()
        )
        return answered > sum(waiting == version for waiting, _ in self._waiting)

    async def _wait(self, version: str, limit_s: float | None) -> ExecutionEnvironment | None:
        """Wait for a free slot; return None after the limit, or if a new environment may be started."""
        given: asyncio.Future[ExecutionEnvironment | None] = asyncio.get_running_loop().create_future()
        entry = (version, given)
        self._waiting.append(entry)
        try:
            done, _ = await asyncio.wait({given}, timeout=limit_s)
        except asyncio.CancelledError:
            if given.done() and not given.cancelled() and (environment := given.result()) is not None:
                self._release(environment)
            raise
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return given.result() if done else None

    def _free(self, environment: ExecutionEnvironment) -> int:
        """Return the number of free slots."""
        return 0 if environment in self._retired else environment.slots - self._taken.get(environment, 0)

    def _take(self, environment: ExecutionEnvironment) -> None:
        if environment in self._idle:
            self._mark_busy(environment)
        self._taken[environment] = self._taken.get(environment, 0) + 1

    def _release(self, environment: ExecutionEnvironment) -> None:
        """Give a slot back."""
        left = self._taken.pop(environment) - 1
        if left:
            self._taken[environment] = left
        if self._closing:
            return
        if environment not in self._retired and not environment.over and self._room >= 0:
            self._offer(environment)
        elif not left:
            self._discard(environment)
            if environment in self._retired:  # another environment may have replaced it already
                self._retired.remove(environment)
            else:
                self._offer_room()

    def _offer(self, environment: ExecutionEnvironment) -> None:
        """Give the free slots to waiting callers; an environment without a used slot becomes idle."""
        for entry in [entry for entry in self._waiting if entry[0] == environment.version]:
            if self._free(environment) < 1:
                break
            self._waiting.remove(entry)
            self._take(environment)
            entry[1].set_result(environment)
        if environment in self._taken:
            return
        if (
            self._waiting and not environment.provisioned
        ):  # all wait for other versions: the first one may start an environment
            self._discard(environment)
            self._waiting.popleft()[1].set_result(None)
            return
        loop = asyncio.get_running_loop()
        timer = None if environment.provisioned else loop.call_later(self._idle_timeout_s, self._scale_in, environment)
        self._idle[environment] = timer

    def _changed(self, environment: ExecutionEnvironment) -> None:
        """React to an environment with more free slots, or one that is over; a busy one is released later."""
        if self._closing:
            return
        if environment.over and environment in self._idle:
            self._scale_in(environment)
            self._offer_room()
        elif environment in self._taken and not environment.over and environment not in self._retired:
            self._offer(environment)

    def _mark_busy(self, environment: ExecutionEnvironment) -> None:
        timer = self._idle.pop(environment)
        if timer is not None:
            timer.cancel()

    def _scale_in(self, environment: ExecutionEnvironment) -> None:
        self._mark_busy(environment)
        self._discard(environment)

    def _discard(self, environment: ExecutionEnvironment) -> None:
        self.environments.remove(environment)
        task = asyncio.get_running_loop().create_task(environment.discard())
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    def _new(self, version: str, provisioned: bool = False) -> ExecutionEnvironment:
        """Start an environment with a slot for the caller; other waiting callers get the rest."""
        environment = self._create(version, provisioned)
        environment.on_change = self._changed
        self.environments.append(environment)
        self._take(environment)
        self._offer(environment)
        return environment
