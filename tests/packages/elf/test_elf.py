"""Reading ELF files, and checking their compatibility."""

from __future__ import annotations

import functools
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awslambdaric_lite.packaging.elf import ElfFile, check_compatible, glibc_needed, glibc_version, read_elf
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target

from .builds import compile_c, compile_library, needs_compiler, symbol_user

NEW, OLD = Target("3.13", "x86_64"), Target("3.11", "x86_64")
_ORDERS = {32: ("<", 1), 64: ("<", 2)}


def real_files() -> Iterator[Path]:
    """Return this interpreter and some of its extension modules."""
    yield Path(sys.executable).resolve()
    folder = Path(sysconfig.get_path("stdlib")) / "lib-dynload"
    yield from sorted(folder.glob("*.so"))[:12]


@functools.cache
def small_real_files() -> tuple[bytes, ...]:
    """Return small real files, which can be read a thousand times."""
    files = [path.read_bytes() for path in real_files() if path.stat().st_size < 400_000]
    assert files
    return tuple(files)


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is missing: apt install binutils")
@pytest.mark.parametrize("path", list(real_files()), ids=lambda path: path.name)
def test_real_files_read_as_binutils_read_them(path: Path) -> None:
    """Needed libraries, soname, run paths and versions are those that readelf prints."""
    elf = read_elf(path.read_bytes())
    assert elf is not None
    said = subprocess.run(
        ["readelf", "-d", "-V", "-l", "-W", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert elf.needed == tuple(re.findall(r"\(NEEDED\)\s.*\[(.*)\]", said))
    assert list(filter(None, [elf.soname])) == re.findall(r"\(SONAME\)\s.*\[(.*)\]", said)
    assert [":".join(each) for each in (elf.rpath, elf.runpath) if each] == re.findall(
        r"\(RU?N?PATH\)\s.*\[(.*)\]", said
    )
    assert list(filter(None, [elf.interpreter])) == re.findall(r"program interpreter: (.*)\]", said)
    needs = said.partition("Version needs section")[2]
    assert {name for names in elf.versions.values() for name in names} == set(
        re.findall(r"Name: (\S+)  Flags: none", needs)
    )


def test_other_files_give_none() -> None:
    """Scripts, bytecode and empty files are not ELF files."""
    for data in (b"", b"\x7fEL", b"#!/bin/sh\n", b"\xcf\xfa\xed\xfe" + bytes(60)):
        assert read_elf(data) is None


@needs_compiler
def test_a_library_is_read_whole(tmp_path: Path) -> None:
    """A library is read with soname, run path, needed libraries and the symbol of a version."""
    compile_library(tmp_path / "libother.so", "int other(void) { return 1; }\n")
    data = compile_library(
        tmp_path / "libmine.so",
        "int other(void); int gettid(void); int mine(void) { return other() + gettid(); }\n",
        "-Wl,-soname,libmine.so.1",
        "-Wl,-rpath,$ORIGIN/../lib:/opt/lib",
        "-Wl,--enable-new-dtags",
        f"-L{tmp_path}",
        "-lother",
    )
    elf = read_elf(data)
    assert elf is not None
    assert (elf.bits, elf.soname, elf.is_dynamic, elf.interpreter) == (64, "libmine.so.1", True, None)
    assert elf.needed == ("libother.so", "libc.so.6")
    assert (elf.rpath, elf.runpath) == ((), ("$ORIGIN/../lib", "/opt/lib"))
    assert "GLIBC_2.30" in elf.versions["libc.so.6"]
    assert elf.wanted_by["GLIBC_2.30"] == "gettid"
    assert glibc_needed(elf) == (2, 30)


@needs_compiler
@pytest.mark.parametrize("flags", [(), ("-Wl,--hash-style=sysv", "-Wl,-s"), ("-Wl,--hash-style=gnu", "-Wl,-s")])
def test_the_symbol_is_named_whatever_the_tables(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """The symbol is found with either hash table, stripped or not, and without section headers."""
    data = compile_library(tmp_path / "lib.so", symbol_user("gettid"), *flags)
    without_sections = data[:40] + bytes(8) + data[48:]  # e_shoff
    for each in (data, without_sections):
        elf = read_elf(each)
        assert elf is not None
        assert elf.wanted_by["GLIBC_2.30"] == "gettid"


@needs_compiler
def test_static_programs_need_nothing(tmp_path: Path) -> None:
    """Static programs need no library and fit their architecture."""
    data = compile_c(tmp_path / "program", "void _start(void) { for (;;); }\n", "-static", "-nostdlib", "-nostartfiles")
    elf = read_elf(data)
    assert elf is not None
    assert not elf.is_dynamic
    assert elf.needed == ()
    assert check_compatible(elf, "program", _host(elf), provided=()) == []


@needs_compiler
def test_packed_relocations_need_newer_glibc(tmp_path: Path) -> None:
    """A file with DT_RELR needs glibc 2.36, even if no symbol says so."""
    table = "int a; int *pointers[] = {&a, &a, &a};\n"
    data = compile_library(tmp_path / "lib.so", table + symbol_user("getpid"), "-Wl,-z,pack-relative-relocs")
    elf = read_elf(data)
    assert elf is not None
    if not elf.packed_relocations:
        pytest.skip("this linker ignores -z pack-relative-relocs: binutils 2.38 does not")
    assert glibc_needed(elf) == (2, 36)
    (problem,) = check_compatible(elf, "lib.so", NEW, provided=())
    assert problem.kind == "glibc"


def test_weak_versions_do_not_count() -> None:
    """Versions with VER_FLG_WEAK are not required."""
    strong, weak = _with_version(flags=0), _with_version(flags=2)
    assert strong.versions == {"libc.so.6": ("GLIBC_2.99",)}
    assert weak.versions == {"libc.so.6": ()}
    assert glibc_needed(weak) is None


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("GLIBC_2.34", (2, 34)),
        ("GLIBC_2.2.5", (2, 2)),
        ("GLIBC_ABI_DT_RELR", (2, 36)),
        ("GLIBC_PRIVATE", None),
        ("GLIBC_2.x", None),
        ("GLIBCXX_3.4.29", None),
        ("GLIBC_", None),
        ("", None),
        ("GLIBC_2.²", None),
    ],
)
def test_names_of_versions(name: str, version: tuple[int, int] | None) -> None:
    """Only glibc's own numbers and features count as versions."""
    assert glibc_version(name) == version


def _elf(**changes: object) -> ElfFile:
    values: dict[str, object] = {
        "machine": 62,
        "bits": 64,
        "needed": ("libc.so.6",),
        "is_dynamic": True,
        "versions": {"libc.so.6": ("GLIBC_2.2.5",)},
    }
    return ElfFile(**{**values, **changes})  # type: ignore[arg-type]


def test_a_fitting_library_has_no_problem() -> None:
    """A library with old symbols and libraries of the image fits both Amazon Linux releases."""
    for target in (NEW, OLD):
        assert check_compatible(_elf(), "lib.so", target, provided=()) == []


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"machine": 183}, "architecture", "is made for arm64, not for x86_64"),
        ({"bits": 32, "machine": 3}, "architecture", "x86 (32 bits)"),
        ({"bits": 32}, "architecture", "not for x86_64"),
        ({"machine": 4711}, "architecture", "machine 4711"),
        (
            {"versions": {"libm.so.6": ("GLIBC_2.35",)}, "wanted_by": {"GLIBC_2.35": "hypot"}},
            "glibc",
            "GLIBC_2.35 (for the symbol hypot); Lambda has glibc 2.34",
        ),
        ({"versions": {"libc.so.6": ("GLIBC_2.36",)}}, "glibc", "needs GLIBC_2.36; Lambda"),
        (
            {"needed": ("libstdc++.so.6",), "versions": {"libstdc++.so.6": ("GLIBCXX_3.4.30", "GLIBCXX_3.4.9")}},
            "libstdc++",
            "needs GLIBCXX_3.4.30 of libstdc++; Lambda has GLIBCXX_3.4.29",
        ),
        ({"needed": ("libpq.so.5",)}, "library", "needs libpq.so.5"),
        ({"needed": ("libc.musl-x86_64.so.1",)}, "library", "musl"),
        ({"interpreter": "/lib/ld-musl-x86_64.so.1"}, "loader", "made for musl (Alpine)"),
        ({"interpreter": "/nix/store/x/ld.so"}, "loader", "/lib64/ld-linux-x86-64.so.2"),
        ({"needed": ("libpython3.12.so.1.0",)}, "library", "libpython3.12"),
    ],
)
def test_incompatibility_names_the_reason(changes: dict[str, object], kind: str, words: str) -> None:
    """An incompatible file has one problem of its kind, which names what is needed and available."""
    (problem,) = check_compatible(_elf(**changes), "folder/lib.so", NEW, provided=())
    assert (problem.kind, problem.name) == (kind, "folder/lib.so")
    assert words in problem.reason


