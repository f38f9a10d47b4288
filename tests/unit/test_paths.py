"""Tests of `_paths`: the module search path and the interactive names, in fresh interpreters started with `-S`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..architecture.child import PACKAGE, bare_prefix, base_interpreter, environment
from ..wire.doubles import GUARD

CODE = """
import sys
sys.path.insert(0, {package!r})
import awslambdaric_lite._paths as paths
del sys.path[0]
before = list(sys.path)
if {layers!r}:
    paths.LAYERS = {layers!r}
import posix
paths.complete_path(posix.environ)
after = list(sys.path)
loaded = sorted(sys.modules)
{more}
import json
print(json.dumps({{"before": before, "after": after, "loaded": loaded, "result": globals().get("result")}}))
"""


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Make a standard library without site-packages."""
    return bare_prefix(tmp_path / "prefix")


def site_packages(prefix: Path) -> Path:
    """Return the folder into which packages are installed."""
    (library,) = (prefix / "lib").iterdir()
    return library / "site-packages"


def completed(tmp_path: Path, prefix: Path, *, layers: Path | None = None, more: str = "", **variables: str) -> Any:
    """Run `complete_path()` in a child; return the paths before and after it, and the result."""
    task = tmp_path / "task"
    task.mkdir(exist_ok=True)
    finished = subprocess.run(
        [
            base_interpreter(),
            "-S",
            "-c",
            CODE.format(package=str(PACKAGE.parent), layers=layers and str(layers), more=more),
        ],
        env=environment(tmp_path, **{"PYTHONHOME": str(prefix), "LAMBDA_TASK_ROOT": str(task), **variables}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def folder_of_site(tmp_path: Path, prefix: Path) -> Path:
    """Return where `site` looks for packages; on Debian's interpreters, the folder of Debian's own packages."""
    folders = completed(tmp_path, prefix, more="import site; result = site.getsitepackages()")["result"]
    return Path(next((folder for folder in folders if folder.endswith("/python3/dist-packages")), folders[0]))


def test_task_root_comes_first(tmp_path: Path, prefix: Path) -> None:
    """The path is the task root, then the standard library; `site` and `os` are not loaded for that."""
    found = completed(tmp_path, prefix)
    assert found["after"] == [str(tmp_path / "task"), *found["before"]]
    assert not {"os", "site", "re"} & set(found["loaded"])


def test_working_directory_replaces_unset_task_root(tmp_path: Path, prefix: Path) -> None:
    """The working directory is first on the path if LAMBDA_TASK_ROOT is empty."""
    found = completed(tmp_path, prefix, LAMBDA_TASK_ROOT="")
    assert found["after"][0] == str(tmp_path)


def test_layers_follow_task_root(tmp_path: Path, prefix: Path) -> None:
    """A layer's version-specific packages, then its others, follow the task root; empty folders are left out."""
    layers = tmp_path / "opt" / "python"
    library = next((prefix / "lib").iterdir()).name
    specific = layers / "lib" / library / "site-packages"
    specific.mkdir(parents=True)
    (specific / "module.py").touch()
    found = completed(tmp_path, prefix, layers=layers)
    assert found["after"][:3] == [str(tmp_path / "task"), str(specific), str(layers)]
    (specific / "module.py").unlink()
    assert str(specific) not in completed(tmp_path, prefix, layers=layers)["after"]


def test_installed_packages_come_last(tmp_path: Path, prefix: Path) -> None:
    """The interpreter's site-packages come last, and `site` is not run for that."""
    packages = site_packages(prefix)
    packages.mkdir()
    (packages / "module.py").touch()
    found = completed(tmp_path, prefix)
    assert found["after"] == [str(tmp_path / "task"), *found["before"], str(packages)]
    assert "site" not in found["loaded"]


def test_pth_file_of_interpreter_is_applied(tmp_path: Path, prefix: Path) -> None:
    """`site` runs if the interpreter's site-packages contain a `.pth` file."""
    packages, extra = folder_of_site(tmp_path, prefix), tmp_path / "extra"
    packages.mkdir(parents=True)
    extra.mkdir()
    (packages / "extra.pth").write_text(f"{extra}\n")
    found = completed(tmp_path, prefix)
    assert found["after"][0] == str(tmp_path / "task")
    assert found["after"][-2:] == [str(packages), str(extra)]
    assert "site" in found["loaded"]


def test_pth_file_in_task_root_applies(tmp_path: Path, prefix: Path) -> None:
    """A `.pth` file in the task root extends the path."""
    extra = tmp_path / "extra"
    extra.mkdir()
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "extra.pth").write_text(f"{extra}\n")
    assert str(extra) in completed(tmp_path, prefix)["after"]


def test_sitecustomize_on_pythonpath_runs(tmp_path: Path, prefix: Path) -> None:
    """A `sitecustomize` on `PYTHONPATH` runs, which tools use to instrument a function."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sitecustomize.py").write_text("import builtins\nbuiltins.customized = True\n")
    found = completed(
        tmp_path, prefix, PYTHONPATH=str(tools), more="result = getattr(__builtins__, 'customized', False)"
    )
    assert found["result"] is True
    assert "site" in found["loaded"]


def test_path_entry_is_added_once(tmp_path: Path, prefix: Path) -> None:
    """A task root that `PYTHONPATH` names is not added again."""
    task = str(tmp_path / "task")
    found = completed(tmp_path, prefix, PYTHONPATH=task)
    assert found["after"].count(task) == 1


@pytest.mark.parametrize("name", ["exit", "quit", "copyright", "credits", "license", "help"])
def test_interactive_names_exist(name: str, tmp_path: Path, prefix: Path) -> None:
    """The interactive names that `site` adds exist without `site`."""
    found = completed(tmp_path, prefix, more=f"result = [type({name}).__name__, repr({name})[:30]]")
    assert found["result"][1]


@pytest.mark.parametrize(("call", "code"), [("exit()", None), ("quit(3)", 3), ("exit('text')", "text")])
def test_exit_and_quit_raise_system_exit(call: str, code: object, tmp_path: Path, prefix: Path) -> None:
    """`exit` and `quit` raise SystemExit with their argument."""
    more = f"try:\n    {call}\nexcept SystemExit as error:\n    result = ['left', error.code]\n"
    assert completed(tmp_path, prefix, more=more)["result"] == ["left", code]


def test_interactive_names_of_site_stay(tmp_path: Path, prefix: Path) -> None:
    """The interactive names of `site` stay if `site` has run."""
    packages = site_packages(prefix)
    packages.mkdir()
    (packages / "x.pth").write_text("\n")
    assert completed(tmp_path, prefix, more="result = type(exit).__name__")["result"] == "Quitter"


@pytest.mark.parametrize("name", ["sitecustomize.py", "sitecustomize/__init__.py"])
def test_installed_sitecustomize_runs_site(name: str, tmp_path: Path, prefix: Path) -> None:
    """`site` runs if the interpreter's site-packages contain `sitecustomize`, as a file or as a package."""
    path = site_packages(prefix) / name
    path.parent.mkdir(parents=True)
    path.touch()
    assert "site" in completed(tmp_path, prefix)["loaded"]


@pytest.mark.parametrize(
    ("home", "variables", "runs"), [(True, {}, True), (True, {"PYTHONNOUSERSITE": "1"}, False), (False, {}, False)]
)
def test_packages_of_the_user_run_site(
    home: bool, variables: dict[str, Any], runs: bool, tmp_path: Path, prefix: Path
) -> None:
    """`site` runs if packages are installed for the user, unless the interpreter must not use them."""
    library = next((prefix / "lib").iterdir()).name
    folder = tmp_path / "home"
    (folder / ".local" / "lib" / library / "site-packages").mkdir(parents=True)
    found = completed(tmp_path, prefix, HOME=str(folder if home else tmp_path), **variables)
    assert ("site" in found["loaded"]) == runs


def test_packages_of_debian_run_site(tmp_path: Path, prefix: Path) -> None:
    """`site` runs if the interpreter has the folder of Debian's packages."""
    (prefix / "lib" / "python3" / "dist-packages").mkdir(parents=True)
    assert "site" in completed(tmp_path, prefix)["loaded"]


FLAGS = """
names = [name for name in dir(sys.flags) if name[0] != "_" and not callable(getattr(sys.flags, name))]
def described():
    return list(sys.flags), {name: getattr(sys.flags, name) for name in names}
result = [described()]
paths.let_children_run_site()
result.append(described())
"""


def test_flags_lose_only_the_option_without_site(tmp_path: Path, prefix: Path) -> None:
    """All of `sys.flags` stay, by name and by position, except that `no_site` is 0 from then on."""
    variables: dict[str, Any] = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    (before, names_before), (after, names_after) = completed(tmp_path, prefix, more=FLAGS, **variables)["result"]
    assert (before[6], names_before["no_site"]) == (1, 1)
    before[6] = names_before["no_site"] = 0
    assert after == before
    assert names_after == names_before
