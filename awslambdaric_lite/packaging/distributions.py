"""Installed distributions in a package: their files, as `RECORD` lists them.

Source: Python Packaging User Guide, "Recording installed projects".
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from .archive import Member

_RECORD = ".dist-info/RECORD"
_OUTSIDE = "../../"  # before files outside `lib/python`, in an installation by `pip install --target`


def listed_files(files: Iterable[str], read: Callable[[str], bytes]) -> dict[str, set[str]]:
    """Return the files that each distribution lists, by the name of its `.dist-info` folder."""
    return {
        name.removesuffix("/RECORD"): {f"{_place(name)}{row[0]}" for row in _rows(read(name))}
        for name in files
        if name.endswith(_RECORD)
    }


def existing_files(listed: Mapping[str, Collection[str]], files: Mapping[str, Path]) -> set[str]:
    """Return those of the listed files that are on disk, whether they are among `files` or not."""
    found = set()
    for information, names in listed.items():
        record = f"{information}/RECORD"
        folder = files[record].parents[1]
        found |= {name for name in names if (folder / name[len(_place(record)) :]).is_file()}
    return found


def project_name(information: str) -> str:
    """Return the normalized name of the project that a `.dist-info` folder belongs to."""
    name, _, _ = information.rpartition("/")[2].removesuffix(".dist-info").rpartition("-")
    return re.sub(r"[-_.]+", "-", name).lower()


def is_of(name: str, information: str) -> bool:
    """Return whether a file is in a `.dist-info` folder."""
    return name.startswith(f"{information}/")


def emptied(listed: Mapping[str, Collection[str]], before: Collection[str], kept: Collection[str]) -> set[str]:
    """Return the `.dist-info` folders of distributions that have no module any more, or had none and have no file.

    Args:
        listed: the result of `listed_files`.
        before: the files before some were excluded.
        kept: the files that were not excluded.
    """
    found = set()
    for information, names in listed.items():
        own = {name for name in names if not is_of(name, information) and not name.endswith(".pyc")}
        own = {name for name in own if name.endswith((".py", ".so"))} or own
        if not own.isdisjoint(before) and own.isdisjoint(kept):
            found.add(information)
    return found


def finished_record(name: str, members: Mapping[str, Member]) -> bytes:
    """Return the content of a `RECORD` that lists what is in the package of the distribution's files, in order."""
    content = members[name].read()
    listed = _rows(content)
    if not listed:
        return content
    rows = []
    for path, digest, size in listed:
        member = members.get(f"{_place(name)}{path}")
        if member is None and path.endswith(".py") and (member := members.get(f"{_place(name)}{path}c")) is not None:
            path += "c"
        if member is None:
            continue
        if isinstance(member.source, bytes) and digest:  # the content is not that of the installation any more
            digest, size = _digest(member.source), str(len(member.source))
        rows.append((path, digest, size))
    output = io.StringIO()
    csv.writer(output, lineterminator="\n").writerows(sorted(rows))
    return output.getvalue().encode("utf-8", "surrogateescape")


def _place(record: str) -> str:
    """Return the folder that the names in a `RECORD` are relative to, "" or ending with a slash."""
    information, _, _ = record.rpartition("/")
    folder, slash, _ = information.rpartition("/")
    return folder + slash


def _rows(record: bytes) -> list[tuple[str, str, str]]:
    """Return path, digest and size of each file; none if they cannot be read."""
    try:
        rows = list(csv.reader(record.decode("utf-8", "surrogateescape").splitlines()))
    except csv.Error:
        return []
    padded = ([*row, "", ""] for row in rows if row)
    return [(path.removeprefix(_OUTSIDE), digest, size) for path, digest, size, *_ in padded]


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