def test_packaged_libraries_are_found() -> None:
    """The package's own libraries, its libstdc++ and the interpreter's library are found."""
    needed = ("libpq.so.5", "libstdc++.so.6", "libpython3.13.so.1.0")
    elf = _elf(needed=needed, versions={"libstdc++.so.6": ("GLIBCXX_3.4.99",)})
    assert check_compatible(elf, "lib.so", NEW, provided={"libpq.so.5", "libstdc++.so.6"}) == []


def test_other_glibc_can_be_checked() -> None:
    """The same file fits one glibc and not another."""
    elf = _elf(versions={"libc.so.6": ("GLIBC_2.32",)})
    assert check_compatible(elf, "lib.so", NEW, provided=()) == []
    assert [problem.kind for problem in check_compatible(elf, "lib.so", OLD, provided=())] == ["glibc"]
    assert [problem.kind for problem in check_compatible(elf, "lib.so", NEW, provided=(), glibc=(2, 31))] == ["glibc"]


def test_all_elf_classes_are_read() -> None:
    """Headers of both word sizes and byte orders are read."""
    for bits, order, machine in ((32, "<", 3), (32, ">", 8), (64, ">", 22), (64, "<", 243)):
        address = "Q" if bits == 64 else "I"
        ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
        header = struct.pack(f"{order}HHI{address * 3}IHHHHHH", 3, machine, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        elf = read_elf(ident + header)
        assert elf is not None
        assert (elf.machine, elf.bits, elf.is_dynamic) == (machine, bits, False)


@pytest.mark.parametrize("length", [4, 15, 16, 40, 63, 64, 100, 1000])
def test_truncated_files_are_damaged(length: int) -> None:
    """A truncated file is reported as damaged, with the cure."""
    with pytest.raises(PackagingError, match=r"broken ELF file .*get it again"):
        read_elf(Path(sys.executable).resolve().read_bytes()[:length])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(st.data())
def test_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    """A damaged file gives a result or a `PackagingError`, and no other exception."""
    file = bytearray(data.draw(st.sampled_from(small_real_files())))
    head = min(len(file), 8192)
    places = st.one_of(st.integers(0, 511), st.integers(0, head - 1), st.integers(0, len(file) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=24)):
        file[place] = value
    for place in data.draw(st.lists(st.integers(16, 500), max_size=3)):
        file[place : place + 8] = data.draw(st.sampled_from([b"\xff" * 8, bytes(8), b"\xff" * 7 + b"\x7f"]))
    cut = data.draw(st.one_of(st.just(len(file)), st.integers(0, len(file))))
    _read(bytes(file[:cut]))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600), st.sampled_from([1, 2]), st.sampled_from([1, 2]))
