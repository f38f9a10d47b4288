"""`serve --watch`: which changes count, and that no output does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
import urllib3

from awslambdaric_lite.emulator.watching import Sources

from .command_line import Reader, Serve, command, environment, run, shell
from .test_watching import change
from .waiting import WAIT

WriteHandler = Callable[[str], Path]


def changed(
    root: Path,
    act: Callable[[], object],
    *,
    before: Callable[[], object] = lambda: None,
    others: tuple[Path, ...] = (),
    ignored: tuple[str, ...] = (),
    runs: bool = False,
) -> list[str]:
    """Return the changes that count after `act`, which the function does if `runs` is true; it does `before`, too."""

    async def watch() -> list[str]:
        sources = Sources(root, others, ignored)
        try:
            sources.on_activity(True)
            before()
            sources.on_activity(False)
            stop = asyncio.Event()
            batches = sources.changes(stop)
            first = asyncio.ensure_future(batches.__anext__())
            await asyncio.sleep(0)
            if runs:
                sources.on_activity(True)
            act()
            if runs:
                sources.on_activity(False)
            (root / "marker.py").write_text("the last change")
            found = await asyncio.wait_for(first, WAIT)
            while root.resolve() / "marker.py" not in found:
                found += await asyncio.wait_for(batches.__anext__(), WAIT)
            stop.set()
            return [os.path.relpath(path, root.resolve()) for path in found if path.name != "marker.py"]
        finally:
            sources.close()

    return asyncio.run(watch())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a function's folder with code, data and a package."""
    folder = tmp_path / "function"
    for name, text in {
        "app.py": "code",
        "config.json": "{}",
        "README.md": "about",
        "templates/page.html": "<p>",
        "package/__init__.py": "",
        "package/data.yaml": "a: 1",
        "made.py": "N = 0",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "bootstrap").write_text("#!/bin/sh")
    (folder / "bootstrap").chmod(0o755)
    return folder


def database(root: Path) -> None:
    """Write into a database."""
    connection = sqlite3.connect(root / "cache.db")
    connection.execute("create table if not exists t (n)")
    connection.execute("insert into t values (1)")
    connection.commit()
    connection.close()


def rename(root: Path) -> None:
    """Replace a file that the function reads."""
    (root / "new").write_text("new")
    (root / "new").replace(root / "config.json")


def in_new_folder(root: Path, name: str) -> None:
    """Write a file into a new folder."""
    (root / "out").mkdir()
    (root / "out" / name).write_text("x")


def move_folder(root: Path) -> None:
    """Move a folder with code into the function's folder."""
    (root.parent / "lib").mkdir()
    (root.parent / "lib" / "x.py").write_text("x")
    (root.parent / "lib").rename(root / "lib")


def grow(path: Path) -> None:
    """Append to a file without closing it."""
    KEPT_OPEN.append(path.open("a"))
    KEPT_OPEN[-1].write("line")
    KEPT_OPEN[-1].flush()


KEPT_OPEN: list[IO[str]] = []
OUTPUTS: dict[str, Callable[[Path], object]] = {
    "new": lambda root: (root / "rates.json").write_text("{}"),
    "existing": lambda root: (root / "README.md").write_text("new"),
    "read": lambda root: (root / "config.json").write_text("new"),
    "read-now": lambda root: (root / "README.md").write_text((root / "README.md").read_text() + "new"),
    "replaced": rename,
    "held-open": lambda root: grow(root / "log.txt"),
    "database": database,
    "folder": lambda root: in_new_folder(root, "a.json"),
    "new-code": lambda root: (root / "parsetab.py").write_text("x"),
    "folder-of-new-code": lambda root: in_new_folder(root, "a.py"),
    "same-code": lambda root: (root / "made.py").write_text("N = 0"),
    "touched": lambda root: os.utime(root / "app.py"),
    "removed": lambda root: (root / "README.md").unlink(),
}


@pytest.mark.parametrize("write", OUTPUTS.values(), ids=list(OUTPUTS))
def test_output_of_function_does_not_count(root: Path, write: Callable[[Path], object]) -> None:
    """What a function writes while it runs does not count, whether it has read the file or not."""
    assert changed(root, lambda: write(root), before=(root / "config.json").read_text, runs=True) == []


def test_output_does_not_count_later(root: Path) -> None:
    """A file that the function has written does not count when another program changes it, e.g. `tee`."""

    def use() -> None:
        (root / "README.md").read_text()
        (root / "README.md").write_text("written")

    assert changed(root, lambda: (root / "README.md").write_text("by tee"), before=use) == []


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "code": (lambda root: (root / "app.py").write_text("new"), ["app.py"]),
    "new-code": (lambda root: (root / "more.py").write_text("new"), ["more.py"]),
    "removed-code": (lambda root: (root / "package" / "__init__.py").unlink(), ["package/__init__.py"]),
    "moved-folder": (move_folder, ["lib"]),
    "removed-folder": (lambda root: (root / "package").rename(root.parent / "away"), ["package"]),
    "program": (lambda root: (root / "bootstrap").write_text("new"), ["bootstrap"]),
    "read-file": (lambda root: (root / "config.json").write_text("new"), ["config.json"]),
    "read-template": (lambda root: (root / "templates" / "page.html").write_text("new"), ["templates/page.html"]),
    "replaced-read-file": (rename, ["config.json"]),
    "unread-file": (lambda root: (root / "README.md").write_text("new"), []),
    "new-file": (lambda root: (root / "serve.txt").write_text("new"), []),
    "same-text": (lambda root: (root / "app.py").write_text("code"), []),
    "touched": (lambda root: os.utime(root / "config.json"), []),
    "bytecode": (lambda root: (root / "app.pyc").write_text("new"), []),
}


