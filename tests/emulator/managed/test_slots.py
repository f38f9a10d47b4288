"""How the pool deals with environments that have several slots, which come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from awslambdaric_lite.emulator.environments.environment import EnvironmentOver, ExecutionEnvironment
from awslambdaric_lite.emulator.environments.pool import EnvironmentPool
from awslambdaric_lite.emulator.errors import TooManyRequests
from awslambdaric_lite.emulator.results import Invocation, InvocationOutcome


class RecordingEnvironment(ExecutionEnvironment):
    """An environment without processes: takes note of what it is told, and ends invocations when the test says so."""

    def __init__(self, version: str, provisioned: bool, slots: int) -> None:
        self.version = version
        self.provisioned = provisioned
        self.over = False
        self.on_change = lambda environment: None
        self.taken: list[Invocation] = []
        self.ends_told = 0
        self.free_slots = slots
        self._ends: dict[Invocation, asyncio.Future[None]] = {}

    @property
    def slots(self) -> int:
        return 0 if self.over else self.free_slots

    async def prepare(self) -> InvocationOutcome | None:
        return None

    async def run(self, invocation: Invocation) -> None:
        if self.over:
            raise EnvironmentOver("over")
        self.taken.append(invocation)
        self._ends[invocation] = asyncio.get_running_loop().create_future()
        await self._ends[invocation]

    async def discard(self) -> None:
        self.ends_told += 1

    async def close(self) -> None:
        self.ends_told += 1

    def end(self, *invocations: Invocation) -> None:
        """Let invocations come to their ends; all of them if none is named."""
        for invocation in invocations or tuple(self._ends):
            self._ends.pop(invocation).set_result(None)

    def fail(self) -> None:
        """Come to an end, and everything that runs with it."""
        self.over = True
        self.on_change(self)
        self.end(*self._ends)

    def change(self, slots: int) -> None:
        """Have more slots than before."""
        self.free_slots = slots
        self.on_change(self)

    # What no pool calls
    initialization_type = "recorded"

    def time_out_now(self) -> None:
        raise NotImplementedError

    def deliver_stale_reply(self) -> None:
        raise NotImplementedError

    def on_request(self, exchange: object) -> None:
        raise NotImplementedError

    def _new_api(self) -> None:  # type: ignore[override]
        raise NotImplementedError

    def _new_log_source(self) -> None:
        raise NotImplementedError


class Pool:
    """A pool of recording environments, and the invocations given to it."""

    def __init__(self, limit: int, slots: int) -> None:
        self.made: list[RecordingEnvironment] = []
        self._slots = slots
        self.pool = EnvironmentPool(self._create, limit, 300.0)
        self.tasks: list[asyncio.Task[None]] = []

    def _create(self, version: str, provisioned: bool) -> ExecutionEnvironment:
        self.made.append(RecordingEnvironment(version, provisioned, self._slots))
        return self.made[-1]

    async def submit(self, count: int, *, version: str = "1", queue: bool = True) -> None:
        """Ask for invocations, and let everything that can happen at once happen."""
        for _ in range(count):
            invocation = Invocation(b"", version=version)
            self.tasks.append(asyncio.get_running_loop().create_task(self.pool.run(invocation, queue=queue)))
        await settle()

    def taken(self) -> list[int]:
        """How many invocations each environment got."""
        return [len(environment.taken) for environment in self.made]


async def settle() -> None:
    """Let the event loop run until nothing is ready."""
    for _ in range(20):
        await asyncio.sleep(0)


def told(story: Callable[[Pool], Awaitable[None]], *, limit: int, slots: int) -> None:
    """Run a story with a pool, which has to be able to come to an end."""

    async def run() -> None:
        pool = Pool(limit, slots)
        await story(pool)
        for _ in pool.tasks:  # an end may be the beginning of another one
            for environment in pool.made:
                environment.end()
            await settle()
        assert all(task.done() for task in pool.tasks)
        assert (pool.pool.busy, pool.pool.queued, pool.pool.running) == (0, 0, [])
        await pool.pool.close()
        await asyncio.gather(*pool.tasks, return_exceptions=True)
        assert all(environment.ends_told == 1 for environment in pool.made)

    asyncio.run(run())


def test_slots_are_filled_one_environment_after_another() -> None:
    """Beyond the last slot is too many, or the queue."""

    async def story(pool: Pool) -> None:
        await pool.submit(5, queue=False)
        assert pool.taken() == [3, 2]
        await pool.submit(3)
        assert (pool.taken(), pool.pool.queued, pool.pool.busy) == ([3, 3], 2, 2)
        await pool.submit(1, queue=False)
        with pytest.raises(TooManyRequests):
            pool.tasks[-1].result()
        pool.made[1].end(pool.made[1].taken[0])
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([3, 4], 1)
        pool.made[0].end()
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([4, 4], 0)

    told(story, limit=2, slots=3)


def test_a_new_environment_is_for_all_who_wait() -> None:
    """As after the end of the only one: the first of those who wait starts another, and the others go along."""

    async def story(pool: Pool) -> None:
        await pool.submit(7)
        assert (pool.taken(), pool.pool.queued) == ([3], 4)
        pool.made[0].fail()
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([3, 3], 1)
        assert pool.made[0].ends_told == 1

    told(story, limit=1, slots=3)


def test_a_slot_that_comes_back_is_given_to_who_waits() -> None:
    """Without an invocation having ended."""

    async def story(pool: Pool) -> None:
        await pool.submit(3)
        pool.made[0].free_slots = 2
        pool.made[0].end(pool.made[0].taken[0])
        await pool.submit(1)
        assert (pool.taken(), pool.pool.queued) == ([3], 1)
        pool.made[0].change(3)
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([4], 0)

    told(story, limit=1, slots=3)


@pytest.mark.parametrize("provisioned", [False, True])
def test_an_environment_without_slots_makes_room(provisioned: bool) -> None:
    """Even one that was provisioned: it serves nobody."""

    async def story(pool: Pool) -> None:
        if provisioned:
            await pool.pool.provision("1", 1)
        await pool.submit(1)
        pool.made[0].free_slots = 0
        pool.made[0].end()
        await settle()
        assert pool.made[0].ends_told == 0
        await pool.submit(1)
        assert (pool.taken(), pool.made[0].ends_told) == ([1, 1], 1)

    told(story, limit=1, slots=1)


def test_one_that_ends_idle_is_forgotten() -> None:
    """At once, and whoever was sent to it just before goes elsewhere."""

    async def story(pool: Pool) -> None:
        await pool.submit(1)
        pool.made[0].end()
        await settle()
        pool.made[0].over = True  # and nobody has been told yet
        await pool.submit(1)
        assert (pool.taken(), pool.pool.environments) == ([1, 1], [pool.made[1]])
        pool.made[1].end()
        await settle()
        pool.made[1].fail()
        assert pool.pool.environments == []
        pool.made[1].fail()  # again, as when its processes end
        await settle()

    told(story, limit=1, slots=2)


def test_retired_environments_drain() -> None:
    """They take nothing more, whatever slots they have, and go with their last invocation."""

    async def story(pool: Pool) -> None:
        await pool.submit(2)
        pool.pool.retire_all()
        await pool.submit(2)
        assert pool.taken() == [2, 2]
        old = pool.made[0]
        old.end(old.taken[0])
        old.change(3)
        await settle()
        assert old.ends_told == 0
        old.end()
        await settle()
        assert old.ends_told == 1
        assert pool.pool.environments == [pool.made[1]]

    told(story, limit=1, slots=3)


def test_another_version_gets_the_room_of_an_idle_one() -> None:
    """But not of one in use."""

    async def story(pool: Pool) -> None:
        await pool.submit(2)
        await pool.submit(1, version="2")
        pool.made[0].end(pool.made[0].taken[0])
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([2], 1)
        pool.made[0].end()
        await settle()
        assert (pool.taken(), pool.pool.queued, pool.made[1].version) == ([2, 1], 0, "2")

    told(story, limit=1, slots=2)
