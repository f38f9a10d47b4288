"""A measuring copy of the running interpreter, with the packages of its virtual environment."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

_HOOK = Path(__file__).with_name("hook.py")


def make(folder: Path, notes: Path) -> Path:
    """Make the copy in a new folder; its processes write to `notes`. Return the virtual environment's interpreter."""
    prefix, environment = folder / "python", folder / "environment"
    base = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    library = Path(sysconfig.get_path("stdlib"))
    copied = prefix / "lib" / library.name
    copied.mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name != "encodings":
            (copied / entry.name).symlink_to(entry)
    shutil.copytree(library / "encodings", copied / "encodings", ignore=shutil.ignore_patterns("__pycache__"))
    with (copied / "encodings" / "__init__.py").open("a") as file:
        file.write(f"\n\n{_HOOK.read_text()}\n\nmeasure({str(notes)!r})\n")
    executable = prefix / "bin" / base.name
    executable.parent.mkdir()
    shutil.copy2(base, executable)

    packages = environment / "lib" / library.name / "site-packages"
    packages.parent.mkdir(parents=True)
    packages.symlink_to(sysconfig.get_path("purelib"))
    (environment / "pyvenv.cfg").write_text(f"home = {executable.parent}\nversion = {sys.version.split()[0]}\n")
    commands = environment / "bin"
    commands.mkdir()
    for entry in Path(sysconfig.get_path("scripts")).iterdir():
        if entry.name.startswith("python"):
            (commands / entry.name).symlink_to(executable)
        elif entry.is_file():
            command = entry.read_bytes().replace(os.fsencode(sys.prefix), os.fsencode(environment))
            (commands / entry.name).write_bytes(command)
            (commands / entry.name).chmod(0o755)
    return commands / "python"
