"""Bytecode that the interpreter rejects, and compiles again at every cold start, or accepts although it is wrong.

A package is read-only on Lambda, so missing bytecode stays missing. When the interpreter accepts a `.pyc`:

* an unchecked hash: always. It is not compared with the source, so bytecode of another source runs old code.
* a checked hash: if it is the source's. The source is read and hashed at each cold start.
* a date: if it is the source's, to the second, and the size is too. Zip files know neither time zones nor odd seconds,
  and Lambda's clock is UTC: here the date in the zip is read as UTC. Whether it fits is luck: the packing machine's
  time zone and an even second decide, and tools that set all dates to 1980 spoil all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from ...common.words import count, format_size
from ..bytecode import HEADER_SIZE, IMPORTABLE, MAGIC, PycHeader, cache_path, compile_sources, find_interpreter
from ..errors import PackagingError
from .findings import Finding, Level, examples
from .source_hashes import source_hashes
from .subject import Subject, folder_of

_CACHED = re.compile(r"(?:.*/)?__pycache__/(?P<stem>[^/]+?)\.(?P<tag>[a-z]+-?\d+[a-z]*)(?P<optimised>\.opt-\w+)?\.pyc")
_SCRIPTS = ("bin/",)  # pip's folder of programs, which are not imported
# What the wrapper layer of this project starts by path; the first is in the start file, too.
_STARTED = ("awslambdaric_lite/start.py", "awslambdaric_lite/fall_back.py")
_32_BITS = 0xFFFFFFFF
_TRIED = 100  # modules


@dataclass
class _PycByStatus:
    """The names of sources, or of bytecode without sources, by their status."""

    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    dated: list[str] = field(default_factory=list)
    other_version: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    bytecode: dict[str, list[str]] = field(default_factory=dict)
    """The bytecode that this interpreter ignores, by its source."""


_MESSAGES: tuple[tuple[str, Level, str, str], ...] = (
    (
        "bytecode-mismatch",
        "error",
        "mismatched",
        "{modules} with bytecode of another source, which would run instead of the source; compile again",
    ),
    (
        "bytecode-unusable",
        "error",
        "unusable",
        "{modules} without source, and with bytecode for {versions}, which Python {python} does not import; add the "
        "sources",
    ),
    (
        "bytecode-stale",
        "warning",
        "stale",
        "{modules} with bytecode that is rejected at each cold start, because its date, size or hash is not the "
        "source's; compile with unchecked hashes",
    ),
    (
        "bytecode-version",
        "warning",
        "other_version",
        "{modules} with bytecode for {versions} only, compiled at each cold start; compile with Python {python}, or "
        "name the function's version with --python",
    ),
    (
        "bytecode-missing",
        "warning",
        "missing",
        "{modules} without bytecode, compiled at each cold start; `awslambdaric-lite pack` adds it",
    ),
    (
        "bytecode-checked",
        "info",
        "checked",
        "{modules} with checked hashes: each cold start reads and hashes the source; compile with unchecked hashes",
    ),
    (
        "bytecode-dated",
        "info",
        "dated",
        "{modules} with bytecode that fits by its date, which packing changes easily; unchecked hashes always fit",
    ),
    (
        "bytecode-unverified",
        "info",
        "unverified",
        "{modules} with hashes that were not compared with the source, because that takes a Python {python} here",
    ),
)


def check_bytecode(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each status and top-level package."""
    found = _sort(subject)
    for code, level, kind, message in _MESSAGES:
        for top, members in subject.by_top(getattr(found, kind)).items():
            names = [name for each in members for name in found.bytecode.get(each, [each])]
            versions = sorted({_version(subject, name) for name in names}) if "{versions}" in message else []
            text = message.format(
                modules=count(len(members), "module"), python=subject.target.python, versions=" and ".join(versions)
            )
            yield Finding(code, level, top, f"{text} ({examples(members)})")
    if found.idle:
        size = format_size(sum(subject.files[name] for name in found.idle))
        text = f"{count(len(found.idle), 'bytecode file')}, {size}, that nothing imports; exclude them"
        yield Finding("bytecode-idle", "info", ".", f"{text} ({examples(found.idle)})")


def costs_cold_start(findings: Iterable[Finding]) -> bool:
    """Return whether a finding says that bytecode slows cold starts down."""
    return any(finding.code.startswith("bytecode-") and finding.level == "warning" for finding in findings)


def importable_sources(subject: Subject) -> Iterator[str]:
    """Return the sources that can be imported as modules: neither scripts, nor templates outside of packages."""
    for name in subject.files:
        below = subject.module_name(name)
        if below is None or below.startswith(_SCRIPTS) or (subject.is_layer and below in _STARTED):
            continue
        if IMPORTABLE.fullmatch(below):
            yield name


