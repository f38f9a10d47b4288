"""User code finds its modules and the interactive names, although `site` is not loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.process.deployment import can_mount, install, start
from tests.process.lite import bodies
from tests.support.client_process import GUARD

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
PYTHON = {"AWSLAMBDARIC_LITE_PYTHON": sys.executable}
ONE = [Event()]
SHOW_PATH = "import sys\npath = list(sys.path)\ndef handler(event, context):\n    return [path, list(sys.path)]\n"


def shown(task_root: Path, **env: str) -> list[str]:
    """Return `sys.path` as user code sees it."""
    result = start([install(task_root)], task_root, SHOW_PATH, ONE, {**PYTHON, **env})
    assert result.ended_by_test, result.stderr.decode() + result.stdout.decode()
    at_import, in_handler = json.loads(bodies(result)[0])
    assert at_import == in_handler
    return [str(entry) for entry in at_import]


def test_task_root_precedes_standard_library(tmp_path: Path) -> None:
    """`sys.path` has the task root, then the standard library, with each absolute path once."""
    path = shown(tmp_path)
    plain = subprocess.run(
        [sys.executable, "-c", "import sys; print('\\n'.join(sys.path[1:]))"],
        env={}, cwd="/", capture_output=True, text=True, timeout=GUARD, check=True,
    ).stdout.split("\n")[:-1]  # fmt: skip
    assert path[0] == str(tmp_path)
    assert [entry for entry in path if entry in plain] == plain
    assert len(path) == len(set(path)) and all(entry.startswith("/") for entry in path)
    assert not any(entry.endswith("awslambdaric_lite") for entry in path)


def test_runtime_folder_is_not_added(tmp_path: Path) -> None:
    """A runtime in a layer does not add its folder to `sys.path`."""
    bootstrap = install(tmp_path / "layer", inner="python")
    task_root = tmp_path / "task"
    task_root.mkdir()
    result = start([bootstrap], task_root, SHOW_PATH, ONE, PYTHON)
    assert str(tmp_path / "layer" / "python") not in json.loads(bodies(result)[0])[0]


def test_pythonpath_follows_task_root(tmp_path: Path) -> None:
    """The entries of PYTHONPATH follow the task root."""
    extra = tmp_path / "extra"
    extra.mkdir()
    path = shown(tmp_path, PYTHONPATH=str(extra))
    assert path[:2] == [str(tmp_path), str(extra)]


def test_task_root_wins_over_working_directory(tmp_path: Path) -> None:
    """LAMBDA_TASK_ROOT wins over the working directory, which is used without it."""
    bootstrap = install(tmp_path / "runtime")
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "helper.py").write_text("VALUE = 'there'\n")
    (tmp_path / "here" / "helper.py").write_text("VALUE = 'here'\n")
    source = "import helper\ndef handler(event, context):\n    return helper.VALUE\n"
    (tmp_path / "there" / "app.py").write_text(source)
    env = {**PYTHON, "LAMBDA_TASK_ROOT": str(tmp_path / "there")}
    assert bodies(start([bootstrap], tmp_path / "here", source, ONE, env)) == [b'"there"']
    assert bodies(start([bootstrap], tmp_path / "here", source, ONE, {**PYTHON, "LAMBDA_TASK_ROOT": None})) == [
        b'"here"'
    ]


def test_user_modules_do_not_replace_runtime(tmp_path: Path) -> None:
    """The runtime does not import the user's files that have names of its modules."""
    for name in (
        "_runtime",
        "_client",
        "_function_errors",
        "posix",
        "time",
        "sys",
        "site",
        "os",
        "json",
        "_json",
        "_handlers",
    ):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)\n")
    source = "def handler(event, context):\n    if event:\n        raise ValueError('x')\n    return {1: (1, b'x')}\n"
    result = start([install(tmp_path)], tmp_path, source, [Event(b"0"), Event(b"1"), Event(b"0")], PYTHON)
    assert result.ended_by_test, result.stderr.decode()
    assert [request.verb for request in result.replies] == ["response", "error", "response"]


NAMES = """
import builtins, io, sys
def handler(event, context):
    names = [name for name in ("exit", "quit", "copyright", "credits", "license", "help") if hasattr(builtins, name)]
    sys.stdin = io.StringIO("q\\n")
    out, sys.stdout = sys.stdout, io.StringIO()
    license_text = repr(license)
    copyright()
    credits()
    help(len)
    text, sys.stdout = sys.stdout.getvalue(), out
    worked = ["license" in license_text.lower(), "Copyright" in text, "len(" in text]
    return [names, repr(exit), repr(quit), repr(help), *worked]
"""


def test_interactive_names_work(tmp_path: Path) -> None:
    """The names that `site` adds for interactive use exist and work."""
    result = start([install(tmp_path)], tmp_path, NAMES, ONE, PYTHON)
    names, exit_text, quit_text, help_text, *worked = json.loads(bodies(result)[0])
    assert names == ["exit", "quit", "copyright", "credits", "license", "help"]
    assert exit_text.startswith("Use exit") and quit_text.startswith("Use quit") and "help" in help_text
    assert worked == [True, True, True]


@pytest.mark.parametrize("call", ["exit(3)", "quit(3)"])
def test_exit_and_quit_end_process(tmp_path: Path, call: str) -> None:
    """`exit` and `quit` end the process as `sys.exit` does."""
    source = f"def handler(event, context):\n    {call}\n"
    result = start([install(tmp_path)], tmp_path, source, ONE, PYTHON)
    assert result.exit_code == 3
    assert [request.verb for request in result.replies] == ["error"]


