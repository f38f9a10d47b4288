"""Imports in another process, and the tree of imported modules."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.import_tree import Imported, measure_imports, parse_importtime, run_import
from tests.emulator.command_line import alive, wait_until

HERE = Path(sys.executable)


def write(folder: Path, **sources: str) -> Path:
    """Write modules; two underscores in a name mean a slash."""
    for name, source in sources.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return folder


def shape(tree: Imported) -> object:
    """Return the names of a tree."""
    return {tree.name: [shape(child) for child in tree.children]} if tree.children else tree.name


def test_tree_has_every_importer(tmp_path: Path) -> None:
    """The tree has each module once, below its first importer, in the order of imports."""
    write(
        tmp_path,
        app="import left, right\n",
        left="import shared, package.inner\n",
        right="import shared\nprint('said on standard output')\n",
        shared="import sys\nsys.stderr.write('no end of line')\n",
        package__inner="",
    )
    tree = measure_imports(HERE, "import app", path=[tmp_path])
    assert shape(tree) == {"import app": [{"app": [{"left": ["shared", {"package.inner": ["package"]}]}, "right"]}]}


def test_times_add_up(tmp_path: Path) -> None:
    """A module's total is its own time and that of its children."""
    write(tmp_path, app="import slow\n", slow="import time; time.sleep(0.02)\n")
    tree = measure_imports(HERE, "import app", path=[tmp_path])
    for module in tree.walk():
        below = sum(child.total_us for child in module.children)
        assert abs(module.total_us - module.self_us - below) <= 2 + len(module.children)
    slow = next(module for module in tree.walk() if module.name == "slow")
    assert slow.self_us >= 20_000
    assert tree.total_us >= slow.total_us


def test_interpreter_output_is_parsed() -> None:
    """Lines of the interpreter are parsed at any depth, with other output between them."""
    text = (
        b"import time: self [us] | cumulative | imported package\n"
        b"import time:       100 |        100 |     b.c\n"
        b"hello\n"
        b"unfinished import time:        50 |        150 |   b\n"
        b"import time:        10 |         10 |   d\n"
        b"import time:         5 |        165 | a\n"
        b"import time:         1 |          1 | e\n"
    )
    first, second = parse_importtime(text)
    assert shape(first) == {"a": [{"b": ["b.c"]}, "d"]}
    assert (first.self_us, first.total_us, second.name) == (5, 165, "e")
    assert parse_importtime(b"") == []
    assert parse_importtime(b"import time: x | y | z\n\xff\xfe") == []


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("import nowhere_to_be_found\n", "ModuleNotFoundError", "No module named 'nowhere_to_be_found'"),
        ("def broken(:\n", "SyntaxError", "invalid syntax"),
        ("import os\nos.environ['TABLE']\n", "KeyError", "'TABLE'"),
        ("raise SystemExit(3)\n", "SystemExit", "3"),
        ("import os\nos._exit(4)\n", "SystemExit", "exited with status 4"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV", "crashed"),
        ("class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd\n", "Odd", ""),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt", ""),
    ],
)
def test_failures_are_results(tmp_path: Path, source: str, kind: str, words: str) -> None:
    """An error, an exit and a crash are results."""
    write(tmp_path, app=source)
    run = run_import(HERE, "import app", path=[tmp_path])
    assert run.seconds is None
    assert run.failure is not None
    assert run.failure.kind == kind
    assert words in run.failure.message
    with pytest.raises(PackagingError, match=r"'import app' fails in .*; correct it first"):
        measure_imports(HERE, "import app", path=[tmp_path])


def test_a_failure_has_a_place(tmp_path: Path) -> None:
    """A failure has the innermost line of the package's own code, and the name of a missing module."""
    write(tmp_path, app="import middle\n", middle="\n\nimport nowhere.at.all\n")
    failure = run_import(HERE, "import app", path=[tmp_path]).failure
    assert failure is not None
    assert failure.where == (str(tmp_path / "middle.py"), 3)
    assert failure.missing == "nowhere"
    assert str(failure).endswith("middle.py, line 3)")


def test_timeout_kills_all_processes(tmp_path: Path) -> None:
    """The timeout kills the process and its children."""
    write(
        tmp_path,
        app=f"import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\nimport time; time.sleep(600)\n",
    )
    run = run_import(HERE, "import app", path=[tmp_path], timeout_s=6)  # a slow machine may need seconds to start both
    assert run.failure is not None
    assert run.failure.kind == "TimeoutError"
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not alive(pid), "the child to end")


def test_floods_do_not_fill_memory(tmp_path: Path) -> None:
    """Endless output is read and dropped, and the import continues."""
    write(tmp_path, app="import os\nfor _ in range(400): os.write(2, b'x' * 65536); os.write(1, b'y' * 65536)\n")
    run = run_import(HERE, "import app", path=[tmp_path])
    assert run.failure is None
    assert len(run.stderr) < 10 * 1024 * 1024


def test_process_is_isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process sees neither our variables nor installed packages, and writes no bytecode."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path / "other"))
    check = (
        "import os, sys\n"
        "assert 'AWS_SECRET_ACCESS_KEY' not in os.environ\n"
        "assert os.environ['GIVEN'] == '1'\n"
        "assert sys.dont_write_bytecode\n"
        f"assert sys.path[0] == {str(tmp_path)!r}, sys.path\n"
        f"assert os.getcwd() == {str(tmp_path)!r}\n"
        "assert not [entry for entry in sys.path if 'site-packages' in entry or 'other' in entry], sys.path\n"
        "assert sys.stdin.read() == ''\n"
    )
    write(tmp_path, app=check)
    run = run_import(HERE, "import app", path=[tmp_path], environ={"GIVEN": "1"})
    assert run.failure is None
    assert sorted(os.listdir(tmp_path)) == ["app.py"]


def test_pth_files_are_read(tmp_path: Path) -> None:
    """`.pth` files are read, as on Lambda."""
    write(tmp_path, vendored__thing="")
    (tmp_path / "vendored.pth").write_text("vendored\n")
    assert run_import(HERE, "import thing", path=[tmp_path]).failure is None


def test_missing_interpreter_is_named(tmp_path: Path) -> None:
    """One line names a missing interpreter."""
    with pytest.raises(PackagingError, match="cannot be run: No such file or directory; name another interpreter"):
        run_import(tmp_path / "python", "import os")
