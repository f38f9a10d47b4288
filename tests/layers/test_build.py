"""`layers/build.py` as a script: the files of the wrapper layer, and the messages about errors."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import layers.build
from awslambdaric_lite.packaging.bytecode import PycHeader
from awslambdaric_lite.packaging.targets import PYTHON_VERSIONS, Target
from layers.build import main
from tests.support.client_process import GUARD

from .wheels import has_orjson, orjson_wheel

SCRIPT = Path(layers.build.__file__)
GOLDEN = Path(__file__).with_name("golden")
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
HERE = Target.parse(RUNNING, platform.machine())
NAME = f"awslambdaric-lite-wrapper-py{RUNNING}-{HERE.arch}"

needs_orjson = pytest.mark.skipif(not has_orjson(), reason=f"orjson is not installed for Python {RUNNING}")


@pytest.fixture(autouse=True)
def no_dates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove dates from the environment and pyenv, and change to an empty folder."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return a folder with orjson's wheel for the running interpreter."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    orjson_wheel(folder)
    return folder


def build(*arguments: str) -> int:
    """Build the wrapper layer for the running interpreter."""
    return main(["wrapper", "--arch", HERE.arch, "-o", "dist", *arguments])


def listed(archive: Path) -> list[str]:
    """Return the names and modes in an archive, as the golden lists have them."""
    with zipfile.ZipFile(archive) as opened:
        lines = [f"{each.filename} {each.external_attr >> 16 & 0o7777:04o}" for each in opened.infolist()]
    return [
        line.replace(f"python{RUNNING}", "python{X.Y}").replace(
            f"{HERE.cache_tag}-{HERE.multiarch}", "cpython-{XY}-{platform}"
        )
        for line in lines
    ]


def golden(name: str) -> list[str]:
    """Return a golden list of a layer's files."""
    return (GOLDEN / f"{name}.txt").read_text().splitlines()


def manifest(name: str = NAME) -> Any:
    """Return the manifest."""
    return json.loads(Path("dist", f"{name}.manifest.json").read_text())


