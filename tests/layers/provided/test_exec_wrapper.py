"""`AWS_LAMBDA_EXEC_WRAPPER` without a shell: the program, its arguments, and messages about unusable ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layers.provided import launcher
from tests.support.client_process import BOOTSTRAP, GUARD

STARTED = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from awslambdaric_lite._exec_wrapper import become_wrapper; "
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package with nothing but the module, as in a layer."""
    folder = tmp_path / "site-packages" / launcher.PACKAGE
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / launcher.WRAPPER_MODULE).write_bytes(launcher.wrapper_source())
    return folder


def start(package: Path, wrapper: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", "-c", f"{STARTED}become_wrapper(sys.argv)", str(package.parent), *arguments],
        env={"AWS_LAMBDA_EXEC_WRAPPER": wrapper, "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )


def recording(folder: Path, first_line: str = "#!/bin/sh\n") -> Path:
    """Return a wrapper that writes its name, its arguments and the variable, a line each, and exits with status 7."""
    script = folder / "wrapper"
    script.write_text(f'{first_line}printf "%s\\n" "$0" "$@" "$AWS_LAMBDA_EXEC_WRAPPER"\nexit 7\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("first_line", ["#!/bin/sh\n", ""], ids=["shebang", "plain"])
def test_wrapper_gets_the_runtime_command(package: Path, tmp_path: Path, first_line: str) -> None:
    """The wrapper gets the command that starts the runtime as its arguments."""
    wrapper = recording(tmp_path, first_line)
    done = start(package, str(wrapper), "app.handler")
    main = f"{package}/__main__.py"
    assert done.stdout.splitlines() == [str(wrapper), sys.executable, "-S", main, "app.handler", str(wrapper)]
    assert (done.returncode, done.stderr) == (7, "")


def test_in_a_layer_the_command_names_bytecode(package: Path, tmp_path: Path) -> None:
    """In a layer, the command names the bytecode of the runtime."""
    import py_compile

    source = package / launcher.WRAPPER_MODULE
    py_compile.compile(str(source), cfile=f"{source}c", doraise=True)
    source.unlink()
    done = start(package, str(recording(tmp_path)))
    assert done.stdout.splitlines()[3] == f"{package}/start-{sys.version_info[0]}.{sys.version_info[1]}.pyc"


@pytest.mark.parametrize("kind", ["missing", "folder", "plain", "dangling"])
def test_unusable_wrapper_exits_as_on_lambda(package: Path, tmp_path: Path, kind: str) -> None:
    """A missing wrapper ends with 127, one that is not executable with 126, as in managed runtimes."""
    path = tmp_path / "wrapper"
    if kind == "folder":
        path.mkdir()
    elif kind == "plain":
        path.write_text("#!/bin/sh\n")
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elsewhere = shutil.copy(BOOTSTRAP, tmp_path / "bootstrap")
    (package / "__main__.py").touch()
    shutil.move(package, tmp_path / launcher.PACKAGE)
    package = tmp_path / launcher.PACKAGE
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": str(path), "AWSLAMBDARIC_LITE_PYTHON": sys.executable}
    shell = subprocess.run([elsewhere], env=environment, capture_output=True, text=True, timeout=GUARD, check=False)
    done = start(package, str(path))
    assert (done.stdout, done.returncode, done.stderr) == (shell.stdout, shell.returncode, "")
    assert shell.returncode == (126 if kind == "plain" else 127)
    assert done.stdout.startswith(f"{path}: ")


def test_missing_interpreter_is_named(package: Path, tmp_path: Path) -> None:
    """The message names a script with a missing interpreter, and the status is 127."""
    wrapper = recording(tmp_path, "#!/no/such/shell\n")
    done = start(package, str(wrapper))
    assert (done.returncode, done.stdout) == (126, f"{wrapper}: No such file or directory\n")
