"""The command line that runs a function on this machine."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..packaging.bytecode import find_interpreter
from ..packaging.runtime import runtime_sources
from ..packaging.targets import PYTHON_VERSIONS
from .cache import kept_folder
from .errors import Problem
from .options import ProjectOptions

RUNNING = f"python{sys.version_info[0]}.{sys.version_info[1]}"
"""The runtime of this process's version of Python."""


def choose_command(runtime: str, code: Path, layers: Sequence[Path], options: ProjectOptions) -> tuple[str, ...] | None:
    """Return the command line of a runtime, None for this package's on the running interpreter.

    Raises:
        Problem: this machine has none for it; the text has the cure.
    """
    if (given := options.runtimes.get(runtime)) is not None:
        return tuple(given)
    if runtime == RUNNING:
        return None
    version = runtime.removeprefix("python")
    if version in PYTHON_VERSIONS:
        interpreter = _interpreter(version)
        if interpreter is None:
            raise Problem(
                f"this machine has no Python {version}; install it, or give a command by --runtime {runtime}=COMMAND"
            )
        return (interpreter, str(_runtime_folder() / "awslambdaric_lite" / "__main__.py"))
    if runtime.startswith("provided"):
        if _has_bootstrap(code):
            return ("./bootstrap",)
        if any(_has_bootstrap(layer) for layer in layers):
            return ("/opt/bootstrap",)
        raise Problem(
            f"{code} has no bootstrap, which {runtime} starts; build it, or give a command by "
            f"--runtime {runtime}=COMMAND"
        )
    raise Problem(f"runtime {runtime} has no command on this machine; give it by --runtime {runtime}=COMMAND")


@cache
def _interpreter(version: str) -> str | None:
    """Return the program of an interpreter, not a script that only finds it."""
    found = find_interpreter(version)
    if found is None:
        return None
    question = [str(found), "-I", "-S", "-c", "import sys; print(sys.executable)"]
    answer = subprocess.run(question, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or str(found)


def _runtime_folder() -> Path:
    """Return a folder that has the runtime and nothing else of this environment."""
    sources = runtime_sources()
    name = hashlib.sha256()
    for path, content in sources.items():
        name.update(f"{path}\0{len(content)}\0".encode() + content)

    def fill(folder: Path) -> None:
        for path, content in sources.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    return kept_folder("runtime", name.hexdigest()[:32], fill)


def _has_bootstrap(content: Path) -> bool:
    if content.is_dir():
        return (content / "bootstrap").is_file()
    with zipfile.ZipFile(content) as archive:
        return "bootstrap" in archive.namelist()