def test_random_bytes_are_read_or_refused(tail: bytes, bits: int, order: int) -> None:
    """Random bytes after a valid header give a result or a `PackagingError`."""
    _read(b"\x7fELF" + bytes([bits, order]) + tail)


def test_endless_tables_are_refused() -> None:
    """A table with more versions than any file has is not read to its end."""
    with pytest.raises(PackagingError, match="too many symbol versions"):
        read_elf(_version_bytes(flags=0, count=0xFFFF))


def _read(data: bytes) -> None:
    try:
        elf = read_elf(data)
    except PackagingError as error:
        assert "\n" not in str(error)
    else:
        if elf is not None:
            check_compatible(elf, "file", NEW, provided=())
            glibc_needed(elf)


def _host(elf: ElfFile) -> Target:
    return Target("3.13", "arm64" if elf.machine == 183 else "x86_64")


def _with_version(*, flags: int) -> ElfFile:
    elf = read_elf(_version_bytes(flags=flags))
    assert elf is not None
    return elf


def _version_bytes(*, flags: int, count: int = 1) -> bytes:
    """Return a file with one segment, a dynamic section, and versions of one library."""
    strings = b"\0libc.so.6\0GLIBC_2.99\0"
    header_size, program_size = 64, 56
    at_strings = header_size + 2 * program_size
    at_versions = at_strings + len(strings)
    versions = struct.pack("<HHIII", 1, count, 1, 16, 0)
    versions += struct.pack("<IHHII", 0, flags, 2, 11, 16 if count > 1 else 0) * count
    at_dynamic = at_versions + len(versions)
    tags = [(1, 1), (5, at_strings), (10, len(strings)), (0x6FFFFFFE, at_versions), (0x6FFFFFFF, 1), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    size = at_dynamic + len(dynamic)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, header_size, 0, 0, header_size, program_size, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 8)
    section = struct.pack("<IIQQQQQQ", 2, 6, at_dynamic, at_dynamic, 0, len(dynamic), len(dynamic), 8)
    return ident + header + load + section + strings + versions + dynamic
