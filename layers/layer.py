"""The content of a layer, and the facts for its manifest and bill of materials."""

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
    """A component of a layer with a name and a version, as the bill of materials lists it."""

    name: str
    version: str
    purl: str  # e.g. pkg:pypi/orjson@3.11.0
    licenses: str | None = None  # an SPDX expression
    sha256: str | None = None  # of its file, in hexadecimal digits


@dataclass(frozen=True)
class Layer:
    """A layer, ready to be written.

    Attributes:
        kind: `wrapper` for managed runtimes, `provided` for provided.al2023.
        where: `aws`, or `host` for a layer of this machine's own files, which runs nowhere else.
        targets: versions of Python that it serves; one, unless it was built for all.
        members: the files, by their names below `/opt`.
        notes: lines for the user who builds it.
        components: the entries of the bill of materials.
    """

    kind: Kind
    where: Where
    targets: tuple[Target, ...]
    members: list[Member]
    notes: list[str] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the file name without its suffix, e.g. `awslambdaric-lite-wrapper-py3.13-x86_64`."""
        python = f"py{self.targets[0].python}" if len(self.targets) == 1 else "all"
        return f"awslambdaric-lite-{self.kind}-{python}-{self.targets[0].arch}"


def own_component() -> Component:
    """Return the runtime itself as an entry of the bill of materials."""
    version = awslambdaric_lite.__version__
    return Component("awslambdaric-lite", version, f"pkg:pypi/awslambdaric-lite@{version}", "Apache-2.0")


def not_precompiled(target: Target) -> str:
    """Return the note about a missing interpreter of the version."""
    return (
        f"this machine has no Python {target.python}, so the bytecode is not precompiled and each cold start"
        " compiles the sources; name an interpreter with --interpreter"
    )
