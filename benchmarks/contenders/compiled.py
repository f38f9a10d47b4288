"""The compiled clients: AWS's own for Rust and Go, and the physical limit in C."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..build_cache import HERE, BuildCache, Unavailable, digest, run
from ..loadgen import compile_c
from .client import Client

_SOURCES = HERE / "contenders"


def c(cache: BuildCache) -> Client:
    """Build the C client, which neither parses nor encodes JSON."""
    command = (compile_c(_SOURCES / "c" / "client.c", cache.build / "c"),)
    return Client(command, handlers=frozenset({"hello", "echo"}))


def rust(cache: BuildCache) -> Client:
    """Build the client of the crate `lambda_runtime`."""
    if not shutil.which("cargo"):
        raise Unavailable("cargo is not installed")

    def make(fresh: Path) -> None:
        source = cache.build / "cargo" / "source"
        shutil.copytree(_SOURCES / "rust", source, dirs_exist_ok=True)
        environment = {**os.environ, "CARGO_TARGET_DIR": str(source.parent / "target")}
        run(["cargo", "build", "--release", "--quiet"], "lambda_runtime", cwd=source, env=environment)
        shutil.copy2(source.parent / "target" / "release" / "benchmark", fresh / "bootstrap")

    return Client((cache.once(f"rust-{digest(_SOURCES / 'rust')}", make) / "bootstrap",))


def go(cache: BuildCache) -> Client:
    """Build `aws-lambda-go`, with the flags that AWS recommends for provided.al2023."""
    if not shutil.which("go"):
        raise Unavailable("go is not installed")

    def make(fresh: Path) -> None:
        environment = {**os.environ, "CGO_ENABLED": "0"}
        flags = ["-tags", "lambda.norpc", "-ldflags=-s -w"]
        command: list[str | Path] = ["go", "build", *flags, "-o", fresh / "bootstrap", "."]
        run(command, "aws-lambda-go", cwd=_SOURCES / "go", env=environment)

    return Client((cache.once(f"go-{digest(_SOURCES / 'go')}", make) / "bootstrap",))
