"""Bytecode of every interpreter of this machine: reproducible, and independent of its source's date."""

from __future__ import annotations

import importlib.util
import marshal
import os
import py_compile
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from awslambdaric_lite.packaging.bytecode import (
    MAGIC,
    PycHeader,
    cache_path,
    compile_sources,
    find_interpreter,
    writes_bytecode_for,
)
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import PYTHON_VERSIONS

HERE = "{}.{}".format(*sys.version_info)
INTERPRETERS = {version: path for version in PYTHON_VERSIONS if (path := find_interpreter(version)) is not None}
# Parts that could differ between runs: the order of a set among the constants, names shared with other modules.
SETS = b'def f(x):\n    return x in {"one", "two", "three", "four", "five"}, sorted(x), {"k": "one"}\n'


def code_of(bytecode: bytes) -> CodeType:
    """Return the code of a file that this interpreter has compiled."""
    code = marshal.loads(bytecode[16:])
    assert isinstance(code, CodeType)
    return code


def test_the_running_interpreter_is_found() -> None:
    """The running interpreter is found for its version, and its magic number is the listed one."""
    assert INTERPRETERS[HERE] == Path(sys.executable)
    if HERE in MAGIC:
        assert MAGIC[HERE].to_bytes(2, "little") + b"\r\n" == importlib.util.MAGIC_NUMBER