@pytest.mark.parametrize(("act", "expected"), CHANGES.values(), ids=list(CHANGES))
def test_code_and_read_files_count(root: Path, act: Callable[[Path], object], expected: list[str]) -> None:
    """A change by another program counts for code and for files that the function has read, if the content is new."""

    def read() -> None:
        (root / "config.json").read_text()
        (root / "templates" / "page.html").read_text()

    assert changed(root, lambda: act(root), before=read) == expected


def test_code_counts_while_function_runs(root: Path) -> None:
    """Known code counts while the function runs, too."""
    assert changed(root, lambda: (root / "app.py").write_text("new"), runs=True) == ["app.py"]


@pytest.mark.parametrize(
    ("pattern", "counts"),
    [("app.py", False), ("a*.py", False), ("package", True), ("lib/*", True), ("app.*", False), ("App.py", True)],
)
def test_ignored_pattern_does_not_count(root: Path, pattern: str, counts: bool) -> None:
    """A file that matches `--watch-ignore` by name, or by path if it has a slash, does not count."""
    assert changed(root, lambda: (root / "app.py").write_text("new"), ignored=(pattern,)) == ["app.py"] * counts


@pytest.mark.parametrize("pattern", ["package", "package/", "pack*", "package/*.py", "package/__init__.py"])
def test_ignored_folder_does_not_count(root: Path, pattern: str) -> None:
    """A file below an ignored folder, or one that matches a path, does not count."""
    assert changed(root, lambda: (root / "package/__init__.py").write_text("new"), ignored=(pattern,)) == []


def test_every_file_of_layer_counts(root: Path, tmp_path: Path) -> None:
    """Any file of a layer counts, because the function reads a copy."""
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "data.json").write_text("{}")

    def act() -> None:
        (layer / "data.json").write_text("new")

    assert changed(root, act, others=(layer,)) == ["../layer/data.json"]


def writable() -> list[str]:
    """Return the option that lets functions write into their folder, where that is not the default."""
    return ["--writable"] if b"--writable" in run("serve", "--help").stdout else []


WRITER = """
import os, pathlib
def handler(event, context):
    pathlib.Path("rates.json").write_text("{}")
    print("called", flush=True)
    return os.getpid()
"""


def test_piped_and_written_files_reload_nothing(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """With `serve --watch | tee serve.txt` and a function that writes, four calls are one cold start."""
    root = write_handler(WRITER)
    serve = command(
        *("serve", "app.handler", "--watch", "--json", "--port", "0", "--url-port", "0", *writable()),
        *("--runtime", shell(socket_runtime), "--on-success", "done.jsonl"),
    )
    pipeline = f"exec {shell(serve)} 2>errors.txt | tee serve.txt"
    with subprocess.Popen(
        ["sh", "-c", pipeline], cwd=root, env=environment(), stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        reader = Reader(process.stdout.fileno())
        reader.until(lambda seen: b"\n" in seen)
        url = json.loads(reader.seen.splitlines()[0])["functionUrl"]
        pids = {http.request("GET", url).json() for _ in range(4)}
        assert len(pids) == 1
        change(root / "app.py", "def handler(event, context):\n    return 1")
        seen = reader.until(lambda seen: b'"reload"' in seen)
        assert [json.loads(line)["paths"] for line in seen.splitlines() if b'"reload"' in line] == [["app.py"]]
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=WAIT)


def test_read_data_and_env_file_are_reloaded(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """A file that the init reads is read again after a change, and so are the variables of `--env-file`."""
    root = write_handler(
        "import os, json\nCONFIG = json.load(open('config.json'))\n"
        "def handler(event, context):\n    return [CONFIG, os.environ['STAGE']]"
    )
    (root / "config.json").write_text("1")
    (root / "vars").write_text("STAGE=dev\n")
    options = ("--watch", "--env-file", str(root / "vars"))
    with Serve("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), *options) as serve:
        assert http.request("GET", serve.url).json() == [1, "dev"]
        serve.event("invocation")
        change(root / "config.json", "2")
        assert serve.event("reload")["paths"] == ["config.json"]
        assert http.request("GET", serve.url).json() == [2, "dev"]
        change(root / "vars", "STAGE=test\n")
        assert serve.event("reload")["paths"] == ["vars"]
        assert http.request("GET", serve.url).json() == [2, "test"]
        change(root / "vars", "no assignment\n")
        assert "not reloaded" in serve.event("warning")["text"]
        assert http.request("GET", serve.url).json() == [2, "test"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--watch-ignore", "x"], "--watch-ignore has no effect without --watch; add --watch"),
        (["--watch", "--watch-ignore", ""], "--watch-ignore is empty; give a name or a path"),
        (["--watch", "--watch-ignore", "/"], "--watch-ignore is empty; give a name or a path"),
    ],
)
def test_bad_watch_ignore_is_an_error(tmp_path: Path, arguments: list[str], text: str) -> None:
    """A value of `--watch-ignore` without an effect is an error that shows what to change."""
    done = run("serve", "app.handler", "--task-root", str(tmp_path), *arguments)
    assert done.returncode == 2
    assert text in done.stderr.decode()
