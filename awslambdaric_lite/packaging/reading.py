"""Packages as they come: folders, and zip files as Lambda unpacks them; and copies of them to work on."""

from __future__ import annotations

import calendar
import functools
import io
import lzma
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..common.words import quoted
from .errors import PackagingError
from .package import File, Package, check_size, checked_name

__all__ = ["Package", "copy_package", "extract", "open_package"]

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)
_ENCRYPTED = 0x1
_METHODS = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstandard"}  # APPNOTE.TXT 4.4.5
_NO_DATE = 315532800  # 1980-01-01, the earliest that a zip file can have
_DEFAULT_MODE = 0o644  # of zip files from systems without modes
_TARGET_LIMIT = 4096  # bytes of a link's target, as of a path on Linux
_COPIED = 1024 * 1024  # bytes of a read


@contextmanager
def open_package(path: Path) -> Iterator[Package]:
    """Open a folder or a zip file.

    Raises:
        PackagingError: it is neither of these, damaged, or hostile.
    """
    package = _open(path)
    try:
        yield package
    finally:
        package.close()


def _open(path: Path) -> Package:
    try:
        if path.is_dir():
            return _Folder(path)
        if path.exists() and not path.is_file():  # a device has no end, a named pipe no beginning
            raise PackagingError(f"{path} is not an ordinary file; give the path of a folder or a zip file")
        with path.open("rb"):  # a missing or unreadable file has its own error
            pass
        if not zipfile.is_zipfile(path):
            raise PackagingError(f"{path} is neither a folder nor a zip file; give the path of one")
    except OSError as error:
        raise PackagingError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        archive = zipfile.ZipFile(path)
    except (*_DAMAGED, NotImplementedError) as error:
        raise PackagingError(f"{path} is a damaged zip file: {error}; create it again") from error
    try:
        return _Zip(path, archive)
    except BaseException:
        archive.close()
        raise


def extract(path: Path, into: Path) -> None:
    """Copy a package to a folder, with the modes and times that its files would have on Lambda.

    The folder is created if it does not exist, and must be empty.

    Raises:
        PackagingError: as `open_package`, or the folder cannot be written to.
    """
    with open_package(path) as package:
        copy_package(package, into)


