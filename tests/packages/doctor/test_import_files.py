"""Findings about the files that make imports cheaper."""

from __future__ import annotations

import importlib.util
import marshal
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite._lifecycle.import_bundle import FIRST_LINE, HEADER, fingerprint
from awslambdaric_lite.packaging.audit import import_files
from awslambdaric_lite.packaging.hosts import Host
from awslambdaric_lite.packaging.import_bundle import BUNDLE_NAME, write_bundle
from awslambdaric_lite.packaging.import_recording import list_text
from awslambdaric_lite.packaging.targets import PYTHON_VERSIONS, Target

from .packages import PYTHON, SECONDS, TARGET, cached, codes, compiled, findings, make_folder, make_zip, pyc

FUNCTION = compiled(
    {
        "app.py": "import lazily\n",
        "package/__init__.py": "",
        "package/module.py": "",
        "makes.py": "import sys\nsys.modules['makes.more'] = 1\n",
        "vendored/inside/deep.py": "",
        "vendored/http/__init__.py": "",
        "namespace/data/x.py": "",
    }
) | {"built.so": b"", "without_source.pyc": pyc("")}


@pytest.mark.parametrize(
    ("entries", "missing"),
    [
        (["app", "app:lazily", "package.module", "json", "json.decoder", "_json", "xml.dom:minidom"], None),
        (["namespace", "namespace.data", "built", "built.inner", "makes.more", "inside.deep", "without_source"], None),
        (["boto3", "botocore.client", "awslambdaric_lite"], None),
        (["apps"], "1 module that neither the package nor Python has; record it again with awslambdaric-lite "),
        (["app", "nowhere:name", "package.gone", "package.module.x"], "(nowhere, package.gone, package.module.x)"),
        (["package.http", "http.client"], "(package.http)"),
    ],
)
def test_missing_modules_of_an_import_list(tmp_path: Path, entries: list[str], missing: str | None) -> None:
    """A finding names the modules of an import list that neither the package nor the runtime has."""
    found = findings(make_zip(tmp_path / "a.zip", FUNCTION | {"imports.txt": list_text(entries)}))
    assert codes(found) == ([] if missing is None else [("import-list", "warning", "imports.txt")])
    assert missing is None or missing in found[0].message


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (list_text(["app", "two words", "app:"]), "2 lines that are neither a module nor module:name; correct them"),
        ("app\napp : lazily  # one\n\n", None),
        ("apples, pears\n", None),
        ("", None),
        ("\xff", None),
    ],
)
def test_wrong_lines_of_an_import_list(tmp_path: Path, text: str, wrong: str | None) -> None:
    """A finding lists the wrong lines; a file in which nothing looks like an import list gets none."""
    found = findings(make_folder(tmp_path / "a", FUNCTION | {"imports.txt": text.encode("latin-1")}))
    assert codes(found) == ([] if wrong is None else [("import-list", "warning", "imports.txt")])
    assert wrong is None or wrong in found[0].message


@pytest.mark.parametrize(
    ("host", "module", "is_missing"),
    [("managed", "boto3", False), ("provided", "boto3", True), ("image", "boto3", False), ("image", "app.x", True)],
)
def test_hosts_have_other_modules(tmp_path: Path, host: Host, module: str, is_missing: bool) -> None:
    """Boto3 is part of managed runtimes; an image may have any package, but not in a module of the function."""
    files = FUNCTION | {"imports.txt": list_text([module])}
    found = findings(make_folder(tmp_path / "a", files), host=host)
    assert ("import-list" in [each.code for each in found]) is is_missing


def test_layers_have_modules_of_an_import_list(tmp_path: Path) -> None:
    """A module of a layer that --layer names is found; else the message suggests the option."""
    path = make_folder(tmp_path / "a", FUNCTION | {"imports.txt": list_text(["layered.module"])})
    layer = make_folder(tmp_path / "layer", {"python/layered/module.py": ""})
    (finding,) = findings(path)
    assert finding.message.endswith(", or name the layer that has them with --layer (layered.module)")
    assert findings(path, layers=[layer]) == []


def test_standard_library_is_unknown_without_its_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an interpreter of the function's version, only modules in packages of the function can be missing."""
    monkeypatch.setattr(import_files, "_standard_modules", lambda version: None)
    path = make_folder(tmp_path / "a", FUNCTION | {"imports.txt": list_text(["nowhere", "package.gone"])})
    (finding,) = findings(path)
    assert finding.message.endswith("(package.gone)")


BUNDLED = compiled(
    {
        "app.py": "import own, installed\nhandler = print\n",
        "own.py": "VALUE = 1\n",
        "installed/__init__.py": "VALUE = 1\n",
    }
) | {
    "installed-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: installed\nVersion: 1\n",
    "installed-1.dist-info/RECORD": "installed/__init__.py,,\ninstalled-1.dist-info/RECORD,,\n",
}
OTHER = Target.parse(next(each for each in PYTHON_VERSIONS if each != PYTHON), TARGET.arch)


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    """Return the folder of a function with a bundle."""
    folder = make_folder(tmp_path / "function", BUNDLED)
    write_bundle(folder, "app.handler")
    return folder


