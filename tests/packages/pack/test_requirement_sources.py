"""Files that declare dependencies: which one counts, and what each format says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.requirement_lines import line_for
from awslambdaric_lite.packaging.requirement_sources import find_requirements, read_requirements, requirements_above
from awslambdaric_lite.packaging.targets import Target

from .wheelhouse import needs_uv

TARGET = Target("3.13", "x86_64")

PROJECT = '[project]\nname = "shop"\nversion = "1"\n'
POETRY_LOCK = """
[[package]]
name = "Flask"
version = "3.1"
optional = false
python-versions = ">=3.9"
files = [{file = "flask-3.1-py3-none-any.whl", hash = "sha256:aa"}, {file = "flask-3.1.tar.gz", hash = "sha256:ab"}]

[package.dependencies]
click = ">=8"
colorama = {version = "*", markers = "sys_platform == \\"win32\\""}
asgiref = {version = ">=3", optional = true, markers = "extra == \\"async\\""}

[package.extras]
async = ["asgiref (>=3)"]

[[package]]
name = "click"
version = "8.0"
optional = false
python-versions = "*"
files = [{file = "click-8.0-py3-none-any.whl", hash = "sha256:bb"}]

[[package]]
name = "asgiref"
version = "3.9"
optional = true
python-versions = "*"
files = [{file = "asgiref-3.9-py3-none-any.whl", hash = "sha256:cc"}]

[[package]]
name = "colorama"
version = "1"
optional = false
python-versions = "*"
files = []

[[package]]
name = "pytest"
version = "9"
optional = false
python-versions = "*"
files = []

[[package]]
name = "greet"
version = "1"
optional = false
python-versions = "*"
files = []

[package.source]
type = "directory"
url = "../greet"

