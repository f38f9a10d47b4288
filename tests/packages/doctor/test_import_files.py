"""Findings about the files that make imports cheaper."""

from __future__ import annotations

from pathlib import Path

import pytest

from awslambdaric_lite.packaging.audit import import_files
from awslambdaric_lite.packaging.hosts import Host
from awslambdaric_lite.packaging.import_recording import list_text

from .packages import codes, compiled, findings, make_folder, make_zip, pyc

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