@pytest.mark.parametrize("version", INTERPRETERS)
def test_same_bytes_each_time(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash seed and other sources do not change a byte; the header is that of the version."""
    sources = {"a.py": (SETS, "/var/task/a.py"), "b.py": (b"five = {'two', 'one'}\n", "/var/task/b.py")}
    interpreter = INTERPRETERS[version]
    results = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        results.append(compile_sources(sources, interpreter).bytecode)
    results.append(
        {name: compile_sources({name: source}, interpreter).bytecode[name] for name, source in sources.items()}
    )
    assert results[0] == results[1] == results[2]
    header = PycHeader.parse(results[0]["a.py"])
    question = f"import importlib.util; print(importlib.util.source_hash({SETS!r}).hex())"
    digest = subprocess.run([interpreter, "-c", question], capture_output=True, text=True, check=True).stdout
    assert (header.kind, header.mtime, header.source_hash) == ("unchecked-hash", None, bytes.fromhex(digest))
    assert header.magic == MAGIC.get(version, header.magic)


def test_compilation_runs_no_code(tmp_path: Path) -> None:
    """Code has its path on Lambda, encodings are respected, and nothing is run or written."""
    sources = {
        "runs.py": (f"open({str(tmp_path / 'ran')!r}, 'w')\n".encode(), "/var/task/runs.py"),
        "latin.py": (b"# coding: latin-1\ntext = '\xe9'\n", "/var/task/latin.py"),
        "asserts.py": (b"x = 1\nassert x, 'stays'\n", "/var/task/asserts.py"),
    }
    result = compile_sources(sources, Path(sys.executable))
    assert result.failures == {}
    assert code_of(result.bytecode["runs.py"]).co_filename == "/var/task/runs.py"
    assert "é" in code_of(result.bytecode["latin.py"]).co_consts
    assert "stays" in code_of(result.bytecode["asserts.py"]).co_consts
    assert os.listdir(tmp_path) == []


def test_a_source_that_does_not_compile() -> None:
    """A source that does not compile is reported with its line, and the others are compiled."""
    sources = {
        "bad.py": (b"x = 1\nprint 'two'\n", "bad.py"),
        "null.py": (b"x = '\0'\n", "null.py"),
        "deep.py": (b"x = " + b"-" * 200_000 + b"1\n", "deep.py"),
        "good.py": (b'x = "\\d"\nassert (x, "warns")\n', "good.py"),
    }
    result = compile_sources(sources, Path(sys.executable))
    assert set(result.bytecode) == {"good.py"}
    assert set(result.failures) == {"bad.py", "null.py", "deep.py"}
    assert result.failures["bad.py"].startswith("line 2: ")


def test_the_reason_is_never_empty() -> None:
    """The reason has a text even if the error has neither text nor line."""
    version = "{}.{}".format(*sys.version_info)
    interpreter = find_interpreter(version)
    assert interpreter is not None
    sources = {
        "deep.py": (b"x=" + b"-" * 200_000 + b"1", "deep.py"),
        "coding.py": (b"# coding: klingon\n", "coding.py"),
    }
    failures = compile_sources(sources, interpreter).failures
    assert failures["deep.py"].strip()
    assert "klingon" in failures["coding.py"] and "line 0" not in failures["coding.py"]


def test_docstrings_are_stripped() -> None:
    """All docstrings are removed, and no other statement; lines keep their numbers."""
    source = b'''"""Module."""
"""Second."""
from __future__ import annotations


class Only:
    """Class."""


async def later():
    "Coroutine."


def function():
    """Function."""
    return "kept", function.__doc__
'''
    stripped = compile_sources({"a.py": (source, "a.py")}, Path(sys.executable), strip_docstrings=True).bytecode["a.py"]
    names: dict[str, Any] = {"__name__": "a"}
    exec(code_of(stripped), names)
    function, only = names["function"], names["Only"]
    assert function() == ("kept", None)
    assert function.__code__.co_firstlineno == 14
    assert only.__doc__ is None and names.get("__doc__") is None
    for text in (b"Module.", b"Second.", b"Class.", b"Coroutine.", b"Function."):
        assert text not in stripped
    assert PycHeader.parse(stripped).source_hash == importlib.util.source_hash(source)


def test_interpreters_that_cannot_compile(tmp_path: Path) -> None:
    """The message names a missing program, another program, or an interpreter that crashes."""
    sources = {"a.py": (b"", "a.py"), "b.py": (b"", "b.py")}
    with pytest.raises(PackagingError, match="cannot be run: No such file"):
        compile_sources(sources, tmp_path / "python")
    for name, script, message in (
        ("fails", "echo no such option >&2; exit 2", "cannot compile: no such option"),
        ("ends", "exit 0", "exited while it compiled a.py"),
    ):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
        program.chmod(0o755)
        with pytest.raises(PackagingError, match=message):
            compile_sources(sources, program)


def test_an_interpreter_that_needs_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter sees the environment, e.g. for pyenv's scripts, without Python's own variables."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\n[ "$WANTED_VERSION" = {HERE} ] || exit 127\nexec "{sys.executable}" "$@"\n')
    script.chmod(0o755)
    sources = {"a.py": (SETS, "/var/task/a.py")}
    expected = compile_sources(sources, Path(sys.executable)).bytecode
    monkeypatch.setenv("WANTED_VERSION", HERE)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "importlib.py").write_text("raise SystemExit('of the user')\n")
    assert find_interpreter(HERE, candidates=[script]) == script
    assert compile_sources(sources, script).bytecode == expected


def test_interpreters_are_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates come first, then PATH, then pyenv's newest; each must be an interpreter."""
    other = "3.10" if HERE != "3.10" else "3.11"
    number = MAGIC[other]

    def pretend(path: Path, answer: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {answer}\n")
        path.chmod(0o755)
        return path

    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert find_interpreter(other) is None
    pretend(tmp_path / "pyenv" / "versions" / f"{other}.9" / "bin" / "python", f"cpython {other} {number} final")
    newest = pretend(
        tmp_path / "pyenv" / "versions" / f"{other}.11" / "bin" / "python", f"cpython {other} {number} final"
    )
    assert find_interpreter(other) == newest
    on_path = pretend(tmp_path / "bin" / f"python{other}", f"pypy {other} {number} final")
    assert find_interpreter(other) == newest
    pretend(on_path, f"cpython {other} {number} final")
    assert find_interpreter(other) == on_path
    named = pretend(tmp_path / "named", f"cpython {other} {number} final")
    assert find_interpreter(other, candidates=[tmp_path / "missing", named]) == named


@pytest.mark.parametrize(
    ("answer", "usable"),
    [
        ("cpython 3.13 3571 final", True),
        ("cpython 3.13 3570 alpha", False),
        ("cpython 3.12 3531 final", False),
        ("", False),
        ("3.13", False),
    ],
)
def test_prerelease_interpreter_is_refused(answer: str, usable: bool, tmp_path: Path) -> None:
    """A prerelease with another magic number is refused."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho {answer}\n")
    program.chmod(0o755)
    assert writes_bytecode_for(program, "3.13") is usable


def test_headers_are_parsed(tmp_path: Path) -> None:
    """Every kind of header that an interpreter writes is parsed."""
    source = tmp_path / "a.py"
    source.write_bytes(b"x = 1\n")
    os.utime(source, (1_600_000_000, 1_600_000_000))
    seen = []
    for mode in py_compile.PycInvalidationMode:
        compiled = py_compile.compile(str(source), invalidation_mode=mode)
        assert compiled == str(tmp_path / cache_path("a.py", HERE))
        header = PycHeader.parse(Path(compiled).read_bytes())
        assert header.magic.to_bytes(2, "little") == importlib.util.MAGIC_NUMBER[:2]
        seen.append((header.kind, header.mtime, header.size, header.source_hash))
    digest = importlib.util.source_hash(b"x = 1\n")
    assert sorted(seen, key=str) == [
        ("checked-hash", None, None, digest),
        ("timestamp", 1_600_000_000, 6, None),
        ("unchecked-hash", None, None, digest),
    ]


@pytest.mark.parametrize("data", [b"", b"\xf3\r\r\n" + bytes(11), bytes(16), b"\xf3\r\r\n\2\0\0\0" + bytes(8)])
def test_invalid_header_is_refused(data: bytes) -> None:
    """A truncated header, another format and unknown flags are refused."""
    with pytest.raises(PackagingError, match="not a bytecode file"):
        PycHeader.parse(data)


def test_cache_path_is_the_interpreters() -> None:
    """The path is the one that the import system uses."""
    assert cache_path("a/b.py", "3.13") == "a/__pycache__/b.cpython-313.pyc"
    assert cache_path("b.c.py", "3.10") == "__pycache__/b.c.cpython-310.pyc"
    assert cache_path("a/b.py", HERE) == importlib.util.cache_from_source("a/b.py")


@pytest.mark.parametrize("version", INTERPRETERS)
def test_unchecked_bytecode_is_always_used(version: str, tmp_path: Path) -> None:
    """The interpreter uses unchecked bytecode although the source has another date and content."""
    result = compile_sources({"taken.py": (b"answer = 42\n", "/var/task/taken.py")}, INTERPRETERS[version])
    (tmp_path / "taken.py").write_bytes(b"answer = 'the source was compiled'\n")
    compiled = tmp_path / cache_path("taken.py", version)
    compiled.parent.mkdir()
    compiled.write_bytes(result.bytecode["taken.py"])
    done = subprocess.run(
        [INTERPRETERS[version], "-S", "-c", "import taken; print(taken.answer)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("42\n", "")