def _sort(subject: Subject) -> _PycByStatus:
    found = _PycByStatus()
    hashed: list[tuple[str, PycHeader]] = []
    others = found.bytecode = _others(subject)
    for source in importable_sources(subject):
        cached = cache_path(source, subject.target.python)
        if cached not in subject.files:
            (found.other_version if source in others else found.missing).append(source)
            continue
        header = _header(subject, cached)
        if not _is_readable(header, subject):
            found.stale.append(source)
        elif header.kind == "timestamp":
            (found.dated if _is_current(subject, source, header) else found.stale).append(source)
        else:
            hashed.append((source, header))
    _sort_hashed(subject, hashed, found)
    found.missing = _without_uncompilable(subject, found.missing)
    in_need = set(found.other_version)
    found.idle = [name for source, names in others.items() if source not in in_need for name in names]
    _sort_sourceless(subject, found)
    return found


def _others(subject: Subject) -> dict[str, list[str]]:
    """Return the bytecode in `__pycache__` that this interpreter ignores, by its source."""
    found: dict[str, list[str]] = {}
    for name in subject.files:
        match = _CACHED.fullmatch(name)
        if match is not None and (match["tag"] != subject.target.cache_tag or match["optimised"]):
            folder = name.rpartition("__pycache__/")[0]
            found.setdefault(f"{folder}{match['stem']}.py", []).append(name)
    return found


def _version(subject: Subject, name: str) -> str:
    """Return the version of Python that bytecode is for, by its tag, else by the number in it."""
    match = _CACHED.fullmatch(name)
    if match is not None:
        major, minor = match["tag"].rpartition("-")[2][:1], match["tag"].rpartition("-")[2][1:]
        kind = "" if match["tag"].startswith("cpython-") else f" ({match['tag'].rpartition('-')[0]})"
        return f"{'optimised ' if match['optimised'] else ''}Python {major}.{minor}{kind}"
    header = _header(subject, name)
    known = {number: version for version, number in MAGIC.items()}
    return "an unknown version" if header is None or header.magic not in known else f"Python {known[header.magic]}"


def _header(subject: Subject, name: str) -> PycHeader | None:
    with subject.package.open(name) as file:
        data = file.read(HEADER_SIZE)
    try:
        return PycHeader.parse(data)
    except PackagingError:
        return None


def _is_readable(header: PycHeader | None, subject: Subject) -> TypeGuard[PycHeader]:
    """Return whether it is bytecode of the target's version, if the magic number of that version is known."""
    return header is not None and header.magic == MAGIC.get(subject.target.python, header.magic)


def _is_current(subject: Subject, source: str, header: PycHeader) -> bool:
    date = subject.package.mtime(source) & _32_BITS
    return (date, subject.files[source] & _32_BITS) == (header.mtime, header.size)


def _sort_hashed(subject: Subject, hashed: list[tuple[str, PycHeader]], found: _PycByStatus) -> None:
    contents = (subject.package.read(source) for source, _ in hashed)
    hashes = source_hashes(contents, [header.magic for _, header in hashed], subject.target.python)
    for index, (source, header) in enumerate(hashed):
        if hashes is None:
            found.unverified.append(source)
        elif hashes[index] == header.source_hash:
            if header.kind == "checked-hash":
                found.checked.append(source)
        else:
            (found.mismatched if header.kind == "unchecked-hash" else found.stale).append(source)


def _without_uncompilable(subject: Subject, missing: list[str]) -> list[str]:
    """Drop files that are not Python of this version, e.g. templates: they cannot have bytecode.

    Only if few files lack bytecode: if all do, some templates among the modules do not matter.
    """
    if not 0 < len(missing) <= _TRIED:
        return missing
    interpreter = find_interpreter(subject.target.python)
    if interpreter is None:
        return missing
    try:
        result = compile_sources({name: (subject.package.read(name), name) for name in missing}, interpreter)
    except PackagingError:
        return missing
    return [name for name in missing if name not in result.failures]


def _sort_sourceless(subject: Subject, found: _PycByStatus) -> None:
    """Sort bytecode without source: Python imports it from the source's folder, and ignores it in `__pycache__`."""
    with_modules = {folder_of(name) for name in subject.files if name.endswith((".py", ".pyc"))}
    for name in subject.files:
        if subject.module_name(name) is None or not name.endswith(".pyc"):
            continue
        match = _CACHED.fullmatch(name)
        if match is None:
            if name[:-1] not in subject.files and not _is_readable(_header(subject, name), subject):
                found.unusable.append(name)
            continue
        folder = folder_of(folder_of(name))
        source = f"{folder}/{match['stem']}.py".lstrip("/")
        if match["tag"] == subject.target.cache_tag and not match["optimised"] and source not in subject.files:
            # If the folder has other modules, it is a leftover; if not, the sources have been removed.
            (found.idle if folder in with_modules else found.unusable).append(name)
