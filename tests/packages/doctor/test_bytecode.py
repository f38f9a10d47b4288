"""Findings about bytecode, compared with the interpreter's behaviour."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.audit import source_hashes
from awslambdaric_lite.packaging.audit.source_hashes import source_hashes as hashes_of
from awslambdaric_lite.packaging.bytecode import MAGIC, find_interpreter
from awslambdaric_lite.packaging.reading import extract

from .packages import (
    PYTHON,
    SECONDS,
    TAG,
    TARGET,
    Content,
    cached,
    codes,
    compiled,
    findings,
    make_folder,
    make_zip,
    pyc,
)

SOURCE, OTHER = "VALUE = 'of the source'\n", "VALUE = 'of another, longer source'\n"
NAME = "thing/module.py"
_OLD = "cpython-39"

CASES: dict[str, tuple[dict[str, bytes], tuple[str, str] | None]] = {
    "unchecked": ({cached(NAME): pyc(SOURCE)}, None),
    "unchecked, of another source": ({cached(NAME): pyc(OTHER)}, ("bytecode-mismatch", "error")),
    "checked": ({cached(NAME): pyc(SOURCE, "checked")}, ("bytecode-checked", "info")),
    "checked, of another source": ({cached(NAME): pyc(OTHER, "checked")}, ("bytecode-stale", "warning")),
    "dated": ({cached(NAME): pyc(SOURCE, "dated")}, ("bytecode-dated", "info")),
    "dated one second later": (
        {cached(NAME): pyc(SOURCE, "dated", mtime=SECONDS + 1)},
        ("bytecode-stale", "warning"),
    ),
    "dated 1980": ({cached(NAME): pyc(SOURCE, "dated", mtime=315532800)}, ("bytecode-stale", "warning")),
    "dated in another time zone": (
        {cached(NAME): pyc(SOURCE, "dated", mtime=SECONDS - 7200)},
        ("bytecode-stale", "warning"),
    ),
    "dated, of another size": ({cached(NAME): pyc(SOURCE, "dated", of=OTHER)}, ("bytecode-stale", "warning")),
    "of another version": ({cached(NAME, _OLD): pyc(SOURCE)}, ("bytecode-version", "warning")),
    "of another version, by its content": (
        {cached(NAME): b"\x61\x0d\r\n" + pyc(SOURCE)[4:]},
        ("bytecode-stale", "warning"),
    ),
    "optimised only": ({cached(NAME, f"{TAG}.opt-2"): pyc(SOURCE)}, ("bytecode-version", "warning")),
    "cut off": ({cached(NAME): pyc(SOURCE)[:10]}, ("bytecode-stale", "warning")),
    "empty": ({cached(NAME): b""}, ("bytecode-stale", "warning")),
    "none": ({}, ("bytecode-missing", "warning")),
}


@pytest.mark.parametrize("form", ["zip", "folder"])
@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_the_verdict_is_the_interpreters(
    tmp_path: Path, files: dict[str, bytes], expected: tuple[str, str] | None, form: str
) -> None:
    """The finding is the expected one, and says whether the interpreter compiles the module on import."""
    content: dict[str, Content] = {NAME: SOURCE, **files}
    path = make_zip(tmp_path / "a.zip", content) if form == "zip" else make_folder(tmp_path / "a", content)
    found = codes(findings(path))
    assert found == ([] if expected is None else [(*expected, "thing")])
    copy = tmp_path / "copy"
    extract(path, copy)
    was_compiled, value = _import(copy)
    assert was_compiled == (expected is not None and expected[1] == "warning")
    runs_old_code = expected is not None and expected[0] == "bytecode-mismatch"
    assert value == ("of another, longer source" if runs_old_code else "of the source")


def _import(folder: Path) -> tuple[bool, str]:
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); import thing.module as module; print(module.VALUE)"
    done = subprocess.run([sys.executable, "-v", "-B", "-I", "-c", program], capture_output=True, text=True, check=True)
    objects = [line.rstrip("'") for line in done.stderr.splitlines() if "code object from" in line]
    compiled_here = any(line.endswith("thing/module.py") for line in objects)
    assert compiled_here or any(".pyc" in line and "thing/__pycache__/module." in line for line in objects)
    return compiled_here, done.stdout.strip()


def test_one_finding_for_each_package_with_examples(tmp_path: Path) -> None:
    """A package has one finding for all of its modules, with examples."""
    sources = {f"big/module{index}.py": "x = 1\n" for index in range(150)}
    found = findings(make_zip(tmp_path / "a.zip", {**sources, "small/a.py": "", "single.py": ""}))
    assert codes(found) == [("bytecode-missing", "warning", path) for path in (".", "big", "small")]
    assert "150 modules" in found[1].message
    assert found[1].message.endswith("(big/module0.py, big/module1.py, big/module10.py, …)")


def test_unimportable_files_do_not_count(tmp_path: Path) -> None:
    """Scripts, files of another Python, and folders that are not packages have no finding."""
    files = compiled({"app.py": "", "package/__init__.py": ""})
    files |= {"bin/tool.py": "", "package/template-{{name}}.py": "", "a-1.0.data/scripts/b.py": ""}
    files["package/old.py"] = "print 'as in Python 2'\n"
    assert findings(make_zip(tmp_path / "a.zip", files)) == []


def test_leftovers_are_only_mentioned(tmp_path: Path) -> None:
    """Bytecode of other versions, and of removed modules, is only an info."""
    files = compiled({"package/__init__.py": "", "package/a.py": ""})
    files |= {cached("package/a.py", _OLD): pyc(""), cached("package/gone.py"): pyc("")}
    (found,) = findings(make_zip(tmp_path / "a.zip", files))
    assert codes([found]) == [("bytecode-idle", "info", ".")]
    assert "2 bytecode files" in found.message


def test_removed_sources_are_found(tmp_path: Path) -> None:
    """Bytecode without source is imported from the source's folder, and not from `__pycache__`."""
    assert findings(make_zip(tmp_path / "right.zip", {"package/a.pyc": pyc("")})) == []
    for name, data in (
        (cached("package/a.py"), pyc("")),
        ("package/a.pyc", b"\x61\x0d\r\n" + pyc("")[4:]),
        ("package/a.pyc", b"nothing"),
    ):
        found = findings(make_zip(tmp_path / "wrong.zip", {name: data}))
        assert codes(found) == [("bytecode-unusable", "error", "package")]
        with pytest.raises(subprocess.CalledProcessError):
            extract(tmp_path / "wrong.zip", tmp_path / f"copy{len(data)}{len(name)}")
            subprocess.run(
                [sys.executable, "-B", "-c", "import package.a"],
                cwd=tmp_path / f"copy{len(data)}{len(name)}",
                check=True,
                capture_output=True,
            )


