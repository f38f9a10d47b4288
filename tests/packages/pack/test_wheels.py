"""Requirements for another machine, which pip installs from wheels in a folder."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from awslambdaric_lite.packaging.wheels import install_requirements

from .wheelhouse import add_wheel, needs_pip, needs_uv

pytestmark = needs_pip
BOTH = pytest.mark.parametrize("installer", [pytest.param("uv", marks=needs_uv), "pip"])

ARM = Target("3.13", "arm64")
OLD = Target("3.10", "x86_64")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return a folder with wheels of every kind."""
    folder = tmp_path / "wheels"
    conditions = (
        "newer; python_version >= '3.13'",
        "patched; python_full_version >= '3.13.2'",
        "older; python_version < '3.13'",
        "arm; platform_machine == 'aarch64'",
        "intel; platform_machine == 'x86_64'",
        "windows; sys_platform == 'win32'",
    )
    add_wheel(folder, "conditions", {"conditions.py": ""}, requires=conditions)
    for name in ("newer", "patched", "older", "arm", "intel", "windows"):
        add_wheel(folder, name, {f"{name}.py": ""})
    for machine in ("x86_64", "aarch64"):
        for abi in ("cp310", "cp313"):
            tag = f"{abi}-{abi}-manylinux_2_17_{machine}.manylinux2014_{machine}"
            add_wheel(folder, "native", {f"native.{abi}.{machine}.so": ""}, tag=tag)
    add_wheel(folder, "stable", {"stable.abi3.so": ""}, tag="cp38-abi3-manylinux_2_28_aarch64")
    add_wheel(folder, "modern", {"modern.so": ""}, tag="cp313-cp313-manylinux_2_39_aarch64")
    add_wheel(folder, "local", {"local.so": ""}, tag="cp313-cp313-linux_aarch64")
    add_wheel(folder, "late", {"late.py": ""}, metadata="Requires-Python: >=3.14\n")
    add_wheel(folder, "recent", {"recent.py": ""}, metadata="Requires-Python: >=3.13.1\n")
    add_wheel(folder, "old", {"old.py": ""}, metadata="Requires-Python: <3.11\n")
    add_wheel(folder, "pinned", {"pinned.py": ""})
    add_wheel(folder, "pinned", {"pinned.py": ""}, version="2.0")
    return folder


@BOTH
def test_wheels_fit_the_target(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str) -> None:
    """Wheels and markers are those of the target, whatever Python and pip settings this machine has."""
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_DRY_RUN", "1")
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    monkeypatch.setenv("PIP_PLATFORM", "win32")
    told: list[str] = []
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("conditions\nnative\nstable==1.0  # a comment\nrecent\n")
    into = tmp_path / "into"
    install_requirements(
        requirements, into, ARM, find_links=wheels, no_index=True, progress=told.append, installer=installer
    )
    assert {path.name for path in into.iterdir() if path.suffix != ".dist-info"} == {
        "conditions.py",
        "recent.py",
        "newer.py",
        "patched.py",
        "arm.py",
        "native.cp313.aarch64.so",
        "stable.abi3.so",
    }
    assert not list(into.rglob("*.pyc"))
    assert any("native" in line for line in told)


def test_target_may_differ_from_host(wheels: Path, tmp_path: Path) -> None:
    """Another version of Python gets its own wheels and markers."""
    install_requirements(["conditions", "pinned<2", "old"], tmp_path / "into", OLD, find_links=wheels, no_index=True)
    names = {path.name for path in (tmp_path / "into").iterdir()}
    assert {"conditions.py", "older.py", "intel.py", "old.py", "pinned-1.0.dist-info"} <= names
    assert not names & {"newer.py", "arm.py", "patched.py", "windows.py"}


@BOTH
@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("pinned==3", r"requirement pinned==3 has no wheel .* \(newest with a wheel: 1.0, 2.0\)"),
        ("modern", "requirement modern has no wheel for Python 3.13 on arm64; correct it, or build"),
        ("late", r"Package 'late' requires a different Python: 3\.13\.99 not in '>=3\.14'"),
        ("pinned<2\npinned>1", "cannot be installed together; loosen one of them"),
        ("pinned==1.0 --hash=sha256:" + "0" * 64, "pinned==1.0 does not match the hash in the requirements"),
    ],
)
def test_impossible_requirement_is_named(
    requirement: str, message: str, wheels: Path, tmp_path: Path, installer: str
) -> None:
    """One line names the requirement and the cure."""
    with pytest.raises(PackagingError, match=message) as caught:
        install_requirements(
            [requirement], tmp_path / "into", ARM, find_links=wheels, no_index=True, installer=installer
        )
    assert "\n" not in str(caught.value)


