"""One view on a package, whether it is a zip file, a tar file or a folder, and a copy of it that can be worked on.

Nothing of a package is trusted: names and links that lead out of it, members that occur twice, encrypted or damaged
ones and archives that declare to be far larger than Lambda allows are refused when it is opened.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .errors import PackagingError
from .folder_reading import FolderPackage
from .package import Package
from .tar_reading import is_tar, unpack_tar
from .zip_reading import ZipPackage

__all__ = ["Package", "extract", "open_package"]

_COPIED = 1024 * 1024  # bytes at once


@contextlib.contextmanager
def open_package(path: Path) -> Iterator[Package]:
    """Look into a zip file, a folder or a tar file, compressed or not.

    A tar file is unpacked to a temporary folder until the end of the `with` statement.

    Raises:
        PackagingError: it is none of these, damaged, or not to be trusted.
    """
    with contextlib.ExitStack() as stack:
        yield _opened(path, stack)


def _opened(path: Path, stack: contextlib.ExitStack) -> Package:
    try:
        if path.is_dir():
            return FolderPackage(path)
        if path.exists() and not path.is_file():  # a device has no end, a named pipe no beginning
            raise PackagingError(f"{path} is no ordinary file; give the path of a folder, a zip or a tar file")
        with path.open("rb"):  # a missing or unreadable file has its own error
            pass
        if zipfile.is_zipfile(path):
            return stack.enter_context(ZipPackage(path))
        if is_tar(path):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="awslambdaric-lite-"))
            unpack_tar(path, Path(folder))
            return FolderPackage(Path(folder), called=path)
    except OSError as error:
        raise PackagingError(f"{path} cannot be read: {error.strerror or error}") from error
    raise PackagingError(f"{path} is neither a folder nor a zip or tar file; give the path of one")


def extract(path: Path, into: Path) -> None:
    """Copy a package to a folder, with the modes and times that its files would have on Lambda.

    The folder is created if it does not exist, and must be empty.

    Raises:
        PackagingError: as `open_package`, or the folder cannot be written to.
    """
    with open_package(path) as package:
        copy_package(package, into)


def copy_package(package: Package, into: Path) -> None:
    """Do it for an open package.

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


def _copy_file(package: Package, name: str, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with package.open(name) as source, copy.open("xb") as target:
        shutil.copyfileobj(source, target, _COPIED)
    copy.chmod(stat.S_IMODE(package.mode(name)) & 0o755 | 0o600)  # whoever copies must be able to read it
    modified = package.mtime(name)
    os.utime(copy, (modified, modified))
