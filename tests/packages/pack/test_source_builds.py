"""Projects without wheels: what is built, with which variables, and what is refused."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.source_builds import BUILD_ALL, BuildPolicy
from awslambdaric_lite.packaging.targets import Target
from awslambdaric_lite.packaging.wheels import install_requirements

from .wheelhouse import add_project, add_source_distribution, add_wheel, needs_pip, needs_uv

pytestmark = needs_pip
BOTH = pytest.mark.parametrize("installer", [pytest.param("uv", marks=needs_uv), "pip"])

TARGET = Target("3.13", "x86_64")


def install(
    tmp_path: Path, requirements: Sequence[str], build: BuildPolicy = BUILD_ALL, installer: str = "auto"
) -> Path:
    """Install from a folder of wheels without an index, and return the folder of the result."""
    (tmp_path / "wheels").mkdir(exist_ok=True)
    into = tmp_path / "into"
    install_requirements(
        requirements, into, TARGET, find_links=tmp_path / "wheels", no_index=True, build=build, installer=installer
    )
    return into


def test_build_gets_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment a build gets the search path and the language, and another home folder."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GITHUB_TOKEN", "PIP_INDEX_URL", "UV_INDEX_URL", "NETRC", "X"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    into = install(tmp_path, [str(add_project(tmp_path / "greet", "greet"))])
    text = (into / "greet.py").read_text()
    variables = ast.literal_eval(text.removeprefix("VARIABLES = "))
    assert "secret" not in text and variables["HOME"] != os.environ["HOME"] and variables["LC_ALL"] == "C.UTF-8"
    allowed = {"HOME", "LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "PYTHONIOENCODING", "TZ"}
    assert set(variables) <= allowed | {
        "CC",
        "CXX",
        "PYTHONPATH",
        "SOURCE_DATE_EPOCH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
    }


@pytest.mark.parametrize("form", ["folder", "editable", "named", "archive", "extras", "git"])
def test_location_is_built(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, an archive and a repository are built with their dependencies; the folder stays as it is."""
    add_wheel(tmp_path / "wheels", "leaf", {"leaf.py": ""})
    project = add_project(tmp_path / "greet", "greet", requires=("leaf",))
    archive = add_source_distribution(tmp_path / "archives", "greet", requires=("leaf",))
    before = sorted(os.listdir(project))
    if form == "git":
        identity = ["-c", "user.name=a", "-c", "user.email=a@test"]
        for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"], ["tag", "v1"]):
            subprocess.run(["git", "-C", str(project), *command], check=True)
        before = sorted(os.listdir(project))
    monkeypatch.chdir(tmp_path)
    requirement = {
        "folder": "./greet",
        "editable": "-e ./greet",
        "named": f"greet @ file://{project}",
        "archive": str(archive),
        "extras": "./greet[loud] ; python_version > '3'",
        "git": f"git+file://{project}@v1",
    }[form]
    into = install(tmp_path, [requirement, "absent @ file:///absent ; sys_platform == 'win32'"])
    assert {path.name.partition("-")[0] for path in into.glob("*.dist-info")} == {"greet", "leaf"}
    assert sorted(os.listdir(project)) == before


@BOTH
def test_folder_stands_beside_hashes(installer: str, tmp_path: Path) -> None:
    """A folder needs no hash where the other requirements have some; a hash without a version counts, too."""
    wheel = add_wheel(tmp_path / "wheels", "leaf", {"leaf.py": ""})
    add_wheel(tmp_path / "wheels", "leaf", {"leaf.py": ""}, version="2.0")
    project = add_project(tmp_path / "greet", "greet", requires=("leaf",))
    hashed = f"leaf --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}"
    into = install(tmp_path, [f"-e {project}", hashed], installer=installer)
    assert (into / "leaf-1.0.dist-info").exists() and (into / "greet.py").exists()