def test_unreachable_index_is_named(tmp_path: Path) -> None:
    """An index that cannot be reached is distinguished from a requirement that it lacks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # no server listens
        port = free.getsockname()[1]
        requirements = tmp_path / "requirements.txt"
        requirements.write_text(f"--index-url http://127.0.0.1:{port}/simple\nabsent-from-everywhere\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIP_RETRIES", "1")
            patch.setenv("PIP_EXTRA_INDEX_URL", "")
            patch.delenv("PIP_FIND_LINKS", raising=False)
            with pytest.raises(PackagingError, match=rf"index http://127.0.0.1:{port}/simple cannot be .*refused"):
                install_requirements(requirements, tmp_path / "into", ARM)


def test_index_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names a failing index without its credentials, not a missing wheel."""

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500, "Out of order")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}/simple"
        monkeypatch.setenv("PIP_INDEX_URL", f"http://user:secret@{address}")
        with pytest.raises(PackagingError, match=f"the package index http://{address} cannot be reached .status 500"):
            install_requirements(["absent-from-everywhere"], tmp_path / "into", ARM)
        server.shutdown()


def test_local_builds_are_refused(wheels: Path, tmp_path: Path) -> None:
    """A project whose build gives a wheel for this machine is refused; an editable one is built."""
    project = tmp_path / "project"
    (project / "backend").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "copies"\nbackend-path = ["backend"]\n'
        '[project]\nname = "local"\nversion = "1.0"\n'
    )
    for tag, requirement, message in (
        ("cp313-cp313-linux_aarch64", str(project), "requirement local-1.0 was built for this machine"),
        ("py3-none-any", f"-e {project}", ""),
    ):
        wheel = add_wheel(wheels, "local", {"local.py": ""}, tag=tag)
        (project / "backend" / "copies.py").write_text(
            "import shutil\n"
            "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
            f"    return shutil.copy({str(wheel)!r}, folder).rpartition('/')[2]\n"
            "build_editable = build_wheel\n"
        )
        with pytest.raises(PackagingError, match=message) if message else nullcontext():
            install_requirements([requirement], tmp_path / tag, ARM, find_links=wheels, no_index=True)
    assert (tmp_path / "py3-none-any" / "local.py").exists()


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """The message names a missing requirements file."""
    with pytest.raises(PackagingError, match=r"requirements .*/none.txt cannot be read: No such file"):
        install_requirements(tmp_path / "none.txt", tmp_path / "into", ARM)
    assert os.listdir(tmp_path) == []


def test_missing_pip_names_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pip, the message says how to install it; without uv, too."""
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    for installer, message in (
        ("pip", r"installed by pip, which is missing: .* -m ensurepip, or use --installer uv"),
        ("uv", r"installed by uv, which is missing: install uv, or use --installer pip"),
        ("auto", r"installed by uv or pip, which are both missing: .* -m ensurepip, or install uv"),
    ):
        with pytest.raises(PackagingError, match=message):
            install_requirements(["pinned"], tmp_path / "into", ARM, installer=installer)


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """The message names the file and its encoding; UTF-16 with a mark, as PowerShell writes it, is read."""
    file = tmp_path / "requirements.txt"
    file.write_bytes(b"six===\xff\xfe\n")
    with pytest.raises(PackagingError, match=r"requirements\.txt cannot be read: .*; save the file as UTF-8"):
        install_requirements(file, tmp_path / "into", ARM, no_index=True)
    add_wheel(tmp_path / "wheels", "pinned", {"pinned.py": ""})
    file.write_text("pinned==1.0\n", encoding="utf-16")
    install_requirements(file, tmp_path / "into", ARM, find_links=tmp_path / "wheels", no_index=True)
    assert (tmp_path / "into" / "pinned.py").exists()


@BOTH
def test_unreadable_requirement_is_reported(installer: str, tmp_path: Path) -> None:
    """What only the installer can refuse is reported in its words."""
    with pytest.raises(PackagingError, match=rf"{installer} cannot install the requirements: .*six=>1"):
        install_requirements(["six=>1"], tmp_path / "into", ARM, no_index=True, installer=installer)
