"""The code blocks of README.md, of the pages in docs/, and of the other pages that show commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
LAYERS_PAGES = ("layers/README.md", "layers/recipes/function-zip/README.md")
"""Pages whose blocks `tests/layers/test_readme.py` runs."""

_FENCE = re.compile(
    r"(?:^<!-- needs: (?P<needs>[^\n]+?) -->\n\n?)?"
    r'^```(?P<kind>\w*)(?: title="(?P<title>[^"\n]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        page: path of the page, relative to the project.
        line: number of the line with the opening fence.
        kind: language of the block.
        title: name of the file that the block is the content of, or an empty string.
        needs: what the block cannot run without, or an empty string if it runs everywhere.
    """

    page: str
    line: int
    kind: str
    title: str
    needs: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Return the paths of all pages with blocks, relative to the project."""
    found = [str(path.relative_to(PROJECT)) for path in sorted(DOCS.rglob("*.md"))]
    return ["README.md", "benchmarks/README.md", *LAYERS_PAGES, *found]


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, in their order."""
    return list(parse_blocks(page, (PROJECT / page).read_text(encoding="utf-8")))


def parse_blocks(page: str, text: str) -> Iterator[Block]:
    """Yield the blocks of a text.

    Raises:
        ValueError: a fence is indented, or has no matching fence, so that a block would be missed.
    """
    fences = 0
    for match in _FENCE.finditer(text):
        fences += 2
        line = text.count("\n", 0, match.start() + match[0].index("```")) + 1
        yield Block(page, line, match["kind"], match["title"] or "", match["needs"] or "", match["text"])
    if fences != text.count("```"):
        raise ValueError(f"{page}: {text.count('```')} fences, {fences} of them understood; do not indent fences")


def marked_blocks() -> list[Block]:
    """Return the blocks that need something and are only parsed."""
    return [block for page in pages() for block in blocks_of(page) if block.needs]
