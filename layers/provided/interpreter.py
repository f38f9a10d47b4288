"""The source of the layer's interpreter: an installation on this machine, a folder, an archive, or a download.

No program of an archive is run: it may be for another architecture.
"""

from __future__ import annotations

import json
import lzma
import platform
import re
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from awslambdaric_lite.common.words import quoted
from awslambdaric_lite.packaging.bytecode import find_interpreter
from awslambdaric_lite.packaging.elf import read_elf
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.package import check_size, checked_name
from awslambdaric_lite.packaging.reading import extract
from awslambdaric_lite.packaging.targets import Target
from layers.layer import Where

from .download import fetch, find_build

# python-build-standalone's `install_only` archives have the root `python`, its full ones `python/install`.
_ROOTS = ("", "python", "python/install", "install")
_LIBRARY_FOLDERS = ("lib", "lib64")  # `sys.platlibdir`; Fedora and its relatives have the second
_PATCHLEVEL = re.compile(rb'^#define PY_VERSION\s+"([^"]+)"', re.MULTILINE)
_DOWNLOADED_FOR = ("x86_64", "aarch64")  # machines, as Linux names them
_DAMAGED = (
    *(tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, MemoryError, OSError, OverflowError, RecursionError, ValueError),
)
_ANSWER_LIMIT_S = 30
_QUESTION = """
import json, os, sys, sysconfig
print(json.dumps({
    "prefix": sys.base_prefix,
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "library": os.path.dirname(os.path.realpath(os.__file__)),
    "shared": sysconfig.get_config_var("LIBDIR") or "",
    "release": "%d.%d.%d" % sys.version_info[:3],
    "version": "%d.%d" % sys.version_info[:2],
    "implementation": sys.implementation.name,
}))
"""


@dataclass(frozen=True)
class Origin:
    """The origin of an interpreter; `url` and `sha256` are those of a download."""

    release: str  # e.g. "3.13.1"
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Interpreter:
    """An installed CPython to pack.

    Attributes:
        executable: the program itself, not a link.
        library: the folder of the standard library.
        library_name: its path in an installation, e.g. `lib/python3.13`.
        shared_folders: folders that may have its shared `libpython`.
    """

    prefix: Path
    executable: Path
    library: Path
    library_name: str
    shared_folders: tuple[Path, ...]
    origin: Origin

    @property
    def program_name(self) -> str:
        """Return the program's path in an installation, e.g. `bin/python3.13`."""
        return f"bin/{self.library_name.rpartition('/')[2]}"


@contextmanager
def open_interpreter(target: Target, where: Where, given: Path | None) -> Iterator[Interpreter]:
    """Find an interpreter of the target's version; it exists until the context ends.

    `given` is an archive, the folder of an installation, or the program itself. Default: the machine's own for the
    host, a download of python-build-standalone for AWS.

    Raises:
        PackagingError: none is found, or it has another version or architecture.
    """
    if given is not None and not given.exists():
        raise PackagingError(f"{given} does not exist; give an interpreter's archive or folder with --interpreter")
    if given is None and where == "host":
        program = find_interpreter(target.python)
        if program is None:
            raise PackagingError(f"no CPython {target.python} is on this machine; name one with --interpreter")
        yield _of_this_machine(program, target)
    elif given is None:
        build = find_build(target)
        with _unpacked(fetch(build), target) as found:
            yield replace(found, origin=Origin(build.release, build.url, build.sha256))
    elif given.is_dir():
        yield _in_folder(given, target, given)
    elif _is_program(given):
        yield _of_this_machine(given, target)
    else:
        with _unpacked(given, target) as found:
            yield found


@contextmanager
def open_compiler(target: Target, packed: Interpreter, *, download: bool) -> Iterator[Path | None]:
    """Find the interpreter that compiles: the packed one, or another of its version; it exists until the context ends.

    For another architecture, `download` allows a download of this machine's build if no other is found.

    Raises:
        PackagingError: the download failed.
    """
    found = find_interpreter(target.python, candidates=[packed.executable])
    machine = platform.machine()
    if found is None and download and machine in _DOWNLOADED_FOR and Target.parse(target.python, machine) != target:
        with open_interpreter(Target.parse(target.python, machine), "aws", None) as native:
            yield find_interpreter(target.python, candidates=[native.executable])
    else:
        yield found


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"\x7fELF", b"#!/b", b"#!/u")  # pyenv's shims are shell scripts


@contextmanager
def _unpacked(archive: Path, target: Target) -> Iterator[Interpreter]:
    with tempfile.TemporaryDirectory(prefix="awslambdaric-lite-") as folder:
        unpacked = Path(folder) / "interpreter"
        if zipfile.is_zipfile(archive):
            extract(archive, unpacked)
        else:
            _unpack_tar(archive, unpacked)
        yield _in_folder(unpacked, target, archive)