def test_build_is_refused_unless_named(tmp_path: Path) -> None:
    """With `--build none` or other names nothing is built, and the message has the option that allows it."""
    project = add_project(tmp_path / "folder", "greet")
    add_source_distribution(tmp_path / "wheels", "leaf")
    for policy in (BuildPolicy.parse(["none"]), BuildPolicy.parse(["other"])):
        for requirement, name in ((str(project), "greet"), ("leaf", "leaf")):
            with pytest.raises(PackagingError, match=rf"has no wheel, and --build .* add --build {name}$"):
                install(tmp_path, [requirement], policy)
    assert (install(tmp_path, [str(project), "leaf"], BuildPolicy.parse(["Greet", "leaf"])) / "greet.py").exists()


@pytest.mark.parametrize("values", [["all", "none"], ["none", "six"], ["si x"], ["--x"]])
def test_contradictory_values_are_refused(values: list[str]) -> None:
    """Values that are not names, or that exclude each other, are refused."""
    with pytest.raises(PackagingError, match=r"--build .*(; use a name|; remove one)"):
        BuildPolicy.parse(values)


def test_failing_build_is_named(tmp_path: Path) -> None:
    """The message names the project, the last line of the build and the cure."""
    project = add_project(tmp_path / "greet", "greet")
    (project / "backend.py").write_text("def build_wheel(*arguments):\n    raise OSError('gcc is missing')\n")
    message = r"greet has no wheel and cannot be built from source: OSError: gcc is missing; build its wheel for Lambda"
    with pytest.raises(PackagingError, match=message):
        install(tmp_path, [str(project)])


def test_backend_that_is_missing_is_named(tmp_path: Path) -> None:
    """A build backend without a wheel is named together with the project that needs it."""
    project = add_project(tmp_path / "greet", "greet")
    (project / "pyproject.toml").write_text('[build-system]\nrequires = ["backend-x"]\nbuild-backend = "backend_x"\n')
    with pytest.raises(
        PackagingError,
        match=r"greet cannot be built from source: requirement backend-x has no wheel .* has no such project",
    ):
        install(tmp_path, [str(project)])


def test_backend_is_installed_for_this_python(tmp_path: Path) -> None:
    """A build backend is installed from wheels, with what its hook asks for, and is not in the package."""
    add_wheel(tmp_path / "wheels", "asked", {"asked.py": "TEXT = 'asked for'"})
    wheel = add_wheel(tmp_path / "built", "greet", {"greet.py": ""})
    backend = (
        "import shutil\ndef get_requires_for_build_wheel(settings=None):\n    return ['asked']\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n    import asked\n"
        f"    return shutil.copy({str(wheel)!r}, folder).rpartition('/')[2]\n"
    )
    add_wheel(tmp_path / "wheels", "maker", {"maker.py": backend})
    project = tmp_path / "greet"
    project.mkdir()
    (project / "pyproject.toml").write_text('[build-system]\nrequires = ["maker"]\nbuild-backend = "maker"\n')
    into = install(tmp_path, [str(project)])
    assert sorted(path.name for path in into.glob("*.py")) == ["greet.py"]


def test_compiled_project_is_not_built(tmp_path: Path) -> None:
    """A version with wheels for other machines needs a compiler: it is not built, but has no wheel."""
    add_source_distribution(tmp_path / "wheels", "native")
    add_wheel(tmp_path / "wheels", "native", {"native.so": ""}, tag="cp313-cp313-win_amd64")
    with pytest.raises(PackagingError, match=r"requirement native has no wheel for Python 3\.13 on x86_64"):
        install(tmp_path, ["native"])


def test_source_is_built_on_request(tmp_path: Path) -> None:
    """`--no-binary NAME` in a file builds a project although it has a wheel."""
    add_wheel(tmp_path / "wheels", "leaf", {"wheel.py": ""})
    add_source_distribution(tmp_path / "wheels", "leaf")
    into = install(tmp_path, ["--no-binary leaf", "leaf"])
    assert (into / "leaf.py").exists() and not (into / "wheel.py").exists()
