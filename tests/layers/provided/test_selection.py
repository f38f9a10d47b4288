"""Files of an installation that are packed, and those that are packed on request."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from layers.provided.interpreter import open_interpreter
from layers.provided.selection import KEEPABLE, SOURCES, check_keep, select
from tests.layers.provided.installations import HOST, make_installation

GOLDEN = Path(__file__).parents[1] / "golden"
LIBRARY = f"lib/python{HOST.python}"


def selected(installation: Path, *keep: str) -> set[str]:
    """Return names within the layer, sources as sources."""
    with open_interpreter(HOST, "aws", installation) as found:
        selection = select(found, keep)
    return {*selection.sources, *selection.files}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_installation(tmp_path_factory.mktemp("installation"))


@pytest.mark.skipif(sys.version_info[:2] not in ((3, 10), (3, 11), (3, 12), (3, 13)), reason="no list for this version")
def test_library_has_the_listed_modules() -> None:
    """The selection of this interpreter has the top-level modules of the golden list."""
    with open_interpreter(HOST, "host", None) as found:
        selection = select(found, [])
    folder = f"{found.library_name}/"
    names = {name[len(folder) :].split("/")[0] for name in selection.sources}
    names = {name for name in names if not name.startswith(("_sysconfigdata", "_distutils_system_mod"))}
    listed = (GOLDEN / f"provided-library-{HOST.python}.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(names) == listed
    assert not [name for name in selection.sources if "/test/" in name or "/tests/" in name or "-packages/" in name]
    assert f"{folder}LICENSE.txt" in selection.files


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("tests", "test/test_os.py"),
        ("tests", "test/badsyntax.py"),
        ("tests", "unittest/test/test_mock.py"),
        ("tests", "lib-dynload/_testcapi.so"),
        ("tests", "lib-dynload/_ctypes_test.so"),
        ("tests", "lib-dynload/xxlimited.so"),
        ("tkinter", "tkinter/__init__.py"),
        ("tkinter", "turtle.py"),
        ("tkinter", "../tcl9.0/init.tcl"),
        ("tkinter", "../libtcl9.0.so"),
        ("idlelib", "idlelib/idle.py"),
        ("idlelib", "idlelib/help.html"),
        ("ensurepip", "ensurepip/_bundled/pip.whl"),
        ("ensurepip", "venv/__init__.py"),
        ("lib2to3", "lib2to3/Grammar.txt"),
        ("pydoc_data", "pydoc_data/topics.py"),
        ("crypt", "crypt.py"),
        ("crypt", "lib-dynload/_crypt.so"),
        ("config", "config-linux-gnu/Makefile"),
        ("config", f"../../include/python{HOST.python}/patchlevel.h"),
        ("documentation", "email/architecture.rst"),
    ],
)
def test_group_is_excluded_unless_kept(installation: Path, group: str, name: str) -> None:
    """A group's files are excluded unless `--keep` names it."""
    full = os.path.normpath(f"{LIBRARY}/{name}")
    assert full not in selected(installation)
    assert full in selected(installation, group)


def test_what_is_in_two_groups_needs_both(installation: Path) -> None:
    """A file of two groups is packed if both are kept."""
    name = f"{LIBRARY}/idlelib/idle_test/test_idle.py"
    assert name not in selected(installation, "idlelib")
    assert name not in selected(installation, "tests")
    assert name in selected(installation, "idlelib", "tests")


def test_every_group_keeps_something(installation: Path) -> None:
    """Every group has files in a real installation."""
    plain = selected(installation)
    for group in KEEPABLE:
        assert group == SOURCES or selected(installation, group) > plain, group


def test_host_packages_are_never_packed(installation: Path) -> None:
    """Packages that the host has installed are never packed."""
    everything = selected(installation, *KEEPABLE)
    for never in ("site-packages", "sitecustomize", "__pycache__", "EXTERNALLY-MANAGED", "bin/pip3", "share/man"):
        assert not [name for name in everything if never in name], never


def test_unknown_group_is_refused() -> None:
    """An unknown group is refused with the known ones."""
    with pytest.raises(PackagingError, match="--keep tk: unknown group; choose one of: tests, tkinter, "):
        check_keep(["tests", "tk"])
    check_keep(KEEPABLE)


def test_extension_folder_always_exists(tmp_path: Path) -> None:
    """The folder of extension modules exists, because Python warns without it."""
    made = make_installation(tmp_path)
    for module in (made / LIBRARY / "lib-dynload").iterdir():
        module.unlink()
    assert f"{LIBRARY}/lib-dynload/.keep" in selected(made)


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """The message names a file that cannot be read, and the cure."""
    hidden = make_installation(tmp_path) / LIBRARY / "os.py"
    hidden.chmod(0)
    if os.access(hidden, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(PackagingError, match=r"os\.py cannot be read: .*permissions"):
        selected(tmp_path)
