"""The files of a package, and the rules that its names and links must keep.

No package is trusted: names and links that lead out of it, members that occur twice, encrypted or damaged members, and
archives that declare far more than Lambda allows are refused when the package is opened.
"""

from __future__ import annotations

import abc
import posixpath
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from ..common.words import quoted
from .errors import PackagingError

FILES_LIMIT = 500_000
"""Members: no package has that many."""

BYTES_LIMIT = 4 * 1024**3
"""Bytes that a package may declare to have unpacked: sixteen times what Lambda allows."""

_LINKS_LIMIT = 40  # that follow each other, as in Linux


class File(NamedTuple):
    """What is known of a file: bytes unpacked, permissions, and seconds since 1970 (a zip file's time is UTC)."""

    size: int
    mode: int
    mtime: int
    open: Callable[[], IO[bytes]]


class Package(abc.ABC):
    """The files of a package, by their posix names within it.

    A link to a file is a file with the content, size, mode and time of the file that it leads to. Links to folders are
    in `links()` only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, File] = {}
        self._folders: set[str] = set()
        self._folder_modes: dict[str, int] = {}
        self._links: dict[str, str] = {}

    @abc.abstractmethod
    def close(self) -> None:
        """Close the archive."""

    @abc.abstractmethod
    def packed_size(self) -> int | None:
        """Return the bytes of the archive; None for a folder."""

    def names(self) -> list[str]:
        """Return every file, sorted."""
        return [*self._names]

    def folders(self) -> list[str]:
        """Return every folder that the package mentions, sorted; parents of files may be missing."""
        return sorted(self._folders)

    def folder_modes(self) -> Mapping[str, int]:
        """Return the permissions of the folders that the package states."""
        return self._folder_modes

    def compressions(self) -> Mapping[str, str]:
        """Return the method for each file that Lambda cannot unpack, because it is neither stored nor deflated."""
        return {}

    def links(self) -> Mapping[str, str]:
        """Return every symbolic link with its target, as it is written."""
        return self._links

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading.

        Raises:
            PackagingError: it is damaged or cannot be read.
        """
        return self._file(name).open()

    def read(self, name: str) -> bytes:
        """Read a whole file.

        Raises:
            PackagingError: it is damaged or cannot be read.
        """
        with self.open(name) as file:
            return file.read()

    def size(self, name: str) -> int:
        """Return the bytes of a file, unpacked."""
        return self._file(name).size

    def mode(self, name: str) -> int:
        """Return the permissions, e.g. 0o644."""
        return self._file(name).mode

    def mtime(self, name: str) -> int:
        """Return the time of the last change, in seconds since 1970."""
        return self._file(name).mtime

    def is_symlink(self, name: str) -> bool:
        """Return whether a file is a link to one."""
        return name in self._links

    def _file(self, name: str) -> File:
        return self._files[resolve(name, self._links, self.path)]

    def _check_kind(self, name: str, mode: int) -> None:
        """Refuse what cannot be packed; a mode without a kind comes from a system without modes."""
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise PackagingError(f"{self.path}: {quoted(name)} is neither file, folder nor link; remove it")

    def _check_tree(self) -> None:
        """Check names and links together, when all are known, and follow the links."""
        self._folders.discard("")
        check_tree(self._files, self._folders, self._links, self.path)
        to_files = [name for name in self._links if resolve(name, self._links, self.path) in self._files]
        self._names = sorted([*self._files, *to_files])


_LAYERS = "/opt/"  # where Lambda unpacks layers: a link into it stays within the layer


def checked_name(name: str, package: object) -> str:
    """Return a member's name without empty parts and dots.

    Raises:
        PackagingError: it leads out of the package, or Lambda would misunderstand it.
    """
    if name.startswith("/") or ".." in name.split("/"):
        raise PackagingError(f"{package} has the member {quoted(name)}, which leads out of it; create it again")
    if "\\" in name:
        raise PackagingError(f"{package} has the member {quoted(name)}; create it again with / instead of \\")
    if "\0" in name:
        raise PackagingError(f"{package} has the member {quoted(name)}, which is not a file name; create it again")
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def check_size(files: int, unpacked: int, package: object) -> None:
    """Refuse a package that would fill the disk.

    Raises:
        PackagingError: it has more files or bytes than any package.
    """
    if files > FILES_LIMIT or unpacked > BYTES_LIMIT:
        raise PackagingError(
            f"{package} declares {files} files of {unpacked} bytes; Lambda allows far less than {FILES_LIMIT} files "
            f"and {BYTES_LIMIT} bytes; remove files"
        )


def check_tree(files: Iterable[str], folders: Iterable[str], links: Mapping[str, str], package: object) -> None:
    """Check that no name goes through a file or a link, and that no link leads out.

    Raises:
        PackagingError: one does.
    """
    known = {*files, *links}
    for name in (*known, *folders):
        parent = name
        while parent := posixpath.dirname(parent):
            if parent in known:
                raise PackagingError(
                    f"{package} has {quoted(name)} and also {quoted(parent)}, which is not a folder; create it again"
                )
    for name in links:
        resolve(name, links, package)


def resolve(name: str, links: Mapping[str, str], package: object) -> str:
    """Follow links as the kernel would, to a name without links; "" is the package itself.

    Raises:
        PackagingError: the path leads out of the package, or in a circle.
    """
    path, rest, followed = "", name.split("/"), 0
    while rest:
        part = rest.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not path:
                raise _leads_out(name, links, package)
            path = posixpath.dirname(path)
            continue
        path = posixpath.join(path, part)
        if path not in links:
            continue
        followed += 1
        if followed > _LINKS_LIMIT:
            raise PackagingError(f"{package} has the link {quoted(name)}, which leads in a circle; remove it")
        target = links[path]
        if target.startswith(_LAYERS):
            path, rest = "", [*target.removeprefix(_LAYERS).split("/"), *rest]
            continue
        if target.startswith("/"):
            raise _leads_out(name, links, package)
        path, rest = posixpath.dirname(path), [*target.split("/"), *rest]
    return path


def _leads_out(name: str, links: Mapping[str, str], package: object) -> PackagingError:
    target = quoted(links.get(name, "?"))
    return PackagingError(f"{package} has the link {quoted(name)} to {target}, out of it; replace it by the file")
