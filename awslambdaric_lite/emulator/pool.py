"""Which environment takes which invocation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .environment import ExecutionEnvironment
from .results import Invocation


class EnvironmentPool:
    """Keeps idle environments warm and starts new ones up to a limit; beyond it, invocations queue in order."""

    def __init__(self, create: Callable[[int], ExecutionEnvironment], limit: int = 1) -> None:
        self.environments: list[ExecutionEnvironment] = []
        self._create = create
        self._idle: list[ExecutionEnvironment] = []
        self._slots = asyncio.Semaphore(limit)

    async def run(self, invocation: Invocation) -> None:
        """Take an invocation to its completion in the first environment that is free."""
        async with self._slots:
            environment = self._idle.pop() if self._idle else self._new()
            try:
                await environment.run(invocation)
            finally:
                self._idle.append(environment)

    async def close(self) -> None:
        """End every environment."""
        await asyncio.gather(*(environment.close() for environment in self.environments))

    def _new(self) -> ExecutionEnvironment:
        environment = self._create(len(self.environments))
        self.environments.append(environment)
        return environment
