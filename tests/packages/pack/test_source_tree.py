"""The files of a function's folder that are packed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.source_tree import collect


def make(folder: Path, *names: str) -> Path:
    """Make files that contain their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def test_tool_files_are_excluded(tmp_path: Path) -> None:
    """Version control, caches, bytecode, virtual environments and the output are excluded, other dot files are not."""
    make(
        tmp_path,
        *("app.py", "data/a.json", ".config", "lib/x.py", "environment/readme.txt"),
        *(".git/HEAD", "lib/.git", "__pycache__/app.cpython-313.pyc", "lib/__pycache__/x.pyc", "lib/x.pyc"),
        *(".mypy_cache/a", ".pytest_cache/a", ".venv/pyvenv.cfg", ".venv/lib/x.py", "deep/env/pyvenv.cfg"),
        *("function.zip", ".function.zip.0123abcd.unfinished", "data/function.zip"),
    )
    tree = collect(tmp_path, output=tmp_path / "function.zip")
    assert list(tree.files) == [
        *(".config", "app.py", "data/a.json", "data/function.zip", "environment/readme.txt", "lib/x.py")
    ]
    assert tree.files["lib/x.py"].read_text() == "lib/x.py"
    assert tree.warnings == []


def test_bytecode_without_source_is_reported(tmp_path: Path) -> None:
    """Bytecode without a source is excluded with a warning."""
    tree = collect(make(tmp_path, "app.py", "secret.pyc"))
    assert list(tree.files) == ["app.py"]
    assert tree.warnings == ["bytecode without its source is excluded: secret.pyc"]


def test_exclude_takes_names_and_paths(tmp_path: Path) -> None:
    """A pattern matches names anywhere, with a slash paths; one without a match is reported."""
    make(tmp_path, "app.py", "tests/test_app.py", "lib/tests/a.py", "docs/a.md", "docs/a.txt", "lib/docs/b.md")
    tree = collect(tmp_path, exclude=["tests/", "docs/*.md", "*.rst", "[x]"])
    assert list(tree.files) == ["app.py", "docs/a.txt", "lib/docs/b.md"]
    assert tree.warnings == ["--exclude matches nothing: *.rst, [x]"]


def test_inner_links_are_followed(tmp_path: Path) -> None:
    """Links to files and folders of the same folder are followed."""
    source = make(tmp_path / "source", "app.py", "lib/x.py")
    (source / "handler.py").symlink_to("app.py")
    (source / "again").symlink_to(source / "lib")
    (tmp_path / "link").symlink_to(source)
    files = collect(tmp_path / "link").files
    assert {name: path.read_text() for name, path in files.items()} == {
        "again/x.py": "lib/x.py",
        "app.py": "app.py",
        "handler.py": "app.py",
        "lib/x.py": "lib/x.py",
    }


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/etc/hostname", "the link bad leads out of the folder, to /etc/hostname"),
        ("../outside", "the link bad leads out of the folder"),
        ("../source-2/a", "the link bad leads out of the folder"),
        ("missing", "the link bad leads nowhere"),
        ("bad", "the link bad leads nowhere"),
        (".", "the link bad leads back to its own folder"),
    ],
)
def test_outer_links_are_refused(target: str, message: str, tmp_path: Path) -> None:
    """Links out of the folder are refused by name, unless they are excluded."""
    source = make(tmp_path / "source", "app.py")
    make(tmp_path, "outside/a", "source-2/a")
    (source / "bad").symlink_to(target)
    with pytest.raises(PackagingError, match=message):
        collect(source)
    assert list(collect(source, exclude=["bad"]).files) == ["app.py"]


def test_a_circle_of_links_in_a_subfolder(tmp_path: Path) -> None:
    """A circle of links is refused with the name of the link."""
    make(tmp_path, "a/b/app.py")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    with pytest.raises(PackagingError, match="the link a/b/up leads back"):
        collect(tmp_path)


def test_socket_is_refused(tmp_path: Path) -> None:
    """A socket is refused by name."""
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(".", os.O_RDONLY)
        os.chdir(tmp_path)  # names of sockets are short
        try:
            listener.bind("control")
        finally:
            os.fchdir(here)
            os.close(here)
        with pytest.raises(PackagingError, match="control is neither a file nor a folder; exclude it: --exclude"):
            collect(tmp_path)


def test_source_must_be_a_folder(tmp_path: Path) -> None:
    """A file and a missing path are refused as source."""
    with pytest.raises(PackagingError, match=r"app\.py is not a folder"):
        collect(make(tmp_path, "app.py") / "app.py")
    with pytest.raises(PackagingError, match="nowhere does not exist"):
        collect(tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """The message names an unreadable folder."""
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(PackagingError, match=r"closed\S* cannot be read: Permission denied"):
        collect(tmp_path)
