"""`awslambdaric-lite bench --what-if`: the function as it is, with lazy imports, with a bundle, and with both."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from awslambdaric_lite._lifecycle.import_bundle import CHECK_ALL
from awslambdaric_lite.bench import page_cache, task_copy
from awslambdaric_lite.bench.contenders import Contender
from awslambdaric_lite.bench.errors import BenchError
from awslambdaric_lite.bench.rounds import Comparison
from awslambdaric_lite.bench.task_copy import copy_task_root
from awslambdaric_lite.bench.what_if import AS_IT_IS, BOTH, BUNDLE, LAZY, Missing, WhatIf
from awslambdaric_lite.cli import main

NEW = sys.version_info >= (3, 15)
needs_lazy_imports = pytest.mark.skipif(not NEW, reason="Python 3.15 and later has lazy imports")
ROWS = [AS_IT_IS, LAZY, BUNDLE, BOTH]
APP = """
import os, sys
import helper

def handler(event, context):
    return helper.answer(event)

def tells_of_bundle(event, context):
    return "AWSLAMBDARIC_LITE_BUNDLE" in os.environ

def dies_with_bundle(event, context):
    if "AWSLAMBDARIC_LITE_BUNDLE" in os.environ:
        os._exit(3)

def remembers(event, context):
    return os.getpid()

def fails_if_checked(event, context):
    assert "CHECK_BUNDLE" not in open("/proc/self/environ").read()

def needs_key(event, context):
    return event["key"]

def fails_if_lazy(event, context):
    if hasattr(sys, "get_lazy_imports") and sys.get_lazy_imports() == "all":
        raise ValueError("lazy")
"""
HELPER = "import sub\ndef answer(event):\n    return [event, sub.VALUE]\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a function into a folder; nothing drops the page cache of this machine."""
    folder = tmp_path / "function"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "helper.py").write_text(HELPER)
    (folder / "sub.py").write_text("VALUE = 7\n")
    (tmp_path / "event.json").write_text('{"key": 1}')
    monkeypatch.setattr(page_cache, "_CONTROL", tmp_path / "drop_caches")
    return folder


def what_if(root: Path, handler: str, *arguments: str) -> int:
    """Run the command with one round; return its exit code."""
    return main(["bench", handler, "--task-root", str(root), "--what-if", "--rounds", "1", *arguments])


def rows_of(output: str) -> dict[str, str]:
    """Return the rows of the table by their names."""
    lines = output.splitlines()
    begin = next(index for index, line in enumerate(lines) if line.startswith(AS_IT_IS))
    return {name: line.removeprefix(name).strip() for name, line in zip(ROWS, lines[begin:], strict=False)}


