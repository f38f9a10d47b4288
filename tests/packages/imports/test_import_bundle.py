"""Writing import bundles."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from awslambdaric_lite._lifecycle import import_bundle
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.import_bundle import BUNDLE_NAME, write_bundle

HANDLER = "def handler(event, context):\n    return event\n"


def write(root: Path, **sources: str) -> Path:
    """Write modules; return the folder."""
    root.mkdir(exist_ok=True)
    for name, source in sources.items():
        (root / f"{name}.py").write_text(source)
        os.utime(root / f"{name}.py", (1_700_000_000, 1_700_000_000))
    return root


def own_modules(file: Path) -> import_bundle.Folders:
    """Return the folders of a bundle's application, and their modules."""
    with file.open("rb") as opened:
        _, _, index = import_bundle.read_index(opened.fileno())
    return index[2][0]


def test_bundle_has_the_modules_of_the_handlers_import(tmp_path: Path) -> None:
    """A bundle has what the handler imports and the further modules, and nothing else."""
    root = write(tmp_path / "task", app="import used\n" + HANDLER, used="", unused="", later="")
    summary = write_bundle(root, "app.handler", modules=["later"])
    assert summary.path == root / BUNDLE_NAME and summary.size == summary.path.stat().st_size
    assert list(own_modules(summary.path)[""]) == ["app", "used", "later"]
    assert summary.modules >= 3
    assert sorted(path.name for path in root.iterdir()) == [
        "app.py",
        BUNDLE_NAME,
        "later.py",
        "unused.py",
        "used.py",
    ]


def test_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """The same files give the same bytes, in another folder and with the same given date, too."""
    sources = {
        "app": "import other\n" + HANDLER,
        "other": "names = {'a', 'b', 'c', 'd'}\nif 'a' in {'x', 'y', 'a'}: pass\n",
    }
    first, second = write(tmp_path / "first", **sources), write(tmp_path / "second", **sources)
    os.utime(second / "app.py")
    written = [write_bundle(root, "app.handler", mtime=1).path.read_bytes() for root in (first, second)]
    assert written[0] == written[1]


def test_handler_sees_a_function_as_on_lambda(tmp_path: Path) -> None:
    """While a bundle is written, the handler finds Lambda's variables, its own, and the platform's packages."""
    source = (
        "import os, sys, awslambdaric, awslambdaric_lite.types\n"
        "assert os.environ['LAMBDA_TASK_ROOT'] == os.getcwd() == sys.path[0]\n"
        "assert os.environ['AWS_REGION'] and os.environ['TABLE'] == 'users'\n"
    )
    root = write(tmp_path / "task", app=source + HANDLER)
    assert list(own_modules(write_bundle(root, "app.handler", environment={"TABLE": "users"}).path)[""]) == ["app"]


@pytest.mark.parametrize(
    ("source", "handler", "reason"),
    [
        ("import missing_module\n", "app.handler", "ModuleNotFoundError: No module named 'missing_module'"),
        ("raise ValueError('no TABLE')\n", "app.handler", "ValueError: no TABLE"),
        ("def handler(\n", "app.handler", "SyntaxError"),
        ("import os\nos._exit(3)\n", "app.handler", "3"),
        ("", "app.handler", "AttributeError"),
        (HANDLER, "other.handler", "No module named 'other'"),
        (HANDLER, "handler", "must be MODULE.FUNCTION"),
    ],
)
def test_handler_that_cannot_be_imported_is_an_error(tmp_path: Path, source: str, handler: str, reason: str) -> None:
    """A handler that cannot be imported is an error that says why, and an older bundle stays."""
    root = write(tmp_path / "task", app=source)
    (root / BUNDLE_NAME).write_text("older")
    with pytest.raises(PackagingError, match="handler") as raised:
        write_bundle(root, handler)
    assert reason in str(raised.value) and "\n" not in str(raised.value)
    assert (root / BUNDLE_NAME).read_text() == "older"
    assert len(list(root.iterdir())) == 2


def test_interpreter_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of an interpreter is relative to the current folder, not to the function's."""
    write(tmp_path / "task", app=HANDLER)
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert write_bundle(Path("task"), "app.handler", python="./python").modules >= 1


@pytest.mark.parametrize(
    ("python", "path", "reason"),
    [
        ("/nowhere/python3", None, "/nowhere/python3 cannot be run: No such file or directory; name another"),
        (sys.executable, "missing/x.bundle", "cannot be written: No such file or directory; name another file"),
    ],
)
def test_bundle_that_cannot_be_written_is_an_error(tmp_path: Path, python: str, path: str | None, reason: str) -> None:
    """An interpreter that does not run, and a folder that does not exist, are errors with the cure."""
    root = write(tmp_path / "task", app=HANDLER)
    with pytest.raises(PackagingError, match=reason):
        write_bundle(root, "app.handler", python=python, path=None if path is None else root / path)
