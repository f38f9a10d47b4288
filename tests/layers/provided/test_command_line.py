"""`layers/build.py provided` on the command line: its output, its messages and its files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.layers.provided.installations import HOST, make_archive, make_installation
from tests.layers.provided.releases import Releases
from tests.support.client_process import GUARD

BUILD = Path(__file__).parents[3] / "layers" / "build.py"
NAME = f"awslambdaric-lite-provided-py{HOST.python}-{HOST.arch}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interpreter")
    return make_archive(make_installation(folder / "made"), folder / "cpython.tar.gz")


def run(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it for this machine's version of Python, without a proxy before the double of the releases."""
    command = [sys.executable, str(BUILD), "provided", *map(str, arguments)]
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    cache = {"XDG_CACHE_HOME": str(cwd / "cache")}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **cache, **environment},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )


def refused(*arguments: object, cwd: Path, **environment: str) -> str:
    """Run it, check that nothing was written, and return its one line."""
    before = sorted(cwd.rglob("*"))
    done = run("--no-orjson", "-o", "dist", *arguments, cwd=cwd, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("build.py provided: "), done.stderr
    assert [path for path in sorted(cwd.rglob("*")) if path.name not in ("cache", "awslambdaric-lite")] == before
    return done.stderr


def test_layer_manifest_and_bill_are_written(archive: Path, tmp_path: Path) -> None:
    """The build writes the layer, its manifest and its bill of materials; other dates give the same bytes."""
    written = []
    for folder in ("first", "second"):
        done = run("--no-orjson", "-o", folder, "--interpreter", archive, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        paths = [Path(line) for line in done.stdout.splitlines()]
        assert paths == [Path(folder, f"{NAME}{ending}") for ending in (".zip", ".manifest.json", ".cdx.json")]
        written.append([(tmp_path / path).read_bytes() for path in paths])
        assert f"{NAME}: zipped: " in done.stderr and " of 15.0 MB" in done.stderr and " of 45.0 MB" in done.stderr
        os.utime(archive, (1, 1))
    assert written[0] == written[1]
    manifest = json.loads(written[0][1])
    assert (manifest["target"], manifest["python"], manifest["arch"]) == ("aws", HOST.python, HOST.arch)
    with zipfile.ZipFile(io.BytesIO(written[0][0])) as packed:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in packed.infolist()}
        first_line = packed.read("bootstrap").split(b"\n")[0]
    assert modes.keys() == manifest["files"].keys()
    assert set(modes.values()) == {0o644, 0o755} and modes["bootstrap"] == 0o755
    assert first_line == f"#!/opt/bin/python{HOST.python} -S".encode()
    assert [part["name"] for part in json.loads(written[0][2])["components"]] == ["awslambdaric-lite", "cpython"]


BAD = {
    "architecture": (["--arch", "mips"], "unsupported architecture 'mips'; choose one of: x86_64, arm64"),
    "version": (["--python", "2.7"], "unsupported Python '2.7'; choose one of: 3.10"),
    "group": (["--keep", "all"], "unknown group; choose one of: tests"),
    "output": (["-o", "file"], "file cannot be written"),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_bad_input_names_the_cure(options: list[str], message: str, archive: Path, tmp_path: Path) -> None:
    """An unsupported value, or an output that cannot be written, is refused on one line."""
    (tmp_path / "file").touch()
    assert message in refused("--interpreter", archive, *options, cwd=tmp_path)


def test_archive_that_leads_out_is_refused(archive: Path, tmp_path: Path) -> None:
    """An archive with a member outside of it is refused, and nothing is written there."""
    evil = tmp_path / "evil.tar"
    with tarfile.open(archive) as good, tarfile.open(evil, "w") as tar:
        for member in good:
            tar.addfile(member, good.extractfile(member) if member.isreg() else None)
        tar.addfile(tarfile.TarInfo("python/../../outside"), io.BytesIO())
    assert "which leads out of it" in refused("--interpreter", evil, cwd=tmp_path)
    assert not (tmp_path / "outside").exists()


def test_download_with_another_hash_is_refused(archive: Path, tmp_path: Path) -> None:
    """A download of a mirror must have the hash of pbs-installer's index."""
    with Releases({}) as releases:
        releases.any_file = archive.read_bytes()
        said = refused(cwd=tmp_path, PBS_INSTALLER_BASE_URL=releases.url)
    assert len(releases.requests) == 1
    assert "is not the expected file: its SHA-256 is" in said and "--interpreter" in said


def test_a_download_that_fails_names_the_cure(tmp_path: Path) -> None:
    """A failed download names the cause and the cure."""
    with Releases({}) as gone:
        url = gone.url
    said = refused(cwd=tmp_path, PBS_INSTALLER_BASE_URL=url)
    assert "cannot be downloaded" in said and "give an interpreter with --interpreter" in said