def test_table_has_a_row_for_each_setting(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows have figures, or the reason why not; the function's folder is not written to."""
    before = sorted(path.name for path in root.iterdir())
    assert what_if(root, "app.handler", "--event", str(root.parent / "event.json"), "--lazy", "all") == 0
    output = capsys.readouterr().out
    rows = rows_of(output)
    assert [name for name, row in rows.items() if row.endswith(" MB")] == (ROWS if NEW else [AS_IT_IS, BUNDLE])
    if NEW:
        assert (
            "lazy imports: all; 1 event recorded: import list with 4 entries: app:helper, helper, helper:sub, sub"
            in output
        )
    else:
        assert (rows[LAZY], rows[BOTH]) == ("needs Python 3.15", "needs lazy imports")
        assert "has no lazy imports; name Python 3.15 or later with --python" in output
    assert re.search(r"^bundle: \d+ modules, .*; modules of the standard library are used on", output, re.MULTILINE)
    assert "page cache dropped" in output and "dropped page cache: " not in output
    assert page_cache._CONTROL.read_bytes() == b"3"
    assert output.splitlines()[-1].startswith(("to get the row ", "no other row "))
    assert sorted(path.name for path in root.iterdir()) == before


def test_json_has_the_figures_and_what_to_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON on standard output and in the file has each figure of each row, variables and options of pack."""
    file = root.parent / "result.json"
    event = str(root.parent / "event.json")
    assert what_if(root, "app.handler", "--event", event, "--json", "-o", str(file)) == 0
    captured = capsys.readouterr()
    assert file.read_text() == captured.out
    result: dict[str, Any] = json.loads(captured.out)
    assert result["advice"] in captured.err
    rows = {row["name"]: row for row in result["rows"]}
    assert [*rows] == ROWS
    for name in ROWS if NEW else (AS_IT_IS, BUNDLE):
        figures = {measure["name"]: measure for measure in rows[name]["measures"]}
        assert [*figures] == [
            "spawn_to_response",
            "spawn_to_response_dropped",
            "first_event_to_response",
            "cpu_first",
            "memory_peak",
        ]
        assert all(len(each["rounds"]) == 1 and each["rounds"][0] > 0 for each in figures.values())
        assert all((each["ratio"] is None) is (name == AS_IT_IS) for each in figures.values())
    assert rows[BUNDLE]["packOptions"] == ["--bundle-imports"]
    assert rows[BUNDLE]["variables"] == {"AWSLAMBDARIC_LITE_BUNDLE": "/var/task/imports.bundle"}
    assert rows[AS_IT_IS]["variables"] == {}
    assert result["bundle"]["modules"] >= 3 and result["pageCache"] == {"dropped": True, "reason": None}
    assert result["best"] in ROWS
    if not NEW:
        assert rows[LAZY]["reason"].endswith("name Python 3.15 or later with --python") and not rows[LAZY]["failed"]
        assert result["importList"] is None


@needs_lazy_imports
def test_lazy_rows_use_a_recorded_list(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With lazy imports, the list is recorded from the given events, and named with the options of pack."""
    event = str(root.parent / "event.json")
    assert what_if(root, "app.handler", "--event", event, "--lazy", "all", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["importList"] == {"lazy": "all", "entries": ["app:helper", "helper", "helper:sub", "sub"]}
    both = next(row for row in result["rows"] if row["name"] == BOTH)
    assert both["packOptions"] == ["--event", event, "--lazy", "all", "--bundle-imports"]
    assert both["variables"] == {
        "AWSLAMBDARIC_LITE_LAZY_IMPORTS": "all",
        "AWSLAMBDARIC_LITE_IMPORT_LIST": "/var/task/imports.txt",
        "AWSLAMBDARIC_LITE_BUNDLE": "/var/task/imports.bundle",
    }


@needs_lazy_imports
def test_function_that_fails_with_lazy_imports_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A function that does not work with lazy imports is measured without them, and the exit code is 1."""
    assert what_if(root, "app.fails_if_lazy") == 1
    output = capsys.readouterr().out
    rows = rows_of(output)
    assert (rows[LAZY], rows[BOTH]) == ("fails", "needs lazy imports")
    assert "lazy imports: app.fails_if_lazy failed while its imports were recorded: ValueError: lazy\n" in output
    assert rows[BUNDLE].endswith(" MB")


@pytest.mark.parametrize(
    ("handler", "short", "reason"),
    [
        (
            "app.tells_of_bundle",
            "other results",
            "the results for the event {} differ: awslambdaric-lite returns false, "
            "awslambdaric-lite with the bundle true",
        ),
        (
            "app.dies_with_bundle",
            "fails",
            "the process of awslambdaric-lite with the bundle exited in an invocation (exit code 3)",
        ),
    ],
)
def test_row_that_does_not_work_is_named(
    handler: str, short: str, reason: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row that fails or gives other results has no figures but the reason, and the exit code is 1."""
    assert what_if(root, handler) == 1
    output = capsys.readouterr().out
    rows = rows_of(output)
    assert rows[BUNDLE] == short and f"\nbundle: {reason}\n" in output
    assert rows[AS_IT_IS].endswith(" MB")
    assert output.splitlines()[-1].startswith("no other row ") or NEW


def test_bundle_is_trusted_as_in_deployment(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows with the bundle have no variable that makes the runtime check every module of a bundle."""
    assert CHECK_ALL.endswith("CHECK_BUNDLE")
    assert what_if(root, "app.fails_if_checked") == 0
    assert rows_of(capsys.readouterr().out)[BUNDLE].endswith(" MB")


def test_results_that_change_in_each_process_are_measured(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Results that change from run to run are not compared, which a note says."""
    assert what_if(root, "app.remembers") == 0
    output = capsys.readouterr().out
    assert output.count("note: the results change from run to run, so they could not be compared") == 1
    assert rows_of(output)[BUNDLE].endswith(" MB")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "needs root; run the command with sudo"),
        (OSError(errno.EROFS, "Read-only file system"), "cannot be written: Read-only file system; run the command"),
    ],
)
def test_page_cache_that_cannot_be_dropped_is_told(
    error: OSError, reason: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the right to drop the page cache, that column is missing and a line says why."""

    class Refusing:
        def open(self, mode: str) -> NoReturn:
            raise error

        def __str__(self) -> str:
            return "/proc/sys/vm/drop_caches"

    monkeypatch.setattr(page_cache, "_CONTROL", Refusing())
    assert what_if(root, "app.handler") == 0
    output = capsys.readouterr().out
    assert "page cache dropped" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("dropped page cache: ")]
    assert reason in line
    assert rows_of(output)[AS_IT_IS].endswith(" MB")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "150ms"], "--budget does not go with --what-if, which compares settings; omit one of them"),
        (["--budget-warm", "1ms"], "--budget-warm does not go with --what-if"),
        (["--budget-memory", "1MB"], "--budget-memory does not go with --what-if"),
        (["--against", "none"], "--against does not go with --what-if, which measures this runtime alone"),
        (["--against", "awslambdaric"], "--against does not go with --what-if"),
        (["--lazy", "off"], "--lazy off does not go with --what-if, which tries lazy imports; choose all or installed"),
        (["--lazy", "some"], "--lazy 'some' is unknown; choose off, all, installed"),
        (["--event", "missing.json"], "event file missing.json does not exist; check the path"),
        (["--python", "/bin/false"], "does not run as Python in "),
        (["--python", "no-such-python"], "--python no-such-python is not executable; give the path of a Python"),
        (["--env", "AWSLAMBDARIC_LITE_BUNDLE=x"], "AWSLAMBDARIC_LITE_BUNDLE is set by --what-if itself; omit it"),
        (["--env", "AWSLAMBDARIC_LITE_LAZY_IMPORTS=off"], "AWSLAMBDARIC_LITE_LAZY_IMPORTS is set by --what-if"),
        (["-o", "no/such/folder/file"], "-o: no/such/folder/file cannot be written"),
    ],
)
def test_wrong_input_is_refused(
    arguments: list[str], message: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong input gets an error with the cure, and nothing is measured."""
    assert what_if(root, "app.handler", *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and f"awslambdaric-lite bench: {message}" in captured.err.replace("/bin/false ", "")


def test_lazy_belongs_to_what_if(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --what-if, --lazy is refused."""
    assert main(["bench", "app.handler", "--task-root", str(root), "--lazy", "all"]) == 2
    assert "--lazy chooses the lazy imports of --what-if; add --what-if, or omit --lazy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("nowhere.handler", "the init of nowhere.handler fails with awslambdaric-lite: Runtime.ImportModuleError"),
        ("app.missing", "the init of app.missing fails with awslambdaric-lite: Runtime.HandlerNotFound"),
        ("app.needs_key", "KeyError: 'key' (invocation 1); if the function needs another event, give it with --event"),
    ],
)
def test_function_that_fails_as_it_is_is_not_measured(
    handler: str, message: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function that fails as it is exits with 1 and its error."""
    assert what_if(root, handler) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err


def found(**times: list[float]) -> WhatIf:
    """Return rows with cold starts; the names are those of the rows without spaces."""
    tried = {name.replace("_", " "): Contender(name, ("true",)) for name in times}
    figures = {name: {"spawn_to_response": each} for name, each in times.items()}
    return WhatIf(tried, Comparison(0, figures))


def test_best_row_is_faster_beyond_chance() -> None:
    """A row that is faster by chance only is not the best, nor is a row that failed."""
    assert found(as_it_is=[1.0, 1.0, 1.0], lazy_imports=[0.2, 1.5, 0.9], bundle=[1.1, 1.1, 1.1]).best() == AS_IT_IS
    rows = found(as_it_is=[1.0, 1.0, 1.0], lazy_imports=[0.5, 0.5, 0.5], bundle=[0.8, 0.8, 0.8])
    assert rows.best() == LAZY
    rows.missing[LAZY] = Missing("fails", "for a reason")
    assert rows.best() == BUNDLE


def test_best_row_has_the_fewest_settings() -> None:
    """Of rows that hardly differ, the one with fewer settings is the best."""
    plain = [1.0, 1.0, 1.0]
    assert found(as_it_is=plain, lazy_imports=[0.505] * 3, both=[0.5] * 3).best() == LAZY
    assert found(as_it_is=plain, lazy_imports=[0.55] * 3, both=[0.5] * 3).best() == BOTH


def test_copy_has_the_code_and_no_environments(tmp_path: Path) -> None:
    """The copy has files with their dates; environments, version control, circles and sockets stay out."""
    source = tmp_path / "source"
    (source / "package").mkdir(parents=True)
    (source / "package" / "module.py").write_text("x = 1\n")
    os.utime(source / "package" / "module.py", (1_000_000_000, 1_000_000_000))
    for name in ("venv/pyvenv.cfg", ".git/HEAD"):
        (source / name).parent.mkdir()
        (source / name).touch()
    outside = tmp_path / "shared"
    outside.mkdir()
    (outside / "shared.py").touch()
    (source / "linked").symlink_to(outside)
    (source / "package" / "circle").symlink_to("..")
    (source / "nowhere").symlink_to("missing")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(source / "socket"))
        copy_task_root(source, tmp_path / "copy")
    copied = tmp_path / "copy"
    assert sorted(str(path.relative_to(copied)) for path in copied.rglob("*")) == [
        "linked",
        "linked/shared.py",
        "package",
        "package/module.py",
    ]
    assert not (copied / "linked").is_symlink()
    assert (copied / "package" / "module.py").stat().st_mtime == 1_000_000_000


def test_copy_may_be_in_the_folder(tmp_path: Path) -> None:
    """A copy in a folder of the source does not contain itself."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "app.py").touch()
    copy_task_root(tmp_path, tmp_path / "temporary" / "copy")
    copied = tmp_path / "temporary" / "copy"
    assert sorted(str(path.relative_to(copied)) for path in copied.rglob("*")) == ["app.py", "temporary"]


def test_folder_that_is_larger_than_any_function_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder above the limit, e.g. a home folder, is refused with the cure."""
    monkeypatch.setattr(task_copy, "BYTES_LIMIT", 10)
    (tmp_path / "data").write_bytes(bytes(11))
    with pytest.raises(BenchError, match="has more than 10 B; name the function's folder with --task-root"):
        copy_task_root(tmp_path, tmp_path / "copy")
