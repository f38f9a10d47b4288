"""Findings about the layout of a package: what Lambda and Python do with its files."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from .packages import Content, codes, compiled, findings, make_folder, make_zip

KEY = f"-----BEGIN PRIVATE KEY-----\n{'A' * 64}\n"


def errors_and_warnings(path: Path, *layers: Path) -> list[tuple[str, str, str]]:
    """Return codes of findings that are not about bytecode or only worth knowing."""
    return [each for each in codes(findings(path, layers=layers)) if not each[0].startswith("bytecode-")]


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ({"lib/": 0o40644}, ["lib"]),
        ({"lib/": 0o40700, "data/deep/": 0o40711}, ["data", "lib"]),
        ({"lib/": 0o40755, "data/": 0o40777}, []),
        ({"lib/": 0}, []),  # written on a system without modes
    ],
)
def test_folders_that_lambda_cannot_enter(modes: dict[str, int], expected: list[str], tmp_path: Path) -> None:
    """A folder that others may not read and enter is an error; folders without a mode are not."""
    path = make_zip(tmp_path / "a.zip", {"data.json": "{}"})
    with zipfile.ZipFile(path, "a") as archive:
        for name, mode in modes.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16 or 0x10  # a folder of MS-DOS
            archive.writestr(info, "")
    found = findings(path)
    assert codes(found) == [("permissions", "error", name) for name in expected]
    assert all("folder that Lambda's user cannot enter; chmod a+rx" in each.message for each in found)


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"#!/bin/sh\nexec true\n", 0o755, None),
        (b"#! /usr/bin/env python3\r", 0o755, "line ends of Windows"),
        (b"#!/bin/sh\r\n", 0o755, "line ends of Windows"),
        (b"#!/bin/bash\necho\r\n", 0o755, "line ends of Windows"),
        (b"#!/usr/bin/python3\nprint('''a\r\n''')", 0o755, None),
        (b"\xef\xbb\xbf#!/bin/sh\n", 0o755, "byte order mark"),
        (b"\xff\xfe#\0!\0", 0o755, "byte order mark"),
        (b"exec python3 app.py\n", 0o755, "neither with #! nor as an ELF file"),
        (b"", 0o755, "neither with #!"),
        (b"#!\n", 0o755, "does not name an interpreter by its whole path"),
        (b"#!python3\n", 0o755, "does not name an interpreter by its whole path"),
        (b"#!/var/task/bin/python3\n", 0o755, "names /var/task/bin/python3, which the package does not have"),
        (b"#!/var/task/run.sh\n", 0o755, None),
        (b"#!/bin/sh\n", 0o644, "is not executable; chmod a+rx"),
        (b"#!/bin/sh\n", 0o744, "is not executable; chmod a+rx"),
    ],
)
def test_bootstrap_that_cannot_start(content: bytes, mode: int, reason: str | None, tmp_path: Path) -> None:
    """The kernel must be able to run `bootstrap`; the finding says why it cannot."""
    files: dict[str, Content] = {"bootstrap": content, "run.sh": "#!/bin/sh\n"}
    found = findings(make_zip(tmp_path / "a.zip", files, modes={"bootstrap": mode}))
    assert codes(found) == ([] if reason is None else [("bootstrap", "error", "bootstrap")])
    if reason is not None:
        assert found[0].message.startswith("bootstrap does not start: it") and reason in found[0].message
    assert codes(findings(make_zip(tmp_path / "b.zip", {"lib/bootstrap": content}))) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_lambda_lacks(method: int, tmp_path: Path) -> None:
    """Files are stored or deflated; any other method is an error, which names it."""
    path = make_zip(tmp_path / "a.zip", {"a.json": "{}"})
    with zipfile.ZipFile(path, "a") as archive:
        for name, used in (("b.json", zipfile.ZIP_STORED), ("c.json", method)):
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            archive.writestr(info, "{}", compress_type=used)
    (found,) = findings(path)
    assert codes([found]) == [("compression", "error", ".")]
    assert found.message.startswith(f"1 file compressed with {'bzip2' if method == 12 else 'lzma'}, ")
    assert found.message.endswith("(c.json)")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["token.py", "queue/__init__.py"], "queue, token: "),
        (["random.pyc"], "random: "),
        (["select.cpython-313-x86_64-linux-gnu.so"], "select: "),
        (["python/calendar.py"], "calendar: "),
        (["test/__init__.py", "lib/re.py", "json/data.txt", "email/a.py", "random.json"], None),
    ],
)
def test_modules_that_hide_the_standard_library(names: list[str], expected: str | None, tmp_path: Path) -> None:
    """A warning names modules that Python finds before those of the standard library."""
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(names, ""))
    found = [each for each in findings(path) if each.code == "standard-library"]
    assert [each.message.partition("on Lambda")[0] for each in found] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["layer/python/a.py", "layer/readme.md"], "layer/python"),
        (["lib/python3.13/site-packages/a.py"], "lib/python3.13/site-packages"),
        (["site-packages/a.py"], "site-packages"),
        (["python/a.py"], None),
        (["shop/python/__init__.py", "shop/__init__.py"], None),
        (["app.py", "shop/python/a.py"], None),
        (["bin/python3.13", "lib/python3.13/site-packages/a.py"], None),
    ],
)
def test_layers_whose_folders_are_misplaced(names: list[str], expected: str | None, tmp_path: Path) -> None:
    """A folder `python` that is not at the top, and packages outside of it, are an error."""
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(names, ""))
    found = [each for each in errors_and_warnings(path) if each[0] == "layer-path"]
    assert found == ([] if expected is None else [("layer-path", "error", expected)])
    function = make_zip(tmp_path / "function.zip", {"data.json": "{}"})
    if expected is not None:
        assert ("layer-path", "error", ".") in errors_and_warnings(function, path)


def test_layer_that_nothing_looks_into(tmp_path: Path) -> None:
    """A layer without any folder that Lambda uses gets a warning with its path."""
    function = make_zip(tmp_path / "function.zip", {"data.json": "{}"})
    layer = make_zip(tmp_path / "layer.zip", {"helper.py": ""})
    (found,) = findings(function, layers=[layer])
    assert codes([found]) == [("layer-path", "warning", ".")]
    assert found.message.startswith(f"layer {layer} has no folder python, lib or bin")
    for name in ("lib/libx.so", "bin/tool", "extensions/watcher", "python/x.py"):
        assert findings(function, layers=[make_zip(tmp_path / "layer.zip", {name: ""})]) == []


def test_metadata_of_two_versions(tmp_path: Path) -> None:
    """Two versions of one distribution in one folder are a warning, however their names are written."""
    names = ["My.Pkg-1.dist-info/METADATA", "my_pkg-2.dist-info/METADATA", "my_other_pkg-1.dist-info/METADATA"]
    (found,) = findings(make_zip(tmp_path / "a.zip", dict.fromkeys(names, "")))
    assert codes([found]) == [("metadata-twice", "warning", "My.Pkg-1.dist-info")]
    assert found.message.startswith("my-pkg has the metadata of 2 versions")
    apart = ["pkg-1.dist-info/METADATA", "vendor/pkg-2.dist-info/METADATA"]
    assert findings(make_zip(tmp_path / "a.zip", dict.fromkeys(apart, ""))) == []


def test_secrets_and_files_of_tools(tmp_path: Path) -> None:
    """Secrets are a warning and files of tools an info, except in what a distribution has installed."""
    files: dict[str, Content] = {
        "settings/.env": "TOKEN=1",
        "deploy.pem": KEY,
        "ca.pem": "-----BEGIN CERTIFICATE-----\n",
        "__MACOSX/._app.json": "",
        ".git/HEAD": "",
        "web/node_modules/x.js": "",
        "pkg/test.key": KEY,
        "pkg/.github/a.yml": "",
        "pkg-1.dist-info/RECORD": "pkg/test.key,,\npkg/.github/a.yml,,\n",
        "odd-1.dist-info/RECORD": f"{'a' * 200_000},,\n",
        "blank.txt": "\n" * 2**20,
    }
    for path in (make_zip(tmp_path / "a.zip", files), make_folder(tmp_path / "a", files)):
        found = findings(path)
        assert codes(found) == [
            ("secret", "warning", "."),
            ("secret", "warning", "settings"),
            ("tool-files", "info", ".git"),
            ("tool-files", "info", "__MACOSX"),
            ("tool-files", "info", "web"),
        ]
        assert found[0].message.startswith("1 file that may hold a private key; ") and "deploy.pem" in found[0].message


def test_good_package_has_no_finding(tmp_path: Path) -> None:
    """A package with folders, a start file and metadata has no finding."""
    files: dict[str, Content] = {
        **compiled({"app.py": "", "shop/__init__.py": ""}),
        "bootstrap": b"#!/bin/sh\n",
        "shop-1.dist-info/RECORD": "shop/__init__.py,,\n",
    }
    path = make_zip(tmp_path / "a.zip", files, modes={"bootstrap": 0o755})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("shop/", "")
        info = zipfile.ZipInfo("data/")
        info.external_attr = (stat.S_IFDIR | 0o755) << 16
        archive.writestr(info, "")
    assert findings(path) == []
