"""The pool with environments that have several slots, whose number changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from awslambdaric_lite.emulator.environments.environment import EnvironmentOver, ExecutionEnvironment
from awslambdaric_lite.emulator.environments.pool import EnvironmentPool
from awslambdaric_lite.emulator.errors import TooManyRequests
from awslambdaric_lite.emulator.results import FunctionOutcome, Invocation


class RecordingEnvironment(ExecutionEnvironment):
    """Environment without processes that records calls and ends invocations on the test's command."""

    def __init__(self, version: str, provisioned: bool, slots: int) -> None:
        self.version = version
        self.provisioned = provisioned
        self.over = False
        self.on_change = lambda environment: None
        self.taken: list[Invocation] = []
        self.closings = 0
        self.free_slots = slots
        self._ends: dict[Invocation, asyncio.Future[None]] = {}

    @property
    def slots(self) -> int:
        return 0 if self.over else self.free_slots

    async def prepare(self) -> FunctionOutcome | None:
        return None

    async def run(self, invocation: Invocation) -> None:
        if self.over:
            raise EnvironmentOver("over")
        self.taken.append(invocation)
        self._ends[invocation] = asyncio.get_running_loop().create_future()
        await self._ends[invocation]

    async def discard(self) -> None:
        self.closings += 1

    async def close(self) -> None:
        self.closings += 1

    def end(self, *invocations: Invocation) -> None:
        """End the invocations, or all of them."""
        for invocation in invocations or tuple(self._ends):
            self._ends.pop(invocation).set_result(None)

    def fail(self) -> None:
        """Fail the environment with all of its invocations."""
        self.over = True
        self.on_change(self)
        self.end(*self._ends)

    def change(self, slots: int) -> None:
        """Change the number of slots."""
        self.free_slots = slots
        self.on_change(self)

    # Not called by the pool:
    initialization_type = "recorded"

    def time_out_now(self) -> None:
        raise NotImplementedError

    def deliver_stale_reply(self) -> None:
        raise NotImplementedError

    def on_request(self, exchange: object) -> None:
        raise NotImplementedError

    def new_api(self) -> None:  # type: ignore[override]
        raise NotImplementedError

    def new_log_source(self) -> None:
        raise NotImplementedError


class Pool:
    """Pool of recording environments, and the invocations given to it."""

    def __init__(self, limit: int, slots: int) -> None:
        self.made: list[RecordingEnvironment] = []
        self._slots = slots
        self.pool = EnvironmentPool(self._create, limit, 300.0)
        self.tasks: list[asyncio.Task[None]] = []

    def _create(self, version: str, provisioned: bool) -> ExecutionEnvironment:
        self.made.append(RecordingEnvironment(version, provisioned, self._slots))
        return self.made[-1]

    async def submit(self, count: int, *, version: str = "1", queue: bool = True) -> None:
        """Submit invocations, and run the event loop until nothing is ready."""
        for _ in range(count):
            invocation = Invocation(b"", version=version)
            self.tasks.append(asyncio.get_running_loop().create_task(self.pool.run(invocation, queue=queue)))
        await settle()

    def taken(self) -> list[int]:
        """Return the number of invocations of each environment."""
        return [len(environment.taken) for environment in self.made]


async def settle() -> None:
    """Run the event loop until nothing is ready."""
    for _ in range(20):
        await asyncio.sleep(0)


def run_scenario(scenario: Callable[[Pool], Awaitable[None]], *, limit: int, slots: int) -> None:
    """Run a scenario with a pool, end all invocations, and check that the pool is empty."""

    async def run() -> None:
        pool = Pool(limit, slots)
        await scenario(pool)
        for _ in pool.tasks:  # the end of one invocation may start another
            for environment in pool.made:
                environment.end()
            await settle()
        assert all(task.done() for task in pool.tasks)
        assert (pool.pool.busy, pool.pool.queued, pool.pool.running) == (0, 0, [])
        await pool.pool.close()
        await asyncio.gather(*pool.tasks, return_exceptions=True)
        assert all(environment.closings == 1 for environment in pool.made)

    asyncio.run(run())


def test_slots_are_filled_environment_by_environment() -> None:
    """The slots of one environment are filled before the next one starts; then invocations queue or are rejected."""

    async def scenario(pool: Pool) -> None:
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

    run_scenario(scenario, limit=2, slots=3)


def test_new_environment_serves_all_queued() -> None:
    """A new environment serves as many queued invocations as it has slots."""

    async def scenario(pool: Pool) -> None:
        await pool.submit(7)
        assert (pool.taken(), pool.pool.queued) == ([3], 4)
        pool.made[0].fail()
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([3, 3], 1)
        assert pool.made[0].closings == 1

    run_scenario(scenario, limit=1, slots=3)


def test_added_slot_serves_queued_invocation() -> None:
    """A slot that is added serves a queued invocation."""

    async def scenario(pool: Pool) -> None:
        await pool.submit(3)
        pool.made[0].free_slots = 2
        pool.made[0].end(pool.made[0].taken[0])
        await pool.submit(1)
        assert (pool.taken(), pool.pool.queued) == ([3], 1)
        pool.made[0].change(3)
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([4], 0)

    run_scenario(scenario, limit=1, slots=3)


@pytest.mark.parametrize("provisioned", [False, True])
def test_environment_without_slots_is_replaced(provisioned: bool) -> None:
    """At the limit an idle environment without slots is replaced, even a provisioned one."""

    async def scenario(pool: Pool) -> None:
        if provisioned:
            await pool.pool.provision("1", 1)
        await pool.submit(1)
        pool.made[0].free_slots = 0
        pool.made[0].end()
        await settle()
        assert pool.made[0].closings == 0
        await pool.submit(1)
        assert (pool.taken(), pool.made[0].closings) == ([1, 1], 1)

    run_scenario(scenario, limit=1, slots=1)


def test_failed_idle_environment_is_removed() -> None:
    """A failed idle environment is removed, and an invocation sent to it runs in another one."""

    async def scenario(pool: Pool) -> None:
        await pool.submit(1)
        pool.made[0].end()
        await settle()
        pool.made[0].over = True  # the pool has not been notified yet
        await pool.submit(1)
        assert (pool.taken(), pool.pool.environments) == ([1, 1], [pool.made[1]])
        pool.made[1].end()
        await settle()
        pool.made[1].fail()
        assert pool.pool.environments == []
        pool.made[1].fail()  # again, as when its processes end
        await settle()

    run_scenario(scenario, limit=1, slots=2)


def test_retired_environment_drains() -> None:
    """A retired environment takes no new invocation and is closed after its last one."""

    async def scenario(pool: Pool) -> None:
        await pool.submit(2)
        pool.pool.retire_all()
        await pool.submit(2)
        assert pool.taken() == [2, 2]
        old = pool.made[0]
        old.end(old.taken[0])
        old.change(3)
        await settle()
        assert old.closings == 0
        old.end()
        await settle()
        assert old.closings == 1
        assert pool.pool.environments == [pool.made[1]]

    run_scenario(scenario, limit=1, slots=3)


def test_idle_environment_is_replaced_for_version() -> None:
    """At the limit an idle environment is replaced for another version, but a busy one is not."""

    async def scenario(pool: Pool) -> None:
        await pool.submit(2)
        await pool.submit(1, version="2")
        pool.made[0].end(pool.made[0].taken[0])
        await settle()
        assert (pool.taken(), pool.pool.queued) == ([2], 1)
        pool.made[0].end()
        await settle()
        assert (pool.taken(), pool.pool.queued, pool.made[1].version) == ([2, 1], 0, "2")

    run_scenario(scenario, limit=1, slots=2)
