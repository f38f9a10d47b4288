"""Download interpreters of python-build-standalone, once, and check their SHA-256.

Addresses and hashes come from the package `pbs-installer`, which follows the releases. `PBS_INSTALLER_BASE_URL` makes
it use a mirror.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

import urllib3

from awslambdaric_lite.common.files import replacing
from awslambdaric_lite.common.http_client import cause_of, open_client
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target

if TYPE_CHECKING:
    from pbs_installer import PythonVersion

    LookUp = Callable[[str, str, str], tuple[PythonVersion, tuple[str, str | None]]]

_FLAVOUR = "install_only_stripped"
_CHUNK = 1 << 18
_CURE = "or give an interpreter with --interpreter"
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
# One retry helps after a broken connection; without a network, more of them would only delay the error.
_RETRIES = urllib3.Retry(connect=1, read=1, redirect=5, other=1, status=2, status_forcelist=(500, 502, 503, 504))


@dataclass(frozen=True)
class Build:
    """An archive that can be downloaded."""

    release: str  # e.g. "3.13.1"
    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Return the name of its file."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2])


def find_build(target: Target, look_up: LookUp | None = None) -> Build:
    """Return the newest build of the target's version and architecture.

    `look_up` replaces `pbs_installer.get_download_link`.

    Raises:
        PackagingError: pbs-installer has none, or is not installed.
    """
    machine = "aarch64" if target.arch == "arm64" else target.arch
    try:
        version, (url, sha256) = (look_up or _look_up())(target.python, machine, "linux")
    except ValueError:
        cure = f"pip install -U pbs-installer, {_CURE}"
        raise PackagingError(f"pbs-installer has no CPython {target.python} for {target.arch}: {cure}") from None
    build = Build(f"{version.major}.{version.minor}.{version.micro}", url, sha256 or "")
    if not build.sha256 or _FLAVOUR not in build.name:
        what = "SHA-256" if _FLAVOUR in build.name else _FLAVOUR
        cure = f"pip install -U pbs-installer, {_CURE}"
        raise PackagingError(f"pbs-installer has no {what} of CPython {build.release} for {target.arch}: {cure}")
    return build


def fetch(build: Build, cache: Path | None = None) -> Path:
    """Return the archive's file: the one in the cache (`XDG_CACHE_HOME`) if it is whole, else downloaded.

    Raises:
        PackagingError: it cannot be downloaded, or has another hash; the cache is unchanged.
    """
    folder = cache or cache_folder()
    path = folder / build.name
    if path.is_file() and _sha256(path) == build.sha256:
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            actual = _download(build, file)
            if actual != build.sha256:
                hashes = f"its SHA-256 is {actual}, it should be {build.sha256}"
                raise PackagingError(f"{build.url} is not the expected file: {hashes}; try again, {_CURE}")
    except OSError as error:
        cure = "name another cache with XDG_CACHE_HOME"
        raise PackagingError(f"{folder} cannot be written: {error.strerror or error}; {cure}, {_CURE}") from None
    return path


def cache_folder() -> Path:
    """Return the folder of downloads; the XDG Base Directory Specification allows absolute paths only."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "awslambdaric-lite"


def _look_up() -> LookUp:
    try:
        from pbs_installer import get_download_link
    except ImportError:
        cure = f"pip install 'awslambdaric-lite[layers]', {_CURE}"
        raise PackagingError(f"addresses of interpreters need pbs-installer: {cure}") from None
    return get_download_link


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _download(build: Build, file: BinaryIO) -> str:
    """Download a build to a file; return its SHA-256."""
    digest = hashlib.sha256()
    try:
        with open_client(build.url) as client:
            response = client.request("GET", build.url, preload_content=False, timeout=_TIMEOUT, retries=_RETRIES)
            try:
                if response.status != 200:
                    raise PackagingError(f"{build.url} answers with status {response.status}; try again later, {_CURE}")
                length = response.headers.get("Content-Length", "")
                with _progress(build.name, int(length) if length.isdecimal() else None) as advance:
                    for chunk in response.stream(_CHUNK, decode_content=False):
                        file.write(chunk)
                        digest.update(chunk)
                        advance(len(chunk))
            finally:
                response.close()
    except urllib3.exceptions.HTTPError as error:
        raise PackagingError(f"{build.url} cannot be downloaded ({cause_of(error)}); try again, {_CURE}") from None
    return digest.hexdigest()


@contextlib.contextmanager
def _progress(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, if it is a terminal and rich is installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        yield lambda size: None
        return
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda size: progress.advance(task, size)
