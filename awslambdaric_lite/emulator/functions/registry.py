"""The functions that front ends serve, by their names."""

from __future__ import annotations

from typing import Generic, TypeVar

from ..config.function import FunctionConfig
from ..frontend.asynchronous import AsynchronousQueue, AsyncOptions
from ..host import FunctionHost


class FunctionEntry:
    """A function behind front ends: its host, and the queue of its asynchronous events."""

    def __init__(self, host: FunctionHost, asynchronous: AsyncOptions | None = None) -> None:
        self.host = host
        self.queue = AsynchronousQueue(host, asynchronous)

    @property
    def function(self) -> FunctionConfig:
        """The settings of `$LATEST`."""
        return self.host.function

    async def close(self) -> int:
        """Close the queue and the host; return the number of asynchronous events that are lost."""
        lost = await self.queue.close()
        await self.host.close()
        return lost


_Entry = TypeVar("_Entry", bound=FunctionEntry)


class Registry(dict[str, _Entry], Generic[_Entry]):
    """Functions by name; region and account are those of unknown ones."""

    def __init__(self, region: str, account: str) -> None:
        super().__init__()
        self.region = region
        self.account = account

    @classmethod
    def of_one(cls, entry: _Entry) -> Registry[_Entry]:
        """Return the registry of a single function."""
        registry = cls(entry.function.region, entry.function.account)
        registry[entry.function.name] = entry
        return registry

    @property
    def state(self) -> dict[str, object]:
        """What a health check shows: the names, and the number of environments."""
        names = list(self)
        environments = sum(len(entry.host.pool.environments) for entry in self.values())
        shown: dict[str, object] = {"function": names[0]} if len(names) == 1 else {"functions": names}
        return {**shown, "environments": environments}
