"""Which runtimes are measured, by which commands, on which interpreter."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import __version__
from .errors import BenchError

OURS = "awslambdaric-lite"
OFFICIAL = "awslambdaric"
_BARE = "bare client"
_PACKAGE = Path(__file__).parents[1]
_LIMIT_S = 60.0
_OLDEST = (3, 10)
_LABEL = 24  # characters of a command in the head of a column

# Run in the function's folder with its variables, so that it finds the packages that a run would find.
_QUESTION = """
import importlib.metadata, importlib.util, json, platform, sys
def version(module, distribution):
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(distribution)
    except Exception:
        return ""
print(json.dumps({
    "python": platform.python_version(),
    "implementation": platform.python_implementation(),
    "lite": version("awslambdaric_lite", "awslambdaric-lite"),
    "official": version("awslambdaric", "awslambdaric"),
    "lazy": hasattr(sys, "set_lazy_imports"),
}))
"""


class NotUsable(BenchError):
    """An interpreter or a command cannot be used; the text names the cure."""


@dataclass(frozen=True)
class Contender:
    """A runtime: its name in the table, its command for the function, and the variables that it adds."""

    label: str
    command: tuple[str, ...]
    version: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetPython:
    """A Python interpreter, and the runtimes that it finds in the function's folder and among its packages.

    `lite_version` and `official_version` are None if the package is not installed, "" if its version is unknown.
    `has_lazy_imports` is true from Python 3.15 on.
    """

    executable: str
    description: str
    lite_version: str | None
    official_version: str | None
    has_lazy_imports: bool = False

    @classmethod
    def inspect(cls, executable: str | None, env: Mapping[str, str], cwd: Path) -> TargetPython:
        """Run an interpreter (default: the running one) to learn its version and its packages.

        Raises:
            NotUsable: it does not run, or is too old.
        """
        found = sys.executable if executable is None else shutil.which(os.path.expanduser(executable))
        if found is None:
            raise NotUsable(f"--python {executable} is not executable; give the path of a Python interpreter")
        path = os.path.abspath(found)
        try:
            done = subprocess.run(
                [path, "-c", _QUESTION],
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_LIMIT_S,
                check=True,
            )
            answer = json.loads(done.stdout.splitlines()[-1])  # a sitecustomize may have printed lines before it
            version = tuple(int(part) for part in answer["python"].split(".")[:2])
        except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
            raise NotUsable(f"{path} does not run as Python in {cwd}; give another with --python") from None
        if version < _OLDEST:
            raise NotUsable(f"{path} is Python {answer['python']}; awslambdaric-lite needs 3.10 or newer")
        description = f"{answer['implementation']} {answer['python']}"
        return cls(path, description, answer["lite"], answer["official"], answer["lazy"])

    def ours(self, handler: str) -> Contender:
        """Return this package's runtime; if the interpreter does not have it, the copy of the running command."""
        if self.lite_version is None:
            return Contender(OURS, (self.executable, str(_PACKAGE / "__main__.py"), handler), __version__)
        return Contender(OURS, (self.executable, "-m", _PACKAGE.name, handler), self.lite_version)

    def official(self, handler: str) -> Contender:
        """Return AWS's runtime client, started as in container images.

        Raises:
            NotUsable: the interpreter does not have it; the message has the install command.
        """
        if self.official_version is None:
            raise NotUsable(
                f"awslambdaric is not installed for {self.executable}, so there is no runtime to compare with; "
                f"install it with: {shlex.quote(self.executable)} -m pip install awslambdaric"
            )
        return Contender(OFFICIAL, (self.executable, "-m", OFFICIAL, handler), self.official_version)

    def bare(self) -> Contender:
        """Return a client without work, whose figures are the cost of the measuring."""
        script = str(Path(__file__).with_name("bare_client.py"))
        return Contender(_BARE, (self.executable, "-I", "-S", script))


def commanded(text: str, handler: str, cwd: Path, search_path: str) -> Contender:
    """Return another runtime; `{handler}` in its command is replaced, and paths are relative to the task root.

    Raises:
        NotUsable: the command cannot be split or found.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise NotUsable(f"--against {text!r} cannot be split into arguments: {error}") from None
    if not words:
        raise NotUsable("--against is empty; give awslambdaric, none or a command such as './bootstrap'")
    program = os.path.join(cwd, words[0]) if os.sep in words[0] else words[0]
    if shutil.which(program, path=search_path) is None:
        place = "(paths are relative to the task root)" if os.sep in words[0] else "on PATH"
        raise NotUsable(
            f"--against: cannot find an executable {words[0]} {place}; give awslambdaric, none or a command"
        )
    command: Sequence[str] = [word.replace("{handler}", handler) for word in words]
    label = text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"
    return Contender(f"./{label}" if label in (OURS, _BARE) else label, tuple(command))