def test_as_a_script(tmp_path: Path) -> None:
    """`python layers/build.py` works from any folder, prints the paths, and says the size on standard error."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "wrapper", "--arch", HERE.arch, "--no-orjson", "-o", "dist"],
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"dist/{NAME}.zip", f"dist/{NAME}.manifest.json", f"dist/{NAME}.cdx.json"]
    assert f"{NAME}: zipped: " in done.stderr and "orjson is excluded" in done.stderr
    assert listed(tmp_path / "dist" / f"{NAME}.zip") == golden("wrapper")


def test_small_layer_has_listed_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Without orjson, the layer has the listed files, at most 84 KB, and a manifest with all hashes."""
    assert build("--no-orjson") == 0
    archive = Path("dist", f"{NAME}.zip")
    assert listed(archive) == golden("wrapper")
    assert archive.stat().st_size <= 84 * 1024
    assert "ABOVE" not in capsys.readouterr().err
    said = manifest()
    assert (said["kind"], said["target"], said["python"], said["arch"]) == ("wrapper", "aws", RUNNING, HERE.arch)
    with zipfile.ZipFile(archive) as opened:
        assert said["files"] == {name: hashlib.sha256(opened.read(name)).hexdigest() for name in opened.namelist()}
        code = opened.read(f"python/lib/python{RUNNING}/site-packages/awslambdaric_lite/__init__.pyc")
    assert said["zip"]["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert said["zip"]["size"] == archive.stat().st_size
    assert PycHeader.parse(code).kind == "unchecked-hash"
    assert f"/opt/python/lib/python{RUNNING}/site-packages/awslambdaric_lite/_client.py".encode() in code
    for private in (str(SCRIPT.parent), str(Path.home()), str(Path.cwd())):
        assert private.encode() not in code


@needs_orjson
def test_with_orjson(wheels: Path) -> None:
    """With orjson, the layer has the listed files, at most 300 KB, licences and a bill of materials."""
    assert build("--wheels", str(wheels), "--target", "host") == 0
    archive = Path("dist", f"{NAME}.zip")
    assert listed(archive) == golden("wrapper-orjson")
    assert archive.stat().st_size <= 300 * 1024
    assert manifest()["target"] == "host"
    bill = json.loads(Path("dist", f"{NAME}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert sorted(part["name"] for part in bill["components"]) == ["awslambdaric-lite", "orjson"]
    orjson = next(part for part in bill["components"] if part["name"] == "orjson")
    assert orjson["purl"] == f"pkg:pypi/orjson@{orjson['version']}"
    assert orjson["hashes"][0]["content"] in manifest()["files"].values()
    assert {each for part in bill["dependencies"] for each in part.get("dependsOn", [])} == {
        part["bom-ref"] for part in bill["components"]
    }


def test_same_bytes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run with another umask gives the same three files; `SOURCE_DATE_EPOCH` sets the date."""

    def digests() -> list[str]:
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(Path("dist").iterdir())]

    assert build("--no-orjson") == 0
    once = digests()
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    before = os.umask(0o077)
    try:
        assert build("--no-orjson") == 0
    finally:
        os.umask(before)
    assert len(once) == 3 and digests() == once
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert build("--no-orjson") == 0
    again = digests()
    assert again != once
    with zipfile.ZipFile(Path("dist", f"{NAME}.zip")) as opened:
        assert {each.date_time for each in opened.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    assert build("--no-orjson") == 0 and digests() == again


def test_without_an_interpreter(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an interpreter of the version, nothing is compiled by another one, and a note says so."""
    monkeypatch.setattr("awslambdaric_lite.packaging.bytecode.find_interpreter", lambda version: None)
    assert build("--no-orjson") == 0
    assert listed(Path("dist", f"{NAME}.zip")) == golden("wrapper-sources")
    assert f"this machine has no Python {RUNNING}, so the bytecode is not precompiled" in capsys.readouterr().err
    assert any("not precompiled" in note for note in manifest()["notes"])
    assert Path("dist", f"{NAME}.zip").stat().st_size <= 80 * 1024


def test_every_version_in_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of `--all` has a folder for each managed version, one wrapper, and a manifest of all."""
    monkeypatch.setattr("awslambdaric_lite.packaging.bytecode.find_interpreter", lambda version: None)
    assert build("--no-orjson", "--all") == 0
    name = f"awslambdaric-lite-wrapper-all-{HERE.arch}"
    versions = list(PYTHON_VERSIONS)
    assert manifest(name)["python"] == versions
    with zipfile.ZipFile(Path("dist", f"{name}.zip")) as opened:
        names = opened.namelist()
    assert names.count("awslambdaric-lite") == 1
    for version in versions:
        assert f"python/lib/python{version}/site-packages/awslambdaric_lite/start.py" in names
    assert f"for {len(versions)} versions of Python" in capsys.readouterr().err


def test_several_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--python` can be repeated and gives a layer for each version."""
    monkeypatch.setattr("awslambdaric_lite.packaging.bytecode.find_interpreter", lambda version: None)
    assert build("--no-orjson", "--python", "3.12", "--python", "3.14", "--python", "3.12") == 0
    assert sorted(path.name for path in Path("dist").glob("*.zip")) == [
        f"awslambdaric-lite-wrapper-py{version}-{HERE.arch}.zip" for version in ("3.12", "3.14")
    ]


@pytest.mark.parametrize(("form", "arguments"), {"file": [sys.executable], "folder": [sys.base_prefix]}.items())
def test_an_interpreter_that_is_named(form: str, arguments: list[str]) -> None:
    """`--interpreter` accepts a program or the folder of an installation."""
    if form == "folder" and not Path(sys.base_prefix, "bin", f"python{RUNNING}").is_file():
        pytest.skip("the running interpreter's installation has no bin/python3.X")
    assert build("--no-orjson", "--interpreter", *arguments) == 0
    assert listed(Path("dist", f"{NAME}.zip")) == golden("wrapper")


OTHER_ARCH = "arm64" if HERE.arch == "x86_64" else "x86_64"
OTHER_VERSION = "3.10" if RUNNING != "3.10" else "3.11"
BAD = {
    "unknown version": (["--python", "2.7"], "unsupported Python '2.7'"),
    "unknown architecture": (["--arch", "mips"], "unsupported architecture 'mips'"),
    "no such interpreter": (["--interpreter", "/nowhere/python"], "/nowhere/python does not exist"),
    "no interpreter": (["--interpreter", "/bin/sh"], f"/bin/sh is not a CPython {RUNNING}"),
    "interpreter of another version": (
        ["--interpreter", sys.executable, "--python", OTHER_VERSION],
        f"{sys.executable} is not a CPython {OTHER_VERSION}",
    ),
    "interpreter for several": (["--interpreter", sys.executable, "--all"], "--interpreter has one version"),
    "no such folder of wheels": (["--wheels", "nowhere"], "nowhere is not a folder"),
    "no wheel": (["--wheels", "."], "orjson cannot be installed: requirement orjson>=3.10 has no wheel for Python"),
    "another machine's files": (["--target", "host", "--arch", OTHER_ARCH], f"this machine is not {OTHER_ARCH}"),
    "a file in the way": (["--no-orjson", "-o", "taken"], "taken cannot be written"),
    "a bad date": (["--no-orjson"], "SOURCE_DATE_EPOCH='yesterday'"),
}


@pytest.mark.parametrize(("arguments", "reason"), BAD.values(), ids=BAD)
def test_bad_input(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line names the thing and the cure; the status is 1 and nothing is written."""
    Path("taken").write_text("something")
    if "SOURCE_DATE_EPOCH" in reason:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert build(*arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("build.py wrapper: ") and said.err.count("\n") == 1
    assert reason in said.err and ("; " in said.err or ", " in said.err)
    assert sorted(path.name for path in Path().iterdir()) == ["taken"]


def test_a_failure_keeps_what_was_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure, files of an earlier run are unchanged, and nothing unfinished remains."""
    monkeypatch.setattr("awslambdaric_lite.packaging.bytecode.find_interpreter", lambda version: None)
    assert build("--no-orjson") == 0
    before = {path.name: path.read_bytes() for path in Path("dist").iterdir()}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert build("--no-orjson") == 1
    assert {path.name: path.read_bytes() for path in Path("dist").iterdir()} == before


@pytest.mark.parametrize("arguments", [[], ["wrapper", "--all", "--python", "3.12"], ["other"], ["wrapper", "--pyth"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error gives status 2 and the usage."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: build.py" in capsys.readouterr().err


@needs_orjson
@pytest.mark.parametrize("damage", ["machine", "no elf", "two modules"])
def test_a_wheel_that_does_not_fit(damage: str, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The content of a wheel is checked, whatever its name."""
    wheel = next(wheels.iterdir())
    with zipfile.ZipFile(wheel) as opened:
        content = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/RECORD")}
    module = next(name for name in content if name.endswith(".so"))
    if damage == "machine":
        content[module] = content[module][:18] + b"\x28\x00" + content[module][20:]
    elif damage == "no elf":
        content[module] = b"MZ"
    else:
        content["orjson/other.so"] = content[module]
    record = next(name for name in (f"{each.split('/')[0]}/RECORD" for each in content) if ".dist-info" in name)
    with zipfile.ZipFile(wheel, "w") as rewritten:
        for name, data in content.items():
            rewritten.writestr(name, data)
        rewritten.writestr(record, "".join(f"{name},,\n" for name in [*content, record]))
    assert build("--wheels", str(wheels)) == 1
    said = capsys.readouterr().err
    assert {
        "machine": "is made for",
        "no elf": "not an ELF file",
        "two modules": "does not have exactly one extension module",
    }[damage] in said
    assert not Path("dist").exists()
