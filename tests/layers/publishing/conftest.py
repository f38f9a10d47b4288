"""Small layers, and an empty moto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.targets import Target
from layers.layer import Component, Kind, Layer, Where
from layers.writing import write

from .aws import CREDENTIALS, moto, settings

MakeLayer = Callable[..., Path]


@pytest.fixture
def make_layer(tmp_path: Path) -> MakeLayer:
    """Return a function that writes a small layer as the build does, and returns its zip file."""

    def make(
        kind: Kind = "wrapper",
        *pythons: str,
        arch: str = "x86_64",
        where: Where = "aws",
        content: bytes = b"#!/bin/sh\n",
        folder: str = "dist",
    ) -> Path:
        targets = tuple(Target.parse(python, arch) for python in pythons or ("3.13",))
        members = [Member("start", content, executable=True), Member("python/module.py", b"VALUE = 1\n")]
        components = [Component("orjson", "3", "pkg:pypi/orjson@3", "MPL-2.0 AND (Apache-2.0 OR MIT)")]
        return write(Layer(kind, where, targets, members, [], components), tmp_path / folder)[0]

    return make


@pytest.fixture
def no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove AWS settings and credentials."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", *CREDENTIALS):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**settings(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws(no_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start an account on moto; yield the address of its services."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with moto() as url:
        yield url