def _unpack_tar(archive: Path, into: Path) -> None:
    """Unpack a tar file, plain or compressed.

    Raises:
        PackagingError: it is not one, is damaged or hostile, or this Python has no filter for hostile members.
    """
    if not hasattr(tarfile, "data_filter"):
        raise PackagingError(f"{archive}: tar files need Python 3.10.12, 3.11.4 or later here; give a folder")
    try:
        if not tarfile.is_tarfile(archive):
            raise PackagingError(f"{archive} is neither a folder, a tar nor a zip file; give the path of one")
        with tarfile.open(archive) as tar:
            unpacked = 0
            for number, member in enumerate(tar):
                unpacked += member.size
                check_size(number, unpacked, archive)
                checked_name(member.name, archive)
                tar.extract(member, into, filter="data")
    except tarfile.SpecialFileError as error:
        raise PackagingError(f"{archive}: {error}; give another archive") from None
    except tarfile.FilterError as error:
        leads_out = f"has the link {quoted(error.tarinfo.name)}, which leads out of it"
        raise PackagingError(f"{archive} {leads_out}; give another archive") from None
    except _DAMAGED as error:
        raise PackagingError(f"{archive} cannot be unpacked: {error}; give another archive") from error


def _in_folder(folder: Path, target: Target, called: Path) -> Interpreter:
    """Look for an installation in a folder, which the user has named `called`."""
    if (folder / "pyvenv.cfg").exists():
        raise PackagingError(f"{called} is a virtual environment; give the interpreter that it was made from")
    program = f"bin/python{target.python}"
    prefix = next((folder / root for root in _ROOTS if (folder / root / program).is_file()), None)
    if prefix is None:
        others = sorted(
            {path.name for root in _ROOTS for path in (folder / root).glob("bin/python3.*") if _named(path)}
        )
        holds = f"; it has {', '.join(others)}" if others else ""
        raise PackagingError(f"{called} has no {program}{holds}; give an installation of CPython {target.python}")
    names = [f"{lib}/python{target.python}" for lib in _LIBRARY_FOLDERS]
    library_name = next((name for name in names if (prefix / name / "os.py").is_file()), None)
    if library_name is None:
        raise PackagingError(f"{called} has no {names[0]}/os.py; give a whole installation, with its standard library")
    executable = (prefix / program).resolve()
    _check_program(executable, target, called)
    shared = tuple(prefix / lib for lib in _LIBRARY_FOLDERS)
    origin = Origin(_release(prefix, target))
    return Interpreter(prefix, executable, prefix / library_name, library_name, shared, origin)


def _named(path: Path) -> bool:
    return re.fullmatch(r"python3\.\d+", path.name) is not None


def _of_this_machine(program: Path, target: Target) -> Interpreter:
    """Ask a program for the places of its files."""
    command = [str(program.absolute()), "-I", "-S", "-c", _QUESTION]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ANSWER_LIMIT_S, check=True
        )
        said: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        raise PackagingError(f"{program} is not a Python that runs here; give a CPython {target.python}") from None
    if (said["implementation"], said["version"]) != ("cpython", target.python):
        is_one = f"{said['implementation']} {said['release']}"
        raise PackagingError(f"{program} is {is_one}; give a CPython {target.python}, or another --python")
    prefix, library, executable = Path(said["prefix"]), Path(said["library"]), Path(said["executable"])
    _check_program(executable, target, program)
    folder = library.parent.name if library.parent.name in _LIBRARY_FOLDERS else _LIBRARY_FOLDERS[0]
    shared = (Path(said["shared"]), *(prefix / lib for lib in _LIBRARY_FOLDERS))
    name = f"{folder}/python{target.python}"
    return Interpreter(prefix, executable, library, name, shared, Origin(said["release"]))


def _check_program(executable: Path, target: Target, called: Path) -> None:
    """Check that this is the interpreter itself and runs on the target's machine."""
    try:
        elf = read_elf(executable.read_bytes())
    except OSError as error:
        raise PackagingError(f"{executable} cannot be read: {error.strerror}; check its permissions") from None
    if elf is None:
        raise PackagingError(f"{called}: {executable.name} is not an ELF program; give an interpreter for Linux")
    if elf.machine != target.machine:
        raise PackagingError(f"{called} is not for {target.arch}; give an interpreter for it, or another --arch")


def _release(prefix: Path, target: Target) -> str:
    """Return the full version by the headers; without them, the target's."""
    try:
        found = _PATCHLEVEL.search((prefix / f"include/python{target.python}/patchlevel.h").read_bytes())
    except OSError:
        found = None
    return found[1].decode("ascii", "replace") if found else target.python
