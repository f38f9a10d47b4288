"""The interpreter that all Python contenders share, copied if its site-packages would distort the figures.

`.pth` files in an interpreter's site-packages run in every start of a contender that imports `site`, and so do the
additions of a Linux distribution (`sitecustomize`, `dist-packages`). None of them exists on Lambda. If the interpreter
has any, the contenders get a private copy of it (hard links) without them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_QUESTION = """
import glob, json, os, platform, site, sys, sysconfig
packages = site.getsitepackages([sys.base_prefix])
print(json.dumps({
    "executable": getattr(sys, "_base_executable", sys.executable),
    "prefix": sys.base_prefix,
    "stdlib": sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}),
    "version": platform.python_version(),
    "implementation": platform.python_implementation(),
    "tag": sys.implementation.cache_tag,
    "distribution": os.path.lexists(os.path.join(sysconfig.get_path("stdlib"), "sitecustomize.py"))
    or os.path.isdir(os.path.join(sys.base_prefix, "lib/python3/dist-packages")),
    "pth": [name for path in packages for name in glob.glob(os.path.join(path, "*.pth"))],
}))
"""

# Parts of a standard library that no contender imports, and additions of distributions: half of the files.
_LEFT_OUT = {
    "site-packages",
    "dist-packages",
    "sitecustomize.py",
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
}


@dataclass(frozen=True)
class Interpreter:
    """The interpreter of the Python contenders; `base` is the installation that it was copied from."""

    executable: Path
    base: Path
    version: str
    tag: str
    description: str

    @property
    def minor(self) -> str:
        """Return the version as packages and runtimes name it, `3.13`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def managed_runtime(self) -> str:
        """Return `AWS_EXECUTION_ENV` of the managed runtime of this version."""
        return f"AWS_Lambda_python{self.minor}"


def prepare(python: Path, build: Path, bare: bool | None = None) -> Interpreter:
    """Find `python`, or the base of a virtual environment; copy it if `bare`, or by default if needed.

    Raises:
        SystemExit: the interpreter cannot be run.
    """
    try:
        facts = _ask(python)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"benchmarks: --python {python} does not run as a Python interpreter: {error}") from error
    base, description = Path(facts["executable"]), f"{facts['implementation']} {facts['version']}"
    executable = base
    if bare or (bare is None and (facts["pth"] or facts["distribution"])):
        executable = _private_copy(facts, build)
        description += ", private copy of the interpreter without site-packages"
        if _ask(executable)["pth"]:
            description += " (some .pth files remain)"
    elif facts["pth"]:
        description += f", with {len(facts['pth'])} .pth files in its site-packages"
    return Interpreter(executable, base, facts["version"], facts["tag"], description)


def _ask(python: Path) -> dict[str, str]:
    answer = subprocess.run([python, "-I", "-c", _QUESTION], check=True, capture_output=True, text=True)
    facts: dict[str, str] = json.loads(answer.stdout)
    return facts


def _link(source: str, target: str) -> None:
    try:
        os.link(os.path.realpath(source), target)  # the file, never a link to it
    except OSError:
        shutil.copy2(source, target)


def _private_copy(facts: dict[str, str], build: Path) -> Path:
    source, stdlib, prefix = Path(facts["executable"]), Path(facts["stdlib"]), Path(facts["prefix"])
    name = hashlib.sha256(f"{source}{source.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    copy = build / facts["tag"] / f"interpreter-{name}"
    executable = copy / "bin" / f"python{'.'.join(facts['version'].split('.')[:2])}"
    if executable.exists():
        return executable
    fresh = copy.with_name(f"{copy.name}.{os.getpid()}.tmp")
    (fresh / "bin").mkdir(parents=True)

    def left_out(directory: str, names: list[str]) -> set[str]:
        return {n for n in names if n in _LEFT_OUT or n.startswith("config-")} if Path(directory) == stdlib else set()

    # The executable is copied as a file: start-up follows a symbolic link to the original's prefix.
    _link(str(source.resolve()), str(fresh / "bin" / executable.name))
    shutil.copytree(stdlib, fresh / "lib" / stdlib.name, ignore=left_out, copy_function=_link, symlinks=False)
    for library in (prefix / "lib").glob("libpython*.so*"):
        _link(str(library.resolve()), str(fresh / "lib" / library.name))
    if copy.exists():
        shutil.rmtree(fresh)
    else:
        fresh.rename(copy)
    # The installation may lack some bytecode. The exit status says nothing: a few files are meant not to compile.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    compile_all: list[str | Path] = [executable, "-I", "-m", "compileall", "-q", copy / "lib"]
    subprocess.run(compile_all, check=False, capture_output=True, env=environment)
    if Path(_ask(executable)["prefix"]) != copy:
        raise SystemExit(f"benchmarks: a copy of {source} does not use its own library; use --no-bare-interpreter")
    return executable
