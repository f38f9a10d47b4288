"""The directory in which contenders are built: interpreter, installed packages and staged copies.

Builds write nowhere else in the source tree. The directory has a `.gitignore` for itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .interpreter import Interpreter

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
DEFAULT_BUILD = HERE / ".build"

IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".mypy_cache")


class Unavailable(Exception):
    """A contender cannot be built here; the message says what is missing."""


def build_directory(path: Path = DEFAULT_BUILD) -> Path:
    """Create the build directory, with a `.gitignore` for itself."""
    path.mkdir(parents=True, exist_ok=True)
    ignore = path / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return path.resolve()


def run(command: Sequence[str | os.PathLike[str]], what: str, **options: object) -> None:
    """Run a build command.

    Raises:
        Unavailable: the command is missing or fails; the message ends with its last lines.
    """
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    except FileNotFoundError as error:
        raise Unavailable(f"{what}: {command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        lines = " / ".join((error.stderr or error.stdout or "").strip().splitlines()[-3:])
        lines = lines or f"exit status {error.returncode}"
        raise Unavailable(f"{what}: {Path(command[0]).name} failed: {lines}") from error


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip file as Lambda does, with the members' permissions."""
    with zipfile.ZipFile(archive) as package:
        for member in package.infolist():
            path = Path(package.extract(member, folder))
            if not member.is_dir():
                path.chmod(member.external_attr >> 16 & 0o777)


def digest(*sources: Path) -> str:
    """Return a name for the content of files and trees, without bytecode."""
    hasher = hashlib.sha256()
    for source in sources:
        for path in sorted([source, *source.rglob("*")]):
            if path.is_file() and path.suffix != ".pyc":
                hasher.update(f"{path.relative_to(source.parent)}\0".encode() + path.read_bytes() + b"\0")
    return hasher.hexdigest()[:12]


@dataclass(frozen=True)
class BuildCache:
    """The build directory, and the interpreter that the Python contenders run on."""

    build: Path
    python: Interpreter

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return the directory `name`; the first time `make` fills it under a temporary name."""
        target = self.build / name
        if not target.exists():
            fresh = target.with_name(f"{target.name}.{os.getpid()}.tmp")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            try:
                make(fresh)
                # Another process may have built the same meanwhile.
                if not target.exists():
                    fresh.rename(target)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return target

    def compile(self, *trees: Path) -> None:
        """Compile every module below `trees` with the contenders' interpreter."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        run([self.python.executable, "-I", "-m", "compileall", "-q", *trees], "bytecode", env=environment)

    def stage(self, name: str, *sources: tuple[Path, str]) -> Path:
        """Copy files and trees into a new directory, with bytecode."""

        def make(fresh: Path) -> None:
            for source, place in sources:
                (fresh / place).parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, fresh / place, ignore=IGNORED, dirs_exist_ok=True)
                else:
                    shutil.copy2(source, fresh / place)

        staged = self.once(f"stage/{name}-{digest(*(source for source, _ in sources))}", make)
        self.compile(staged)
        return staged

    def site(self) -> Path:
        """Return the directory of third-party packages that all Python contenders have on PYTHONPATH."""
        site = self.build / self.python.tag / "site"
        site.mkdir(parents=True, exist_ok=True)
        return site

    def require(self, *requirements: str) -> Path:
        """Install packages into `site()` for the contenders' interpreter.

        Raises:
            Unavailable: pip cannot install them.
        """
        site = self.site()
        done = site.parent / "installed.txt"
        installed = done.read_text().split() if done.exists() else []
        if missing := [requirement for requirement in requirements if requirement not in installed]:
            self.install(site, "--upgrade", *missing)
            self.compile(site)
            done.write_text("\n".join([*installed, *missing]) + "\n")
        return site

    def install(self, folder: Path, *arguments: str) -> None:
        """Install packages into a folder with pip and the contenders' interpreter, with bytecode.

        Raises:
            Unavailable: pip cannot install them.
        """
        what = " ".join(argument for argument in arguments if not argument.startswith("-"))
        install: list[str | Path] = ["install", "-q", "--target", folder, *arguments]
        try:
            run([sys.executable, "-m", "pip", "--python", self.python.base, *install], what)
        except Unavailable:  # a virtual environment without pip; its base may have pip
            run([self.python.base, "-m", "pip", *install], what)
