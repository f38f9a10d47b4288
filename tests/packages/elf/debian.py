"""A Debian 11 in a folder: glibc 2.31, which is between those of Lambda's images."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.debian_source import VARIABLE as SOURCE
from benchmarks.debian_source import DebianSource, NoDebianSource, source

VARIABLE = "AWSLAMBDARIC_LITE_DEBIAN_TREE"
GLIBC = (2, 31)
_SUITE = "bullseye"
_LIMIT = 900  # seconds
_LIBRARY_FOLDERS = ("lib", "usr/lib", "lib64")

# perl-base has DynaLoader: a program of that system that loads a library and reports errors.
_LOAD = (
    "require DynaLoader; DynaLoader::dl_load_file($ARGV[0], 0) or do { print DynaLoader::dl_error(); exit 1 }; exit 0"
)


class DebianTree:
    """A Debian system, and its reactions to a file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def starts(self, program: Path) -> bool:
        """Return whether it starts a program of the tree and the program succeeds."""
        return self._run(f"/{program.relative_to(self.root)}")

    def loads(self, library: Path) -> bool:
        """Return whether it loads a shared library of the tree."""
        return self._run("/usr/bin/perl", "-e", _LOAD, f"/{library.relative_to(self.root)}")

    def libraries(self) -> set[str]:
        """Return the file names of its installed libraries."""
        return {
            name
            for folder in _LIBRARY_FOLDERS
            for _, _, names in os.walk(self.root / folder)
            for name in names
            if ".so" in name
        }

    def _run(self, *command: str) -> bool:
        done = subprocess.run(
            [shutil.which("chroot") or "chroot", str(self.root), *command],
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=110,
        )
        return done.returncode == 0


@pytest.fixture(scope="session")
def debian_tree() -> DebianTree:
    """Make the tree in the folder of the variable, or use an existing one."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"set {VARIABLE}=DIR to compare with a Debian 11 that is made there, which takes minutes")
    missing = [name for name in ("debootstrap", "chroot", "gcc") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} missing: apt install debootstrap gcc")
    if os.geteuid() != 0:
        pytest.skip("chroot and debootstrap are for root only")
    try:
        debian = source(_SUITE, os.environ.get(SOURCE))
    except NoDebianSource as reason:
        pytest.skip(str(reason))
    root = Path(folder).absolute() / _SUITE
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / f"{_SUITE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may make the tree
        if not root.is_dir():
            _make(root, debian)
    return DebianTree(root)


@pytest.fixture
def place(debian_tree: DebianTree) -> Iterator[Path]:
    """Return a new folder in the tree."""
    folder = debian_tree.root / "tmp" / f"test-{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def _make(root: Path, debian: DebianSource) -> None:
    unfinished = root.with_name(f"{root.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # The first stage unpacks the files of programs; the second one would only configure them.
    done = subprocess.run(
        debian.debootstrap(unfinished, "--foreign", "--variant=minbase"),
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT,
    )
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        said = (done.stdout + done.stderr).strip().splitlines() or ["no reason given"]
        pytest.skip(f"debootstrap could not make a tree from {debian.mirror}: {said[-1]}")
    unfinished.rename(root)
