"""The layers as deployed: built, unpacked and mounted in `/opt`; and comparable clients, started in the same way."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from pathlib import Path

from awslambdaric_lite.packaging.runtime import runtime_files

from ..build_cache import HERE, PROJECT, BuildCache, Unavailable, digest, run, unpack
from ..loadgen import require_namespace
from .client import Client
from .python import OFFICIAL

OPT = Path("/opt")  # where Lambda unpacks layers
WRAPPER = OPT / "awslambdaric-lite"
MANAGED_BOOTSTRAP = Path(
    "/var/runtime/bootstrap.py"
)  # the program that managed runtimes start and the wrapper replaces

_SKELETON = HERE / "contenders" / "skeleton" / "skeleton.py"
_SKELETON_BOOTSTRAP = """\
#!/opt/bin/python{version} -S
import sys

sys.path.insert(0, "/opt/skeleton")
import skeleton
"""
_SKELETON_WRAPPER = """\
#!/bin/sh
exec "$1" -S /opt/skeleton/__main__.py
"""
_SKELETON_MAIN = "import skeleton\n"


def lite_provided(cache: BuildCache) -> Client:
    """Build the layer for provided.al2023 from this machine's interpreter."""
    layer = _layer(cache, "provided")
    return Client((OPT / "bootstrap",), {}, handlers=None, opt=layer)


def official_provided(cache: BuildCache) -> Client:
    """Build AWS's own client on the interpreter of that layer."""
    site = cache.require(OFFICIAL)
    layer = _layer(cache, "provided")
    command = (OPT / "bin" / f"python{cache.python.minor}", "-m", "awslambdaric")
    return Client(command, {"PYTHONPATH": str(site)}, handler_as_argument=True, handlers=None, opt=layer)


def skeleton_provided(cache: BuildCache) -> Client:
    """Build the floor on the interpreter of that layer, behind a `bootstrap` without a shell, too."""
    layer = _layer(cache, "provided")

    def make(fresh: Path) -> None:
        shutil.copytree(layer, fresh, copy_function=os.link, dirs_exist_ok=True)
        _put_skeleton(cache, fresh)
        _program(fresh / "bootstrap", _SKELETON_BOOTSTRAP.format(version=cache.python.minor))

    opt = cache.once(f"{layer.relative_to(cache.build)}-skeleton-{digest(_SKELETON, Path(__file__))}", make)
    return Client((OPT / "bootstrap",), {}, chunked_events=False, opt=opt)


def lite_wrapper(cache: BuildCache) -> Client:
    """Build the layer for managed runtimes; it gets the command that starts the managed runtime."""
    return _behind_wrapper(cache, _layer(cache, "wrapper"), handlers=None)


def skeleton_wrapper(cache: BuildCache) -> Client:
    """Build the floor behind a wrapper of one line."""
    require_namespace()

    def make(fresh: Path) -> None:
        _put_skeleton(cache, fresh)
        _program(fresh / WRAPPER.name, _SKELETON_WRAPPER)

    opt = cache.once(f"{cache.python.tag}/layer-wrapper-skeleton-{digest(_SKELETON, Path(__file__))}", make)
    return _behind_wrapper(cache, opt, chunked_events=False)


def _behind_wrapper(cache: BuildCache, opt: Path, **options: object) -> Client:
    environment = {
        "AWS_LAMBDA_EXEC_WRAPPER": str(WRAPPER),
        "AWS_EXECUTION_ENV": cache.python.managed_runtime,
        "LAMBDA_RUNTIME_DIR": str(MANAGED_BOOTSTRAP.parent),
    }
    command = (WRAPPER, cache.python.executable, MANAGED_BOOTSTRAP)
    return Client(command, environment, opt=opt, **options)  # type: ignore[arg-type]


@functools.cache  # all contenders of a run share one, even if sources change meanwhile
def _layer(cache: BuildCache, kind: str) -> Path:
    """Build a layer of this machine's files, as for all contenders; return it unpacked."""
    builder = PROJECT / "layers" / "build.py"
    if not builder.exists():
        raise Unavailable("layers/build.py is not in this checkout")
    require_namespace()

    def make(fresh: Path) -> None:
        zips = fresh / "zips"
        python = ["--python", cache.python.minor, "--interpreter", str(cache.python.base)]
        run([sys.executable, builder, kind, "--target", "host", *python, "-o", zips], f"{kind} layer")
        unpack(next(zips.glob("*.zip")), fresh)
        shutil.rmtree(zips)

    package = PROJECT / "awslambdaric_lite"
    sources = [PROJECT / "layers", package / "packaging", package / "common", *runtime_files(package)]
    return cache.once(f"{cache.python.tag}/layer-{kind}-{digest(*sources)}", make)


def _put_skeleton(cache: BuildCache, opt: Path) -> None:
    place = opt / "skeleton"
    place.mkdir()
    shutil.copy2(_SKELETON, place)
    (place / "__main__.py").write_text(_SKELETON_MAIN)
    cache.compile(place)


def _program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)  # it may be a link to the layer's file
    path.write_text(text)
    path.chmod(0o755)
