"""What every kind of package can be asked for, and the rules that its names and links have to keep."""

from __future__ import annotations

import abc
import posixpath
from collections.abc import Iterable, Mapping
from typing import IO

from .errors import PackagingError

FILES_LIMIT = 500_000
"""Members: no package has that many."""

BYTES_LIMIT = 4 * 1024**3
"""Bytes that a package may declare to have unpacked: sixteen times what Lambda takes."""

_LINKS_LIMIT = 40  # that follow each other, as in Linux


class Package(abc.ABC):
    """The files of a package, by their posix names within it.

    A link to a file is a file with the content, size, mode and time of what it leads to. Links to folders are in
    `links()` only.
    """

    @abc.abstractmethod
    def names(self) -> list[str]:
        """Every file, sorted."""

    @abc.abstractmethod
    def folders(self) -> list[str]:
        """Every folder that the package mentions, sorted; those that only lie on the way to a file may be missing."""

    @abc.abstractmethod
    def links(self) -> Mapping[str, str]:
        """Every symbolic link with its target, as it is written."""

    @abc.abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading; `PackagingError` if it is damaged or cannot be read."""

    @abc.abstractmethod
    def size(self, name: str) -> int:
        """Bytes, unpacked."""

    @abc.abstractmethod
    def mode(self, name: str) -> int:
        """The permissions, such as 0o644."""

    @abc.abstractmethod
    def mtime(self, name: str) -> int:
        """Seconds since 1970. A zip file has no time zone: Lambda's is UTC."""

    def packed_size(self) -> int | None:
        """Bytes of the archive; None for a folder."""
        return None

    def read(self, name: str) -> bytes:
        """Read a whole file.

        Raises:
            PackagingError: it is damaged or cannot be read.
        """
        with self.open(name) as file:
            return file.read()

    def is_symlink(self, name: str) -> bool:
        """Whether it is a link to a file."""
        return name in self.links()


def checked_name(name: str, package: object) -> str:
    """Return a member's name without empty parts and dots.

    Raises:
        PackagingError: it leads out of the package, or is one that Lambda would not understand.
    """
    if name.startswith("/") or ".." in name.split("/"):
        raise PackagingError(f"{package} has the member {printable(name)}, which leads out of it; make it again")
    if "\\" in name:
        raise PackagingError(f"{package} has the member {printable(name)}; make it again with / instead of \\")
    if "\0" in name:
        raise PackagingError(f"{package} has the member {printable(name)}, which is no file name; make it again")
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def checked_size(files: int, unpacked: int, package: object) -> None:
    """Refuse what would fill the disk.

    Raises:
        PackagingError: there are more files or bytes than any package has.
    """
    if files > FILES_LIMIT or unpacked > BYTES_LIMIT:
        raise PackagingError(
            f"{package} declares {files} files of {unpacked} bytes; more than {FILES_LIMIT} files or {BYTES_LIMIT} "
            "bytes are not unpacked, Lambda takes far less"
        )


def check_tree(files: Iterable[str], folders: Iterable[str], links: Mapping[str, str], package: object) -> None:
    """See to it that no name goes through a file or a link, and that no link leads out.

    Raises:
        PackagingError: one does.
    """
    known = {*files, *links}
    for name in (*known, *folders):
        parent = name
        while parent := posixpath.dirname(parent):
            if parent in known:
                raise PackagingError(
                    f"{package} has {printable(name)} and also {printable(parent)}, which is no folder; make it again"
                )
    for name in links:
        resolve(name, links, package)


def resolve(name: str, links: Mapping[str, str], package: object) -> str:
    """Follow links as the kernel would, to a name that has none in it; "" is the package itself.

    Raises:
        PackagingError: the way leads out of the package, or in a circle.
    """
    way, rest, followed = "", name.split("/"), 0
    while rest:
        part = rest.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not way:
                raise _leads_out(name, links, package)
            way = posixpath.dirname(way)
            continue
        way = posixpath.join(way, part)
        if way not in links:
            continue
        followed += 1
        if followed > _LINKS_LIMIT:
            raise PackagingError(f"{package} has the link {printable(name)}, which leads in a circle; remove it")
        target = links[way]
        if target.startswith("/"):
            raise _leads_out(name, links, package)
        way, rest = posixpath.dirname(way), [*target.split("/"), *rest]
    return way


def printable(name: str) -> str:
    """A name in quotes, without anything that a terminal could obey."""
    text = ascii(name)
    return text if len(text) <= 200 else f"{text[:200]}…'"


def _leads_out(name: str, links: Mapping[str, str], package: object) -> PackagingError:
    target = printable(links.get(name, "?"))
    return PackagingError(f"{package} has the link {printable(name)} to {target}, out of it; replace it by the file")
