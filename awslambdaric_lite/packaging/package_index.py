"""The package index as a client sees it (PEP 503 and PEP 691), read when an installer fails."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import netrc
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from .errors import PackagingError
from .index_settings import Settings, without_credentials
from .wheel_choice import standard

if TYPE_CHECKING:
    import urllib3

_TIMEOUT_S = 15.0
_ACCEPTED = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_DENIED = (401, 403, 407)  # the index or a proxy asks for credentials, or has refused them
_SOURCES = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class IndexFile:
    """One file of a project; `digest` is its SHA-256 or ""."""

    name: str
    url: str
    digest: str = ""
    requires_python: str = ""
    is_yanked: bool = False

    @property
    def version(self) -> str:
        """Return the version in the file's name, or "" if the name has none."""
        utils, version = standard("utils"), standard("version")
        try:
            if self.name.endswith(".whl"):
                return str(utils.parse_wheel_filename(self.name)[1])
            stem = next((self.name.removesuffix(end) for end in _SOURCES if self.name.endswith(end)), "")
            return str(version.Version(stem.rpartition("-")[2]))
        except (utils.InvalidWheelFilename, version.InvalidVersion):
            return ""

    @property
    def is_wheel(self) -> bool:
        """Return whether the file is a wheel."""
        return self.name.endswith(".whl")


