"""The import list: init imports what it names, and nothing in it can make init fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.process.lite import run_lite

SETTING = "AWSLAMBDARIC_LITE_IMPORT_LIST"
LAZY = {"AWSLAMBDARIC_LITE_LAZY_IMPORTS": "all"}
needs_lazy_imports = pytest.mark.skipif(sys.version_info < (3, 15), reason="Python 3.15 and later has lazy imports")

HANDLER = """
import sys, middle
LOADED = []
def handler(event, context):
    return ["one" in sys.modules, "two" in sys.modules]
"""


def run(tmp_path: Path, content: bytes | None, env: dict[str, str], source: str = HANDLER) -> tuple[object, str]:
    """Return what the handler returned, and the log."""
    for name, text in {"middle": "import one\n", "one": "import two\n", "two": "", "bad": "1 / 0\n"}.items():
        (tmp_path / f"{name}.py").write_text(text)
    if content is not None:
        (tmp_path / "imports.txt").write_bytes(content)
    result = run_lite(tmp_path, source, env={SETTING: "imports.txt", **env})
    return json.loads(result.replies[0].body), result.stdout.decode()


def test_modules_are_imported_in_init(tmp_path: Path) -> None:
    """A line with a module imports it before the first event, on every Python."""
    source = HANDLER.replace("import sys, middle", "import sys")
    assert run(tmp_path, b"# a comment\n\none  # another\n", {}, source) == ([True, True], "")


@needs_lazy_imports
@pytest.mark.parametrize(
    ("content", "loaded"),
    [
        (b"app:middle\n", [False, False]),
        (b"app:middle\nmiddle:one\n", [True, False]),
        (b"one:two\nmiddle:one\napp:middle\n", [True, True]),
        (b"two\n", [False, True]),
    ],
)
def test_lazy_names_are_resolved_in_init(tmp_path: Path, content: bytes, loaded: list[bool]) -> None:
    """A line with a module and a name resolves that lazy import, in whatever order the lines are."""
    assert run(tmp_path, content, LAZY) == (loaded, "")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "imports.txt is ignored: the file cannot be read: No such file or directory"),
        (b"# nothing\n", "imports.txt is ignored: the file names no module; record one with record-imports"),
        (b"\xff\n", "imports.txt is ignored: the file cannot be read: it is not UTF-8"),
        (b"nowhere\ntwo\n", "imports.txt: not imported: nowhere: ModuleNotFoundError: No module named 'nowhere'"),
        (b"bad\n", "imports.txt: not imported: bad: ZeroDivisionError: division by zero"),
        (b"app:nothing\n", "imports.txt: not imported: app:nothing: AttributeError: module 'app' has no attribute"),
        (b"a b\n", "imports.txt: not imported: a b: ModuleNotFoundError: No module named 'a b'"),
    ],
)
def test_bad_list_gets_one_line(tmp_path: Path, content: bytes | None, text: str) -> None:
    """A list that cannot be used, or names what cannot be imported, gets one line; init goes on."""
    loaded, log = run(tmp_path, content, {})
    assert loaded == [True, True]
    assert log.count("\n") == 1 and text in log


@needs_lazy_imports
def test_imports_of_first_event_are_logged(tmp_path: Path) -> None:
    """A line of level DEBUG names what the first event resolved."""
    source = HANDLER.replace("return [", "middle.one; return [")
    env = {**LAZY, "AWS_LAMBDA_LOG_LEVEL": "DEBUG", SETTING: ""}
    loaded, log = run(tmp_path, None, env, source)
    assert loaded == [True, False]
    assert log.count("\n") == 1 and log.partition(": ")[2] == "app:middle, app:sys, middle, one\n"
    assert "the first event resolved 4 imports in " in log
