"""The interpreters that the build accepts, their forms, and the messages about others."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from layers.provided import interpreter as module
from layers.provided.download import Build
from layers.provided.interpreter import open_compiler, open_interpreter
from tests.layers.provided.installations import HOST, RELEASE, make_archive, make_installation

OTHER = Target("3.13" if HOST.python != "3.13" else "3.12", HOST.arch)


@pytest.mark.parametrize("top", ["python", "python/install", "install"])
@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_archive_root_may_vary(tmp_path: Path, top: str, ending: str) -> None:
    """An archive may have the installation at its top or in a known folder."""
    archive = make_archive(make_installation(tmp_path / "made"), tmp_path / f"cpython{ending}", top=top)
    with open_interpreter(HOST, "aws", archive) as found:
        assert (found.library / "os.py").is_file() and found.executable.is_file()
        assert (found.library_name, found.program_name) == (f"lib/python{HOST.python}", f"bin/python{HOST.python}")
        assert found.origin.release == RELEASE
        unpacked = found.prefix
    assert not unpacked.exists()


@pytest.mark.parametrize("top", ["", "python"])
def test_a_folder_is_read_in_place(tmp_path: Path, top: str) -> None:
    """A folder of an installation is read without a copy."""
    make_installation(tmp_path / top)
    with open_interpreter(HOST, "aws", tmp_path) as found:
        assert found.prefix == tmp_path / top


def test_fedoras_library_folder_stays(tmp_path: Path) -> None:
    """Fedora's `lib64` stays, because its interpreter looks there."""
    made = make_installation(tmp_path)
    (made / "lib").rename(made / "lib64")
    with open_interpreter(HOST, "aws", made) as found:
        assert found.library_name == f"lib64/python{HOST.python}"


def test_host_interpreter_is_found() -> None:
    """For the host, the build finds an interpreter of this machine."""
    with open_interpreter(HOST, "host", None) as found:
        assert found.library == Path(os.__file__).resolve().parent
        assert found.origin.release == "{}.{}.{}".format(*sys.version_info)


def test_program_leads_to_its_installation(tmp_path: Path) -> None:
    """A link, or a program of a virtual environment, leads to the installation."""
    (tmp_path / "python").symlink_to(sys.executable)
    with open_interpreter(HOST, "host", tmp_path / "python") as found:
        assert found.prefix == Path(sys.base_prefix)
        assert found.library == Path(os.__file__).resolve().parent


def test_interpreter_for_aws_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `--interpreter`, the interpreter for AWS is downloaded."""
    archive = make_archive(make_installation(tmp_path / "made"), tmp_path / "cpython.tar")
    build = Build("3.13.9", "https://example.com/cpython.tar.gz", "ab" * 32)
    fetched: list[Build] = []

    def fake_fetch(build: Build) -> Path:
        fetched.append(build)
        return archive

    monkeypatch.setattr(module, "find_build", lambda target: build)
    monkeypatch.setattr(module, "fetch", fake_fetch)
    with open_interpreter(HOST, "aws", None) as found:
        assert (found.origin.release, found.origin.url, found.origin.sha256) == (build.release, build.url, build.sha256)
    assert fetched == [build]


def test_missing_host_interpreter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the host, the message names a version that this machine lacks, and the cure."""
    monkeypatch.setattr(module, "find_interpreter", lambda version: None)
    with pytest.raises(PackagingError, match=rf"no CPython {HOST.python} is on this machine; .*--interpreter"):
        open_interpreter(HOST, "host", None).__enter__()