class PackageIndex:
    """The indexes and the folders of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._addresses: list[str] | None = None

    @property
    def shown(self) -> str:
        """Return the addresses of the indexes for a message."""
        return " and ".join(without_credentials(address) for address in self.addresses)

    @property
    def addresses(self) -> list[str]:
        """Return the addresses of the indexes."""
        if self._addresses is None:
            has_none = bool(self._settings.get("no-index"))
            default = self._settings.get("index-url") or _default_address()
            self._addresses = [] if has_none else [*default, *self._settings.get("extra-index-url", ())]
        return self._addresses

    def files(self, project: str) -> list[IndexFile]:
        """Return the files of a project, of all indexes and folders; an unknown project has none.

        Raises:
            PackagingError: an index does not answer, or refuses.
        """
        normal = str(standard("utils").canonicalize_name(project))
        found = [*self._in_folders(normal)]
        for address in self.addresses:
            found += self._of_index(address, normal)
        return [file for file in found if file.version and not file.is_yanked]

    def digest(self, file: IndexFile) -> str:
        """Return the SHA-256 of a file, "" if the index does not tell it; files in folders are read."""
        if file.digest or "://" in file.url:
            return file.digest
        return hashlib.sha256(Path(file.url).read_bytes()).hexdigest()

    def download(self, file: IndexFile, folder: Path) -> Path:
        """Write a file of the index to a folder, and return its path.

        Raises:
            PackagingError: it cannot be downloaded, or its content has another hash.
        """
        path = folder / os.path.basename(file.name)
        data = self._get(file.url, file.url).data if "://" in file.url else Path(file.url).read_bytes()
        if file.digest and hashlib.sha256(data).hexdigest() != file.digest:
            raise PackagingError(f"{file.name} does not match the hash of its index; find out why")
        path.write_bytes(data)
        return path

    def _in_folders(self, project: str) -> Iterator[IndexFile]:
        utils = standard("utils")
        for place in self._settings.get("find-links", ()):
            if "://" in place:
                if place.startswith("http"):
                    response = self._get(place, place)
                    yield from (each for each in _html_files(response.data.decode(), place) if _is_of(each, project))
                continue
            for path in sorted(Path(place).glob("*")) if os.path.isdir(place) else ():
                stem = path.name.split("-")[0] if path.suffix == ".whl" else path.name.rpartition("-")[0]
                if stem and utils.canonicalize_name(stem) == project:
                    yield IndexFile(path.name, str(path))

    def _of_index(self, address: str, project: str) -> list[IndexFile]:
        url = f"{address.rstrip('/')}/{project}/"
        response = self._get(url, address, allowed=(200, 404))
        if response.status == 404:
            return []
        base = response.geturl() or url
        base = urljoin(url, base)
        text = response.data.decode("utf-8", "replace")
        if "json" in response.headers.get("Content-Type", ""):
            return [
                IndexFile(
                    each["filename"],
                    urljoin(base, each["url"]),
                    each.get("hashes", {}).get("sha256", ""),
                    each.get("requires-python") or "",
                    bool(each.get("yanked")),
                )
                for each in json.loads(text)["files"]
            ]
        return _html_files(text, base)

    def _get(self, url: str, address: str, allowed: tuple[int, ...] = (200,)) -> urllib3.BaseHTTPResponse:
        try:
            import urllib3

            from ..common.http_client import cause_of, open_client
        except ModuleNotFoundError:
            raise PackagingError(
                "the package index cannot be asked, because urllib3 is missing: pip install urllib3"
            ) from None
        parts = urlsplit(url)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
        headers = {"Accept": _ACCEPTED, **self._authorization(url, address)}
        cert = self._settings.get("cert", [None])[-1]
        trusted = {parts.hostname, parts.netloc.rpartition("@")[2]} & set(self._settings.get("trusted-host", ()))
        client_cert = self._settings.get("client-cert", [None])[-1]
        proxy = self._settings.get("proxy", [None])[-1]
        try:
            with open_client(
                bare,
                proxy=proxy,
                ca_certs=cert,
                cert_file=client_cert,
                **({"cert_reqs": "CERT_NONE"} if trusted else {}),
            ) as client:
                response = client.request(
                    "GET", bare, headers=headers, timeout=self._timeout(), retries=urllib3.Retry(0, redirect=5)
                )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(address, cause_of(error)) from None
        if response.status in _DENIED:
            raise PackagingError(
                f"the package index {without_credentials(address)} cannot be used: it refuses access "
                f"(status {response.status}); check its user name, password or token"
            )
        if response.status not in allowed:
            raise unreachable(address, f"status {response.status}")
        return response

    def _timeout(self) -> float:
        try:
            return min(_TIMEOUT_S, float(self._settings.get("timeout", [_TIMEOUT_S])[-1]))
        except ValueError:
            return _TIMEOUT_S

    def _authorization(self, url: str, address: str) -> dict[str, str]:
        """Return the credentials for a URL: those in it or its index's address, in `.netrc`, or in the keyring."""
        import urllib3

        host = urlsplit(url).hostname or ""
        for each in (url, address, *self.addresses):
            parts = urlsplit(each)
            if parts.username and parts.hostname == host:
                pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                if parts.password is None and (password := self._keyring(each, parts.username)):
                    pair += password
                return dict(urllib3.make_headers(basic_auth=pair))
        try:
            entry = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
        except (OSError, netrc.NetrcParseError):
            return {}
        return dict(urllib3.make_headers(basic_auth=f"{entry[0]}:{entry[2]}")) if entry is not None else {}

    def _keyring(self, url: str, user: str) -> str:
        if self._settings.get("keyring-provider", ["auto"])[-1] == "disabled":
            return ""
        try:
            done = subprocess.run(
                ["keyring", "get", without_credentials(url), user],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip()


def unreachable(address: str, reason: str) -> PackagingError:
    """Return the error of an index that does not answer."""
    cure = "check its address and the network, or use --find-links and --no-index"
    return PackagingError(f"the package index {without_credentials(address)} cannot be reached ({reason}); {cure}")


def _default_address() -> list[str]:
    """Return the address of the index that the installers use without settings: pip or uv knows it."""
    if importlib.util.find_spec("pip") is not None:
        command = [sys.executable, "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"]
    else:
        command = ["uv", "pip", "compile", "--no-config", "--offline", "--emit-index-url", "--no-header", "-"]
    try:
        done = subprocess.run(
            command, input="", capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=_without_indexes()
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = re.search(r"https?://\S+", done.stdout)
    return [found[0]] if found is not None else []


def _without_indexes() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("UV_INDEX", "UV_DEFAULT"))}


def _is_of(file: IndexFile, project: str) -> bool:
    stem = file.name.split("-")[0] if file.is_wheel else file.name.rpartition("-")[0]
    return bool(stem) and standard("utils").canonicalize_name(stem) == project


def _html_files(text: str, base: str) -> list[IndexFile]:
    page = _Page(base)
    page.feed(text)
    return page.files


class _Page(HTMLParser):
    """The links of a project's page."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.files: list[IndexFile] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a link."""
        values = dict(attrs)
        href = values.get("href")
        if tag == "base" and href:
            self._base = urljoin(self._base, href)
        if tag != "a" or not href:
            return
        url, _, fragment = urljoin(self._base, href).partition("#")
        digest = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        requires = values.get("data-requires-python") or ""
        self.files.append(IndexFile(name, url, digest, requires, "data-yanked" in values))
