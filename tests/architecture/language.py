"""Counts texts in which a phrase that makes readers stumble occurs.

`python -m tests.architecture.language [PATH …]` lists them by file and line.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .imports import ROOT

# Case-sensitive. Each stands for a habit: a metaphor, a clause used as a noun, a missing actor.
MARKERS = {
    "for-because": r"[,;] for (?!example|instance|each|every|all|any|\d)[a-z]",
    "clause-noun": r"\b(whoever|whosever|of whoever|what comes of|what it took|what is (left|there|known|said)"
    r"|who (has|have|is|are|asks|reads|wants))\b",
    "is-no": r"\b(is|are|was|were) (none|no (?!longer\b)[a-z]+|nothing)\b",
    "such-as": r"(it|them|one), such as|write it such as|, such as [`']",
    "of-its-own": r"\bof (its|their|his|one's|our) own\b",
    "to-its-end": r"\b(comes?|came|coming) to (its|an|their|the) end\b|\bat (its|an|the) end\b",
    "as-ever": r"\bas ever\b|\bby turns\b|\bat once\b",
    "makes-way": r"\b(makes? way|gives? way|steps? aside|in the way|takes? the place|taking the place"
    r"|stands? (where|for|beside|in))\b",
    "so-many": r"\bso (many|long|much)\b|\bso far as\b",
    "beside": r"\bbesides?\b",
    "in-hand": r"\b(in|at) (the )?hand\b",
    "life": r"\b(lives|lived|dies|died|dying|born|goodbye|(?<!parent-)death)\b",
    "out-of-time": r"\bout of time\b|\btime pass|\bin time\b",
    "there-here": r"\b(there|here) (it|they|is|are|too)\b",
    "bare-passive": r"\b(is|are|was|were) (told|said|asked|named|handed|taken|given)\b",
}
AREAS = ("src", "tests", "docs")
_PATTERN = re.compile("|".join(f"(?P<{name.replace('-', '_')}>{pattern})" for name, pattern in MARKERS.items()))
_SHORTEST_STRING, _SHORTEST_COMMENT = 25, 12  # characters; shorter ones are not counted
_LEFT_OUT = {"results", "node_modules", "site", "build", "dist"}
# Texts of AWS or the official client, which stay byte for byte.
QUOTED: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A string, a comment or a line of documentation."""

    path: Path
    line: int
    text: str

    @property
    def area(self) -> str:
        """Return `docs`, `tests` or `src`."""
        if self.path.suffix == ".md":
            return "docs"
        return "tests" if "tests" in self.path.relative_to(ROOT).parts else "src"

    def markers(self) -> list[str]:
        """Return each phrase that is found, with its marker's name."""
        text = self.text
        for quotation in QUOTED:
            text = text.replace(quotation, "")
        return [f"{found.lastgroup}: {found.group()}" for found in _PATTERN.finditer(text)]


def texts(*paths: Path) -> Iterator[Text]:
    """Yield the texts of files, and of the files below folders."""
    for path in paths:
        if path.is_dir():
            inner = sorted(each for each in path.iterdir() if not each.name.startswith((".", "__pycache__")))
            yield from texts(*(each for each in inner if each.name not in _LEFT_OUT))
        elif path.suffix == ".py":
            yield from _of_python(path)
        elif path.suffix == ".md":
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            yield from (Text(path, number, line) for number, line in lines if line.strip())
        elif path.name == "bootstrap":
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            yield from (Text(path, number, line) for number, line in lines if line.lstrip().startswith("#"))


def _of_python(path: Path) -> Iterator[Text]:
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and isinstance(node, ast.Constant) and len(value) > _SHORTEST_STRING and " " in value:
            yield Text(path, node.lineno, value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and len(token.string) > _SHORTEST_COMMENT:
            yield Text(path, token.start[0], token.string)


@cache
def project_texts() -> list[Text]:
    """Return the texts of the whole project."""
    return list(texts(ROOT))


def main(arguments: list[str]) -> None:
    """List the texts with a marker, and the number in a thousand for each area."""
    found = list(texts(*(Path(each).resolve() for each in arguments))) if arguments else project_texts()
    for each in found:
        if markers := each.markers():
            print(f"{each.path.relative_to(ROOT)}:{each.line}: {'; '.join(markers)}")
    for area in AREAS:
        of_area = [each for each in found if each.area == area]
        marked = sum(bool(each.markers()) for each in of_area)
        if of_area:
            print(f"{area}: {marked} of {len(of_area)}, {1000 * marked / len(of_area):.1f} in a thousand")


if __name__ == "__main__":
    main(sys.argv[1:])
