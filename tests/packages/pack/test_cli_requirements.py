"""`awslambdaric-lite pack`: the requirements of a function and the programs that install them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.emulator.command_line import command, environment, run

from .wheelhouse import add_project, add_wheel, needs_pip, needs_uv

pytestmark = needs_pip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a function's folder."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context):\n    return 'packed'\n")
    return folder


def names(archive: Path) -> set[str]:
    """Return the names of the members."""
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


def links(tmp_path: Path) -> list[str]:
    """Return the options that install from the folder of wheels only."""
    return ["--find-links", str(tmp_path / "wheels"), "--no-index"]


def test_declaration_in_the_folder_is_packed(source: Path, tmp_path: Path) -> None:
    """The dependencies of `pyproject.toml` are in the package, and a declaration that cannot be read is refused."""
    add_wheel(tmp_path / "wheels", "needed", {"needed.py": ""})
    (source / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\ndependencies = ["needed"]\n')
    output = tmp_path / "function.zip"
    assert run("pack", str(source), "-o", str(output), *links(tmp_path)).returncode == 0
    assert "needed.py" in names(output)
    (source / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\ndynamic = ["dependencies"]\n')
    done = run("pack", str(source), "-o", str(output))
    assert done.returncode == 1 and b"pyproject.toml has dynamic dependencies" in done.stderr
    assert run("pack", str(source), "-o", str(output), "--no-requirements").returncode == 0
    assert "needed.py" not in names(output)


def test_declaration_beside_the_folder_is_named(source: Path, tmp_path: Path) -> None:
    """A warning names the dependencies of the surrounding project, which are not packed unasked."""
    (tmp_path / "requirements.txt").write_text("needed\n")
    done = run("pack", str(source), "-o", str(tmp_path / "function.zip"))
    assert done.returncode == 0
    assert f"warning: {tmp_path}/requirements.txt declares dependencies, which were not packed" in done.stderr.decode()
    done = run("pack", str(source), "-o", str(tmp_path / "function.zip"), "--no-requirements")
    assert b"warning: " not in done.stderr


def test_requirements_come_from_standard_input(source: Path, tmp_path: Path) -> None:
    """`--requirements /dev/stdin` packs what another program writes."""
    add_wheel(tmp_path / "wheels", "needed", {"needed.py": ""})
    output = tmp_path / "function.zip"
    done = subprocess.run(
        command("pack", str(source), "-o", str(output), "--requirements", "/dev/stdin", *links(tmp_path)),
        input=b"needed\n",
        capture_output=True,
        env=environment(),
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "needed.py" in names(output)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--build", "none"],
            1,
            "folder has no wheel, and --build does not allow to build it from source; add --build",
        ),
        (["--build", "no ne"], 2, "--build no ne: not the name of a project; use a name, all or none"),
        (["--build", "all", "--build", "none"], 2, "--build all and --build none exclude other values"),
        (["--installer", "conda"], 2, "argument --installer: invalid choice: 'conda'"),
    ],
)
def test_bad_option_is_refused(arguments: list[str], code: int, message: str, source: Path, tmp_path: Path) -> None:
    """An option that cannot be followed gives an error and no package."""
    add_project(tmp_path / "folder", "folder")
    (source / "requirements.txt").write_text("../folder\n")
    done = run("pack", str(source), "-o", str(tmp_path / "function.zip"), *arguments)
    assert done.returncode == code and message in done.stderr.decode()
    assert not (tmp_path / "function.zip").exists()


@needs_uv
def test_both_installers_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    """uv and pip give the same package: commands, headers, extras, folders, and the records of all of them."""
    headers = "needed-1.0.data/headers/needed.h"
    add_wheel(
        tmp_path / "wheels",
        "needed",
        {
            "needed.py": "",
            "needed_data/tests/test_it.py": "",
            headers: "",
            "needed-1.0.data/scripts/tool": "#!python\n",
        },
        commands={"needed": "needed:main"},
        requires=("extra; extra == 'more'",),
        metadata="Provides-Extra: more\n",
    )
    add_wheel(tmp_path / "wheels", "extra", {"extra.py": ""})
    backend = add_project(tmp_path / "folder", "folder") / "backend.py"
    backend.write_text(backend.read_text().replace("dict(os.environ)", "0"))  # with temporary paths
    (source / "requirements.txt").write_text("needed[more]\n-e ../folder\n")
    for options in ([], ["--no-prune"]):
        for installer in ("uv", "pip"):
            output = str(tmp_path / f"{installer}.zip")
            done = run("pack", str(source), "-o", output, "--installer", installer, *options, *links(tmp_path))
            assert done.returncode == 0, done.stderr
        assert {"needed.py", "extra.py", "folder.py"} <= names(tmp_path / "uv.zip")
        assert names(tmp_path / "uv.zip") == names(tmp_path / "pip.zip")
        assert (tmp_path / "uv.zip").read_bytes() == (tmp_path / "pip.zip").read_bytes()


def test_runtime_of_one_zip_file_has_a_newer_glibc(source: Path, tmp_path: Path) -> None:
    """With `--runtime`, wheels are those for `provided.al2023`, also for Python 3.10 and 3.11."""
    for minor in (17, 34):
        tag = f"cp310-abi3-manylinux_2_{minor}_x86_64"
        add_wheel(tmp_path / "wheels", "native", {f"native_{minor}.py": ""}, tag=tag)
    (source / "requirements.txt").write_text("native\n")
    output = tmp_path / "function.zip"
    for options, minor in (([], 17), (["--runtime"], 34)):
        arguments = ["--python", "3.11", *options, *links(tmp_path)]
        done = run("pack", str(source), "-o", str(output), *arguments)
        assert done.returncode == 0, done.stderr
        assert [name for name in names(output) if name.startswith("native_")] == [f"native_{minor}.py"]


@needs_uv
def test_environment_without_pip_packs(source: Path, tmp_path: Path) -> None:
    """Where Python has no pip, as in environments of uv, uv installs the requirements."""
    add_wheel(tmp_path / "wheels", "needed", {"needed.py": ""})
    (source / "requirements.txt").write_text("needed\n")
    script = (
        "import sys\nsys.modules['pip'] = None\nfrom awslambdaric_lite.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    arguments = ["pack", str(source), "-o", str(tmp_path / "function.zip"), *links(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, env=environment(), timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "needed.py" in names(tmp_path / "function.zip")
