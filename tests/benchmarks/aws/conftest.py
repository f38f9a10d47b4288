"""The AWS double, and a runner of the command that uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.aws.command import main
from benchmarks.build_cache import PROJECT

from .double import AwsDouble

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
PREFIX = "bench"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set placeholder credentials and remove those of the user."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    """Return an empty account."""
    with AwsDouble() as double:
        yield double


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    """Return a folder with both layers of Python 3.13 and their manifests."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for kind in ("wrapper", "provided"):
        write_layer(folder, kind)
    return folder


def write_layer(folder: Path, kind: str, *, python: str = "3.13", arch: str = "x86_64", target: str = "aws") -> Path:
    """Write a layer's zip and its manifest as `layers/build.py` names them."""
    name = f"awslambdaric-lite-{kind}-py{python}-{arch}"
    manifest = {"target": target, "python": python, "arch": arch, "files": {}}
    (folder / f"{name}.manifest.json").write_text(json.dumps(manifest))
    layer = folder / f"{name}.zip"
    layer.write_bytes(b"PK\5\6" + 18 * b"\0")
    return layer


@dataclass(frozen=True)
class Command:
    """A runner of the command against the double."""

    aws: AwsDouble

    def arguments(self, *more: str) -> list[str]:
        """Return the arguments of every call, and more."""
        common = ["--function-prefix", PREFIX, "--endpoint-url", self.aws.endpoint_url, "--region", "us-east-1"]
        return [*common, "--arch", "x86_64", *more]

    def __call__(self, *more: str) -> int:
        """Run it in this process."""
        return main(self.arguments(*more))

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start the command in a new process, as from a shell."""
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks", "aws", *self.arguments(*more)],
            cwd=PROJECT,
            env={**os.environ, "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def command(aws: AwsDouble) -> Command:
    """Return a runner of the command."""
    return Command(aws)