def test_pth_file_in_task_root_applies(tmp_path: Path) -> None:
    """A `.pth` file in the task root is read."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("VALUE = 7\n")
    (tmp_path / "more.pth").write_text("lib\nimport sys; sys.from_pth = 1\n")
    source = "import helper, sys\ndef handler(event, context):\n    return [helper.VALUE, sys.from_pth]\n"
    result = start([install(tmp_path)], tmp_path, source, ONE, PYTHON)
    assert bodies(result) == [b"[7,1]"], result.stdout.decode()


def test_sitecustomize_on_pythonpath_runs_once(tmp_path: Path) -> None:
    """A `sitecustomize` runs once, before the handler's module."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys\nsys.customized = getattr(sys, 'customized', 0) + 1\n"
    )
    source = "import sys\nseen = sys.customized\ndef handler(event, context):\n    return [seen, sys.customized]\n"
    result = start([install(tmp_path)], tmp_path, source, ONE, {**PYTHON, "PYTHONPATH": str(tmp_path / "site")})
    assert bodies(result) == [b"[1,1]"], result.stdout.decode()


@pytest.fixture
def environment_folder(tmp_path: Path) -> Path:
    """Make a virtual environment without packages."""
    folder = tmp_path / "environment"
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=GUARD, capture_output=True)
    return folder


def test_virtual_environment_packages_are_found(tmp_path: Path, environment_folder: Path) -> None:
    """The interpreter of a virtual environment has its packages, `.pth` files and `sitecustomize`."""
    packages = environment_folder / "lib" / VERSION / "site-packages"
    (packages / "helper.py").write_text("VALUE = 7\n")
    (packages / "more.pth").write_text("import sys; sys.from_pth = 1\n")
    (packages / "sitecustomize.py").write_text("import sys\nsys.customized = 2\n")
    source = """
import helper, sys
def handler(event, context):
    return [helper.VALUE, sys.from_pth, sys.customized, sys.prefix]
"""
    env = {"AWSLAMBDARIC_LITE_PYTHON": str(environment_folder / "bin" / "python")}
    result = start([install(tmp_path)], tmp_path, source, ONE, env)
    assert bodies(result) == [f'[7,1,2,"{environment_folder}"]'.encode()], result.stdout.decode()


CHILDREN = {
    "subprocess": "subprocess.run([sys.executable, *subprocess._args_from_interpreter_flags(), '-c', CODE]).returncode",
    "module": "subprocess.run([sys.executable, *multiprocessing.util._args_from_interpreter_flags(), '-m', 'helper'],"
    " cwd='/').returncode",
    "concurrent.futures": "list(Executor(1, multiprocessing.get_context('spawn')).map(len, ['1234567']))[0]",
    "forkserver": "list(Executor(1, multiprocessing.get_context('forkserver')).map(len, ['1234567']))[0]",
}


@pytest.mark.parametrize("packages", ["site-packages", "user"])
@pytest.mark.parametrize("child", CHILDREN.values(), ids=CHILDREN)
def test_child_interpreters_find_installed_packages(
    tmp_path: Path, environment_folder: Path, child: str, packages: str
) -> None:
    """Child interpreters that get this interpreter's flags find the packages that it finds."""
    folder = environment_folder / "lib" / VERSION / "site-packages"
    if packages == "user":
        (folder / "more.pth").write_text(f"{tmp_path / 'more'}\n")
        folder = tmp_path / "more"
        folder.mkdir()
    (folder / "helper.py").write_text("if __name__ == '__main__': raise SystemExit(7)\nVALUE = 7\n")
    source = f"""
import helper, multiprocessing, multiprocessing.util, subprocess, sys
from concurrent.futures import ProcessPoolExecutor as Executor
CODE = "import helper, sys; raise SystemExit(helper.VALUE)"
def handler(event, context):
    return [{child}, sys.flags.no_site, sys.flags[6], len(sys.flags) > 6, sys.flags.utf8_mode]
"""
    env = {"AWSLAMBDARIC_LITE_PYTHON": str(environment_folder / "bin" / "python")}
    result = start([install(tmp_path)], tmp_path, source, ONE, env)
    utf8_mode = int(sys.version_info >= (3, 15))  # its default, PEP 686
    assert bodies(result) == [b"[7,0,0,true,%d]" % utf8_mode], result.stdout + result.stderr


@pytest.mark.skipif(
    not can_mount(), reason="no folder can be mounted over /opt: unshare -rm fails, or the interpreter lies in /opt"
)
def test_layers_follow_task_root(tmp_path: Path) -> None:
    """A layer's site-packages, then /opt/python, follow the task root, and their `.pth` files are read."""
    task_root, layer = tmp_path / "task", tmp_path / "layer"
    bootstrap = install(task_root)
    packages = layer / "python" / "lib" / VERSION / "site-packages"
    packages.mkdir(parents=True)
    for number, folder in enumerate((task_root, packages, layer / "python")):
        for name in ("first", "second", "third")[: number + 1]:
            (folder / f"{name}.py").write_text(f"VALUE = {folder.name!r}\n")
    (layer / "python" / "extra").mkdir()
    (layer / "python" / "extra" / "fourth.py").write_text("VALUE = 'extra'\n")
    (layer / "python" / "more.pth").write_text("extra\n")
    source = """
import sys, first, second, third, fourth
def handler(event, context):
    return [[m.VALUE for m in (first, second, third, fourth)], sys.path[:3]]
"""
    command = ["unshare", "-rm", "sh", "-c", f"mount --bind '{layer}' /opt && exec \"$@\"", "sh", str(bootstrap)]
    result = start(command, task_root, source, ONE, PYTHON)
    found, path = json.loads(bodies(result)[0])
    assert found == ["task", "site-packages", "python", "extra"]
    assert path == [str(task_root), f"/opt/python/lib/{VERSION}/site-packages", "/opt/python"]