def test_for_another_architecture_this_machines_build_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of this machine is downloaded if it lacks the version and downloads are allowed."""
    foreign = Target(HOST.python, "arm64" if HOST.arch == "x86_64" else "x86_64")
    made = {target.arch: make_installation(tmp_path / target.arch, target) for target in (HOST, foreign)}
    asked: list[Target] = []

    def fake_find_build(target: Target) -> Build:
        asked.append(target)
        return Build("3.13.9", target.arch, "ab" * 32)

    monkeypatch.setattr(module, "find_build", fake_find_build)

    def fake_find_interpreter(version: str, *, candidates: Iterable[Path] = ()) -> Path | None:
        """Find only downloaded interpreters, as on a machine without Python."""
        return next((path for path in candidates if made[foreign.arch] not in path.parents), None)

    monkeypatch.setattr(module, "fetch", lambda build: make_archive(made[build.url], tmp_path / f"{build.url}.tar"))
    monkeypatch.setattr(module, "find_interpreter", fake_find_interpreter)
    with open_interpreter(foreign, "aws", made[foreign.arch]) as packed:
        with open_compiler(foreign, packed, download=False) as compiler:
            assert (compiler, asked) == (None, [])
        with open_compiler(foreign, packed, download=True) as compiler:
            assert compiler is not None and compiler.name == f"python{HOST.python}"
        assert asked == [HOST]
    with open_interpreter(HOST, "aws", made[HOST.arch]) as own, open_compiler(HOST, own, download=True) as compiler:
        assert compiler == own.executable
    assert asked == [HOST]


def refused(given: Path, target: Target = HOST) -> str:
    with pytest.raises(PackagingError) as raised, open_interpreter(target, "aws", given):
        pass
    text = str(raised.value)
    assert "\n" not in text
    return text


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    """An interpreter of another version is refused with its version."""
    made = make_installation(tmp_path / "made")
    archive = make_archive(made, tmp_path / "cpython.tar")
    for given in (made, archive):
        text = refused(given, OTHER)
        assert str(given) in text and f"no bin/python{OTHER.python}; it has python{HOST.python}; give" in text
    assert f"is cpython {'{}.{}.{}'.format(*sys.version_info)}; give a CPython {OTHER.python}" in refused(
        Path(sys.executable), OTHER
    )


def test_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    """An interpreter of another architecture is refused with its architecture."""
    made = make_installation(tmp_path, Target(HOST.python, "arm64" if HOST.arch == "x86_64" else "x86_64"))
    assert refused(made) == f"{made} is not for {HOST.arch}; give an interpreter for it, or another --arch"


def test_a_virtual_environment_is_refused(tmp_path: Path) -> None:
    """A virtual environment is refused, because the installation is elsewhere."""
    (make_installation(tmp_path) / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert "is a virtual environment; give the interpreter that it was made from" in refused(tmp_path)


def test_an_installation_without_its_library_is_refused(tmp_path: Path) -> None:
    """An installation without the standard library is refused."""
    shutil.rmtree(make_installation(tmp_path) / "lib")
    assert f"has no lib/python{HOST.python}/os.py; give a whole installation" in refused(tmp_path)


def test_script_as_program_is_refused(tmp_path: Path) -> None:
    """An installation whose program is a script is refused."""
    made = make_installation(tmp_path, program=b"#!/bin/sh\nexec python3\n")
    assert "is not an ELF program; give an interpreter for Linux" in refused(made)


def test_something_that_is_no_interpreter_is_refused(tmp_path: Path) -> None:
    """A text, a missing path, a script and an empty folder are refused with their reasons."""
    (tmp_path / "notes.txt").write_text("no archive")
    assert "notes.txt is neither a folder, a tar nor a zip file" in refused(tmp_path / "notes.txt")
    assert "does not exist; give an interpreter's archive or folder with --interpreter" in refused(tmp_path / "gone")
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho hello\n")
    script.chmod(0o755)
    assert f"{script} is not a Python that runs here; give a CPython {HOST.python}" in refused(script)
    assert "has no bin/python" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "link", "said"),
    [
        ("../outside", None, "which leads out of it"),
        ("/etc/outside", None, "which leads out of it"),
        ("python/link", "/etc/passwd", "out of it"),
        ("python/link", "../../outside", "out of it"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path: Path, name: str, link: str | None, said: str) -> None:
    """A name or a link that leads out of the archive is refused, and nothing is written."""
    archive = make_archive(make_installation(tmp_path / "made"), tmp_path / "evil.tar")
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo(name)
        if link is not None:
            member.type, member.linkname = tarfile.SYMTYPE, link
        tar.addfile(member, BytesIO())
    before = sorted(tmp_path.iterdir())
    assert said in refused(archive)
    assert sorted(tmp_path.iterdir()) == before


def test_device_in_an_archive_is_refused(tmp_path: Path) -> None:
    """An archive that has a device in it is not unpacked."""
    archive = make_archive(make_installation(tmp_path / "made"), tmp_path / "evil.tar")
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo("python/zero")
        member.type = tarfile.CHRTYPE
        tar.addfile(member)
    assert "'python/zero' is a special file; give another archive" in refused(archive)


def test_archive_of_terabytes_is_refused(tmp_path: Path) -> None:
    """An extended header that declares terabytes makes the archive a damaged one."""
    entry = tarfile.TarInfo("pax")
    entry.type, entry.size = tarfile.XHDTYPE, 8 * 1024**4
    path = tmp_path / "memory.tar"
    path.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    assert str(path) in refused(path)


def test_truncated_archive_is_refused(tmp_path: Path) -> None:
    """An archive that ends early is refused."""
    archive = make_archive(make_installation(tmp_path / "made"), tmp_path / "cpython.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-2000])
    assert "cannot be unpacked" in refused(archive)
