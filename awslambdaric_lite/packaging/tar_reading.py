"""Tar files, plain or compressed: unpacked by the standard library, with its filter for data."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from .errors import PackagingError
from .package import BYTES_LIMIT, check_tree, checked_name, checked_size, printable

_GZIP, _BZIP2, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
_MAGIC_AT, _MAGIC = 257, b"ustar"  # of POSIX and GNU tar files
_DAMAGED = (
    tarfile.TarError,
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    KeyError,
    OverflowError,
    RecursionError,
)


class _Limited(io.RawIOBase):
    """What is in a compressed file, up to a limit: a header may ask for any amount of memory."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if size < 0 or self._file.tell() + size > self._limit:
            raise OSError("more is in it than any package has")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_SET and offset > self._limit:
            raise OSError("more is in it than any package has")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def is_tar(path: Path) -> bool:
    """Whether it looks like one, compressed or not."""
    try:
        with _opened(path) as file:
            header = file.read(512)
    except (*_DAMAGED, PackagingError):
        return False
    return header[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] == _MAGIC


def unpack_tar(path: Path, into: Path) -> None:
    """Unpack it to an empty folder.

    Raises:
        PackagingError: it is damaged or not to be trusted, or this Python has no filter for such files.
    """
    if not hasattr(tarfile, "data_filter"):
        raise PackagingError(f"{path}: tar files need Python 3.10.12, 3.11.4 or later here; give a folder or a zip")
    try:
        with _opened(path) as file, tarfile.open(fileobj=_Limited(file, BYTES_LIMIT), mode="r:") as archive:
            members = _checked(archive, path)
            archive.extractall(into, members=members, filter="data")
    except _DAMAGED as error:
        raise PackagingError(f"{path} is a tar file that cannot be unpacked: {error}; make it again") from error


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        begin = file.read(8)
    if begin.startswith(_GZIP):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if begin.startswith(_BZIP2):
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if begin.startswith(_XZ):
        return cast("IO[bytes]", lzma.open(path, "rb"))
    return path.open("rb")


def _checked(archive: tarfile.TarFile, path: Path) -> list[tarfile.TarInfo]:
    members: list[tarfile.TarInfo] = []
    files: set[str] = set()
    folders: set[str] = set()
    links: dict[str, str] = {}
    unpacked = 0
    for member in archive:
        name = checked_name(member.name, path)
        unpacked += member.size
        checked_size(len(members), unpacked, path)
        if name in files or name in links:
            raise PackagingError(f"{path} has the member {printable(member.name)} twice; make it again")
        if member.isdir():
            folders.add(name)
        elif member.issym():
            links[name] = member.linkname
        elif member.isreg() or member.islnk():
            files.add(name)
        else:
            raise PackagingError(f"{path}: {printable(member.name)} is neither file, folder nor link; leave it out")
        members.append(member)
    folders.discard("")
    check_tree(files, folders, links, path)
    return members
