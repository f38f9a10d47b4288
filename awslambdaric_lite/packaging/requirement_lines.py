"""Requirements files in pip's format, read into one list whose names do not depend on the current folder."""

from __future__ import annotations

import argparse
import codecs
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

from .errors import PackagingError

_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_EDITABLE = re.compile(r"(-e|--editable)[\s=]\s*")
_NAMED_URL = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*@\s*(.+)")
_PATH = re.compile(r"(.*?)\s*(\[[\w\s,.-]*\])?")
_VERSION_CONTROL = re.compile(r"(git|hg|svn|bzr)\+")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Requirement:
    """One requirement.

    `location` is the URL or the absolute path that it names, or "" if an index has it; then `text` is the requirement
    as PEP 508 defines it. With a location, `name` may be unknown (""), and `extras` have their brackets.
    """

    text: str
    name: str = ""
    extras: str = ""
    location: str = ""
    marker: str = ""
    hashes: tuple[str, ...] = ()


@dataclass
class RequirementList:
    """Requirements, and the settings of the index that their files contain, by pip's names for them."""

    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    settings: dict[str, list[str]] = field(default_factory=dict)
    from_source: set[str] = field(default_factory=set)

    def add(self, text: str, folder: Path, hashes: tuple[str, ...] = ()) -> None:
        """Add a requirement; relative names in it are relative to `folder`."""
        self.requirements.append(parse_requirement(text, folder, hashes))


def read_text(file: Path, what: str = "requirements") -> str:
    """Read a file once, whatever its kind: a pipe has its text only once.

    Raises:
        PackagingError: the file cannot be read, or is not text.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PackagingError(f"{what} {file} cannot be read: {error.strerror}; check the path") from None
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            data, codec = data[len(mark) :], encoding
            break
    else:
        codec = "utf-8"
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise PackagingError(f"{what} {file} cannot be read: {error}; save the file as UTF-8") from None


def read_requirements_text(text: str, folder: Path, origin: str, into: RequirementList) -> None:
    """Add the content of a requirements file; relative names in it are relative to `folder`.

    Raises:
        PackagingError: a line is invalid, or names a file that cannot be read.
    """
    _Reader(into).read(text, folder, origin, as_constraints=False)


def parse_requirement(text: str, folder: Path, hashes: tuple[str, ...] = ()) -> Requirement:
    """Parse one requirement; a path in it becomes absolute."""
    text = text.strip()
    if (named := _NAMED_URL.fullmatch(text)) is not None:
        location, marker = _split_marker(named[3], r"\s;")
        return _located(location, folder, marker, hashes, name=named[1], extras=named[2] or "")
    if re.match(r"[a-z][a-z0-9+.-]*:", text):
        location, marker = _split_marker(text, r"\s;")
        return _located(location, folder, marker, hashes)
    path, marker = _split_marker(text, ";")
    split = _PATH.fullmatch(path)
    assert split is not None
    if _is_path(split[1], folder):
        return _located(split[1], folder, marker, hashes, extras=split[2] or "")
    return Requirement(text, hashes=hashes)


class _Reader:
    def __init__(self, into: RequirementList) -> None:
        self._into = into
        self._open: set[tuple[str, bool]] = set()

    def read(self, text: str, folder: Path, origin: str, *, as_constraints: bool) -> None:
        for number, line in _logical_lines(text):
            where = f"{origin}, line {number}"
            line = _VARIABLE.sub(lambda variable: os.environ.get(variable[1], variable[0]), line)
            if (editable := _EDITABLE.match(line)) is not None:
                line = line[editable.end() :]  # a package has no editable projects: the folder is built
            if line.startswith("-"):
                self._read_options(line, folder, where, as_constraints)
                continue
            requirement, _, options = re.split(r"(\s-{1,2}(?=[a-z]))", f"{line} --end", maxsplit=1)
            hashes = tuple(re.findall(r"-hash[= ]\s*(\S+)", f"-{options}"))
            self._add(requirement, folder, hashes, as_constraints)

    def _add(self, text: str, folder: Path, hashes: tuple[str, ...], as_constraints: bool) -> None:
        parsed = parse_requirement(text, folder, hashes)
        if as_constraints:
            self._into.constraints.append(line_for(parsed))
        else:
            self._into.requirements.append(parsed)

    def _read_options(self, line: str, folder: Path, where: str, as_constraints: bool) -> None:
        try:
            options = _OPTIONS.parse_args(shlex.split(line))
        except ValueError as error:
            raise PackagingError(f"{where}: {error}; correct the line") from None
        for files, constrain in ((options.requirement, as_constraints), (options.constraint, True)):
            for name in files:
                self._include(name, folder, where, constrain)
        settings = self._into.settings
        if options.index_url is not None:
            settings["index-url"] = [options.index_url]
        for key in ("extra_index_url", "trusted_host"):
            settings.setdefault(key.replace("_", "-"), []).extend(getattr(options, key))
        settings.setdefault("find-links", []).extend(absolute(links, folder) for links in options.find_links)
        for key in ("no_index", "pre", "require_hashes"):
            if getattr(options, key):
                settings[key.replace("_", "-")] = ["1"]
        for names in options.no_binary:
            if ":all:" in names:
                raise PackagingError(f"{where}: --no-binary :all: is unsupported; name the projects to build")
            self._into.from_source |= {re.sub(r"[-_.]+", "-", name).lower() for name in names.split(",")} - {":none:"}

    def _include(self, name: str, folder: Path, where: str, as_constraints: bool) -> None:
        if re.match(r"https?:", name):
            raise PackagingError(f"{where}: {name} is not a file; download it, and name the copy")
        file = Path(absolute(name, folder))
        key = (os.path.realpath(file), as_constraints)
        if key in self._open:
            raise PackagingError(f"{where}: {name} includes itself; remove the line")
        self._open.add(key)
        self.read(read_text(file), file.parent, str(file), as_constraints=as_constraints)
        self._open.discard(key)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _options() -> argparse.ArgumentParser:
    parser = _Parser(prog="", add_help=False, allow_abbrev=False)
    for names in (
        ("-r", "--requirement"),
        ("-c", "--constraint"),
        ("-f", "--find-links"),
        ("--extra-index-url",),
        ("--trusted-host",),
        ("--no-binary",),
        ("--only-binary",),
        ("--use-feature",),
    ):
        parser.add_argument(*names, action="append", default=[])
    parser.add_argument("-i", "--index-url", "--pypi-url")
    for name in ("--no-index", "--pre", "--prefer-binary", "--require-hashes"):
        parser.add_argument(name, action="store_true")
    return parser


_OPTIONS = _options()


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with the number of their first, with continuation lines joined and without comments."""
    first = 0
    parts: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        first = first if parts else number
        if _COMMENT.match(line):
            line = ""  # a comment ends a continued line, as in pip
        elif line.endswith("\\"):
            parts.append(line[:-1])
            continue
        whole = _COMMENT.sub("", " ".join([*parts, line]) if parts else line).strip()
        parts = []
        if whole:
            yield first, whole


