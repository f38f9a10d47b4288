"""Hostile packages: refused with a reason, and nothing is written outside of the copy."""

from __future__ import annotations

import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from awslambdaric_lite.packaging import package as rules
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.reading import extract, open_package

from .test_reading import make_zip, member

LINK, FILE = stat.S_IFLNK | 0o777, stat.S_IFREG | 0o644

ZIPS: dict[str, tuple[list[tuple[str, int, str]], str]] = {
    "a name that climbs": ([("../evil.py", FILE, "")], "leads out of it"),
    "a name that climbs later": ([("a/../../evil.py", FILE, "")], "leads out of it"),
    "an absolute name": ([("/etc/evil.py", FILE, "")], "leads out of it"),
    "a name of Windows": ([("a\\..\\evil.py", FILE, "")], "with / instead of"),
    "no name": ([(".", FILE, "")], "without a name"),
    "a file twice": ([("app.py", FILE, "1"), ("app.py", FILE, "2")], "twice"),
    "a file twice, spelled differently": ([("app.py", FILE, "1"), (".//app.py", FILE, "2")], "twice"),
    "a file and a link": ([("app.py", FILE, "1"), ("app.py", LINK, "b")], "twice"),
    "a file that is a folder, too": ([("a", FILE, "1"), ("a/b.py", FILE, "2")], "which is not a folder"),
    "a file below a link": ([("a", LINK, "b"), ("b/c.py", FILE, ""), ("a/d.py", FILE, "")], "which is not a folder"),
    "an absolute link": ([("a", LINK, "/etc/passwd")], "out of it"),
    "a link that climbs": ([("a/b", LINK, "../../etc/passwd")], "out of it"),
    "links that climb together": (
        [("x/y/top", LINK, "../.."), ("out", LINK, "x/y/top/../etc/passwd"), ("app.py", FILE, "")],
        "out of it",
    ),
    "a link to itself": ([("a", LINK, "a")], "in a circle"),
    "links to each other": ([("a", LINK, "b"), ("b", LINK, "a")], "in a circle"),
    "an empty link": ([("a", LINK, "")], "leads nowhere"),
    "a long link": ([("a", LINK, "x/" * 4000)], "too long"),
    "a device": ([("a", stat.S_IFCHR | 0o666, "")], "neither file, folder nor link"),
    "a pipe": ([("a", stat.S_IFIFO | 0o666, "")], "neither file, folder nor link"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("members", "words"), ZIPS.values(), ids=ZIPS)
def test_hostile_zip_files_are_refused(tmp_path: Path, members: list[tuple[str, int, str]], words: str) -> None:
    """A hostile zip file is refused when it is opened, before its content is used."""
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode, data in members:
            archive.writestr(member(name, mode), data)
    _refused(path, words, tmp_path)


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    """An encrypted member is refused with the reason, without asking for a password."""
    path = make_zip(tmp_path / "encrypted.zip")
    data = bytearray(path.read_bytes())
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        begin = data.find(signature)
        data[begin + flags_at] |= 1
    path.write_bytes(data)
    _refused(path, "is encrypted, which Lambda cannot read", tmp_path)


@pytest.mark.skipif(shutil.which("zip") is None, reason="zip is missing: apt install zip")
def test_really_encrypted_members_are_refused(tmp_path: Path) -> None:
    """A zip file that Info-ZIP has encrypted is refused."""
    (tmp_path / "app.py").write_text("secret\n")
    subprocess.run(["zip", "-q", "-P", "secret", "e.zip", "app.py"], cwd=tmp_path, check=True)
    _refused(tmp_path / "e.zip", "is encrypted, which Lambda cannot read", tmp_path)


def test_declared_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is refused by the sizes that it declares, before anything is unpacked."""
    path = make_zip(tmp_path / "bomb.zip")
    monkeypatch.setattr(rules, "BYTES_LIMIT", 10_000)
    _refused(path, "Lambda allows far less", tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(rules, "FILES_LIMIT", 2)
    _refused(path, "Lambda allows far less", tmp_path)


def test_false_sizes_are_noticed(tmp_path: Path) -> None:
    """A member with more content than it declares is damaged."""
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member("app.py"), b"0" * 100_000)
    data = path.read_bytes().replace(struct.pack("<I", 100_000), struct.pack("<I", 100))
    path.write_bytes(data)
    with open_package(path) as package, pytest.raises(PackagingError, match="is damaged"):
        package.read("app.py")


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    """Members that share bytes are refused: a small file could declare terabytes."""
    path = tmp_path / "overlap.zip"
    with zipfile.ZipFile(path, "w") as archive:
        first = member("a0.py")
        first.compress_type = zipfile.ZIP_STORED
        archive.writestr(first, b"0" * 5000)
        for index in range(1, 20):
            copy = member(f"a{index}.py")
            copy.compress_type = zipfile.ZIP_STORED
            copy.CRC, copy.header_offset = first.CRC, first.header_offset
            copy.file_size = copy.compress_size = 5000
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
    _refused(path, "has members that overlap", tmp_path)


def test_links_out_of_a_folder_are_refused(tmp_path: Path) -> None:
    """Absolute links, and links that lead out, are refused in folders."""
    for target in ("/etc/passwd", "../../secret"):
        folder = tmp_path / f"folder{len(target)}"
        folder.mkdir()
        (folder / "link").symlink_to(target)
        _refused(folder, "out of it; replace it by the file", tmp_path)


def test_sockets_in_a_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket in a folder is refused."""
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("folder/socket")
        _refused(tmp_path / "folder", "neither file, folder nor link", tmp_path)


def test_dangling_link_stays_a_link(tmp_path: Path) -> None:
    """A dangling link is not a file, and stays a link in a copy."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to("nowhere")
    with open_package(tmp_path / "folder") as package:
        assert package.names() == []
    extract(tmp_path / "folder", tmp_path / "copy")
    assert os.readlink(tmp_path / "copy" / "link") == "nowhere"


@pytest.mark.parametrize("seed", range(60))
def test_damage_anywhere_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    """A damaged zip file is read or refused on one line, and nothing is written outside of the copy."""
    path = make_zip(tmp_path / "damaged.zip")
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data[: len(data) if seed % 3 else chance.randrange(len(data))])
    try:
        extract(path, tmp_path / "copy" / "inner")
    except PackagingError as error:
        assert "\n" not in str(error)
    assert {each.name for each in tmp_path.iterdir()} <= {path.name, "copy"}
    assert {each.name for each in (tmp_path / "copy").glob("*")} <= {"inner"}


def test_messages_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """Messages escape control characters in names."""
    path = tmp_path / "colour.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member("../\x1b[31mred"), "")
    with pytest.raises(PackagingError) as caught, open_package(path):
        pass
    assert "\x1b" not in str(caught.value)
    assert "x1b[31mred" in str(caught.value)


def test_zip_file_needs_no_extension(tmp_path: Path) -> None:
    """The content of a file says that it is a zip file."""
    make_zip(tmp_path / "package")
    with open_package(tmp_path / "package") as package:
        assert "app.py" in package.names()


def _refused(path: Path, words: str, tmp_path: Path) -> None:
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(PackagingError) as caught:
        extract(path, tmp_path / "copy")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert sorted(set(os.listdir(tmp_path)) - {"copy"}) == before
