"""The machine's source of Debian packages, used by tools that unpack another suite of Debian.

The address comes from apt's configuration or from the user; debootstrap checks its downloads with Debian's keyring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "AWSLAMBDARIC_LITE_DEBIAN_SOURCE"
"""The environment variable that replaces the machine's source."""

_KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg"
_SUITES = ("stable", "testing", "unstable", "sid")  # in addition to the machine's codename
_ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")
_SIGNED_BY = re.compile(r"signed-by=(\S+)", re.IGNORECASE)


class NoDebianSource(Exception):
    """No source of Debian packages can be used; the message says why, and what to do."""


@dataclass(frozen=True)
class DebianSource:
    """A suite of Debian, the address of a mirror that has it, and the keyring that its signature is checked with."""

    suite: str
    mirror: str
    keyring: Path

    def debootstrap(self, folder: Path, *options: str) -> list[str]:
        """Return the command that unpacks the suite into a folder."""
        verified = [f"--keyring={self.keyring}", "--force-check-gpg"]
        return ["debootstrap", *verified, *options, self.suite, str(folder), self.mirror]


def source(suite: str, mirror: str | None = None, *, root: Path = Path("/")) -> DebianSource:
    """Return a source of a suite: the given mirror, else the mirror of this machine's apt.

    Raises:
        NoDebianSource: the machine has no such source, or lacks Debian's keyring.
    """
    keyring = root / _KEYRING
    if not keyring.is_file():
        raise NoDebianSource(f"{keyring} is missing: it checks Debian's signatures; install debian-archive-keyring")
    mirror = mirror or next(_mirrors(root), None)
    if mirror is None:
        raise NoDebianSource(f"this machine's apt has no source of Debian; set {VARIABLE} to the address of a mirror")
    return DebianSource(suite, mirror.rstrip("/"), keyring)


def _mirrors(root: Path) -> Iterator[str]:
    """Yield the addresses of Debian's own archive in apt's configuration."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', _read(root / "etc/os-release"), re.MULTILINE))
    if release.get("ID") != "debian":
        return
    suites = {release.get("VERSION_CODENAME", ""), *_SUITES}
    for uri, suite, components, signed_by in _entries(root / "etc/apt"):
        # Other publishers use Debian's names for their suites, but sign with other keys.
        ours = not signed_by or Path(signed_by).name == Path(_KEYRING).name
        if ours and suite in suites and "main" in components and uri.startswith(("http://", "https://", "file:")):
            yield uri


def _entries(apt: Path) -> Iterator[tuple[str, str, list[str], str]]:
    """Yield address, suite, components and keyring of each enabled source of binary packages, as sources.list(5)."""
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))):
        for line in _read(path).splitlines():
            if found := _ONE_LINE.match(line.partition("#")[0].strip()):
                signed = _SIGNED_BY.search(found["options"] or "")
                yield found["uri"], found["suite"], found["components"].split(), signed[1] if signed else ""
    for path in sorted((apt / "sources.list.d").glob("*.sources")):
        text = re.sub(r"^#.*\n", "", _read(path), flags=re.MULTILINE)
        for stanza in re.split(r"\n\s*\n", text):
            fields = {name.lower(): value for name, value in re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE)}
            if fields.get("enabled", "yes") == "no" or "deb" not in fields.get("types", "").split():
                continue
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield uri, suite, fields.get("components", "").split(), fields.get("signed-by", "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
