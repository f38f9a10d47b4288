"""The packages in the folder that an installer has filled: checked against the requirements, and made reproducible."""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from ..common.json_text import compact
from .errors import PackagingError
from .index_settings import without_credentials
from .requirement_lines import Requirement, line_for
from .source_builds import normal_name
from .targets import Target
from .wheel_choice import marker_holds, standard

_PIPS_HEADERS = re.compile(r"^include/(site/)?python[\d.]*/")
_OF_UV = ("uv_cache.json", "uv_build.json")
_NOTES = ("INSTALLER", "REQUESTED", "direct_url.json")  # of the installer, in each package's metadata


@dataclass(frozen=True)
class _Package:
    folder: Path
    metadata: Message

    @property
    def version(self) -> str:
        return str(self.metadata["Version"])


def check_installed(requirements: Iterable[Requirement], into: Path, target: Target) -> None:
    """Check that each requirement is installed with all of its dependencies, whatever the installer has reported.

    Raises:
        PackagingError: a package is missing or has another version, or a wheel is for this machine.
    """
    packages = _packages(into)
    for package in packages.values():
        if re.search(r"^Tag: \S+-linux_\w+\s*$", _read(package.folder / "WHEEL"), re.MULTILINE):
            raise PackagingError(
                f"requirement {package.folder.name.removesuffix('.dist-info')} was built for this machine, not for "
                f"Lambda's {target.arch}; build its wheel for manylinux and name that instead"
            )
    module = standard("requirements")
    waiting = [(line_for(Requirement(each.text) if not each.location else each), "", "") for each in requirements]
    seen = set()
    while waiting:
        text, parent, extra = waiting.pop()
        try:
            requirement = module.Requirement(text.partition(" --hash=")[0])
        except module.InvalidRequirement:
            continue  # old metadata; the installer has read it in its own way
        if requirement.marker is not None and not marker_holds(str(requirement.marker), target, extra):
            continue
        package = _check(requirement, parent, packages)
        provided = {normal_name(str(extra)) for extra in package.metadata.get_all("Provides-Extra") or []}
        for wanted in ["", *(extra for extra in requirement.extras if normal_name(extra) in provided)]:
            key = (normal_name(requirement.name), wanted)
            if key not in seen:
                seen.add(key)
                needs = package.metadata.get_all("Requires-Dist") or []
                waiting += [(str(need), requirement.name, wanted) for need in needs]


def _check(requirement: object, parent: str, packages: dict[str, _Package]) -> _Package:
    name, specifier = requirement.name, requirement.specifier  # type: ignore[attr-defined]
    needed = f"{name}, which {parent} needs," if parent else f"requirement {name}"
    package = packages.get(normal_name(name))
    if package is None:
        raise PackagingError(
            f"{needed} was not installed, although the installer reported success; "
            "use another version of it, or --installer pip or uv"
        )
    if not specifier.contains(package.version, prereleases=True):
        raise PackagingError(
            f"{needed} must be {specifier}, but {package.version} was installed; correct the requirements"
        )
    return package


def make_reproducible(into: Path, requirements: Iterable[Requirement]) -> None:
    """Give the folder the same bytes whichever program has filled it, from whatever path.

    The notes of the installer are as pip writes them, whose tools look for them.
    """
    (into / ".lock").unlink(missing_ok=True)  # uv's
    _move_headers(into)
    named = {normal_name(each.name or re.match(r"[\w.-]*", each.text)[0]) for each in requirements}  # type: ignore[index]
    for name, package in _packages(into).items():
        for note in _OF_UV:
            (package.folder / note).unlink(missing_ok=True)
        notes = {"INSTALLER": b"pip\n"}
        if name in named:
            notes["REQUESTED"] = b""
        if (url := _origin(package.folder / "direct_url.json")) is not None:
            notes["direct_url.json"] = compact({"archive_info": {}, "url": url}).encode()
        for note in _NOTES:
            (package.folder / note).unlink(missing_ok=True)
            if note in notes:
                (package.folder / note).write_bytes(notes[note])
        record = package.folder / "RECORD"
        if record.exists():
            text = _record(record.read_text(encoding="utf-8"), into, f"{package.folder.name}/", notes)
            record.unlink()  # it may be a link into the installer's cache
            record.write_text(text, encoding="utf-8")


def _move_headers(into: Path) -> None:
    """Move headers for C from pip's place for them to uv's."""
    for folder in (*into.glob("include/site/python*"), *into.glob("include/python*")):
        if _PIPS_HEADERS.match(f"{folder.relative_to(into).as_posix()}/"):
            for each in sorted(folder.iterdir()):
                shutil.move(each, into / "include" / each.name)
            folder.rmdir()
    if (into / "include" / "site").is_dir() and not any((into / "include" / "site").iterdir()):
        (into / "include" / "site").rmdir()


def _origin(file: Path) -> str | None:
    """Return the address that a package was installed from, or None if it is a path on this machine."""
    try:
        url = str(json.loads(_read(file) or "{}").get("url", ""))
    except ValueError:
        return None
    return without_credentials(url) if url.startswith(("http://", "https://")) else None


def _record(text: str, into: Path, information: str, notes: Mapping[str, bytes]) -> str:
    """Return a sorted `RECORD` of the files that exist; pip counts `bin` from another folder than uv."""
    rows = [
        [f"{information}{name}", f"sha256={_digest(content)}", str(len(content))] for name, content in notes.items()
    ]
    for row in csv.reader(text.splitlines()):
        name = _PIPS_HEADERS.sub("include/", re.sub(r"^(\.\./)+", "", row[0])) if row else ""
        if name and name.removeprefix(information) not in _NOTES and (into / name).exists():
            if name == f"{information}RECORD":
                row = [name, "", ""]
            elif not all(row[1:]):  # what a wheel does not tell, uv adds in part
                content = (into / name).read_bytes()
                row = [name, f"sha256={_digest(content)}", str(len(content))]
            rows.append([name, *row[1:]])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(sorted(rows))
    return out.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _packages(into: Path) -> dict[str, _Package]:
    found = {}
    for information in sorted(into.glob("*.dist-info")):
        metadata = email.message_from_string(_read(information / "METADATA"))
        if metadata["Name"]:
            found[normal_name(str(metadata["Name"]))] = _Package(information, metadata)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