[metadata]
lock-version = "2.1"
"""
PYLOCK = """
lock-version = "1.0"
created-by = "a test"
default-groups = ["prod"]
[[packages]]
name = "pure"
version = "1.0"
[[packages.wheels]]
url = "https://index.test/files/pure-1.0-py3-none-any.whl"
hashes = {sha256 = "aa"}
[[packages]]
name = "native"
version = "2.0"
wheels = [
  {url = "https://index.test/native-2.0-cp313-cp313-manylinux_2_28_aarch64.whl", hashes = {sha256 = "b1"}},
  {url = "https://index.test/native-2.0-cp313-cp313-manylinux_2_39_x86_64.whl", hashes = {sha256 = "b2"}},
  {url = "https://index.test/native-2.0-cp313-cp313-manylinux_2_28_x86_64.whl", hashes = {sha256 = "b3"}},
  {url = "https://index.test/native-2.0-cp312-cp312-manylinux_2_28_x86_64.whl", hashes = {sha256 = "b4"}},
]
[[packages]]
name = "windows"
version = "1"
marker = "sys_platform == 'win32'"
[[packages]]
name = "tests"
version = "1"
marker = "'tests' in dependency_groups or 'all' in extras"
[[packages]]
name = "prod"
version = "1"
marker = "'prod' in dependency_groups and os_name == 'posix'"
archive = {url = "https://index.test/prod-1.zip", hashes = {sha256 = "cc"}}
[[packages]]
name = "greet"
directory = {path = "greet", editable = true}
"""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def lines(file: Path) -> list[str]:
    """Return the requirements that a file declares for the target."""
    return [line_for(each) for each in read_requirements(file, TARGET).requirements]


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (("requirements.txt", "pylock.toml", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml"), 0),
        (("pylock.toml", "uv.lock", "poetry.lock", "pyproject.toml"), 0),
        (("pylock.prod.toml", "uv.lock", "pyproject.toml"), 0),
        (("uv.lock", "pyproject.toml", "setup.py"), 0),
        (("poetry.lock", "pyproject.toml"), 0),
        (("Pipfile.lock", "Pipfile"), 0),
        (("pyproject.toml", "setup.py"), 0),
        (("app.py",), None),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, tuple) else None,
)
def test_pinned_files_come_first(present: tuple[str, ...], expected: int | None, tmp_path: Path) -> None:
    """What a file pins precedes what another allows."""
    write(tmp_path, dict.fromkeys(present, '[project]\nname = "a"\ndependencies = ["idna"]\n# install_requires'))
    found = find_requirements(tmp_path)
    assert found == (None if expected is None else tmp_path / present[expected])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"Pipfile": "[packages]\nidna = '*'\n"},
            r"Pipfile declares .*; lock it: pipenv lock, or use --no-requirements",
        ),
        ({"setup.py": "setup(install_requires=['idna'])"}, r"setup\.py declares .*; write its dependencies to"),
        ({"setup.cfg": "[options]\ninstall_requires =\n  idna\n"}, r"setup\.cfg declares .*, or use --no-requirements"),
        (
            {"environment.yml": "dependencies:\n- pip\n"},
            r"environment\.yml declares dependencies that pack cannot read",
        ),
        ({"pdm.lock": "[[package]]\n", "pyproject.toml": PROJECT}, r"pdm\.lock declares .*; export it: pdm export"),
        ({"pylock.a.toml": "", "pylock.b.toml": ""}, r"has pylock\.a\.toml and pylock\.b\.toml; choose one"),
        ({"pyproject.toml": PROJECT + 'dynamic = ["dependencies"]'}, r"has dynamic dependencies, .*--no-requirements"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\nidna = "^3"\n'}, r"no poetry\.lock; lock them: poetry lock"),
        ({"pyproject.toml": "[project\n"}, r"pyproject\.toml cannot be read: .*; correct it"),
        ({"poetry.lock": POETRY_LOCK}, r"poetry\.lock needs .*pyproject\.toml"),
        ({"Pipfile.lock": "{"}, r"Pipfile\.lock is not JSON .*; lock it: pipenv lock"),
        ({"Pipfile.lock": "{}"}, r"Pipfile\.lock has an unknown format \(KeyError: 'default'\); write it anew"),
        ({"requirements.txt": "-r absent.txt\n"}, r"requirements .*/absent\.txt cannot be read: No such file"),
        ({"requirements.txt": "-r requirements.txt\n"}, r"requirements\.txt, line 1: .* includes itself"),
        ({"requirements.txt": "idna\n--fast\n"}, r"requirements\.txt, line 2: unrecognized arguments: --fast; correct"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_unreadable_declaration_is_refused(files: dict[str, str], message: str, tmp_path: Path) -> None:
    """What cannot be read is not left out in silence: the message names the file and the cure."""
    write(tmp_path, files)
    with pytest.raises(PackagingError, match=message):
        found = find_requirements(tmp_path)
        assert found is not None
        read_requirements(found, TARGET)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"pyproject.toml": PROJECT + 'dependencies = ["idna>=3", "six; python_version < \'4\'"]\n'},
            ["idna>=3", "six; python_version < '4'"],
        ),
        (
            {
                "pyproject.toml": PROJECT + 'dependencies = ["greet[loud]>=1", "idna"]\n'
                '[tool.uv.sources]\ngreet = { path = "../greet", editable = true }\n'
            },
            ["greet[loud] @ file://ROOT/greet", "idna"],
        ),
        (
            {
                "pyproject.toml": PROJECT + 'dynamic = ["dependencies"]\n'
                '[tool.setuptools.dynamic]\ndependencies = { file = ["base.in"] }\n',
                "base.in": "idna\n",
            },
            ["idna"],
        ),
        (
            {
                "poetry.lock": POETRY_LOCK,
                "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\nflask = { version = "*", extras = '
                '["async"] }\ngreet = { path = "../greet" }\n[tool.poetry.group.dev.dependencies]\npytest = "*"\n',
            },
            [
                "asgiref==3.9 --hash=sha256:cc",
                "click==8.0 --hash=sha256:bb",
                "Flask==3.1 --hash=sha256:aa --hash=sha256:ab",
                "greet @ file://ROOT/greet",
            ],
        ),
        (
            {"poetry.lock": POETRY_LOCK, "pyproject.toml": PROJECT + 'dependencies = ["flask (>=3,<4)"]\n'},
            ["click==8.0 --hash=sha256:bb", "Flask==3.1 --hash=sha256:aa --hash=sha256:ab"],
        ),
        (
            {
                "Pipfile.lock": json.dumps(
                    {
                        "_meta": {"sources": [{"name": "pypi", "url": "https://index.test/packages"}]},
                        "default": {
                            "idna": {"version": "==3.7", "hashes": ["sha256:aa"], "markers": "python_version >= '3.5'"},
                            "flask": {"version": "==3.1", "extras": ["async"]},
                            "win": {"version": "==1", "markers": "sys_platform == 'win32'"},
                            "greet": {"path": "../greet", "editable": True},
                            "code": {"git": "https://git.test/code.git", "ref": "abc"},
                        },
                        "develop": {"pytest": {"version": "==9"}},
                    }
                )
            },
            [
                "idna==3.7 --hash=sha256:aa",
                "flask[async]==3.1",
                "greet @ file://ROOT/greet",
                "code @ git+https://git.test/code.git@abc",
            ],
        ),
        (
            {"pylock.toml": PYLOCK},
            [
                "pure @ https://index.test/files/pure-1.0-py3-none-any.whl --hash=sha256:aa",
                "native @ https://index.test/native-2.0-cp313-cp313-manylinux_2_28_x86_64.whl --hash=sha256:b3",
                "prod @ https://index.test/prod-1.zip --hash=sha256:cc",
                "greet @ file://ROOT/src/greet",
            ],
        ),
    ],
    ids=("pyproject", "uv-sources", "setuptools-dynamic", "poetry", "poetry-project", "pipenv", "pylock"),
)
def test_each_format_is_read(files: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    """Each format gives the requirements of the function on the target, without those for development."""
    found = find_requirements(write(tmp_path / "src", files))
    assert found is not None
    assert lines(found) == [line.replace("ROOT", str(tmp_path)) for line in expected]


@needs_uv
def test_lock_of_uv_is_exported(tmp_path: Path) -> None:
    """`uv.lock` gives the project's dependencies and members, without the project and its development group."""
    project = write(
        tmp_path / "src",
        {
            "pyproject.toml": PROJECT + 'requires-python = ">=3.10"\ndependencies = ["greet"]\n'
            '[dependency-groups]\ndev = ["shout"]\n'
            '[tool.uv.sources]\ngreet = { path = "greet", editable = true }\nshout = { path = "shout" }\n',
            "greet/pyproject.toml": '[project]\nname = "greet"\nversion = "1"\n',
            "shout/pyproject.toml": '[project]\nname = "shout"\nversion = "1"\n',
        },
    )
    command = ["uv", "lock", "--offline", "--project", str(project)]
    subprocess.run(command, check=True, capture_output=True)
    assert lines(project / "uv.lock") == [f"file://{project}/greet"]


