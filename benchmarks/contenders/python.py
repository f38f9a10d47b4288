"""The Python clients: staged copies with valid bytecode, all on one interpreter, with the same packages at hand."""

from __future__ import annotations

import sys
from pathlib import Path

from ..workshop import HERE, PROJECT, Unavailable, Workshop, digest, run, unpack
from .client import Client

OFFICIAL = "awslambdaric==4.2.2"

_PACKAGE = "awslambdaric_lite"


def _environment(workshop: Workshop, *path: Path) -> dict[str, str]:
    return {"PYTHONPATH": ":".join(map(str, [*path, workshop.site()]))}


def stage_lite(workshop: Workshop, tree: Path = PROJECT) -> Path:
    """Return a copy of a tree's runtime with bytecode.

    Raises:
        Unavailable: there is none in it.
    """
    _require_runtime(tree)
    return workshop.stage("lite", (tree / "bootstrap", "bootstrap"), (tree / _PACKAGE, _PACKAGE))


def _require_runtime(tree: Path) -> None:
    if not (tree / "bootstrap").exists() or not (tree / _PACKAGE / "__main__.py").exists():
        raise Unavailable(f"no runtime in {tree}: bootstrap and {_PACKAGE}/__main__.py are missing")


def _through_bootstrap(workshop: Workshop) -> dict[str, str]:
    return {**_environment(workshop), "AWSLAMBDARIC_LITE_PYTHON": str(workshop.python.executable)}


def lite(workshop: Workshop) -> Client:
    """Build this project's runtime as it is in a function's package on provided.al2023."""
    workshop.require("orjson")
    _require_runtime(PROJECT)

    def make(fresh: Path) -> None:
        archive, empty = fresh / "function.zip", fresh / "source"
        empty.mkdir()
        python: list[str | Path] = ["--python", workshop.python.minor, "--interpreter", workshop.python.base]
        pack = [sys.executable, "-m", f"{_PACKAGE}.cli", "pack", empty, "-o", archive, "--runtime", *python]
        run(pack, "the function's package", cwd=PROJECT)
        unpack(archive, fresh)
        archive.unlink()
        empty.rmdir()

    sources = digest(PROJECT / "bootstrap", PROJECT / _PACKAGE)
    packed = workshop.once(f"{workshop.python.tag}/function-{sources}", make)
    return Client((packed / "bootstrap",), _through_bootstrap(workshop), handlers=None)


def lite_tree(workshop: Workshop, tree: Path) -> Client:
    """Build the runtime of another tree; unpacked, as trees of any age can be."""
    workshop.require("orjson")
    staged = stage_lite(workshop, tree)
    return Client((staged / "bootstrap",), _through_bootstrap(workshop), handlers=None)


def lite_module(workshop: Workshop) -> Client:
    """Build the same, started by `python -m` as in a container image."""
    workshop.require("orjson")
    staged = stage_lite(workshop)
    command = (workshop.python.executable, "-m", _PACKAGE)
    return Client(command, _environment(workshop, staged), handler_as_argument=True, handlers=None)


def official(workshop: Workshop) -> Client:
    """Build AWS's own client from PyPI."""
    workshop.require(OFFICIAL)
    command = (workshop.python.executable, "-m", "awslambdaric")
    return Client(command, _environment(workshop), handler_as_argument=True, handlers=None)


def skeleton(workshop: Workshop) -> Client:
    """Build the floor: forty lines of Python behind the project's own `bootstrap`."""
    here = HERE / "contenders" / "skeleton"
    files = [(here / name, f"{_PACKAGE}/{name}") for name in ("__main__.py", "skeleton.py")]
    staged = workshop.stage("skeleton", (PROJECT / "bootstrap", "bootstrap"), *files)
    return Client((staged / "bootstrap",), _through_bootstrap(workshop), chunked_events=False)


def _loop(workshop: Workshop, module: str) -> Client:
    # Behind a launcher, as the runtime is, so that the loop runs from its bytecode.
    staged = workshop.stage("loops", (HERE / "contenders" / "loops", "."))
    command = (workshop.python.executable, "-S", "-c", f"import {module}")
    return Client(command, _environment(workshop, staged))


def urllib3(workshop: Workshop) -> Client:
    """Build the loop on urllib3."""
    workshop.require("urllib3")
    return _loop(workshop, "urllib3_pool")


def http_client(workshop: Workshop) -> Client:
    """Build the loop on http.client."""
    return _loop(workshop, "http_client")
