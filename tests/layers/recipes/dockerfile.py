"""A container engine for the recipes: the steps of a Dockerfile, run in a folder instead of an image.

RUN has the shell and the programs that a test puts first on the path. RUN can write to absolute paths of this machine,
so recipes that do that cannot be tested. COPY and WORKDIR are within the folder.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.client_process import GUARD

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass
class Built:
    """The result of a Dockerfile: `workdir` is a folder of this machine, `command` is the one that Lambda starts."""

    base: str = ""
    root: Path = Path()
    workdir: Path = Path()
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """Return ENTRYPOINT and CMD."""
        return [*self.entrypoint, *self.cmd]


def build(dockerfile: Path, context: Path, root: Path, *, programs: Path, env: dict[str, str]) -> Built:
    """Run the steps; raise `AssertionError` if one fails or is of an unknown kind."""
    root.mkdir()
    built = Built(root=root, workdir=root)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    for instruction, rest in steps(dockerfile):
        if instruction == "FROM":
            built.base = rest
        elif instruction in ("ARG", "ENV"):
            (assignment,) = shlex.split(rest)
            name, _, value = assignment.partition("=")
            built.variables[name] = value
        elif instruction == "WORKDIR":
            built.workdir = root / _expanded(rest, built).lstrip("/")
            built.workdir.mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY":
            *sources, target = shlex.split(_expanded(rest, built))
            place = root / target.lstrip("/") if target[0] == "/" else built.workdir / target
            for source in sources:
                if (context / source).is_dir():
                    shutil.copytree(context / source, place, dirs_exist_ok=True)
                else:
                    shutil.copy2(context / source, place)
        elif instruction == "RUN":
            variables = {**os.environ, **env, **built.variables, "PATH": path}
            done = subprocess.run(
                ["/bin/sh", "-c", rest], cwd=built.workdir, env=variables, capture_output=True, text=True, timeout=GUARD
            )
            assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"
        elif instruction == "ENTRYPOINT":
            built.entrypoint = json.loads(rest)
        else:
            assert instruction == "CMD", f"{instruction} is not known here"
            built.cmd = json.loads(rest)
    return built


def steps(dockerfile: Path) -> list[tuple[str, str]]:
    """Yield instructions with their arguments, without comments; join continued lines."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1].strip()) for line in lines if line.strip()]


def _expanded(text: str, built: Built) -> str:
    return _VARIABLE.sub(lambda match: built.variables[match[1] or match[2]], text)
