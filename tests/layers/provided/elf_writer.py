"""Small ELF files: the parts that the dynamic loader reads are right, and they have no code."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

X86_64, ARM64 = 62, 183
LOADERS = {X86_64: "/lib64/ld-linux-x86-64.so.2", ARM64: "/lib/ld-linux-aarch64.so.1"}

_HEADER, _PROGRAM = 64, 56
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SONAME, _RUNPATH = 1, 4, 5, 6, 10, 14, 29
_VERSYM, _VERNEED, _VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF


def elf_file(
    *,
    machine: int = X86_64,
    needed: Sequence[str] = ("libc.so.6",),
    run_path: str | None = None,
    soname: str | None = None,
    symbols: Mapping[str, tuple[str, str]] | None = None,
    program: bool = False,
) -> bytes:
    """Return a 64-bit little-endian file; `symbols` has for each symbol its library and version.

    A `program` names the loader of its machine, a library does not.
    """
    strings = bytearray(b"\0")

    def text(value: str) -> int:
        strings.extend(value.encode() + b"\0")
        return len(strings) - len(value.encode()) - 1

    symbols = symbols or {}
    entries = [(_NEEDED, text(library)) for library in needed]
    entries += [(_SONAME, text(soname))] if soname else []
    entries += [(_RUNPATH, text(run_path))] if run_path else []
    versions = {version: number for number, (_, version) in enumerate(dict.fromkeys(symbols.values()), 2)}
    table = bytes(24) + b"".join(struct.pack("<IBBHQQ", text(name), 0x12, 0, 0, 0, 0) for name in symbols)
    numbers = struct.pack("<H", 0) + b"".join(struct.pack("<H", versions[version]) for _, version in symbols.values())
    needs = _version_needs(symbols, versions, text)
    libraries = len({library for library, _ in symbols.values()})

    blocks: list[tuple[int | None, bytes]] = [(_STRTAB, bytes(strings))]
    if symbols:
        hashes = struct.pack("<II", 1, len(symbols) + 1) + bytes(4 * (len(symbols) + 2))
        blocks += [(_SYMTAB, table), (_VERSYM, numbers), (_VERNEED, needs), (_HASH, hashes)]
        entries += [(_VERNEEDNUM, libraries)]
    loader = LOADERS[machine].encode() + b"\0" if program else b""
    position = _HEADER + 3 * _PROGRAM
    content = bytearray(loader.ljust(32, b"\0"))
    for tag, block in blocks:
        assert tag is not None
        entries.append((tag, position + len(content)))
        content += block + bytes(-len(block) % 8)
    entries.append((_STRSZ, len(strings)))
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries) + bytes(16)
    dynamic_at = position + len(content)
    content += dynamic
    size = position + len(content)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        *(3, machine, 1, 0, _HEADER, 0, 0, _HEADER, _PROGRAM, 3 if program else 2, 64, 0, 0),
    )
    programs = _program(_PT_LOAD, 0, size) + _program(_PT_DYNAMIC, dynamic_at, len(dynamic))
    programs += _program(_PT_INTERP, position, len(loader)) if program else bytes(_PROGRAM)
    return bytes(header + programs + content)


def _program(kind: int, offset: int, size: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, size, size, 8)


def _version_needs(symbols: Mapping[str, tuple[str, str]], versions: Mapping[str, int], text: object) -> bytes:
    assert callable(text)
    wanted: dict[str, list[str]] = {}
    for library, version in dict.fromkeys(symbols.values()):
        wanted.setdefault(library, []).append(version)
    result = b""
    for index, (library, names) in enumerate(wanted.items()):
        size = 16 + 16 * len(names)
        following = size if index + 1 < len(wanted) else 0
        result += struct.pack("<HHIII", 1, len(names), text(library), 16, following)
        for place, name in enumerate(names):
            after = 16 if place + 1 < len(names) else 0
            result += struct.pack("<IHHII", 0, 0, versions[name], text(name), after)
    return result