def test_bundle_that_fits(bundled: Path, tmp_path: Path) -> None:
    """A bundle of the package's modules has no finding, in a folder and in a zip file."""
    assert findings(bundled) == []
    files = BUNDLED | {BUNDLE_NAME: (bundled / BUNDLE_NAME).read_bytes()}
    assert findings(make_zip(tmp_path / "a.zip", files)) == []


@pytest.mark.parametrize(
    ("name", "text", "dated", "level", "message"),
    [
        (
            "installed/__init__.py",
            "VALUE = 2\n",
            False,
            "error",
            "1 module with other code, which would run instead of",
        ),
        ("installed/__init__.py", "VALUE = 2222\n", True, "error", "(installed/__init__.py)"),
        ("installed/__init__.py", None, False, "error", "(installed/__init__.py)"),
        ("own.py", "VALUE = 22\n", True, "warning", "1 module with other code; they are imported from disk; write it"),
        ("own.py", "VALUE = 2\n", False, "warning", "(own.py)"),
        ("own.py", "VALUE = 2\n", True, "error", "which would run instead of the file in the package; write it again"),
        ("own.py", None, False, "warning", "(own.py)"),
    ],
)
def test_bundle_of_other_code(
    bundled: Path, name: str, text: str | None, dated: bool, level: str, message: str
) -> None:
    """A module that differs by its content is an error if the bundle's code would run, else a warning."""
    path = bundled / name
    (bundled / cached(name)).unlink()
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
        seconds = SECONDS if dated else SECONDS + 60
        os.utime(path, (seconds, seconds))
    found = [each for each in findings(bundled) if not each.code.startswith("bytecode")]
    assert codes(found) == [("import-bundle", level, BUNDLE_NAME)]
    assert message in found[0].message


def end_of_index(data: bytes) -> int:
    """Return the place of the code in a bundle."""
    return HEADER + int.from_bytes(data[HEADER - 12 : HEADER - 8], "little")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:-1], "it is damaged"),
        (lambda data: data[: HEADER - 1], "it is damaged"),
        (lambda data: data[: HEADER + 9] + b"xx" + data[HEADER + 11 :], "it is damaged"),
        (
            lambda data: data[: end_of_index(data)] + b"?" * (len(data) - end_of_index(data)),
            "it is damaged",
        ),
        (lambda data: b"", "it is not an import bundle"),
        (lambda data: b"text", "it is not an import bundle"),
        (
            lambda data: data.replace(b"bundle 1", b"bundle 0", 1),
            "it has the format of another version of awslambdaric",
        ),
    ],
    ids=["truncated", "header", "index", "code", "empty", "another file", "format"],
)
def test_damaged_bundle(bundled: Path, damage: Callable[[bytes], bytes], reason: str) -> None:
    """A bundle that the runtime does not use gets a finding with the reason and the cure."""
    path = bundled / BUNDLE_NAME
    path.write_bytes(damage(path.read_bytes()))
    (finding,) = findings(bundled)
    assert (finding.code, finding.level) == ("import-bundle", "warning")
    assert finding.message.startswith(f"the runtime does not use the bundle: {reason}")
    assert finding.message.endswith("; write it again with awslambdaric-lite pack --bundle-imports")


@pytest.mark.parametrize(
    "index",
    [
        b"(" + (0x7FFFFFFF).to_bytes(4, "little"),  # a tuple of 2**31 items, which are not there
        b"[\1\0\0\0" * 100_000,  # a list in a list, 100,000 deep
        marshal.dumps((0, "/", ({"": {"app": (1, 0, 1 << 62, 0, 0, None)}}, []), "", ({}, []))),
        marshal.dumps((0, "/", ({"": {"app": (99, 0, 0, 0, 0, None)}}, []), "", ({}, []))),
        marshal.dumps((0, "/", ({"": {"app": compile("1", "", "eval")}}, []), "", ({}, []))),
        marshal.dumps((0, b"/", 1, "", 2)),
        marshal.dumps(None),
    ],
)
def test_hostile_index_is_damaged(tmp_path: Path, index: bytes) -> None:
    """An index that was made to break its reader gives the finding of a damaged bundle; `doctor` goes on."""
    sizes = len(index).to_bytes(4, "little") + fingerprint(index).to_bytes(8, "little")
    files = BUNDLED | {BUNDLE_NAME: FIRST_LINE + importlib.util.MAGIC_NUMBER + sizes + index}
    (finding,) = findings(make_folder(tmp_path / "function", files))
    assert finding.message.startswith("the runtime does not use the bundle: it is damaged; write it again")


def test_bundle_of_another_python(bundled: Path) -> None:
    """A bundle for another version of Python than the function's gets a finding."""
    found = [each for each in findings(bundled, OTHER) if not each.code.startswith("bytecode")]
    assert codes(found) == [("import-bundle", "warning", BUNDLE_NAME)]
    assert f"it is for another version than Python {OTHER.python}; write it again" in found[0].message
