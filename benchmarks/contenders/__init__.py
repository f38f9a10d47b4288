"""The contenders. A name is a client's, with its configuration: `lite`, `lite+stdlib`, `lite@managed`.

`@managed` is the environment of the managed runtimes, in which the official client polls in a thread. `-wrapper` and
`-provided` start as the layers do, with this runtime, the floor or AWS's client in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from awslambdaric_lite.packaging.import_bundle import BUNDLE_VARIABLE
from awslambdaric_lite.packaging.import_recording import LAZY_VARIABLE, LIST_VARIABLE

from ..build_cache import HERE, BuildCache, Unavailable
from . import compiled, layers, python
from .client import Client

MANAGED = "@managed"
BASELINE = "awslambdaric"

APP = HERE / "contenders" / "app"

_LAZY, _LIST, _BUNDLE = {LAZY_VARIABLE: "all"}, {LIST_VARIABLE: "imports.txt"}, {BUNDLE_VARIABLE: "imports.bundle"}
_LAZY_SINCE = (3, 15)

IMPORT_SET_UPS: Mapping[str, Mapping[str, str]] = {
    "lazy": _LAZY,
    "lazy-list": {**_LAZY, **_LIST},
    "bundle": _BUNDLE,
    "lazy-bundle": {**_LAZY, **_LIST, **_BUNDLE},
}
"""The configurations that change how an application is imported; `import_files` makes the files that they name."""
SET_UPS: Mapping[str, Mapping[str, str]] = {
    "stdlib": {"AWSLAMBDARIC_LITE_CODEC": "stdlib"},
    "orjson": {"AWSLAMBDARIC_LITE_CODEC": "orjson"},
    "stale-off": {"AWSLAMBDARIC_LITE_STALE_PYC": "off"},
    **IMPORT_SET_UPS,
}
"""The configurations after a `+`, and their variables."""


@dataclass(frozen=True)
class Contender:
    """A client in one configuration."""

    name: str
    client: Client
    environment: Mapping[str, str]

    @property
    def base(self) -> str:
        """Return the name of the client, without the configuration."""
        return re.split(r"[+@]", self.name)[0]

    def command(self, handler: str) -> list[str | Path]:
        """Return the command that starts it with `app.<handler>`."""
        return [*self.client.command, *([f"app.{handler}"] if self.client.handler_as_argument else [])]


Builder = Callable[[BuildCache], Client]


def builders() -> dict[str, Builder]:
    """Return the builder of each client by name, in the order of the tables."""
    return {
        "lite": python.lite,
        "lite-m": python.lite_module,
        BASELINE: python.official,
        "skeleton": python.skeleton,
        "lite-provided": layers.lite_provided,
        f"{BASELINE}-provided": layers.official_provided,
        "skeleton-provided": layers.skeleton_provided,
        "lite-wrapper": layers.lite_wrapper,
        "skeleton-wrapper": layers.skeleton_wrapper,
        "urllib3": python.urllib3,
        "http.client": python.http_client,
        "rust": compiled.rust,
        "go": compiled.go,
        "c": compiled.c,
    }


@dataclass
class Registry:
    """Builds contenders by name, each client once."""

    cache: BuildCache
    trees: Mapping[str, Path] = field(default_factory=dict)
    _clients: dict[str, Client] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names of the clients, without configurations."""
        return [*self.trees, *builders()]

    def contender(self, name: str) -> Contender:
        """Build the contender `name`.

        Raises:
            Unavailable: something that it needs is missing; the message says what.
        """
        base, _, configuration = name.partition("@")
        base, _, set_up = base.partition("+")
        if base not in self.names() or configuration not in ("", "managed") or set_up not in ("", *SET_UPS):
            known, after = ", ".join(self.names()), ", ".join(f"+{name}" for name in SET_UPS)
            raise Unavailable(f"unknown contender; choose one of {known}, followed by {after} or {MANAGED}")
        environment = dict(SET_UPS.get(set_up, {}))
        minor = self.cache.python.minor
        if LAZY_VARIABLE in environment and tuple(map(int, minor.split("."))) < _LAZY_SINCE:
            raise Unavailable(f"Python {minor} has no lazy imports; name a Python 3.15 or later with --python")
        if base not in self._clients:
            tree = self.trees.get(base)
            self._clients[base] = python.lite_tree(self.cache, tree) if tree else builders()[base](self.cache)
        if set_up == "orjson":
            self.cache.require("orjson")
        if configuration:
            environment["AWS_EXECUTION_ENV"] = self.cache.python.managed_runtime
        return Contender(name, self._clients[base], environment)


def baseline_of(name: str) -> str:
    """Return the official client in the same configuration as `name`."""
    if name.endswith("-provided"):
        return f"{BASELINE}-provided"
    return BASELINE + (MANAGED if name.endswith((MANAGED, "-wrapper")) else "")
