"""The page on security: each promise names a test that exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.blocks import DOCS, PROJECT

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="this is not a checkout")

PAGE = PROJECT / "SECURITY.md"


def test_promises_have_tests() -> None:
    """Each row of the table of promises names one test function, which is in the named file and has no skip mark."""
    rows = re.findall(r"^\| (?!promise|-)(.+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 20
    assert len({named for _, named in rows}) == len(rows)
    for promise, named in rows:
        file, _, name = named.strip("`").partition("::")
        tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
        found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        assert found, f"{promise} {named} does not exist"
        assert not [mark for mark in found[0].decorator_list if "skip" in ast.unparse(mark)]


def test_page_says_how_to_report() -> None:
    """The page names the private way to report a vulnerability."""
    assert "**Report a vulnerability**" in PAGE.read_text(encoding="utf-8")
