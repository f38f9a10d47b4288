"""The layers in their own form: built, unpacked and found in `/opt`; and what they are compared with, started alike."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from pathlib import Path

from ..loadgen import require_namespace
from ..workshop import HERE, PROJECT, Unavailable, Workshop, digest, run, unpack
from .client import Client
from .python import OFFICIAL

OPT = Path("/opt")  # where Lambda unpacks layers
WRAPPER = OPT / "awslambdaric-lite"
MANAGED_BOOTSTRAP = Path("/var/runtime/bootstrap.py")  # what managed runtimes start, and the wrapper replaces

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


def lite_provided(workshop: Workshop) -> Client:
    """Build the layer for provided.al2023, with an interpreter made of this machine's."""
    layer = _layer(workshop, "provided")
    return Client((OPT / "bootstrap",), {}, handlers=None, opt=layer)


def official_provided(workshop: Workshop) -> Client:
    """Build AWS's own client on the interpreter of that layer."""
    site = workshop.require(OFFICIAL)
    layer = _layer(workshop, "provided")
    command = (OPT / "bin" / f"python{workshop.python.minor}", "-m", "awslambdaric")
    return Client(command, {"PYTHONPATH": str(site)}, handler_as_argument=True, handlers=None, opt=layer)


def skeleton_provided(workshop: Workshop) -> Client:
    """Build the floor on the interpreter of that layer, behind a `bootstrap` without a shell, too."""
    layer = _layer(workshop, "provided")

    def make(fresh: Path) -> None:
        shutil.copytree(layer, fresh, copy_function=os.link, dirs_exist_ok=True)
        _put_skeleton(workshop, fresh)
        _program(fresh / "bootstrap", _SKELETON_BOOTSTRAP.format(version=workshop.python.minor))

    opt = workshop.once(f"{layer.relative_to(workshop.build)}-skeleton-{digest(_SKELETON, Path(__file__))}", make)
    return Client((OPT / "bootstrap",), {}, chunked_events=False, opt=opt)


def lite_wrapper(workshop: Workshop) -> Client:
    """Build the layer for managed runtimes; it is given the command that starts these."""
    return _behind_wrapper(workshop, _layer(workshop, "wrapper"), handlers=None)


def skeleton_wrapper(workshop: Workshop) -> Client:
    """Build the floor behind a wrapper of one line."""
    require_namespace()

    def make(fresh: Path) -> None:
        _put_skeleton(workshop, fresh)
        _program(fresh / WRAPPER.name, _SKELETON_WRAPPER)

    opt = workshop.once(f"{workshop.python.tag}/layer-wrapper-skeleton-{digest(_SKELETON, Path(__file__))}", make)
    return _behind_wrapper(workshop, opt, chunked_events=False)


def _behind_wrapper(workshop: Workshop, opt: Path, **options: object) -> Client:
    environment = {
        "AWS_LAMBDA_EXEC_WRAPPER": str(WRAPPER),
        "AWS_EXECUTION_ENV": workshop.python.managed_runtime,
        "LAMBDA_RUNTIME_DIR": str(MANAGED_BOOTSTRAP.parent),
    }
    command = (WRAPPER, workshop.python.executable, MANAGED_BOOTSTRAP)
    return Client(command, environment, opt=opt, **options)  # type: ignore[arg-type]


@functools.cache  # all contenders of a run share one, whatever is edited meanwhile
def _layer(workshop: Workshop, kind: str) -> Path:
    """Build a layer of this machine's own files, as everything else here; return it unpacked."""
    builder = PROJECT / "layers" / "build.py"
    if not builder.exists():
        raise Unavailable("layers/build.py is not in this checkout")
    require_namespace()

    def make(fresh: Path) -> None:
        zips = fresh / "zips"
        python = ["--python", workshop.python.minor, "--interpreter", str(workshop.python.base)]
        run([sys.executable, builder, kind, "--target", "host", *python, "-o", zips], f"{kind} layer")
        unpack(next(zips.glob("*.zip")), fresh)
        shutil.rmtree(zips)

    package = PROJECT / "awslambdaric_lite"
    sources = [
        PROJECT / "layers",
        package / "packaging",
        package / "types.py",
        *sorted(package.glob("_*.py")),
        *sorted(package.glob("_[!_]*/*.py")),
    ]
    return workshop.once(f"{workshop.python.tag}/layer-{kind}-{digest(*sources)}", make)


def _put_skeleton(workshop: Workshop, opt: Path) -> None:
    place = opt / "skeleton"
    place.mkdir()
    shutil.copy2(_SKELETON, place)
    (place / "__main__.py").write_text(_SKELETON_MAIN)
    workshop.compile(place)


def _program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)  # it may be a link to that of the layer
    path.write_text(text)
    path.chmod(0o755)
