"""Zip files, as Lambda unpacks them."""

from __future__ import annotations

import calendar
import io
import lzma
import stat
import types
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from .errors import PackagingError
from .package import Package, check_tree, checked_name, checked_size, printable, resolve

_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)
_LINK_LIMIT = 4096  # bytes, as of a path on Linux
_NO_DATE = 315532800  # 1980-01-01, the earliest that a zip file can have
_DEFAULT_MODE = 0o644  # where the zip was made on a system without modes


class ZipPackage(Package):
    """A zip file, checked when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (*_DAMAGED, NotImplementedError) as error:
            raise PackagingError(f"{path} is a damaged zip file: {error}; make it again") from error
        try:
            self._read_members()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> ZipPackage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._archive.close()

    def names(self) -> list[str]:
        return self._names

    def folders(self) -> list[str]:
        return self._folders

    def links(self) -> Mapping[str, str]:
        return self._links

    def open(self, name: str) -> IO[bytes]:
        # In one piece: a damaged member fails here instead of in the middle of somebody's work.
        return io.BytesIO(self._content(self._member(name)))

    def size(self, name: str) -> int:
        return self._member(name).file_size

    def mode(self, name: str) -> int:
        return stat.S_IMODE(self._member(name).external_attr >> 16) or _DEFAULT_MODE

    def mtime(self, name: str) -> int:
        try:
            return calendar.timegm((*self._member(name).date_time, 0, 0, 0))
        except ValueError:  # no month of the calendar: some tools write no date at all
            return _NO_DATE

    def packed_size(self) -> int:
        return self._path.stat().st_size

    def _member(self, name: str) -> zipfile.ZipInfo:
        return self._members[resolve(name, self._links, self._path)]

    def _read_members(self) -> None:
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._links: dict[str, str] = {}
        folders: set[str] = set()
        entries = self._archive.infolist()
        checked_size(len(entries), sum(entry.file_size for entry in entries), self._path)
        if sum(entry.compress_size for entry in entries) > self._path.stat().st_size:
            raise PackagingError(f"{self._path} has members that overlap; make it again")
        for entry in entries:
            name = checked_name(entry.orig_filename, self._path)
            if entry.is_dir():
                folders.add(name)
                continue
            self._check(entry, name)
            if stat.S_ISLNK(entry.external_attr >> 16):
                self._links[name] = self._target(entry, name)
            else:
                self._members[name] = entry
        folders.discard("")
        check_tree(self._members, folders, self._links, self._path)
        leading_to_files = [name for name in self._links if resolve(name, self._links, self._path) in self._members]
        self._names = sorted([*self._members, *leading_to_files])
        self._folders = sorted(folders)

    def _check(self, entry: zipfile.ZipInfo, name: str) -> None:
        shown = printable(entry.filename)
        if not name:
            raise PackagingError(f"{self._path} has a member without a name; make it again")
        if name in self._members or name in self._links:
            raise PackagingError(f"{self._path} has the member {shown} twice; make it again")
        if entry.flag_bits & _ENCRYPTED:
            raise PackagingError(f"{self._path}: {shown} is encrypted, which Lambda cannot read; zip without password")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise PackagingError(f"{self._path}: {shown} is neither file, folder nor link; leave it out")

    def _target(self, entry: zipfile.ZipInfo, name: str) -> str:
        if entry.file_size > _LINK_LIMIT:
            raise PackagingError(f"{self._path}: the link {printable(name)} is too long; make the zip again")
        target = self._content(entry).decode("utf-8", "surrogateescape")
        if not target or "\0" in target:
            raise PackagingError(f"{self._path}: the link {printable(name)} leads nowhere; make the zip again")
        return target

    def _content(self, entry: zipfile.ZipInfo) -> bytes:
        try:
            return self._archive.read(entry)
        except (*_DAMAGED, NotImplementedError) as error:
            shown = printable(entry.filename)
            raise PackagingError(f"{self._path}: {shown} is damaged: {error}; make the zip again") from error
