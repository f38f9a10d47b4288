"""Does a binary run on Lambda: its architecture, its glibc, the libraries it needs?

`elf_format` reads the file; this module decides as the target's dynamic loader does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .elf_format import ElfFile, read_elf
from .targets import IMAGE_LIBRARIES, Target

__all__ = ["ElfFile", "Incompatibility", "check_compatible", "glibc_needed", "glibc_version", "read_elf"]

# Versions that mark a feature of the loader, not a set of symbols; source: glibc's NEWS for each release.
_FEATURES = {"GLIBC_ABI_DT_RELR": (2, 36), "GLIBC_ABI_GNU_TLS": (2, 42), "GLIBC_ABI_GNU2_TLS": (2, 42)}
_PACKED_RELOCATIONS = (2, 36)  # an older loader does not see them and starts a program that is not relocated
_MACHINE_NAMES = {3: "x86 (32 bits)", 40: "arm (32 bits)", 62: "x86_64", 183: "arm64", 243: "riscv64"}


@dataclass(frozen=True)
class Incompatibility:
    """A reason why a binary does not run; `kind` is `architecture`, `glibc`, `libstdc++`, `library` or `loader`."""

    name: str
    reason: str
    kind: str = ""


def glibc_needed(elf: ElfFile) -> tuple[int, int] | None:
    """Return the oldest glibc that has all symbols of the file; None if it needs none."""
    wanted = [_PACKED_RELOCATIONS] if elf.packed_relocations and elf.needed else []
    for versions in elf.versions.values():
        wanted += [version for version in map(glibc_version, versions) if version is not None]
    return max(wanted, default=None)


def glibc_version(name: str) -> tuple[int, int] | None:
    """Return (2, 34) for `GLIBC_2.34` and (2, 2) for `GLIBC_2.2.5`; None for other texts."""
    if name in _FEATURES:
        return _FEATURES[name]
    numbers = _numbers(name, "GLIBC")
    return None if len(numbers) < 2 else (numbers[0], numbers[1])


def check_compatible(
    elf: ElfFile, name: str, target: Target, *, provided: Collection[str], glibc: tuple[int, int] | None = None
) -> list[Incompatibility]:
    """Return all reasons why a binary cannot be loaded; none if it is compatible.

    Args:
        elf: the result of `read_elf`.
        name: the file's name in messages.
        target: the machine and Python that it should run on.
        provided: file names of the libraries that the loader finds in the package.
        glibc: another glibc than the target's; then the image's libstdc++ is not checked.
    """
    if (elf.machine, elf.bits) != (target.machine, 64):
        made_for = _MACHINE_NAMES.get(elf.machine, f"machine {elf.machine}")
        return [Incompatibility(name, f"is made for {made_for}, not for {target.arch}", "architecture")]
    if not elf.is_dynamic:
        return []
    if elf.interpreter is not None and elf.interpreter != target.loader:
        what = "made for musl (Alpine)" if "musl" in elf.interpreter else f"started by {elf.interpreter}"
        return [Incompatibility(name, f"is {what}; Lambda's images have {target.loader}", "loader")]
    return [
        *_too_new_glibc(elf, name, glibc or target.glibc),
        *(() if glibc else _too_new_libstdcxx(elf, name, target, provided)),
        *_missing(elf, name, target, provided),
    ]


def _too_new_glibc(elf: ElfFile, name: str, available: tuple[int, int]) -> Iterator[Incompatibility]:
    needed = glibc_needed(elf)
    if needed is None or needed <= available:
        return
    newest = [text for texts in elf.versions.values() for text in texts if glibc_version(text) == needed]
    if newest:
        symbol = elf.wanted_by.get(newest[0])
        what = newest[0] + (f" (for the symbol {symbol})" if symbol else "")
    else:
        what = "packed relocations (DT_RELR)"
    yield Incompatibility(name, f"needs {what}; Lambda has glibc {available[0]}.{available[1]}", "glibc")


def _too_new_libstdcxx(elf: ElfFile, name: str, target: Target, provided: Collection[str]) -> Iterator[Incompatibility]:
    if "libstdc++.so.6" in provided:
        return
    for family, newest in target.compiler_versions.items():
        wanted = [(_numbers(text, family), text) for text in elf.versions.get("libstdc++.so.6", ())]
        numbers, text = max(wanted, default=((), ""))
        if numbers > newest:
            symbol = elf.wanted_by.get(text)
            what = text + (f" (for the symbol {symbol})" if symbol else "")
            has = f"{family}_{'.'.join(map(str, newest))}"
            yield Incompatibility(name, f"needs {what} of libstdc++; Lambda has {has}", "libstdc++")


def _missing(elf: ElfFile, name: str, target: Target, provided: Collection[str]) -> Iterator[Incompatibility]:
    for library in elf.needed:
        if library.rpartition("/")[2] in provided or library in IMAGE_LIBRARIES:
            continue
        if library == f"libpython{target.python}.so.1.0":
            continue  # of the interpreter that loads it
        why = "; it is made for musl (Alpine)" if "musl" in library else ""
        reason = f"needs {library}, which is neither in the package nor in Lambda's images{why}"
        yield Incompatibility(name, reason, "library")


def _numbers(name: str, family: str) -> tuple[int, ...]:
    """Return (3, 4, 29) for `GLIBCXX_3.4.29` and the family `GLIBCXX`; () for other texts."""
    prefix, _, numbers = name.rpartition("_")
    parts = numbers.split(".")
    if prefix != family or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return ()
    return tuple(int(part) for part in parts)