def test_lock_of_uv_needs_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uv, the message says what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    write(tmp_path, {"uv.lock": "version = 1\n"})
    with pytest.raises(PackagingError, match=r"uv\.lock is read by uv, which is missing: install uv, or name"):
        read_requirements(tmp_path / "uv.lock", TARGET)


def test_requirements_files_do_not_depend_on_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative names are relative to the file that has them; what is not there may be in the current folder."""
    write(
        tmp_path,
        {
            "src/requirements.txt": "-r sub/more.txt\n-c limits.txt\n--find-links ./wheels\n--find-links=https://a.test/x\n"
            "-e ./greet[loud] ; python_version > '3'\n./w/pure-1.0-py3-none-any.whl\nfile:greet\n-e elsewhere\n"
            "here @ file:./greet#subdirectory=lib\ngit+https://git.test/code@v1#egg=code\n",
            "src/sub/more.txt": "../greet\nidna==3.7 \\\n    --hash=sha256:aa \\\n    # via shop\n",
            "src/limits.txt": "idna<4\n",
            "src/greet/pyproject.toml": "",
            "src/w/pure-1.0-py3-none-any.whl": "",
            "elsewhere/pyproject.toml": "",
        },
    )
    source = tmp_path / "src"
    expected = [
        f"file://{source}/greet",
        "idna==3.7 --hash=sha256:aa",
        f"file://{source}/greet",
        f"file://{source}/w/pure-1.0-py3-none-any.whl",
        f"file://{source}/greet",
    ]
    for folder in (tmp_path, source):
        monkeypatch.chdir(folder)
        read = read_requirements(Path(os.path.relpath(source / "requirements.txt")), TARGET)
        assert [line_for(each).partition(" ;")[0] for each in read.requirements][:5] == expected
        assert read.constraints == ["idna<4"]
        assert read.settings["find-links"] == [f"{source}/wheels", "https://a.test/x"]
        assert (read.requirements[2].extras, read.requirements[2].marker) == ("[loud]", "python_version > '3'")
        assert read.requirements[-1].name == "code"


def test_lines_in_all_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments, continuations, variables and options in a file mean what they mean to pip."""
    monkeypatch.setenv("TOKEN", "secret")
    file = tmp_path / "requirements.txt"
    file.write_text(
        "# a comment\n--index-url https://${TOKEN}@index.test/packages  # ours\nidna>=3,\\\n<4 # no more\n"
        "six == 1.17.0 ; python_version < '4' --hash=sha256:aa --hash sha256:bb\n--pre\n--no-binary docopt,Six\n"
        "pure @ https://index.test/pure-1.0-py3-none-any.whl#sha256=aa ; os_name == 'posix'\n"
        "--trusted-host index.test\n"
    )
    read = read_requirements(file, TARGET)
    assert [line_for(each) for each in read.requirements] == [
        "idna>=3, <4",
        "six == 1.17.0 ; python_version < '4' --hash=sha256:aa --hash=sha256:bb",
        "pure @ https://index.test/pure-1.0-py3-none-any.whl#sha256=aa ; os_name == 'posix'",
    ]
    assert read.settings["index-url"] == ["https://secret@index.test/packages"]
    assert read.settings["pre"] == ["1"] and read.settings["trusted-host"] == ["index.test"]
    assert read.from_source == {"docopt", "six"}


def test_pipe_is_read_once(tmp_path: Path) -> None:
    """A pipe has its text only once, and all of it is read."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("idna\nsix\n",))
    writer.start()
    assert lines(pipe) == ["idna", "six"]
    writer.join()


def test_requirements_above_are_found(tmp_path: Path) -> None:
    """Dependencies that the surrounding project declares are found, up to the repository's root."""
    folder = write(tmp_path / "repository" / "functions" / "shop", {"app.py": ""})
    assert requirements_above(folder) is None
    declared = write(tmp_path / "repository", {".git/HEAD": "", "pyproject.toml": PROJECT + 'dependencies = ["six"]\n'})
    assert requirements_above(folder) == declared / "pyproject.toml"
    write(tmp_path, {"requirements.txt": "idna"})
    shutil.rmtree(declared / ".git")
    assert requirements_above(folder) is None
    assert re.fullmatch(
        r".*/functions/requirements\.txt", str(requirements_above(write(folder, {"../requirements.txt": ""})))
    )
