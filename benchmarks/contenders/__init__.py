"""Who takes part. A contender's name is a client's, then how it is set up: `lite`, `lite+stdlib`, `lite@managed`.

`@managed` stands for the environment of the managed runtimes, in which the official client polls in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..workshop import HERE, Unavailable, Workshop

MANAGED = "@managed"
BASELINE = "awslambdaric"

APP = HERE / "contenders" / "app"


@dataclass(frozen=True)
class Client:
    """A built client: how it is started, with which variables, and which handlers of `app` it has."""

    command: tuple[str | Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    handler_as_argument: bool = False
    handlers: frozenset[str] = frozenset({"hello", "echo"})
    chunked_events: bool = True
    """Whether it reads events above 2048 bytes, which come in chunks."""


@dataclass(frozen=True)
class Contender:
    """A client set up for one configuration."""

    name: str
    client: Client
    environment: Mapping[str, str]

    def command(self, handler: str) -> list[str | Path]:
        """Return the command that starts it with `app.<handler>`."""
        return [*self.client.command, *([f"app.{handler}"] if self.client.handler_as_argument else [])]


Builder = Callable[[Workshop], Client]


def builders() -> dict[str, Builder]:
    """Return what builds each client, by name, in the order of the tables."""
    from . import compiled, python

    return {
        "lite": python.lite,
        "lite-m": python.lite_module,
        BASELINE: python.official,
        "skeleton": python.skeleton,
        "urllib3": python.urllib3,
        "http.client": python.http_client,
        "rust": compiled.rust,
        "go": compiled.go,
        "c": compiled.c,
    }


@dataclass
class Registry:
    """Builds contenders by name, each client once."""

    workshop: Workshop
    trees: Mapping[str, Path] = field(default_factory=dict)
    _clients: dict[str, Client] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names of the clients (without set-ups)."""
        return [*self.trees, *builders()]

    def contender(self, name: str) -> Contender:
        """Build the contender `name`.

        Raises:
            Unavailable: it needs something that is not here; the message says what.
        """
        from .python import lite

        base, _, configuration = name.partition("@")
        base, _, codec = base.partition("+")
        if base not in self.names() or configuration not in ("", "managed") or codec not in ("", "stdlib", "orjson"):
            known = ", ".join(self.names())
            raise Unavailable(f"no such contender; there are {known}, with +stdlib, +orjson and {MANAGED} after them")
        if base not in self._clients:
            tree = self.trees.get(base)
            self._clients[base] = lite(self.workshop, tree) if tree else builders()[base](self.workshop)
        environment: dict[str, str] = {}
        if codec:
            environment["AWSLAMBDARIC_LITE_CODEC"] = codec
        if codec == "orjson":
            self.workshop.require("orjson")
        if configuration:
            environment["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.13"
        return Contender(name, self._clients[base], environment)


def baseline_of(name: str) -> str:
    """Return the official client in the same configuration as `name`."""
    return BASELINE + (MANAGED if name.endswith(MANAGED) else "")