def copy_package(package: Package, into: Path) -> None:
    """Copy an open package to a folder.

    Raises:
        PackagingError: a file cannot be read, or the folder cannot be written to.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise PackagingError(f"{into} is not empty; name a new folder")
        for name in package.folders():
            (into / name).mkdir(parents=True, exist_ok=True)
        links = package.links()
        for name in package.names():
            if name not in links:
                _copy_file(package, name, into / name)
        for name, target in links.items():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).symlink_to(target)
    except OSError as error:
        raise PackagingError(f"{into} cannot be written: {error.strerror or error}") from error


def merge(folder: Path, into: Path, put: Callable[[Path, Path], object]) -> None:
    """Put the content of a folder into another, over its files, as Lambda does with layers.

    Args:
        folder: one with the content.
        into: a folder that exists.
        put: copies or moves a file or a link.

    Raises:
        OSError: a file cannot be read, or a folder cannot be written to.
    """
    for source in folder.iterdir():
        target = into / source.name
        if source.is_dir() and not source.is_symlink():
            if target.is_symlink() or not target.is_dir():  # a link could lead anywhere
                _remove(target)
                target.mkdir()
            merge(source, target, put)
        else:
            _remove(target)
            put(source, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _copy_file(package: Package, name: str, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with package.open(name) as source, copy.open("xb") as target:
        shutil.copyfileobj(source, target, _COPIED)
    copy.chmod(package.mode(name) & 0o755 | 0o600)  # the user must be able to read the copy
    modified = package.mtime(name)
    os.utime(copy, (modified, modified))


class _Folder(Package):
    """A folder, as it would be packed or copied into an image; listed when it is opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._list("")
        except OSError as error:
            raise PackagingError(f"{error.filename} cannot be read: {error.strerror}") from error
        check_size(len(self._files), sum(file.size for file in self._files.values()), path)
        self._check_tree()

    def close(self) -> None:
        pass

    def packed_size(self) -> None:
        return None

    def _list(self, folder: str) -> None:
        with os.scandir(self.path / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    self._folders.add(name)
                    self._list(name)
                    continue
                self._check_kind(name, status.st_mode)
                if stat.S_ISLNK(status.st_mode):
                    self._links[name] = os.readlink(entry.path)
                else:
                    opened = functools.partial(self._open, name)
                    mode, modified = stat.S_IMODE(status.st_mode), int(status.st_mtime)
                    self._files[name] = File(status.st_size, mode, modified, opened)

    def _open(self, name: str) -> IO[bytes]:
        try:
            return (self.path / name).open("rb")
        except OSError as error:
            raise PackagingError(f"{self.path}: {quoted(name)} cannot be read: {error.strerror}") from error


class _Zip(Package):
    """An open zip file, checked before any member of it is used."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        super().__init__(path)
        self._archive = archive
        self._compressions: dict[str, str] = {}
        entries = archive.infolist()
        check_size(len(entries), sum(entry.file_size for entry in entries), path)
        if sum(entry.compress_size for entry in entries) > self.packed_size():
            raise PackagingError(f"{path} has members that overlap; create it again")
        for entry in entries:
            self._add(entry, checked_name(entry.orig_filename, path))
        self._check_tree()

    def close(self) -> None:
        self._archive.close()

    def packed_size(self) -> int:
        return self.path.stat().st_size

    def compressions(self) -> Mapping[str, str]:
        return self._compressions

    def _add(self, entry: zipfile.ZipInfo, name: str) -> None:
        if entry.is_dir():
            self._folders.add(name)
            if mode := stat.S_IMODE(entry.external_attr >> 16):
                self._folder_modes[name] = mode
            return
        if not name:
            raise PackagingError(f"{self.path} has a member without a name; create it again")
        if name in self._files or name in self._links:
            raise PackagingError(f"{self.path} has the member {quoted(name)} twice; create it again")
        if entry.flag_bits & _ENCRYPTED:
            raise PackagingError(
                f"{self.path}: {quoted(name)} is encrypted, which Lambda cannot read; zip without password"
            )
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self._compressions[name] = _METHODS.get(entry.compress_type, f"method {entry.compress_type}")
        mode = entry.external_attr >> 16
        self._check_kind(name, mode)
        content = functools.partial(self._content, entry)
        if stat.S_ISLNK(mode):
            if entry.file_size > _TARGET_LIMIT:
                raise PackagingError(f"{self.path}: the link {quoted(name)} is too long; create it again")
            target = content().read().decode("utf-8", "surrogateescape")
            if not target or "\0" in target:
                raise PackagingError(f"{self.path}: the link {quoted(name)} leads nowhere; create it again")
            self._links[name] = target
        else:
            self._files[name] = File(entry.file_size, stat.S_IMODE(mode) or _DEFAULT_MODE, _seconds(entry), content)

    def _content(self, entry: zipfile.ZipInfo) -> IO[bytes]:
        # Read completely: a damaged member fails here rather than in the middle of the caller's work.
        try:
            return io.BytesIO(self._archive.read(entry))
        except NotImplementedError:
            method = _METHODS.get(entry.compress_type, f"method {entry.compress_type}")
            shown = quoted(entry.filename)
            raise PackagingError(
                f"{self.path}: {shown} is compressed with {method}, which Lambda cannot unpack; zip it with deflate"
            ) from None
        except _DAMAGED as error:
            shown = quoted(entry.filename)
            raise PackagingError(f"{self.path}: {shown} is damaged: {error}; create the zip file again") from error


def _seconds(entry: zipfile.ZipInfo) -> int:
    try:
        return calendar.timegm((*entry.date_time, 0, 0, 0))
    except ValueError:  # not a month of the calendar: some tools write no date
        return _NO_DATE
