"""The source of Debian packages that tools take from the machine's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.debian_source import VARIABLE, NoDebianSource, source

KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return the root of a Debian 12 with its keyring and without a source."""
    for name, text in ((KEYRING, ""), ("etc/os-release", 'ID=debian\nVERSION_CODENAME="bookworm"\n')):
        write(tmp_path, name, text)
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


SOURCES = {
    "one line": ("sources.list", "deb http://mirror.example/archive bookworm main contrib  # comment\n"),
    "one line with options": (
        "sources.list.d/a.list",
        f"deb [arch=amd64 signed-by=/{KEYRING}] http://mirror.example/archive/ stable main\n",
    ),
    "stanzas": (
        "sources.list.d/debian.sources",
        "Types: deb\n# URIs: http://comment.example/\nURIs: http://mirror.example/archive\n"
        f"Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: /{KEYRING}\n",
    ),
}


@pytest.mark.parametrize(("name", "text"), SOURCES.values(), ids=SOURCES)
def test_mirror_of_apt_is_used(machine: Path, name: str, text: str) -> None:
    """apt's configuration names the mirror, in the format of one line and in the format of stanzas."""
    write(machine, f"etc/apt/{name}", text)
    found = source("unstable", root=machine)
    assert (found.suite, found.keyring) == ("unstable", machine / KEYRING)
    assert found.mirror == "http://mirror.example/archive"
    assert found.debootstrap(Path("tree"), "--foreign")[-4:] == ["--foreign", "unstable", "tree", found.mirror]


OTHERS = {
    "source packages": "deb-src http://mirror.example/archive bookworm main\n",
    "comment": "# deb http://mirror.example/archive bookworm main\n",
    "security": "deb http://mirror.example/security bookworm-security main\n",
    "another publisher": "deb [signed-by=/etc/apt/keyrings/other.gpg] http://other.example bookworm main\n",
    "another component": "deb http://other.example/linux bookworm stable\n",
    "disc": "deb cdrom:[Debian]/ bookworm main\n",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_other_sources_are_refused(machine: Path, text: str) -> None:
    """Sources of other publishers and of other packages are ignored; the message names the variable to set."""
    write(machine, "etc/apt/sources.list", text)
    with pytest.raises(NoDebianSource, match=f"set {VARIABLE} to the address"):
        source("bullseye", root=machine)


def test_disabled_stanza_is_ignored(machine: Path) -> None:
    """A stanza with `Enabled: no` is not a source."""
    stanza = "Enabled: no\nTypes: deb\nURIs: http://mirror.example/archive\nSuites: bookworm\nComponents: main\n"
    write(machine, "etc/apt/sources.list.d/debian.sources", stanza)
    with pytest.raises(NoDebianSource):
        source("bullseye", root=machine)


def test_other_distribution_is_refused(machine: Path) -> None:
    """Ubuntu's archive is not a source of Debian."""
    write(machine, "etc/os-release", "ID=ubuntu\nVERSION_CODENAME=noble\n")
    write(machine, "etc/apt/sources.list", "deb http://mirror.example/ubuntu noble main\n")
    with pytest.raises(NoDebianSource):
        source("bullseye", root=machine)


def test_named_mirror_comes_first(machine: Path) -> None:
    """The caller's mirror replaces apt's."""
    write(machine, *("etc/apt/sources.list", "deb http://mirror.example/archive bookworm main\n"))
    assert source("sid", "http://named.example/archive", root=machine).mirror == "http://named.example/archive"


def test_keyring_is_required(machine: Path) -> None:
    """Nothing is downloaded that cannot be verified, from a named mirror neither."""
    (machine / KEYRING).unlink()
    with pytest.raises(NoDebianSource, match="install debian-archive-keyring"):
        source("sid", "http://named.example/archive", root=machine)
