"""The description of the distributions, which PyPI shows."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import DOCS, PROJECT

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="this is not a checkout")

RELATIVE = re.compile(r"\]\((?!https://)[^)]*\)")


def description(repository: str) -> str:
    """Return README.md as the hook in hatch_build.py writes it into the distributions."""
    hook = pytest.importorskip("hatch_build", reason="hatchling is not installed")
    text: str = hook.with_absolute_links((PROJECT / "README.md").read_text(encoding="utf-8"), repository)
    return text


def test_links_lead_into_repository() -> None:
    """With an address of the repository, links and the picture are absolute."""
    text = description("https://example.com/owner/project/")
    assert "[Settings](https://example.com/owner/project/blob/main/docs/settings.md)" in text
    assert "](https://example.com/owner/project/raw/main/benchmarks/results/cold-start.svg)" in text
    assert not RELATIVE.search(text)


def test_no_link_is_broken_without_address() -> None:
    """Without an address, a link becomes its text, and the picture is left out."""
    text = description("")
    assert "More: Test with pytest." in text
    assert not RELATIVE.search(text) and "cold-start" not in text


def test_links_of_checkout_lead_to_files() -> None:
    """Each relative link of README.md names a file or a folder of the checkout."""
    links = re.findall(r"\]\((?!https?://|#)([^)]*)\)", (PROJECT / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 10
    assert not [link for link in links if not (PROJECT / link).exists()]


def test_readme_is_short() -> None:
    """README.md has at most 150 lines."""
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