def test_layer_folders_on_path_count(tmp_path: Path) -> None:
    """A layer's two folders on the path are checked, other folders are not."""
    packages = f"python/lib/python{PYTHON}/site-packages"
    files = {"python/a.py": "", f"{packages}/b/c.py": "", "lib/d.py": "", "other/e.py": ""}
    found = findings(make_zip(tmp_path / "a.zip", files))
    assert codes(found) == [
        ("bytecode-missing", "warning", "python"),
        ("bytecode-missing", "warning", f"{packages}/b"),
    ]


@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13"])
def test_hashes_are_those_of_the_targets_python(tmp_path: Path, version: str) -> None:
    """Hashes are computed as the target's Python writes them."""
    interpreter = find_interpreter(version)
    if interpreter is None:
        pytest.skip(f"there is no Python {version} on PATH or among pyenv's")
    program = "import importlib.util, sys; print(importlib.util.source_hash(sys.argv[1].encode()).hex())"
    sources = ["", "x = 1\n", "é" * 5000]
    said = [
        subprocess.run([str(interpreter), "-c", program, source], capture_output=True, text=True, check=True).stdout
        for source in sources
    ]
    hashes = hashes_of((source.encode() for source in sources), [MAGIC[version]] * 3, version)
    assert hashes is not None
    assert [each.hex() for each in hashes] == [line.strip() for line in said]


def test_uncomputable_hashes_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an interpreter for the hashes, a note says that they were not compared."""
    version = "3.10" if sys.version_info >= (3, 11) else "3.13"
    monkeypatch.setattr(source_hashes, "find_interpreter", lambda version: None)
    tag = f"cpython-{version.replace('.', '')}"
    bytecode = MAGIC[version].to_bytes(2, "little") + b"\r\n" + pyc(SOURCE)[4:]
    path = make_zip(tmp_path / "a.zip", {NAME: SOURCE, cached(NAME, tag): bytecode})
    (found,) = findings(path, replace(TARGET, python=version))
    assert codes([found]) == [("bytecode-unverified", "info", "thing")]
    assert f"takes a Python {version} here" in found.message


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({cached(NAME, "cpython-39"): b""}, "bytecode for Python 3.9 only"),
        ({cached(NAME, "cpython-39"): b"", cached(NAME, "cpython-38"): b""}, "for Python 3.8 and Python 3.9 only"),
        ({cached(NAME, f"{TAG}.opt-1"): b""}, f"bytecode for optimised Python {PYTHON} only"),
        ({cached(NAME, "pypy-39"): b""}, "bytecode for Python 3.9 (pypy) only"),
    ],
)
def test_version_that_bytecode_is_for_is_named(files: dict[str, Content], text: str, tmp_path: Path) -> None:
    """A finding about bytecode of another version names that version."""
    (found,) = [
        each for each in findings(make_zip(tmp_path / "a.zip", {NAME: SOURCE, **files})) if each.level != "info"
    ]
    assert found.code == "bytecode-version" and text in found.message


def test_version_of_sourceless_bytecode_is_named(tmp_path: Path) -> None:
    """A finding about a module without source names the version of its number."""
    other = "3.10" if PYTHON != "3.10" else "3.11"
    data = MAGIC[other].to_bytes(2, "little") + b"\r\n" + bytes(12)
    (found,) = [each for each in findings(make_zip(tmp_path / "a.zip", {"a.pyc": data})) if each.level == "error"]
    assert f"with bytecode for Python {other}, which Python {PYTHON} does not import" in found.message
