"""Folders and zip files, read in one way."""

from __future__ import annotations

import calendar
import os
import stat
import zipfile
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.package import Package
from awslambdaric_lite.packaging.reading import extract, open_package

CONTENT = {
    "app.py": b"import package\n",
    "package/__init__.py": b"",
    "package/data/numbers.bin": bytes(range(256)) * 40,
}
DATE = (2024, 5, 6, 7, 8, 10)
SECONDS = calendar.timegm((*DATE, 0, 0, 0))


def make_folder(path: Path) -> Path:
    """Write the content, with one program and one link to it."""
    for name, data in CONTENT.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o644)
        os.utime(file, (SECONDS, SECONDS))
    (path / "app.py").chmod(0o755)
    (path / "package" / "link.py").symlink_to("../app.py")
    (path / "folder").symlink_to("package")
    (path / "empty").mkdir()
    return path


def make_zip(path: Path) -> Path:
    """Write the same as a zip file, as tools of Unix do."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in CONTENT.items():
            archive.writestr(member(name, stat.S_IFREG | (0o755 if name == "app.py" else 0o644)), data)
        archive.writestr(member("package/link.py", stat.S_IFLNK | 0o777), "../app.py")
        archive.writestr(member("folder", stat.S_IFLNK | 0o777), "package")
        archive.writestr(member("empty/", stat.S_IFDIR | 0o755), "")
    return path


def member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """Return a member of a zip file of Unix."""
    entry = zipfile.ZipInfo(name, DATE)
    entry.create_system = 3
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


@pytest.fixture(params=["folder", "package.zip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the content in each of the forms."""
    target = tmp_path / str(request.param)
    if target.suffix == ".zip":
        return make_zip(target)
    target.mkdir()
    return make_folder(target)


def test_every_kind_reads_the_same(path: Path) -> None:
    """Folders and zip files give the same names, contents, sizes, modes and dates."""
    with open_package(path) as package:
        assert package.names() == sorted([*CONTENT, "package/link.py"])
        for name, data in CONTENT.items():
            assert package.read(name) == data
            assert (package.size(name), package.mtime(name)) == (len(data), SECONDS)
            assert package.mode(name) == (0o755 if name == "app.py" else 0o644)
            assert not package.is_symlink(name)
        assert package.is_symlink("package/link.py")
        assert package.read("package/link.py") == CONTENT["app.py"]
        assert dict(package.links()) == {"package/link.py": "../app.py", "folder": "package"}
        assert "empty" in package.folders()
        assert (package.packed_size() is None) == path.is_dir()


def test_every_kind_is_copied_the_same(path: Path, tmp_path: Path) -> None:
    """A copy has the files, links, empty folders, modes and dates of the package."""
    copy = tmp_path / "copy"
    extract(path, copy)
    with open_package(copy) as package, open_package(path) as original:
        assert _all(package) == _all(original)
    assert (copy / "empty").is_dir()
    assert (copy / "folder" / "data" / "numbers.bin").read_bytes() == CONTENT["package/data/numbers.bin"]


def test_copy_needs_an_empty_folder(path: Path, tmp_path: Path) -> None:
    """A folder with files is refused as the target of a copy."""
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("mine")
    with pytest.raises(PackagingError, match="is not empty; name a new folder"):
        extract(path, tmp_path / "copy")
    assert os.listdir(tmp_path / "copy") == ["mine"]


def test_reading_leaves_no_trace(path: Path, tmp_path: Path) -> None:
    """Reading changes neither the package nor temporary folders."""
    before = {each: each.lstat().st_mtime_ns for each in tmp_path.rglob("*")}
    with open_package(path) as package:
        for name in package.names():
            package.read(name)
    assert {each: each.lstat().st_mtime_ns for each in tmp_path.rglob("*")} == before


def test_private_files_can_be_copied(tmp_path: Path) -> None:
    """A copy can be read although the zip file forbids that."""
    package = tmp_path / "private.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(member("app.py", stat.S_IFREG | 0o200), "1")
        archive.writestr(member("tool", stat.S_IFREG | stat.S_ISUID | 0o755), "2")
    extract(package, tmp_path / "copy")
    assert (tmp_path / "copy" / "app.py").read_text() == "1"
    assert (tmp_path / "copy" / "tool").stat().st_mode & 0o7777 == 0o755


def test_zip_without_modes_is_read(tmp_path: Path) -> None:
    """A zip file of Windows has no modes and can be read."""
    package = tmp_path / "windows.zip"
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("app.py", DATE)
        entry.create_system = 0
        archive.writestr(entry, "1")
    with zipfile.ZipFile(package) as archive:
        assert archive.getinfo("app.py").external_attr >> 16 in (0, 0o600)
    with open_package(package) as opened:
        assert opened.names() == ["app.py"]


@pytest.mark.parametrize("name", ["missing", "text.txt", "empty.zip"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    """A missing file, a text and an empty file are refused."""
    if name != "missing":
        (tmp_path / name).write_bytes(b"" if name == "empty.zip" else b"hello\n" * 400)
    with pytest.raises(PackagingError, match=r"cannot be read: No such file|neither a folder nor a zip file"):
        extract(tmp_path / name, tmp_path / "copy")


def _all(package: Package) -> dict[str, tuple[bytes, int, int]]:
    return {name: (package.read(name), package.mode(name), package.mtime(name)) for name in package.names()}


def test_devices_are_refused(tmp_path: Path) -> None:
    """Devices and named pipes are refused, because reading them does not end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(PackagingError, match="is not an ordinary file"), open_package(path):
            pass
