"""What the control plane keeps of the functions of a project: descriptions, revisions, digests."""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.regions import make_arn, partition
from ..config.function import LATEST, FunctionConfig
from ..config.project import Function
from ..host import FunctionHost
from ..logs.timestamps import now
from .code import digest
from .registry import FunctionEntry
from .versions import AliasTarget


class Revision:
    """The time and the id of the last change, and a description."""

    def __init__(self, description: str = "") -> None:
        self.description = description
        self.change()

    def change(self) -> None:
        """Note a change."""
        self.id = str(uuid.uuid4())
        self.modified = now()


class VersionRecord(Revision):
    """A version as the control plane shows it, apart from the settings that its environments have."""

    def __init__(self, runtime: str | None, role: str, description: str = "") -> None:
        super().__init__(description)
        self.runtime = runtime
        self.role = role
        self.kept: dict[str, Any] = {}
        """Members that have no effect here; the control plane returns them unchanged."""

    def publish(self, description: str | None) -> VersionRecord:
        """Return the record of a new version with the same settings."""
        record = VersionRecord(self.runtime, self.role, self.description if description is None else description)
        record.kept = dict(self.kept)
        return record


class ProjectFunction(FunctionEntry):
    """A function of a project behind front ends, with what the control plane keeps of it."""

    def __init__(self, described: Function, host: FunctionHost) -> None:
        super().__init__(host, described.asynchronous)
        self.described = described
        self.changing = asyncio.Lock()
        """Held by a call that changes the function."""
        self.tags: dict[str, str] = {}
        self.created = now()
        self.upload: Path | None = None
        """The zip file of the last `UpdateFunctionCode`."""
        role = f"arn:{partition(host.function.region)}:iam::{host.function.account}:role/local"
        runtime = described.runtime_name or (None if described.unavailable else _runtime_of(host.function))
        self.records = {LATEST: VersionRecord(runtime, role)}
        """By version."""
        self.aliases = {alias.name: Revision() for alias in described.aliases}
        """By name, as `host.versions.aliases`."""
        self._last = 0
        self._digests: dict[str, tuple[str, int]] = {}

    async def publish(self, version: str | None = None, description: str | None = None) -> str:
        """Publish the code and the settings of `$LATEST`, unless that is the last version; return the version.

        Raises:
            OSError: the code cannot be copied.
        """
        if version is None:
            published = self.host.versions.published
            if published and await self._is_unchanged(last := next(reversed(published))):
                return last
            version = str(self._last + 1)
        await self.host.publish(version)
        self.records[version] = self.records[LATEST].publish(description)
        self._last = max(self._last, int(version))
        return version

    async def code(self, version: str) -> tuple[str, int]:
        """Return the digest and the size of the code of a version, as `CodeSha256` and `CodeSize` have them."""
        found = self._digests.get(version)
        if found is None:
            found = await asyncio.to_thread(digest, self.host.versions.settings(version).task_root)
            if version in self.host.versions.published:  # it never changes
                self._digests[version] = found
        return found

    def set_alias(self, name: str, version: str, weights: Mapping[str, float], description: str) -> None:
        """Create or change an alias; it keeps its provisioned environments."""
        before = self.host.versions.aliases.get(name)
        self.host.versions.aliases[name] = AliasTarget(version, weights, 0 if before is None else before.provisioned)
        self.aliases.setdefault(name, Revision()).change()
        self.aliases[name].description = description

    def forget_version(self, version: str) -> None:
        """Remove a published version; its environments end after their invocations."""
        del self.host.versions.published[version], self.records[version]
        self.host.versions.deleted.add(version)
        self._digests.pop(version, None)

    async def _is_unchanged(self, version: str) -> bool:
        mine, theirs = self.records[LATEST], self.records[version]
        return (
            _settings(self.host.function) == _settings(self.host.versions.published[version])
            and (mine.runtime, mine.role, mine.kept) == (theirs.runtime, theirs.role, theirs.kept)
            and await self.code(LATEST) == await self.code(version)
        )


class Layers(dict[str, Path]):
    """Layers by their ARNs, which are made of the files' names, since only a deployment has real ones."""

    def __init__(self, region: str, account: str) -> None:
        super().__init__()
        self._place = region, account

    def arn(self, layer: Path) -> str:
        """Return the ARN of a layer, a new one if it has none yet."""
        name = re.sub("[^a-zA-Z0-9-_]", "-", layer.stem) or "layer"
        for number in itertools.count(1):
            arn = make_arn("lambda", *self._place, f"layer:{name}:{number}")
            if self.setdefault(arn, layer) == layer:
                break
        return arn


def _settings(function: FunctionConfig) -> dict[str, object]:
    return {name: value for name, value in vars(function).items() if name != "task_root"}


def _runtime_of(function: FunctionConfig) -> str:
    if function.runtime is None:
        return f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return "provided.al2023"
