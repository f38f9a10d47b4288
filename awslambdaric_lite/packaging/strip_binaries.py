"""Extension modules and libraries without the symbols that only debuggers and linkers read."""

from __future__ import annotations

import platform
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .archive import Member
from .elf import read_elf
from .errors import PackagingError
from .targets import Target

_MAGIC = b"\x7fELF"
_SHARED, _LITTLE_64 = 3, b"\x02\x01"  # ET_DYN; class and byte order
_PROGRAM_HEADERS = struct.Struct("<32xQ14xHH")  # e_phoff, e_phentsize, e_phnum
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_PT_LOAD = 1


def strip_members(members: Mapping[str, Member], target: Target) -> dict[str, Member]:
    """Return those binaries of a package that are smaller without symbols, by their names.

    A binary stays as it is if its stripped form would not be loaded in the same way: `strip` damages some binaries
    whose segments patchelf has moved.

    Raises:
        PackagingError: this machine has no program that strips binaries of the target.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "binary")
        program = None
        for name, member in members.items():
            if not _is_shared(_beginning(member), target):
                continue
            content = member.read()
            program = program or _find_program(content, copy, target)
            stripped = _strip(program, content, copy)
            if stripped is not None and len(stripped) < len(content):
                found[name] = Member(name, stripped, member.executable)
    return found


def _beginning(member: Member) -> bytes:
    if isinstance(member.source, bytes):
        return member.source[:64]
    with member.source.open("rb") as file:
        return file.read(64)


def _is_shared(beginning: bytes, target: Target) -> bool:
    kind, machine = beginning[16:18], beginning[18:20]
    return (
        beginning[:6] == _MAGIC + _LITTLE_64
        and int.from_bytes(kind, "little") == _SHARED
        and int.from_bytes(machine, "little") == target.machine
    )


def _find_program(content: bytes, copy: Path, target: Target) -> str:
    """Return the first program that strips a binary; binutils are often built for one architecture."""
    for program in _programs(target):
        if shutil.which(program) and _strip(program, content, copy) is not None:
            return program
    raise PackagingError(
        f"--strip needs a program that strips binaries for {target.arch}: {', '.join(_programs(target))}; "
        "install one of them, e.g. with LLVM, or omit --strip"
    )


def _programs(target: Target) -> Iterator[str]:
    if target.arch == Target.parse(target.python, platform.machine()).arch:
        yield "strip"
    yield f"{target.multiarch}-strip"
    yield "llvm-strip"


def _strip(program: str, content: bytes, copy: Path) -> bytes | None:
    """Return the stripped form of a binary; None if the program refuses or damages it."""
    copy.write_bytes(content)
    command = [program, "--strip-unneeded", str(copy)]
    if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 0:
        return None
    stripped = copy.read_bytes()
    try:
        is_same = read_elf(stripped) == read_elf(content)
    except PackagingError:
        return None
    return stripped if is_same and _is_aligned(stripped) else None


def _is_aligned(content: bytes) -> bool:
    """Return whether the loader can map all segments."""
    start, size, number = _PROGRAM_HEADERS.unpack_from(content)
    for index in range(number):
        kind, _, offset, address, *_, alignment = _PROGRAM_HEADER.unpack_from(content, start + index * size)
        if kind == _PT_LOAD and alignment > 1 and (address - offset) % alignment:
            return False
    return True
