"""Which environment takes which invocation: a warm one first, a new one up to the limit; idle ones go after a while."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from ..errors import TooManyRequests
from ..results import Answer, Invocation
from .environment import ExecutionEnvironment

_SETTLE_S = 0.1  # how long an environment that has answered is waited for, rather than starting another one

Create = Callable[[str, bool], ExecutionEnvironment]
"""Make an environment for a version; the flag says whether it is provisioned."""


class EnvironmentPool:
    """Keeps environments warm, starts new ones up to `limit`, closes those that were idle for `idle_timeout_s`."""

    def __init__(self, create: Create, limit: int, idle_timeout_s: float) -> None:
        self.environments: list[ExecutionEnvironment] = []
        """All that there are, in the order of their start."""
        self._create = create
        self._limit = limit
        self._idle_timeout_s = idle_timeout_s
        self._idle: dict[ExecutionEnvironment, asyncio.TimerHandle | None] = {}
        self._busy: dict[ExecutionEnvironment, Invocation] = {}
        self._waiting: deque[tuple[str, asyncio.Future[ExecutionEnvironment | None]]] = deque()
        self._discarding: set[asyncio.Task[None]] = set()
        self._retired: set[ExecutionEnvironment] = set()  # busy ones that take no further invocation

    @property
    def running(self) -> list[ExecutionEnvironment]:
        """The environments that run an invocation."""
        return list(self._busy)

    @property
    def busy(self) -> int:
        """How many environments run an invocation."""
        return len(self._busy)

    @property
    def queued(self) -> int:
        """How many invocations wait for an environment."""
        return len(self._waiting)

    async def provision(self, version: str, count: int) -> None:
        """Start environments ahead of their invocations and wait until they are ready."""
        environments = [self._new(version, provisioned=True) for _ in range(count)]
        await asyncio.gather(*(environment.prepare() for environment in environments))
        for environment in environments:
            self._release(environment)

    async def run(self, invocation: Invocation, *, queue: bool) -> None:
        """Take an invocation to its completion.

        Raises:
            TooManyRequests: every environment is busy and no further one may be started, and it should not `queue`.
        """
        environment = await self._acquire(invocation.version, queue)
        self._busy[environment] = invocation
        try:
            await environment.run(invocation)
        finally:
            del self._busy[environment]
            self._release(environment)

    async def restore(self, version: str) -> Answer | None:
        """Start an environment up to its snapshot and restore it, ahead of an invocation; return what went wrong."""
        environment = self._new(version)
        failure = await environment.prepare() or await environment.restore()
        self._release(environment)
        return failure

    def retire_all(self) -> None:
        """Give what comes from now on to new environments: idle ones end now, busy ones after their invocations.

        Retired environments do not count towards the limit.
        """
        for environment in list(self._idle):
            self._unidle(environment)
            self._discard(environment)
        self._retired.update(self.environments)
        self._offer_room()

    async def close(self) -> None:
        """End every environment."""
        for timer in self._idle.values():
            if timer is not None:
                timer.cancel()
        await asyncio.gather(*(environment.close() for environment in self.environments), *self._discarding)

    async def _acquire(self, version: str, queue: bool) -> ExecutionEnvironment:
        for environment in reversed(self._idle):  # the one used last is the warmest
            if environment.version == version:
                self._unidle(environment)
                return environment
        if self._about_to_be_free(version) and (soon := await self._wait(version, _SETTLE_S)):
            return soon
        while True:
            if self._room > 0:
                return self._new(version)
            for environment in self._idle:  # of another version: the longest idle makes room
                if not environment.provisioned:
                    self._unidle(environment)
                    self._discard(environment)
                    return self._new(version)
            if not queue:
                raise TooManyRequests(f"all {self._limit} execution environments of the function are busy")
            if given := await self._wait(version, None):
                return given

    @property
    def _room(self) -> int:
        """How many environments more there may be."""
        return self._limit - len(self.environments) + len(self._retired)

    def _offer_room(self) -> None:
        """Wake as many of those who wait as may start an environment of their own."""
        for _ in range(min(self._room, len(self._waiting))):
            self._waiting.popleft()[1].set_result(None)

    def _about_to_be_free(self, version: str) -> bool:
        answered = sum(
            environment.version == version and invocation.answered.done() and environment not in self._retired
            for environment, invocation in self._busy.items()
        )
        return answered > sum(waiting == version for waiting, _ in self._waiting)

    async def _wait(self, version: str, limit_s: float | None) -> ExecutionEnvironment | None:
        """Queue for a release; None when it took too long, or when room was made for another environment."""
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

    def _release(self, environment: ExecutionEnvironment) -> None:
        if environment in self._retired:
            self._retired.remove(environment)
            self._discard(environment)
            return
        for index, (version, given) in enumerate(self._waiting):
            if version == environment.version:
                del self._waiting[index]
                given.set_result(environment)
                return
        if self._waiting and not environment.provisioned:  # all of other versions: the first one gets the room
            self._discard(environment)
            self._waiting.popleft()[1].set_result(None)
            return
        loop = asyncio.get_running_loop()
        timer = None if environment.provisioned else loop.call_later(self._idle_timeout_s, self._scale_in, environment)
        self._idle[environment] = timer

    def _unidle(self, environment: ExecutionEnvironment) -> None:
        timer = self._idle.pop(environment)
        if timer is not None:
            timer.cancel()

    def _scale_in(self, environment: ExecutionEnvironment) -> None:
        self._unidle(environment)
        self._discard(environment)

    def _discard(self, environment: ExecutionEnvironment) -> None:
        self.environments.remove(environment)
        task = asyncio.get_running_loop().create_task(environment.discard())
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    def _new(self, version: str, provisioned: bool = False) -> ExecutionEnvironment:
        environment = self._create(version, provisioned)
        self.environments.append(environment)
        return environment
