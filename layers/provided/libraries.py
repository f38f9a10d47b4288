"""Shared libraries: the interpreter's own is packed, the image must have all others.

The loader finds `libpython` by the program's run path, which in an installation is a folder of the host. It is changed
to a path relative to the program: a layer must not need `LD_LIBRARY_PATH`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from awslambdaric_lite.packaging.elf import ElfFile, check_compatible, read_elf
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from layers.layer import Where

from .interpreter import Interpreter

GLIBC = (2, 34)
"""The glibc of Amazon Linux 2023, for every version of Python."""

_FOLDER = "lib"
_RUN_PATH = "$ORIGIN/../lib"
_SHOWN = 3  # problems in a message


def add_libpython(files: dict[str, bytes], interpreter: Interpreter) -> list[str]:
    """Add the shared library of the program, if it has one, and make the program find it.

    Returns the added names.

    Raises:
        PackagingError: it is missing, or the program could not find it in a layer.
    """
    program = files[interpreter.program_name]
    elf = _read(program, interpreter.program_name)
    needed = [library for library in elf.needed if library.rpartition("/")[2].startswith("libpython")]
    added = []
    for library in needed:
        file = library.rpartition("/")[2]
        path = next((path for folder in interpreter.shared_folders if (path := folder / file).is_file()), None)
        if path is None:
            raise PackagingError(f"{interpreter.executable} needs {file}, which its installation does not have")
        name = f"{_FOLDER}/{file}"
        content = path.read_bytes()
        files[name] = _with_run_path(content, _read(content, name), name)
        added.append(name)
    # "$ORIGIN/../lib/libpython3.13.so.1.0" is found without a run path; python-build-standalone had that.
    if any("/" not in library for library in needed):
        relocated = _with_run_path(program, elf, interpreter.program_name)
        if _RUN_PATH not in _read(relocated, interpreter.program_name).runpath:
            raise PackagingError(
                f"{interpreter.executable} finds its {needed[0]} by this machine's settings, which a layer does not "
                "have; name an --interpreter that is linked statically, or with a run path like pyenv's"
            )
        files[interpreter.program_name] = relocated
    return added


def check(files: Mapping[str, bytes], target: Target, where: Where) -> None:
    """Check that all programs and libraries are compatible with the target.

    On the host, system libraries count as the image's.

    Raises:
        PackagingError: one is not; the text names file, library and symbol.
    """
    elves = {name: elf for name, data in files.items() if (elf := _read_any(data, name)) is not None}
    own = {name.rpartition("/")[2] for name in elves if name.startswith(f"{_FOLDER}/")}
    own |= {elf.soname for name, elf in elves.items() if elf.soname and name.startswith(f"{_FOLDER}/")}
    glibc = None if target.glibc == GLIBC else GLIBC
    problems = []
    for name, elf in elves.items():
        for problem in check_compatible(elf, name, target, provided=own, glibc=glibc):
            if where == "aws" or problem.kind == "architecture":
                problems.append(f"{problem.name} {problem.reason}")
    if problems:
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise PackagingError(
            f"not for Lambda: {'; '.join(problems[:_SHOWN])}{more}; "
            "name an --interpreter that is built for older systems and contains its libraries"
        )


def _read_any(data: bytes, name: str) -> ElfFile | None:
    try:
        return read_elf(data)
    except PackagingError as error:
        raise PackagingError(f"{name}: {error}") from None


def _read(data: bytes, name: str) -> ElfFile:
    elf = _read_any(data, name)
    if elf is None:
        raise PackagingError(f"{name} is not an ELF file; give another interpreter")
    return elf


def _with_run_path(data: bytes, elf: ElfFile, name: str) -> bytes:
    """Change an absolute run path in place; a missing, relative or too short one stays."""
    tables = [text for text in (":".join(elf.runpath), ":".join(elf.rpath)) if text.startswith("/")]
    changed = data
    for old in tables:
        if len(old) >= len(_RUN_PATH):
            # Strings of the table may share their ends. No other string ends with a run path.
            whole = b"\0" + old.encode() + b"\0"
            changed = changed.replace(whole, b"\0" + _RUN_PATH.encode().ljust(len(old) + 1, b"\0"))
    after = _read(changed, name)
    if replace(after, rpath=(), runpath=()) != replace(elf, rpath=(), runpath=()):
        raise PackagingError(f"{name} has a run path that cannot be changed; give another interpreter")
    return changed
