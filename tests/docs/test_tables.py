"""Generated tables of the documentation, and the messages that it explains."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import awslambdaric_lite
from tests.docs.blocks import DOCS, PROJECT
from tests.docs.tables import TABLES, with_table

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="this is not a checkout")


@pytest.mark.parametrize("name", TABLES)
def test_table_is_current(name: str) -> None:
    """The page has the table that the code gives; `python -m tests.docs --write` updates it."""
    assert TABLES[name][0].read_text(encoding="utf-8") == with_table(name)


def test_messages_exist() -> None:
    """Each message in a heading of the page on troubleshooting is in the code; `…` is the part that varies."""
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^### `(.+)`$", page, re.MULTILINE)
    texts = source_texts()
    assert len(messages) > 15
    for message in messages:
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in message.split("…")), re.DOTALL)
        assert any(map(pattern.search, texts)), f"no source has {message!r}"


def source_texts() -> list[str]:
    """Return all texts in the sources of the package, without formatted values, and both start scripts."""
    package = Path(awslambdaric_lite.__file__).parent
    scripts = (PROJECT / "bootstrap", PROJECT / "layers/wrapper/deployed/awslambdaric-lite")
    texts = [script.read_text(encoding="utf-8") for script in scripts]
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                texts.append("".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)))
    return texts
