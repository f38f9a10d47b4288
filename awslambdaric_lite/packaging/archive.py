"""Zip files with the same bytes for the same content, and files that are written completely or not at all."""

from __future__ import annotations

import calendar
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..common.files import replacing, unfinished_name
from .errors import PackagingError

FAST = 6
"""The level of deflate with 0.25 to 0.54 of the CPU time of `SMALLEST`, and 0.2 to 0.9 % more bytes.

So says `benchmarks.compression` about packages with Boto3, with FastAPI, SQLAlchemy and cryptography, and with NumPy
and pydantic. At level 5 the bytes are 0.4 to 2.3 % more.
"""

SMALLEST = 9

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment of a zip file's calendar
_LATEST = (2107, 12, 31, 23, 59, 58)
_UNIX = 3  # "version made by" of APPNOTE.TXT 4.4.2: the attributes hold a Unix mode


@dataclass(frozen=True)
class Member:
    """A file of an archive: its relative POSIX name, its content or the path of that, and whether it is executable."""

    name: str
    source: Path | bytes
    executable: bool = False

    def read(self) -> bytes:
        """Return the content.

        Raises:
            PackagingError: its file cannot be read.
        """
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError as error:
            raise PackagingError(f"{self.source} cannot be read: {error.strerror}; check its permissions") from None

    def size(self) -> int:
        """Return the number of bytes.

        Raises:
            PackagingError: its file does not exist.
        """
        if isinstance(self.source, bytes):
            return len(self.source)
        try:
            return self.source.stat().st_size
        except OSError as error:
            raise PackagingError(f"{self.source} cannot be read: {error.strerror}; check its permissions") from None


@dataclass(frozen=True)
class Sizes:
    """The sizes of an archive: bytes of the file, bytes unpacked, number of members."""

    zipped: int
    unpacked: int
    files: int


def write_zip(
    output: Path,
    members: Iterable[Member],
    *,
    level: int = SMALLEST,
    progress: Callable[[str, int, int], None] | None = None,
    accept: Callable[[Sizes], None] | None = None,
) -> Sizes:
    """Write an archive whose bytes depend on its members, `level` and `SOURCE_DATE_EPOCH` only.

    Members are sorted, deflated and have mode 0644 or 0755; their date is `SOURCE_DATE_EPOCH` (UTC), or 1980-01-01.
    `progress(name, done, total)` is called after each member with bytes of content, `accept(sizes)` before the file
    replaces an older one: an exception from it prevents that, and the older file stays.

    Raises:
        PackagingError: a name occurs twice, is absolute, leads out or cannot be written; a file cannot be read;
            the output cannot be written; `SOURCE_DATE_EPOCH` is not a number.
    """
    ordered = sorted(members, key=lambda member: member.name)
    check_names(member.name for member in ordered)
    date = _date()
    total = sum(member.size() for member in ordered)
    done = 0
    with _replacing(output) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in ordered:
                content = member.read()
                archive.writestr(_info(member, date), content, compresslevel=level)
                done += len(content)
                if progress is not None:
                    progress(member.name, done, total)
        sizes = Sizes(file.tell(), done, len(ordered))
        if accept is not None:
            accept(sizes)
    return sizes


def write_tree(folder: Path, members: Iterable[Member]) -> None:
    """Write members as files of a folder, with the modes and dates that an archive of them has, unpacked in UTC.

    Raises:
        PackagingError: a file cannot be read; `SOURCE_DATE_EPOCH` is not a number.
    """
    moment = calendar.timegm(_date())
    for member in members:
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(member.read())
        path.chmod(0o755 if member.executable else 0o644)
        os.utime(path, (moment, moment))


def zipped_size(member: Member) -> int:
    """Return the bytes that a member takes in the smallest archive, with its headers (APPNOTE.TXT 4.3.7 and 4.3.12)."""
    compressor = zlib.compressobj(SMALLEST, zlib.DEFLATED, -zlib.MAX_WBITS)
    content = compressor.compress(member.read()) + compressor.flush()
    return len(content) + 30 + 46 + 2 * len(member.name.encode())


def write_text_file(output: Path, text: str) -> None:
    """Write a file of UTF-8 text; if that fails, an older file stays.

    Raises:
        PackagingError: it cannot be written.
    """
    with _replacing(output) as file:
        file.write(text.encode())


def check_output(output: Path) -> None:
    """Check early that a file can be written; an older one stays.

    Raises:
        PackagingError: it cannot.
    """
    fresh = unfinished_name(_ordinary(output))
    try:
        fresh.open("xb").close()
        fresh.unlink()
    except OSError as error:
        raise PackagingError(_unwritable(output, error)) from None


@contextmanager
def _replacing(output: Path) -> Iterator[BinaryIO]:
    """Replace the output by a new file when the block ends, with errors that name the cure."""
    try:
        with replacing(_ordinary(output)) as file:
            yield file
    except OSError as error:
        raise PackagingError(_unwritable(output, error)) from None


def _ordinary(output: Path) -> Path:
    """Return the output, unless a folder or a device has its name."""
    if output.exists() and not output.is_file():
        raise PackagingError(f"{output} is not an ordinary file; name one to be written")
    return output


def _unwritable(output: Path, error: OSError) -> str:
    if not output.parent.is_dir():
        return f"{output} cannot be written: the folder {output.parent} does not exist; make it, or name another"
    return f"{output} cannot be written: {error.strerror}; name a place where it can be"


def _info(member: Member, date: tuple[int, int, int, int, int, int]) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(member.name, date)
    info.create_system = _UNIX
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | (0o755 if member.executable else 0o644)) << 16
    return info


def check_names(names: Iterable[str]) -> None:
    """Check that each name is a different file within the archive.

    Raises:
        PackagingError: one occurs twice, is absolute, leads out or cannot be written.
    """
    ordered = sorted(names)
    taken = set(ordered)
    previous = None
    for name in ordered:
        if name == previous:
            raise PackagingError(f"{name} is included twice; exclude one")
        previous = name
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\\" in name or "\0" in name:
            raise PackagingError(
                f"{name!r} is not a name for a file of the archive; write it relative, without . or .."
            )
        try:
            name.encode()
        except UnicodeEncodeError:
            raise PackagingError(f"{name!r} is not UTF-8, which names in zip files are; rename the file") from None
        parent = next((each for end in range(1, len(parts)) if (each := "/".join(parts[:end])) in taken), None)
        if parent is not None:
            raise PackagingError(f"{parent} is a file and a folder (of {name}); rename one of the two")


def _date() -> tuple[int, int, int, int, int, int]:
    """Return the date of members; see https://reproducible-builds.org/specs/source-date-epoch."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return _EARLIEST
    try:
        moment = time.gmtime(int(text))
    except (ValueError, OverflowError, OSError):
        raise PackagingError(
            f"SOURCE_DATE_EPOCH={text!r} is not a number of seconds since 1970; correct or unset it"
        ) from None
    return min(max(moment[:6], _EARLIEST), _LATEST)
