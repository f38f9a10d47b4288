"""The content of a layer, and what its manifest and bill of materials say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import awslambdaric_lite
from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.targets import Target

Kind = Literal["wrapper", "provided"]
Where = Literal["aws", "host"]

MOUNTED_AT = "/opt"
"""Where Lambda unpacks layers."""


@dataclass(frozen=True)
class Component:
    """Something of a name and a version of its own that is in a layer, for the bill of materials."""

    name: str
    version: str
    purl: str  # such as pkg:pypi/orjson@3.11.0
    licenses: str | None = None  # an SPDX expression
    sha256: str | None = None  # of the file that it was taken from, in hexadecimal digits


@dataclass(frozen=True)
class Layer:
    """Everything that is to be written of a layer.

    Attributes:
        kind: `wrapper` for managed runtimes, `provided` for provided.al2023.
        where: `aws`, or `host` for one that is made of this machine's own files and runs nowhere else.
        targets: what it serves; one, unless it was made for all versions of Python.
        members: the files, by their names below `/opt`.
        notes: what whoever builds it should know, a line each.
        components: what the bill of materials names.
    """

    kind: Kind
    where: Where
    targets: tuple[Target, ...]
    members: list[Member]
    notes: list[str] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file name without its ending, such as `awslambdaric-lite-wrapper-py3.13-x86_64`."""
        python = f"py{self.targets[0].python}" if len(self.targets) == 1 else "all"
        return f"awslambdaric-lite-{self.kind}-{python}-{self.targets[0].arch}"


def own_component() -> Component:
    """The runtime itself, for the bill of materials."""
    version = awslambdaric_lite.__version__
    return Component("awslambdaric-lite", version, f"pkg:pypi/awslambdaric-lite@{version}", "Apache-2.0")


def not_precompiled(target: Target) -> str:
    """What there is to say where there was no interpreter of the version."""
    return (
        f"no interpreter of Python {target.python} is at hand, so its bytecode is not precompiled: each cold start"
        " compiles the sources; name an interpreter with --interpreter"
    )
