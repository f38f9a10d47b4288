"""Installations of CPython, artificial ones and this machine's own, in the forms that the build accepts.

The artificial ones have a little of everything in python-build-standalone's; their program cannot run.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

from awslambdaric_lite.packaging.targets import Target, host_target
from tests.layers.provided.elf_writer import elf_file

HOST = host_target()
RELEASE = f"{HOST.python}.77"

_SOURCES = {
    "os.py": '"""Operating system."""\n',
    "encodings/__init__.py": "ALIASES = {'u8': 'utf_8'}\n",
    "unittest/mock.py": "class Mock:\n    '''A double.'''\n",
    "unittest/test/test_mock.py": "assert True\n",
    "distutils/version.py": "VERSION = 1\n",
    "test/test_os.py": "assert True\n",
    "test/badsyntax.py": "def f(:\n",
    "tkinter/__init__.py": "TK = True\n",
    "turtle.py": "TURTLE = True\n",
    "idlelib/idle.py": "IDLE = True\n",
    "idlelib/idle_test/test_idle.py": "assert True\n",
    "ensurepip/__init__.py": "PIP = True\n",
    "venv/__init__.py": "VENV = True\n",
    "lib2to3/main.py": "FIX = True\n",
    "pydoc_data/topics.py": "topics = {}\n",
    "crypt.py": "import _crypt\n",
    "sitecustomize.py": "raise SystemExit('the host has customized this')\n",
    "site-packages/pip/__init__.py": "PIP = True\n",
}
_DATA = {
    "LICENSE.txt": b"the licence",
    "_sysconfig_vars.json": b"{}",
    "a_later_version/tables.bin": b"\0\1",
    "email/architecture.rst": b"text",
    "idlelib/help.html": b"<html>",
    "lib2to3/Grammar.txt": b"grammar",
    "ensurepip/_bundled/pip.whl": b"PK",
    "ctypes/macholib/README.ctypes": b"text",
    "config-linux-gnu/Makefile": b"all:",
    "config-linux-gnu/libpython.a": b"!<arch>",
    "__pycache__/os.cpython-310.pyc": b"of the host",
    "EXTERNALLY-MANAGED": b"[externally-managed]",
}
_EXTENSIONS = ("_sqlite3", "_crypt", "_tkinter", "_testcapi", "_ctypes_test", "xxlimited")


def make_installation(
    folder: Path,
    target: Target = HOST,
    *,
    program: bytes | None = None,
    libpython: bytes | None = None,
    extension: bytes | None = None,
) -> Path:
    """Write an installation to a folder, its prefix; without `libpython`, it has a large file that it does not need."""
    python = f"python{target.python}"
    library = folder / "lib" / python
    for name, text in _SOURCES.items():
        _write(library / name, text.encode())
    for name, data in _DATA.items():
        _write(library / name, data)
    for module in _EXTENSIONS:
        _write(library / "lib-dynload" / f"{module}.so", extension or elf_file(machine=target.machine), 0o755)
    _write(folder / "bin" / python, program or elf_file(machine=target.machine, program=True), 0o755)
    _write(folder / "bin" / "pip3", b"#!/bin/sh\n", 0o755)
    _write(folder / "include" / python / "patchlevel.h", f'#define PY_VERSION "{target.python}.77"\n'.encode())
    _write(folder / "lib" / f"lib{python}.so.1.0", libpython or elf_file(machine=target.machine), 0o755)
    _write(folder / "lib" / "tcl9.0" / "init.tcl", b"proc")
    _write(folder / "lib" / "libtcl9.0.so", elf_file(machine=target.machine), 0o755)
    _write(folder / "share" / "man" / "man1" / "python.1", b".TH")
    (folder / "bin" / "python3").symlink_to(python)
    (folder / "lib" / f"lib{python}.so").symlink_to(f"lib{python}.so.1.0")
    return folder


def make_archive(installation: Path, archive: Path, *, top: str = "python") -> Path:
    """Pack an installation as python-build-standalone does: everything in one folder."""
    with tarfile.open(archive, "w:gz" if archive.suffix == ".gz" else "w") as tar:
        tar.add(installation, top)
    return archive


def copy_own_installation(folder: Path) -> Path:
    """Copy the interpreter that runs the tests as a separate installation, without parts that only take time.

    Its libraries lose their debugging information if `strip` is installed: four fifths of pyenv's builds.
    """
    version = sysconfig.get_python_version()
    (folder / "bin").mkdir(parents=True)
    program = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    _copy(program, folder / "bin" / f"python{version}")
    shared = Path(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "-")
    if shared.name.startswith("libpython") and ".so" in shared.name and shared.is_file():
        (folder / "lib").mkdir()
        _copy(shared, folder / "lib" / shared.name)
    library = Path(os.__file__).parent
    left_out = shutil.ignore_patterns(
        "site-packages", "dist-packages", "__pycache__", "test", "tests", "config-*", "*.a"
    )
    copy = folder / "lib" / f"python{version}"
    shutil.copytree(library, copy, ignore=left_out, copy_function=_copy_plain)
    for module in (copy / "lib-dynload").glob("*.so"):
        _strip(module)
    return folder


def pack_installed(package: str, folder: Path) -> Path | None:
    """Make a wheel of an installed package, so that builds need no network; return None if it is not installed."""
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    described = distribution.read_text("WHEEL") or ""
    tags = next(line.partition(": ")[2] for line in described.splitlines() if line.startswith("Tag: "))
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{package}-{distribution.version}-{tags}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in distribution.files or ():
            if "__pycache__" not in file.parts and file.name not in ("INSTALLER", "REQUESTED", "direct_url.json"):
                archive.write(str(distribution.locate_file(file)), str(file))
    return wheel


def _copy_plain(source: str, target: str) -> str:
    return str(shutil.copyfile(source, target))


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)
    _strip(target)


def _strip(path: Path) -> None:
    strip = shutil.which("strip")
    if strip is not None:
        subprocess.run([strip, "--strip-debug", str(path)], check=False, capture_output=True)


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
