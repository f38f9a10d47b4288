"""The Python clients: staged copies with valid bytecode, all with the same interpreter and packages."""

from __future__ import annotations

import sys
from pathlib import Path

from ..build_cache import HERE, PROJECT, BuildCache, Unavailable, digest, run, unpack
from .client import Client

OFFICIAL = "awslambdaric==4.2.2"

_PACKAGE = "awslambdaric_lite"


def _environment(cache: BuildCache, *path: Path) -> dict[str, str]:
    return {"PYTHONPATH": ":".join(map(str, [*path, cache.site()]))}


def stage_lite(cache: BuildCache, tree: Path = PROJECT) -> Path:
    """Return a copy of a tree's runtime with bytecode.

    Raises:
        Unavailable: the tree has no runtime.
    """
    _require_runtime(tree)
    return cache.stage("lite", (tree / "bootstrap", "bootstrap"), (tree / _PACKAGE, _PACKAGE))


def _require_runtime(tree: Path) -> None:
    if not (tree / "bootstrap").exists() or not (tree / _PACKAGE / "__main__.py").exists():
        raise Unavailable(f"no runtime in {tree}: bootstrap and {_PACKAGE}/__main__.py are missing")


def _through_bootstrap(cache: BuildCache) -> dict[str, str]:
    return {**_environment(cache), "AWSLAMBDARIC_LITE_PYTHON": str(cache.python.executable)}


def lite(cache: BuildCache) -> Client:
    """Build this project's runtime as a function's package for provided.al2023."""
    cache.require("orjson")
    _require_runtime(PROJECT)

    def make(fresh: Path) -> None:
        archive, empty = fresh / "function.zip", fresh / "source"
        empty.mkdir()
        python: list[str | Path] = ["--python", cache.python.minor, "--interpreter", cache.python.base]
        pack = [sys.executable, "-m", f"{_PACKAGE}.cli", "pack", empty, "-o", archive, "--runtime", *python]
        run(pack, "the function's package", cwd=PROJECT)
        unpack(archive, fresh)
        archive.unlink()
        empty.rmdir()

    sources = digest(PROJECT / "bootstrap", PROJECT / _PACKAGE)
    packed = cache.once(f"{cache.python.tag}/function-{sources}", make)
    return Client((packed / "bootstrap",), _through_bootstrap(cache), handlers=None)


def lite_tree(cache: BuildCache, tree: Path) -> Client:
    """Build the runtime of another tree, unpacked, which works with old trees, too."""
    cache.require("orjson")
    staged = stage_lite(cache, tree)
    return Client((staged / "bootstrap",), _through_bootstrap(cache), handlers=None)


def lite_module(cache: BuildCache) -> Client:
    """Build the runtime, started by `python -m` as in a container image."""
    cache.require("orjson")
    staged = stage_lite(cache)
    command = (cache.python.executable, "-m", _PACKAGE)
    return Client(command, _environment(cache, staged), handler_as_argument=True, handlers=None)


def official(cache: BuildCache) -> Client:
    """Build AWS's own client from PyPI."""
    cache.require(OFFICIAL)
    command = (cache.python.executable, "-m", "awslambdaric")
    return Client(command, _environment(cache), handler_as_argument=True, handlers=None)


def skeleton(cache: BuildCache) -> Client:
    """Build the floor: forty lines of Python behind the project's own `bootstrap`."""
    here = HERE / "contenders" / "skeleton"
    files = [(here / name, f"{_PACKAGE}/{name}") for name in ("__main__.py", "skeleton.py")]
    staged = cache.stage("skeleton", (PROJECT / "bootstrap", "bootstrap"), *files)
    return Client((staged / "bootstrap",), _through_bootstrap(cache), chunked_events=False)


def _loop(cache: BuildCache, module: str) -> Client:
    # Behind a launcher, as the runtime is, so that the loop runs from its bytecode.
    staged = cache.stage("loops", (HERE / "contenders" / "loops", "."))
    command = (cache.python.executable, "-S", "-c", f"import {module}")
    return Client(command, _environment(cache, staged))


def urllib3(cache: BuildCache) -> Client:
    """Build the loop on urllib3."""
    cache.require("urllib3")
    return _loop(cache, "urllib3_pool")


def http_client(cache: BuildCache) -> Client:
    """Build the loop on http.client."""
    return _loop(cache, "http_client")
