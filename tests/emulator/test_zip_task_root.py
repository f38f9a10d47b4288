"""Packages as task roots: what `pack` wrote is what runs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator import InvalidFunction, LocalLambda

from .command_line import run
from .waiting import WAIT

WriteHandler = Callable[[str], Path]

SEEN = """
import os
def handler(event, context):
    return [os.getcwd(), os.environ["LAMBDA_TASK_ROOT"], os.path.dirname(__file__), sorted(os.listdir())]
"""


def zipped(folder: Path, **files: str) -> Path:
    """Return a package with these modules."""
    package = folder / "function.zip"
    with zipfile.ZipFile(package, "w") as archive:
        for name, source in files.items():
            archive.writestr(f"{name}.py", source)
    return package


def test_packed_function_runs(write_handler: WriteHandler, tmp_path: Path) -> None:
    """`invoke` runs a zip file that `pack` wrote, in a folder that is gone afterwards."""
    root = write_handler(SEEN)
    package = tmp_path.parent / f"{tmp_path.name}.zip"
    packed = run("pack", str(root), "-o", str(package))
    assert packed.returncode == 0, packed.stderr
    done = run("invoke", "app.handler", "--task-root", str(package), "--timeout", "60")
    assert done.returncode == 0, done.stderr
    folder, variable, beside, files = json.loads(done.stdout)
    assert folder == variable == beside
    assert "app.py" in files
    assert not Path(folder).exists()


def test_runtime_of_package_runs(tmp_path: Path, socket_runtime: list[str]) -> None:
    """A `bootstrap` in the package is a runtime, with the mode that the zip file has."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context): return 7")
    command = " ".join(f"'{argument}'" for argument in socket_runtime)
    (tmp_path / "src" / "bootstrap").write_text(f"#!/bin/sh\nexec {command}\n")
    (tmp_path / "src" / "bootstrap").chmod(0o755)
    package = shutil.make_archive(str(tmp_path / "function"), "zip", tmp_path / "src")
    arguments = ("invoke", "app.handler", "--task-root", package, "--timeout", "60", "--runtime")
    assert run(*arguments, "./bootstrap").stdout == b"7"
    assert b"Runtime.InvalidEntrypoint" in run(*arguments, "./missing").stdout


def test_reload_takes_new_package(tmp_path: Path) -> None:
    """A reload unpacks the package again; a damaged one leaves the old code in place."""
    package = zipped(tmp_path, app="def handler(event, context): return 1")
    with LocalLambda("app.handler", task_root=package, timeout_s=WAIT) as function:
        assert function.invoke().json() == 1
        zipped(tmp_path, app="def handler(event, context): return 2")
        function.reload()
        assert function.invoke().json() == 2
        package.write_bytes(b"PK")
        with pytest.raises(InvalidFunction, match="task root"):
            function.reload()
        assert function.invoke().json() == 2


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_other_file_is_rejected(content: bytes | None, tmp_path: Path) -> None:
    """A task root that is missing, or a file but no zip file, is rejected before anything starts."""
    path = tmp_path / "function.zip"
    if content is not None:
        path.write_bytes(content)
    done = run("invoke", "app.handler", "--task-root", str(path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"task root {path} is not a directory or a zip file; give the path of one" in done.stderr.decode()


def test_hostile_package_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that leads out of the package is refused, and no file of the local Lambda stays."""
    package = zipped(tmp_path, **{"../out": "x", "app": "x"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with pytest.raises(InvalidFunction, match=r"task root .* has the member '\.\./out\.py', which leads out of it"):
        LocalLambda("app.handler", task_root=package).start()
    assert os.listdir(scratch) == []


def test_bench_measures_package(tmp_path: Path) -> None:
    """`bench` unpacks a zip file, too; the report has no word of it."""
    package = zipped(tmp_path, app="def handler(event, context): return 1")
    done = run(
        *("bench", "app.handler", "--task-root", str(package), "--rounds", "2", "--invocations", "2"),
        *("--against", "none", "--json"),
    )
    assert done.returncode == 0, done.stderr
