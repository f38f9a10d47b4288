"""Predictions of the check, compared with a Debian 11, whose glibc is 2.31."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.elf import ElfFile, check_compatible, read_elf
from awslambdaric_lite.packaging.targets import IMAGE_LIBRARIES, host_target

from .builds import compile_c, compile_library, symbol_user
from .debian import GLIBC, DebianTree, debian_tree, place

__all__ = ["debian_tree", "place"]  # fixtures
pytestmark = pytest.mark.timeout(1000)  # the first test makes the tree

_MAIN = "int main(void) { return 0; }\n"
_OWN_START = """
extern void _exit(int);
__asm__(".globl _start\\n_start:\\n"
#ifdef __x86_64__
        "and $-16, %rsp\\n xor %edi, %edi\\n call _exit\\n");
#else
        "mov x0, #0\\n bl _exit\\n");
#endif
"""


def _predicted(elf: ElfFile | None, *, provided: set[str] | None = None) -> bool:
    assert elf is not None
    return check_compatible(elf, "file", host_target(), provided=provided or set(), glibc=GLIBC) == []


LIBRARIES: dict[str, tuple[str, str | None]] = {
    "of all times": ("getpid", None),
    "2.27": ("copy_file_range", None),
    "2.28": ("fcntl64", None),
    "2.29, of libm": ("exp", None),
    "2.30": ("gettid", None),
    "2.32": ("pthread_sigmask", None),
    "2.33": ("mallinfo2", None),
    "2.33, once a macro": ("stat", None),
    "2.34": ("close_range", None),
    "2.34, once of libpthread": ("pthread_create", None),
    "2.35": ("hypot", None),
    "2.36": ("arc4random", None),
}


@pytest.mark.parametrize(("function", "version"), LIBRARIES.values(), ids=LIBRARIES)
def test_libraries_that_want_one_symbol(
    debian_tree: DebianTree, place: Path, function: str, version: str | None
) -> None:
    """A library with one symbol loads in Debian 11 if and only if the check says so."""
    library = place / "lib.so"
    data = compile_library(library, symbol_user(function, version), "-lm", "-fno-builtin", "-w")
    assert _predicted(read_elf(data)) == debian_tree.loads(library)


def test_both_answers_occur(debian_tree: DebianTree, place: Path) -> None:
    """The comparison has a library that loads and one that does not."""
    old, new = place / "old.so", place / "new.so"
    compile_library(old, symbol_user("getpid"), "-w")
    compile_library(new, symbol_user("arc4random"), "-w")
    assert debian_tree.loads(old)
    assert not debian_tree.loads(new)


def test_programs_start_as_predicted(debian_tree: DebianTree, place: Path) -> None:
    """Programs of this system, with old symbols only, and static ones start as predicted."""
    builds: dict[str, Callable[[Path], bytes]] = {
        "usual": lambda path: compile_c(path, _MAIN),
        "old": lambda path: compile_c(path, _OWN_START, "-nostartfiles"),
        "static": lambda path: compile_c(path, _MAIN, "-static"),
    }
    found = {}
    for name, build in builds.items():
        data = build(place / name)
        found[name] = debian_tree.starts(place / name)
        assert _predicted(read_elf(data)) == found[name], name
    assert found["old"]
    assert found["static"]


def test_programs_of_another_loader_or_machine(debian_tree: DebianTree, place: Path) -> None:
    """Programs for another loader or another machine do not start, as predicted."""
    musl = compile_c(place / "musl", _OWN_START, "-nostartfiles", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
    assert _predicted(read_elf(musl)) is debian_tree.starts(place / "musl") is False
    usual = compile_c(place / "usual", _OWN_START, "-nostartfiles")
    foreign = usual[:18] + (243).to_bytes(2, "little") + usual[20:]  # e_machine of RISC-V
    (place / "foreign").write_bytes(foreign)
    (place / "foreign").chmod(0o755)
    assert _predicted(read_elf(foreign)) is debian_tree.starts(place / "foreign") is False


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "missing"])
def test_libraries_of_the_package(debian_tree: DebianTree, place: Path, is_there: bool) -> None:
    """A library finds its neighbour by the run path if and only if it exists."""
    compile_library(place / "libneighbour.so", "int neighbour(void) { return 1; }\n")
    source = "int neighbour(void); int use(void) { return neighbour(); }\n"
    data = compile_library(place / "lib.so", source, "-Wl,-rpath,$ORIGIN", f"-L{place}", "-lneighbour")
    if not is_there:
        (place / "libneighbour.so").unlink()
    provided = {path.name for path in place.iterdir()}
    assert _predicted(read_elf(data), provided=provided) is debian_tree.loads(place / "lib.so") is is_there


def test_packed_relocations_are_refused(debian_tree: DebianTree, place: Path) -> None:
    """Debian's loader refuses packed relocations by their version, as predicted."""
    source = "int a; int *pointers[] = {&a, &a, &a};\n" + symbol_user("getpid")
    data = compile_library(place / "lib.so", source, "-Wl,-z,pack-relative-relocs", "-w")
    assert _predicted(read_elf(data)) == debian_tree.loads(place / "lib.so")


def test_libraries_of_this_system(debian_tree: DebianTree, place: Path) -> None:
    """This system's libraries load in Debian 11 as predicted."""
    there = debian_tree.libraries()
    compared = 0
    for path in sorted(Path("/usr/lib").glob("*-linux-gnu/lib*.so.*"))[:400]:
        elf = read_elf(path.read_bytes()) if path.is_file() and not path.is_symlink() else None
        if elf is None or path.name.startswith(("ld-", "libc.", "libpthread", "libc_malloc_debug")):
            continue
        if not set(elf.needed) <= IMAGE_LIBRARIES - {"libstdc++.so.6"} or not set(elf.needed) <= there:
            continue
        copy = place / path.name
        shutil.copyfile(path, copy)
        assert _predicted(elf) == debian_tree.loads(copy), path
        compared += 1
    assert compared >= 3
