"""Read the parts of an ELF file that the dynamic loader reads: needed libraries, search paths, symbol versions.

Hand-written on `struct`, because tools that audit packages must neither start programs on strange binaries nor depend
on binutils. Offsets and constants: the System V ABI, "Object Files" and "Program Loading and Dynamic Linking", and the
Linux Standard Base, "Symbol Versioning".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .errors import PackagingError

_MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_SHT_DYNSYM = 11
_NULL, _NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SONAME, _RPATH = 0, 1, 4, 5, 6, 10, 14, 15
_RUNPATH, _RELR, _VERSYM, _VERNEED, _VERNEEDNUM = 29, 36, 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_WEAK_VERSION = 0x2  # VER_FLG_WEAK: the loader goes on without it
_HIDDEN = 0x8000  # in a symbol's version
# Real files stay far below; hostile files would keep the reader busy.
_ENTRIES = 4096  # of the dynamic section, and versions
_SYMBOLS = 200_000
_NAME = 65_536  # bytes


@dataclass(frozen=True)
class ElfFile:
    """The parts of an ELF file that the dynamic loader reads.

    `versions` has the required symbol versions of each needed library, e.g. `{"libc.so.6": ("GLIBC_2.34",)}`, without
    optional ones; `wanted_by` has one symbol for each of these versions, if the symbol table has it.
    """

    machine: int
    bits: int
    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    interpreter: str | None = None
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wanted_by: Mapping[str, str] = field(default_factory=dict)
    is_dynamic: bool = False
    packed_relocations: bool = False


def read_elf(data: bytes) -> ElfFile | None:
    """Read a file; return None if it is not an ELF file.

    Raises:
        PackagingError: it begins like one, but is damaged or truncated.
    """
    if not data.startswith(_MAGIC):
        return None
    try:
        return _Reader(data).file()
    except _Broken as error:
        raise PackagingError(f"broken ELF file ({error}); get it again") from None
    except (struct.error, OverflowError):
        raise PackagingError("broken ELF file (cut off, or it refers to outside of itself); get it again") from None


class _Broken(Exception):
    """An error in the file."""


class _Layout(NamedTuple):
    """The structures of one class and byte order."""

    header: struct.Struct  # the fields after e_ident
    program: struct.Struct
    section: struct.Struct
    dynamic: struct.Struct
    symbol_size: int
    word: struct.Struct
    half: struct.Struct
    need: struct.Struct  # Verneed: version, cnt, file, aux, next
    aux: struct.Struct  # Vernaux: hash, flags, other, name, next


def _layout(bits: int, order: str) -> _Layout:
    address = "Q" if bits == 64 else "I"
    program = "IIQQQQQQ" if bits == 64 else "IIIIIIII"
    return _Layout(
        struct.Struct(f"{order}HHI{address * 3}IHHHHHH"),
        struct.Struct(order + program),
        struct.Struct(f"{order}II{address * 4}II{address * 2}"),
        struct.Struct(f"{order}{address.lower()}{address}"),
        24 if bits == 64 else 16,
        struct.Struct(order + "I"),
        struct.Struct(order + "H"),
        struct.Struct(order + "HHIII"),
        struct.Struct(order + "IHHII"),
    )


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


class _Reader:
    """A reader of one file, and the tables that it has read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        if len(data) < 16:
            raise _Broken("cut off in its header")
        self.bits = {1: 32, 2: 64}.get(data[4], 0)
        order = {1: "<", 2: ">"}.get(data[5], "")
        if not self.bits or not order:
            raise _Broken("of no known class or byte order")
        self.layout = _layout(self.bits, order)
        header = self.layout.header.unpack_from(data, 16)
        self.machine, self.phoff, self.shoff = header[1], header[4], header[5]
        self.phentsize, self.phnum, self.shentsize, self.shnum = header[8:12]
        self.segments = list(self._segments())
        self.tags: dict[int, int] = {}
        self.strings: dict[int, list[int]] = {}
        self.strtab = b""
        self.versions_read = 0

    def file(self) -> ElfFile:
        """Return all parts."""
        interpreter = self._interpreter()
        dynamic = next((segment for segment in self.segments if segment.kind == _PT_DYNAMIC), None)
        if dynamic is None:
            return ElfFile(self.machine, self.bits, interpreter=interpreter)
        self._read_dynamic(dynamic)
        versions, names = self._versions()
        return ElfFile(
            self.machine,
            self.bits,
            needed=self._texts(_NEEDED),
            soname=next(iter(self._texts(_SONAME)), None),
            rpath=self._folders(_RPATH),
            runpath=self._folders(_RUNPATH),
            interpreter=interpreter,
            versions=versions,
            wanted_by=self._wanted_by(names),
            is_dynamic=True,
            packed_relocations=_RELR in self.tags,
        )

    def _segments(self) -> Iterator[_Segment]:
        structure = self.layout.program
        if self.phnum and self.phentsize < structure.size:
            raise _Broken("program headers of a wrong size")
        for index in range(self.phnum):
            entry = structure.unpack_from(self.data, self.phoff + index * self.phentsize)
            kind = entry[0]
            offset, address, size = (entry[index] for index in ((2, 3, 5) if self.bits == 64 else (1, 2, 4)))
            if kind in (_PT_LOAD, _PT_DYNAMIC, _PT_INTERP) and offset + size > len(self.data):
                raise _Broken("cut off: a segment ends after the file")
            yield _Segment(kind, offset, address, size)

    def _interpreter(self) -> str | None:
        for segment in self.segments:
            if segment.kind == _PT_INTERP:
                text = self.data[segment.offset : segment.offset + segment.size]
                return text.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
        return None

    def _read_dynamic(self, segment: _Segment) -> None:
        structure = self.layout.dynamic
        for index in range(min(segment.size // structure.size, _ENTRIES)):
            tag, value = structure.unpack_from(self.data, segment.offset + index * structure.size)
            if tag == _NULL:
                break
            self.tags.setdefault(tag, value)
            if tag in (_NEEDED, _SONAME, _RPATH, _RUNPATH):
                self.strings.setdefault(tag, []).append(value)
        if _STRTAB in self.tags:
            begin = self._offset(self.tags[_STRTAB])
            self.strtab = self.data[begin : begin + self.tags.get(_STRSZ, 0)]

    def _offset(self, address: int) -> int:
        """Return the offset in the file of the bytes that the loader maps to an address."""
        for segment in self.segments:
            if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
                return segment.offset + address - segment.address
        raise _Broken(f"address {address:#x} is in no segment")

    def _text(self, index: int) -> str:
        end = self.strtab.find(b"\0", index, index + _NAME)
        if end < 0:
            raise _Broken("a name is outside of the table of names")
        return self.strtab[index:end].decode("utf-8", "backslashreplace")

    def _texts(self, tag: int) -> tuple[str, ...]:
        return tuple(self._text(index) for index in self.strings.get(tag, ()))

    def _folders(self, tag: int) -> tuple[str, ...]:
        return tuple(folder for text in self._texts(tag) for folder in text.split(":") if folder)

    def _versions(self) -> tuple[dict[str, tuple[str, ...]], dict[int, str]]:
        """Return the versions of each library, and all versions by the numbers in the symbol table."""
        versions: dict[str, tuple[str, ...]] = {}
        names: dict[int, str] = {}
        if _VERNEED not in self.tags:
            return versions, names
        position = self._offset(self.tags[_VERNEED])
        for _ in range(min(self.tags.get(_VERNEEDNUM, 0), _ENTRIES)):
            _, count, library, aux, following = self.layout.need.unpack_from(self.data, position)
            found = list(self._auxiliary(position + aux, count, names))
            key = self._text(library)
            versions[key] = (*versions.get(key, ()), *found)
            if not following:
                break
            position += following
        return versions, names

    def _auxiliary(self, position: int, count: int, names: dict[int, str]) -> Iterator[str]:
        for _ in range(count):
            self.versions_read += 1
            if self.versions_read > _ENTRIES:
                raise _Broken("too many symbol versions")
            _, flags, number, name, following = self.layout.aux.unpack_from(self.data, position)
            text = self._text(name)
            names[number & ~_HIDDEN] = text
            if not flags & _WEAK_VERSION:
                yield text
            if not following:
                return
            position += following

    def _wanted_by(self, names: dict[int, str]) -> dict[str, str]:
        """Return one symbol for each version; none if the symbol table is stripped or damaged."""
        wanted: dict[str, str] = {}
        if not names or _SYMTAB not in self.tags or _VERSYM not in self.tags:
            return wanted
        try:
            symbols, numbers = self._offset(self.tags[_SYMTAB]), self._offset(self.tags[_VERSYM])
            for index in range(1, min(self._symbol_count(), _SYMBOLS)):
                (number,) = self.layout.half.unpack_from(self.data, numbers + 2 * index)
                version = names.get(number & ~_HIDDEN)
                if version is not None and version not in wanted:
                    (name,) = self.layout.word.unpack_from(self.data, symbols + index * self.layout.symbol_size)
                    wanted[version] = self._text(name)
        except (struct.error, OverflowError, _Broken):
            pass
        return wanted

    def _symbol_count(self) -> int:
        """Return the number of symbols: of the section headers, the old hash table, or up to the next table."""
        structure = self.layout.section
        if self.shoff and self.shentsize >= structure.size:
            for index in range(self.shnum):
                begin = self.shoff + index * self.shentsize
                if begin + structure.size > len(self.data):
                    break
                section = structure.unpack_from(self.data, begin)
                if section[1] == _SHT_DYNSYM:
                    return int(section[5]) // self.layout.symbol_size
        if _HASH in self.tags:
            (chains,) = self.layout.word.unpack_from(self.data, self._offset(self.tags[_HASH]) + 4)
            return int(chains)
        return (self.tags.get(_STRTAB, 0) - self.tags[_SYMTAB]) // self.layout.symbol_size
