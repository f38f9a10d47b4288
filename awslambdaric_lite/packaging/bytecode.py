"""Bytecode that stays valid wherever and whenever its package is unpacked.

Python rejects a `.pyc` with a date when its source's date changes, e.g. by packing and unpacking. It accepts a `.pyc`
with an unchecked hash (PEP 552) without reading the source.
"""

from __future__ import annotations

import io
import marshal
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from glob import escape, glob
from pathlib import Path
from typing import Literal

from .errors import PackagingError

# The final numbers of released versions; source: the list in Include/internal/pycore_magic_number.h of CPython, and in
# Lib/importlib/_bootstrap_external.py up to 3.13. Versions without a known final number are missing.
MAGIC: Mapping[str, int] = {"3.10": 3439, "3.11": 3495, "3.12": 3531, "3.13": 3571, "3.14": 3627, "3.15": 3666}
"""The number in the first two bytes (little endian) of each version's bytecode files; two bytes `\\r\\n` follow it."""

HEADER_SIZE = 16
"""Bytes before the code of a `.pyc`."""

IMPORTABLE = re.compile(r"(?:[^\W\d]\w*/)*[^\W\d]\w*\.py")
"""The names of sources that an import statement can name."""

_HASHED, _CHECKED = 0b01, 0b10  # the flags of PEP 552

_WORKER = Path(__file__).with_name("compile_worker.py")
_ASK_INTERPRETER = (
    "import sys, importlib.util as u; "
    "print(sys.implementation.name, '%d.%d' % sys.version_info[:2], int.from_bytes(u.MAGIC_NUMBER[:2], 'little'), "
    "sys.version_info.releaselevel)"
)


@dataclass(frozen=True)
class PycHeader:
    """The header of a `.pyc`: date and size of its source, or a hash of it."""

    magic: int
    flags: int
    kind: Literal["timestamp", "checked-hash", "unchecked-hash"]
    mtime: int | None  # seconds since 1970, 32 bits of them
    size: int | None  # bytes, 32 bits of them
    source_hash: bytes | None  # 8 bytes: `importlib.util.source_hash`

    @classmethod
    def parse(cls, data: bytes) -> PycHeader:
        """Parse a file's first 16 bytes.

        Raises:
            PackagingError: it is not a bytecode file.
        """
        if len(data) < HEADER_SIZE or data[2:4] != b"\r\n":
            raise PackagingError("it is not a bytecode file: its header is missing; compile it again")
        magic, flags = int.from_bytes(data[:2], "little"), int.from_bytes(data[4:8], "little")
        if flags == 0:
            mtime, size = int.from_bytes(data[8:12], "little"), int.from_bytes(data[12:16], "little")
            return cls(magic, flags, "timestamp", mtime, size, None)
        if flags & ~(_HASHED | _CHECKED) or not flags & _HASHED:
            raise PackagingError(f"it is not a bytecode file: its flags are {flags:#x}; compile it again")
        return cls(magic, flags, "checked-hash" if flags & _CHECKED else "unchecked-hash", None, None, data[8:16])


@dataclass(frozen=True)
class CompileResult:
    """The `.pyc` files by the names of their sources, and the reasons of those that do not compile."""

    bytecode: dict[str, bytes]
    failures: dict[str, str]


