"""A Python from Debian's unstable distribution, where this machine has no package of that version.

`python -m benchmarks.debian_python --version 3.14 DIR`: debootstrap unpacks a small Debian into a folder. Its
interpreter needs that Debian's C library and not the machine's, so patchelf, of the same Debian, writes the paths of
both into it. From then on it is a program like any other, and all contenders run on it alike.
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
from .debian_source import VARIABLE, DebianSource, NoDebianSource, source

SUITE = "unstable"

_CHECK = "import ctypes, sqlite3, ssl, zlib, sys; print('.'.join(map(str, sys.version_info[:3])))"


def make(version: str, folder: Path, debian: DebianSource) -> Path:
    """Unpack a Debian with a version of Python, e.g. `3.14`, into a new folder; return the interpreter.

    Raises:
        Unavailable: a tool, the right, the package or the network is missing; the folder does not exist then.
    """
    if missing := [tool for tool in ("debootstrap", "unshare", "chroot") if not shutil.which(tool)]:
        raise Unavailable(f"{', '.join(missing)} not on PATH; install debootstrap, as root with /usr/sbin in PATH")
    if os.geteuid():
        raise Unavailable("debootstrap has to run as root")
    if folder.exists():
        raise Unavailable(f"{folder} exists; name a folder that does not")
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    try:
        fresh.mkdir(parents=True)
        _debootstrap(debian, fresh, version)
        executable = Path("usr", "bin", f"python{version}")
        _write_paths(fresh, folder, executable)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    try:
        run([folder / executable, "-I", "-c", _CHECK], f"python{version} of Debian {debian.suite}")
    except Unavailable:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / executable


def _debootstrap(debian: DebianSource, folder: Path, version: str) -> None:
    # In a mount namespace: the /proc that debootstrap mounts disappears with it, whatever happens.
    namespace = ["unshare", "--mount", "--propagation", "private"]
    options = ["--variant=minbase", f"--include=python{version},patchelf,ca-certificates"]
    command = [*namespace, *debian.debootstrap(folder, *options)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if not done.returncode:
        return
    output = done.stdout + done.stderr
    if re.search(rf"(Couldn't find these debs|package).*python{re.escape(version)}", output):
        raise Unavailable(f"Debian {debian.suite} has no python{version}; {debian.mirror} lists its other versions")
    errors = re.findall(r"^E: (.*)$", output, re.MULTILINE) or output.strip().splitlines() or ["no reason given"]
    raise Unavailable(f"debootstrap failed: {errors[-1]}")


def _write_paths(tree: Path, folder: Path, executable: Path) -> None:
    """Write the paths of the C library and of all other libraries into the interpreter of a tree.

    The tree is moved to `folder` afterwards.
    """

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
    # The loader's path is a link, which may lead out of the tree.
    real = folder / os.path.realpath(tree / loader.relative_to("/")).removeprefix(f"{os.path.realpath(tree)}/")
    # RPATH and not RUNPATH: libraries that the modules are linked with must be found there, too. --no-sort, because
    # an executable at a fixed address does not start any more when its sections were sorted.
    patchelf("--no-sort", "--force-rpath", "--set-rpath", str(library), "--set-interpreter", str(real))


def main(arguments: list[str] | None = None) -> int:
    """Unpack one and print how the suite runs on it."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.debian_python", description=__doc__)
    options.add_argument("folder", type=Path, metavar="DIR", help="folder to make, of 300 MB")
    options.add_argument("--version", default="3.14", metavar="X.Y", help="version of Python (default: 3.14)")
    options.add_argument(
        "--mirror",
        default=os.environ.get(VARIABLE),
        metavar="URL",
        help=f"address of a Debian mirror (default: ${VARIABLE}, else the mirror of this machine's apt)",
    )
    options.add_argument("--suite", default=SUITE, metavar="NAME", help=f"Debian's distribution (default: {SUITE})")
    chosen = options.parse_args(arguments)
    if not re.fullmatch(r"3\.\d+", chosen.version):
        raise SystemExit(f"benchmarks.debian_python: --version {chosen.version} is not a version; give e.g. 3.14")
    try:
        debian = source(chosen.suite, chosen.mirror)
        print(f"unpacking Debian {chosen.suite} with python{chosen.version}, about a minute", file=sys.stderr)
        python = make(chosen.version, chosen.folder.resolve(), debian)
    except (Unavailable, NoDebianSource) as reason:
        raise SystemExit(f"benchmarks.debian_python: {reason}") from reason
    print(f"python -m benchmarks run --python {python}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
