"""Findings about sizes, packages of the managed runtime, layout and modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from awslambdaric_lite.packaging.audit import weights as weights_module
from awslambdaric_lite.packaging.audit.run import audit

from .packages import PYTHON, TARGET, Content, codes, compiled, findings, make_folder, make_zip


def test_packages_of_the_managed_runtime(tmp_path: Path) -> None:
    """A finding names each package that the managed runtime has, with its size, in functions and layers."""
    files = compiled(
        {"boto3/__init__.py": "x = 1\n" * 1000, "six.py": "", "mine/boto3/a.py": "", "boto3_stubs/a.py": ""}
    )
    found = findings(make_zip(tmp_path / "a.zip", files))
    assert codes(found) == [("platform-package", "info", "boto3"), ("platform-package", "info", "six.py")]
    assert found[0].message.startswith("boto3 (")
    assert "KB) is in the managed runtimes already" in found[0].message
    packages = f"python/lib/python{PYTHON}/site-packages"
    found = findings(make_zip(tmp_path / "b.zip", compiled({f"{packages}/dateutil/__init__.py": ""})))
    assert codes(found) == [("platform-package", "info", f"{packages}/dateutil")]
    assert found[0].message.startswith("python-dateutil (")


def test_unpacked_limit_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package beyond the limit with its layers is an error; a finding names a large part with its share."""
    monkeypatch.setattr(weights_module, "UNPACKED_LIMIT", 10_000)
    monkeypatch.setattr(weights_module, "LARGE_PACKAGE", 5_000)
    path = make_zip(tmp_path / "a.zip", {"heavy/data.bin": bytes(7_000), "light/data.bin": bytes(1_000)})
    found = findings(path)
    assert codes(found) == [("size-package", "info", "heavy")]
    assert "6.8 KB unpacked, 88 % of the package" in found[0].message
    layer = make_zip(tmp_path / "layer.zip", {"python/data.bin": bytes(4_000)})
    found = findings(path, layers=[layer])
    assert codes(found) == [("size-limit", "error", "."), ("size-package", "info", "heavy")]
    assert "with its layers; Lambda allows 9.8 KB" in found[0].message


def test_upload_limit_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip file beyond the direct limit gets a note about S3; a folder does not."""
    monkeypatch.setattr(weights_module, "ZIPPED_LIMIT", 100)
    files = {"data.bin": bytes(range(256))}
    assert codes(findings(make_zip(tmp_path / "a.zip", files))) == [("size-upload", "info", ".")]
    assert findings(make_folder(tmp_path / "a", files)) == []


def test_weights_add_up(tmp_path: Path) -> None:
    """Every file is counted once, and the largest package comes first."""
    files = {"a/x.bin": bytes(10), "b/y/z.bin": bytes(30), "c.bin": bytes(60)}
    result = audit(make_zip(tmp_path / "a.zip", files), TARGET)
    assert [(each.path, each.size, each.files, round(each.share, 2)) for each in result.weights] == [
        (".", 60, 1, 0.6),
        ("b", 30, 1, 0.3),
        ("a", 10, 1, 0.1),
    ]
    assert result.unpacked_size == 100


def test_files_that_lambda_cannot_read(tmp_path: Path) -> None:
    """Unreadable modes of a zip file are reported, those of a folder are not."""
    files = compiled({"app.py": "", "package/a.py": ""})
    found = findings(make_zip(tmp_path / "a.zip", files, modes={"app.py": 0o600, "package/a.py": 0o640}))
    assert codes(found) == [("permissions", "error", "."), ("permissions", "error", "package")]
    assert "chmod a+r" in found[0].message
    folder = make_folder(tmp_path / "a", files)
    (folder / "app.py").chmod(0o600)
    assert {each.code for each in findings(folder)} <= {"bytecode-dated"}


def test_a_layer_of_another_version(tmp_path: Path) -> None:
    """A layer for another version of Python is an error."""
    layer = make_zip(tmp_path / "a.zip", {"python/lib/python3.9/site-packages/helper.py": ""})
    found = findings(layer)
    assert codes(found) == [("layer-version", "error", "python/lib")]
    assert f"for python3.9 and none for python{PYTHON}" in found[0].message


@pytest.mark.parametrize("names", [["python/__init__.py", "python/a.py"], ["app.py"], ["python.py"]])
def test_functions_are_no_layers(tmp_path: Path, names: list[str]) -> None:
    """A function with a package named python is not a layer."""
    result = audit(make_zip(tmp_path / "a.zip", compiled(dict.fromkeys(names, ""))), TARGET)
    assert not result.is_layer
    assert [each.code for each in result.findings] == ["imports-unchecked"]


def test_an_empty_package(tmp_path: Path) -> None:
    """An empty package is an error, because the user has named the wrong folder."""
    (tmp_path / "empty").mkdir()
    assert codes(findings(tmp_path / "empty")) == [("empty", "error", ".")]


def test_other_versions_of_a_layer_are_not_judged(tmp_path: Path) -> None:
    """In a layer for several versions of Python, doctor does not report the files of another one."""
    own = f"python/lib/python{PYTHON}/site-packages/helper.py"
    others: dict[str, Content] = {
        "python/lib/python3.9/site-packages/helper.py": "",
        "python/lib/python3.8/site-packages/only.pyc": b"\0",
    }
    layer = make_zip(tmp_path / "a.zip", {**compiled({own: ""}), **others})
    assert findings(layer) == []
