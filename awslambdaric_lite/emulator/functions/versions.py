"""The versions of a function, and the aliases that name them."""

from __future__ import annotations

import random
from collections.abc import Mapping

from ..config.function import FunctionConfig
from ..errors import UnknownQualifier


class AliasTarget:
    """The versions that an alias invokes: `version`, and others with their shares of the invocations, 0 to 1."""

    def __init__(self, version: str, weights: Mapping[str, float] | None = None, provisioned: int = 0) -> None:
        self.version = version
        self.weights = dict(weights or {})
        self.provisioned = provisioned

    def choose(self) -> str:
        """Return the version of one invocation."""
        others = list(self.weights)
        shares = [*self.weights.values(), max(1 - sum(self.weights.values()), 0.0)]
        return random.choices([*others, self.version], shares)[0] if others else self.version


class Versions:
    """The settings of `$LATEST` and of the published versions, and the aliases.

    Versions that only an alias of `FunctionConfig.aliases` names run the code of `$LATEST`.
    """

    def __init__(self, latest: FunctionConfig) -> None:
        self.latest = latest
        self.published: dict[str, FunctionConfig] = {}
        """By number, in their order."""
        self.aliases: dict[str, AliasTarget] = {}
        self.deleted: set[str] = set()

    def settings(self, version: str) -> FunctionConfig:
        """Return the settings of a version."""
        return self.published.get(version, self.latest)

    def resolve(self, qualifier: str | None) -> tuple[str, str]:
        """Return the version that an invocation with a qualifier runs, and its ARN.

        Raises:
            UnknownQualifier: the function does not have that version or alias.
        """
        if qualifier and (alias := self.aliases.get(qualifier)) is not None:
            return alias.choose(), f"{self.latest.arn}:{qualifier}"
        if qualifier in self.published:
            return qualifier, f"{self.latest.arn}:{qualifier}"
        try:
            return self.latest.resolve(qualifier)
        except UnknownQualifier:
            if not self.published and not self.aliases:
                raise
            known = ", ".join([self.latest.default_version, *self.published, *self.aliases])
            raise UnknownQualifier(f"Function not found: {self.latest.arn}:{qualifier}; known: {known}") from None

    @property
    def provisioned(self) -> dict[str, int]:
        """The number of provisioned environments of each version that has some."""
        numbers: dict[str, int] = {}
        if self.latest.provisioned:
            numbers[self.latest.default_version] = self.latest.provisioned
        for alias in self.aliases.values():
            if alias.provisioned:
                numbers[alias.version] = numbers.get(alias.version, 0) + alias.provisioned
        return numbers
