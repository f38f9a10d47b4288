"""A Python from Debian's unstable distribution, for versions that this machine has no package of.

`python -m benchmarks.debian_python --version 3.14 DIR`: debootstrap unpacks a small Debian into a folder. Its
interpreter needs that Debian's C library and not the machine's, so it is told where both are (patchelf, from the same
Debian); from then on it is a program like any other, and all contenders run on it alike.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .build_cache import Unavailable, run

MIRROR = "http://deb.debian.org/debian"
SUITE = "unstable"

_CHECK = "import ctypes, sqlite3, ssl, zlib, sys; print('.'.join(map(str, sys.version_info[:3])))"


def make(version: str, folder: Path, *, mirror: str = MIRROR, suite: str = SUITE) -> Path:
    """Make a Debian with a version of Python, `3.14`, in a folder that does not exist; return the interpreter.

    Raises:
        Unavailable: a tool, the right, the package or the network is missing; nothing is left of it.
    """
    tools = {tool: shutil.which(tool) for tool in ("debootstrap", "unshare", "chroot")}
    if missing := [tool for tool, found in tools.items() if not found]:
        raise Unavailable(f"{', '.join(missing)} not on PATH; install debootstrap, as root with /usr/sbin in PATH")
    if os.geteuid():
        raise Unavailable("debootstrap has to run as root")
    if folder.exists():
        raise Unavailable(f"{folder} exists; name a folder that does not")
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    try:
        fresh.mkdir(parents=True)
        # In mounts of its own: /proc of that Debian is gone with it, whatever happens.
        include = f"--include=python{version},patchelf,ca-certificates"
        own = [str(tools["unshare"]), "--mount", "--propagation", "private"]
        command = [*own, str(tools["debootstrap"]), "--variant=minbase", include, suite, str(fresh), mirror]
        _debootstrap(command, version, suite, mirror)
        executable = Path("usr", "bin", f"python{version}")
        _settle(fresh, folder, executable)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    try:
        run([folder / executable, "-I", "-c", _CHECK], f"python{version} of Debian {suite}")
    except Unavailable:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / executable


def _debootstrap(command: list[str], version: str, suite: str, mirror: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if not done.returncode:
        return
    said = done.stdout + done.stderr
    if re.search(rf"(Couldn't find these debs|package).*python{re.escape(version)}", said):
        raise Unavailable(f"Debian {suite} has no python{version}; its other versions are at {mirror}")
    errors = re.findall(r"^E: (.*)$", said, re.MULTILINE) or said.strip().splitlines() or ["no reason given"]
    raise Unavailable(f"debootstrap failed: {errors[-1]}")


def _settle(tree: Path, folder: Path, executable: Path) -> None:
    """Tell an interpreter, in a tree that will lie in `folder`, where its C library and all other libraries are."""

    def patchelf(*arguments: str) -> str:
        command = ["chroot", str(tree), "patchelf", *arguments, f"/{executable}"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"patchelf failed: {error.stderr.strip()}") from error

    loader = Path(patchelf("--print-interpreter"))
    libraries = [path.parent for path in sorted((tree / "usr" / "lib").glob("*/libc.so.6"))]
    if not libraries:
        raise Unavailable("that Debian has no usr/lib/*/libc.so.6")
    library = folder / libraries[0].relative_to(tree)
    # What the loader is a link to: the link may lead out of the tree.
    real = folder / os.path.realpath(tree / loader.relative_to("/")).removeprefix(f"{os.path.realpath(tree)}/")
    # RPATH and not RUNPATH: it has to hold for what modules are linked with, too. Sorted anew, an executable at a fixed
    # address does not start any more.
    patchelf("--no-sort", "--force-rpath", "--set-rpath", str(library), "--set-interpreter", str(real))


def main(arguments: list[str] | None = None) -> int:
    """Make one and say how the suite runs on it."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.debian_python", description=__doc__)
    options.add_argument("folder", type=Path, metavar="DIR", help="where to put it; 300 MB")
    options.add_argument("--version", default="3.14", metavar="X.Y", help="of Python (default 3.14)")
    options.add_argument("--mirror", default=MIRROR, metavar="URL", help=f"of Debian (default {MIRROR})")
    options.add_argument("--suite", default=SUITE, metavar="NAME", help=f"distribution (default {SUITE})")
    chosen = options.parse_args(arguments)
    if not re.fullmatch(r"3\.\d+", chosen.version):
        raise SystemExit(f"benchmarks.debian_python: --version {chosen.version} is no version such as 3.14")
    print(f"unpacking Debian {chosen.suite} with python{chosen.version}, about a minute", file=sys.stderr)
    try:
        python = make(chosen.version, chosen.folder.resolve(), mirror=chosen.mirror, suite=chosen.suite)
    except Unavailable as reason:
        raise SystemExit(f"benchmarks.debian_python: {reason}") from reason
    print(f"python -m benchmarks run --python {python}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