def _split_marker(text: str, separator: str) -> tuple[str, str]:
    before, *after = re.split(separator, text, maxsplit=1)
    return before.strip(), after[0].strip() if after else ""


def _is_path(text: str, folder: Path) -> bool:
    """Return whether pip takes a requirement for a path rather than for a name."""
    if text.startswith((".", "/", "~")):
        return True
    return ("/" in text or text.lower().endswith(_ARCHIVES)) and os.path.exists(absolute(text, folder))


def _located(
    location: str, folder: Path, marker: str, hashes: tuple[str, ...], *, name: str = "", extras: str = ""
) -> Requirement:
    if location.startswith("file:"):
        path = urlsplit(location).path or location.removeprefix("file:")
        location = absolute(unquote(path), folder)
    elif not re.match(r"[a-z][a-z0-9+.-]*:", location):
        location = absolute(location, folder)
    fragment = urlsplit(location).fragment if "://" in location else ""
    if not name and (egg := re.search(r"(?:^|&)egg=([\w.-]+)(\[[^\]]*\])?", fragment)):
        name, extras = egg[1], extras or egg[2] or ""
    return Requirement("", name, extras, location, marker, hashes)


def line_for(requirement: Requirement) -> str:
    """Return the line of a requirements file for a requirement."""
    line = requirement.text
    if requirement.location:
        url = requirement.location
        if "://" not in url:
            url = f"file://{quote(url)}"
        line = f"{requirement.name}{requirement.extras} @ {url}" if requirement.name else url
        line += f" ; {requirement.marker}" if requirement.marker else ""
    return " ".join([line, *(f"--hash={each}" for each in requirement.hashes)])


def file_name(location: str) -> str:
    """Return the name of the file that a URL or a path names."""
    path = unquote(urlsplit(location).path) if "://" in location else location
    return path.rpartition("/")[2]


def is_version_control(location: str) -> bool:
    """Return whether a location is a repository, e.g. `git+https://…`."""
    return _VERSION_CONTROL.match(location) is not None


def absolute(name: str, folder: Path) -> str:
    """Return a path that does not depend on the current folder; an address stays as it is.

    It is relative to `folder`. What is not there may be in the current folder, as pip has it.
    """
    if re.match(r"[a-z][a-z0-9+.-]*://", name):
        return name
    name = os.path.expanduser(name)
    path = os.path.abspath(os.path.join(folder, name))
    return path if os.path.exists(path) or not os.path.exists(name) else os.path.abspath(name)
