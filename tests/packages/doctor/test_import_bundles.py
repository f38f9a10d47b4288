"""Findings about import bundles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.bytecode import MAGIC
from awslambdaric_lite.packaging.import_bundle import BUNDLE_NAME, write_bundle

from .packages import PYTHON, codes, findings, make_folder, make_zip

FILES = {
    "app.py": "import lib, own\ndef handler(event, context):\n    return event\n",
    "own.py": "value = 1\n",
    "lib/__init__.py": "value = 1\n",
    "lib-1.dist-info/RECORD": "lib/__init__.py,,\nlib-1.dist-info/RECORD,,\n",
}
NAME = "imports.bundle"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bundle of the files."""
    root = make_folder(tmp_path_factory.mktemp("task"), FILES)
    return write_bundle(root, "app.handler").path.read_bytes()


def found(folder: Path, files: Mapping[str, str | bytes]) -> list[tuple[str, str, str]]:
    """Return the findings about bundles in a package."""
    return [each for each in codes(findings(make_zip(folder / "a.zip", files))) if each[0].startswith("bundle-")]


@pytest.mark.skipif(PYTHON not in MAGIC, reason="the bytecode number of this Python is not known")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"own.py": "value = 2\n"}, [("bundle-stale", "warning", NAME)]),
        ({"own.py": None}, [("bundle-stale", "warning", NAME)]),
        ({"lib/__init__.py": "value = 2\n"}, [("bundle-mismatch", "error", NAME)]),
        (
            {"lib/__init__.py": "value = 22\n", "app.py": ""},
            [("bundle-mismatch", "error", NAME), ("bundle-stale", "warning", NAME)],
        ),
    ],
)
def test_bundle_with_other_code_than_the_package(
    tmp_path: Path, bundle: bytes, changes: dict[str, str | None], expected: list[tuple[str, str, str]]
) -> None:
    """Other code than an installed module is an error, because it runs; other code than an own module is a warning."""
    files = {**FILES, BUNDLE_NAME: bundle, **changes}
    assert found(tmp_path, {name: content for name, content in files.items() if content is not None}) == expected


@pytest.mark.skipif(PYTHON not in MAGIC, reason="the bytecode number of this Python is not known")
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:50],
        lambda content: content.replace(b" bundle 1\n", b" bundle 2\n"),
        lambda content: content.replace(b" bundle 1\n", b" bundle 1\n\0\0", 1),
    ],
)
def test_bundle_that_the_runtime_ignores_is_a_warning(tmp_path: Path, bundle: bytes, damage: object) -> None:
    """A damaged bundle, and one for another Python, is a warning that names the cure."""
    assert callable(damage)
    path = make_zip(tmp_path / "a.zip", {**FILES, BUNDLE_NAME: damage(bundle)})
    (finding,) = [each for each in findings(path) if each.code.startswith("bundle-")]
    assert (finding.code, finding.level, finding.path) == ("bundle-unusable", "warning", NAME)
    assert finding.message.endswith("; write it again with awslambdaric-lite pack --bundle-imports")


def test_other_files_with_the_suffix_are_not_bundles(tmp_path: Path) -> None:
    """A file of another tool has no finding."""
    assert found(tmp_path, {**FILES, "ca.bundle": "certificates"}) == []