def cache_path(name: str, version: str) -> str:
    """Return the path of the bytecode of `a/b.py`: `a/__pycache__/b.cpython-313.pyc`."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}__pycache__/{file.removesuffix('.py')}.cpython-{version.replace('.', '')}.pyc"


def find_interpreter(version: str, *, candidates: Iterable[str | Path] = ()) -> Path | None:
    """Return a CPython of this machine that writes the bytecode of a released `version`, e.g. "3.13"; None without one.

    The candidates come first, then the running interpreter, `python3.X` on PATH, and pyenv's (in `PYENV_ROOT` or
    `~/.pyenv`), the newest first.
    """
    pyenv = os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
    running = [sys.executable] if "{}.{}".format(*sys.version_info) == version and sys.executable else []
    on_path = shutil.which(f"python{version}")
    found = glob(f"{escape(pyenv)}/{version}.*/bin/python")  # nothing, if another user owns the folder
    managed = sorted(map(Path, found), key=_patch_level, reverse=True)
    for candidate in (*candidates, *running, *([on_path] if on_path else []), *managed):
        if writes_bytecode_for(candidate, version):
            return Path(candidate)
    return None


def choose_interpreter(version: str, named: Path | None) -> Path | None:
    """Return the interpreter that the user names, by its file or its installation's folder; else find one.

    Raises:
        PackagingError: the named one is of another version.
    """
    if named is None:
        return find_interpreter(version)
    program = named / "bin" / f"python{version}" if named.is_dir() else named
    if not writes_bytecode_for(program, version):
        raise PackagingError(f"{program} is not a CPython {version}; name one of that version with --interpreter")
    return program


def writes_bytecode_for(interpreter: str | Path, version: str) -> bool:
    """Return whether it runs and is a CPython `version` that writes the bytecode of the final release."""
    try:
        answer = subprocess.run(
            [str(interpreter), "-I", "-S", "-c", _ASK_INTERPRETER],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    said = answer.stdout.split()
    if answer.returncode != 0 or len(said) != 4 or said[:2] != ["cpython", version]:
        return False
    # The number is frozen with the first release candidate.
    return int(said[2]) == MAGIC[version] if version in MAGIC else said[3] in ("candidate", "final")


def compile_sources(
    sources: Mapping[str, tuple[bytes, str]], interpreter: Path, *, strip_docstrings: bool = False
) -> CompileResult:
    """Compile sources in one process of an interpreter, without running them.

    `sources` has for each name the source and the path in stack traces (`co_filename`). The bytecode has unchecked
    hashes. The same sources give the same bytecode.

    Raises:
        PackagingError: the interpreter cannot be run, or crashes.
    """
    names = sorted(sources)
    jobs = marshal.dumps([sources[name] for name in names], 2)
    options = ["--strip-docstrings"] * strip_docstrings
    output = io.BytesIO(run_worker(_WORKER, jobs, interpreter, *options))
    bytecode, failures = {}, {}
    for name in names:
        try:
            compiled, failure = marshal.load(output)
        except (EOFError, ValueError, TypeError):
            raise PackagingError(f"{interpreter} exited while it compiled {name}; exclude that file") from None
        if compiled is None:
            failures[name] = failure
        else:
            bytecode[name] = compiled
    return CompileResult(bytecode, failures)


def run_worker(worker: Path, job: bytes, interpreter: Path, *options: str, flags: Sequence[str] = ()) -> bytes:
    """Run one of the programs of this package under an interpreter; return what it wrote.

    `options` are the program's, `flags` the interpreter's.

    Raises:
        PackagingError: the interpreter cannot be run, or refuses.
    """
    # Isolation by the environment rather than by -I, which would also ignore the hash seed: the order of sets among the
    # constants of 3.10 depends on it. Other variables stay: `python3.12` may be a script of pyenv's that needs them.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONHASHSEED"] = "0"
    command = [str(interpreter), "-s", "-S", "-B", "-X", "utf8", *flags, str(worker), *options]
    try:
        done = subprocess.run(command, input=job, env=environment, capture_output=True, check=False)
    except OSError as error:
        raise PackagingError(f"{interpreter} cannot be run: {error.strerror}; name another interpreter") from None
    if done.returncode > 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit status {done.returncode}"]
        raise PackagingError(f"{interpreter} cannot compile: {said[-1]}; name another interpreter")
    return done.stdout


def _patch_level(interpreter: Path) -> tuple[int, ...]:
    version = interpreter.parents[1].name
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))
