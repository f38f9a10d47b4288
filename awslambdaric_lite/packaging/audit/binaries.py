"""Binaries: do they fit the target's architecture, Python and glibc, and is every needed library available?"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator

from ...common.words import count, escape_controls
from ..elf import Incompatibility, check_compatible, read_elf
from ..errors import PackagingError
from ..targets import NEWEST_GLIBC
from .findings import Finding, Level, examples
from .libraries import Found, Libraries
from .subject import Subject

_EXTENSION = re.compile(r"(?P<stem>.*?)\.(?P<suffix>(?:cpython-|pypy|cp|abi3)[^/]*\.)?(?P<kind>so|pyd)")
_LIBRARY = re.compile(r".*\.so(\.[\w.-]+)?")
_VENDORED = re.compile(r".*-[0-9a-f]{8,}\.so.*")  # auditwheel's names, which belong to one wheel
_FOREIGN = {b"\xcf\xfa\xed\xfe": "macOS", b"\xca\xfe\xba\xbe": "macOS", b"MZ": "Windows"}
_TOLD = 3  # binaries of a package, by name


def check_binaries(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each kind of problem and top-level package."""
    wrong_names = set(_wrong_extensions(subject))
    yield from _extension_findings(subject, wrong_names)
    libraries = Libraries(subject)
    trouble: dict[tuple[str, str, Level], list[Incompatibility]] = defaultdict(list)
    for name in subject.files:
        if name in wrong_names or not _may_be_binary(subject, name):
            continue
        for level, problem in _problems(subject, name, libraries):
            trouble[problem.kind, subject.top(name), level].append(problem)
    for (kind, top, level), problems in sorted(trouble.items()):
        yield Finding(f"binary-{kind}", level, top, _describe(problems))


def has_binaries(subject: Subject) -> bool:
    """Return whether any module is a binary, so that only its architecture can import it."""
    return any(_LIBRARY.fullmatch(posixpath.basename(name)) for name in subject.files)


def _may_be_binary(subject: Subject, name: str) -> bool:
    base = posixpath.basename(name)
    return bool(_LIBRARY.fullmatch(base)) or "." not in base or bool(subject.package.mode(name) & 0o111)


def _problems(subject: Subject, name: str, libraries: Libraries) -> Iterator[tuple[Level, Incompatibility]]:
    shown = escape_controls(name)
    with subject.package.open(name) as file:
        begin = file.read(4)
        data = begin + file.read() if begin == b"\x7fELF" else begin
    foreign = _FOREIGN.get(begin) or _FOREIGN.get(begin[:2])
    if foreign and _LIBRARY.fullmatch(posixpath.basename(name)):
        yield "error", Incompatibility(shown, f"is made for {foreign}, not for Linux", "architecture")
        return
    try:
        elf = read_elf(data)
    except PackagingError as error:
        yield "error", Incompatibility(shown, f"is a {error}", "broken")
        return
    if elf is None:
        return
    found = {library: libraries.find(library, elf, name) for library in elf.needed}
    provided = {library for library, place in found.items() if place is not Found.NOWHERE}
    is_newer = subject.host != "managed" and subject.target.glibc < NEWEST_GLIBC
    glibc = NEWEST_GLIBC if is_newer else None
    for problem in check_compatible(elf, shown, subject.target, provided=provided, glibc=glibc):
        yield _level(subject, problem, elf.needed), problem
    for library, place in found.items():
        if place is Found.ELSEWHERE and not _is_near(name, libraries, library):
            where = examples(libraries.places(library))
            yield (
                "info",
                Incompatibility(
                    shown, f"needs {library}, which is at {where}: something must load it first", "library"
                ),
            )


def _level(subject: Subject, problem: Incompatibility, needed: tuple[str, ...]) -> Level:
    """Return the level: the function or another layer may have a layer's library, unless its wheel contains that."""
    vendored = any(library in problem.reason and _VENDORED.fullmatch(library) for library in needed)
    return "warning" if problem.kind == "library" and subject.is_layer and not vendored else "error"


def _is_near(name: str, libraries: Libraries, library: str) -> bool:
    """Return whether it belongs to the same wheel: to the same top-level folder, or the `.libs` next to that."""
    top = name.partition("/")[0]
    return any(place.partition("/")[0] in (top, f"{top}.libs") for place in libraries.places(library))


def _describe(problems: list[Incompatibility]) -> str:
    told = "; ".join(f"{problem.name} {problem.reason}" for problem in problems[:_TOLD])
    rest = len(problems) - _TOLD
    return f"{told}; and {count(rest, 'more like that', 'more like these')}" if rest > 0 else told


def _wrong_extensions(subject: Subject) -> Iterator[str]:
    """Yield findings for extension modules that the interpreter does not import, and has no other file for."""
    right = right_suffixes(subject)
    for name in subject.files:
        match = _EXTENSION.fullmatch(name)
        if match is None or subject.module_name(name) is None:
            continue
        if match["kind"] == "so" and not match["suffix"]:
            continue  # a library, or a module for any version
        suffix = name[len(match["stem"]) :]
        if suffix in right or any(match["stem"] + other in subject.files for other in right):
            continue
        if match["kind"] == "so" and suffix.startswith(f".{_tag(subject)}-") and "-linux-gnu" in suffix:
            continue  # of another architecture, which `check_binaries` reports
        yield name


def right_suffixes(subject: Subject) -> tuple[str, ...]:
    """Return the suffixes of extension modules; source: `Python/dynload_shlib.c`."""
    return (f".{_tag(subject)}-{subject.target.multiarch}.so", ".abi3.so", ".so")


def _tag(subject: Subject) -> str:
    return subject.target.cache_tag


def _extension_findings(subject: Subject, names: set[str]) -> Iterator[Finding]:
    for top, members in subject.by_top(names).items():
        made_for = sorted(
            {escape_controls(name[len(match["stem"]) :]) for name in members if (match := _EXTENSION.fullmatch(name))}
        )
        # Some packages have the same module in Python, too.
        level: Level = "warning" if all(_has_source(subject, name) for name in members) else "error"
        modules = count(len(members), "extension module")
        yield Finding(
            "extension-version",
            level,
            top,
            f"{modules} named *{examples(made_for)}, which Python {subject.target.python} on {subject.target.arch} "
            f"does not import; install the package for that version ({examples(members)})",
        )


def _has_source(subject: Subject, name: str) -> bool:
    match = _EXTENSION.fullmatch(name)
    return match is not None and f"{match['stem']}.py" in subject.files
