"""Code blocks of README.md and docs/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, LAYERS_PAGES, PROJECT, Block, blocks_of, marked_blocks, pages, parse_blocks
from tests.docs.parsing import check_options, check_syntax, commands
from tests.docs.running import Page

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="this is not a checkout")

RUN_HERE = [page for page in pages() if page not in LAYERS_PAGES] if DOCS.is_dir() else []


@pytest.mark.parametrize("page", RUN_HERE)
def test_page_runs_from_top_to_bottom(page: str, tmp_path: Path) -> None:
    """Every block of a page that is not marked runs, and every command exits with 0."""
    blocks = [block for block in blocks_of(page) if not block.needs]
    with Page(tmp_path) as running:
        for block in blocks:
            running.run(block)


def test_marked_blocks_are_well_formed() -> None:
    """Every block that cannot run is parsed, and its commands have the options that it uses."""
    marked = marked_blocks()
    for block in marked:
        check_syntax(block)
    assert len(marked) > 10


def test_layers_pages_are_well_formed() -> None:
    """The blocks of the layers' pages, which run elsewhere, are commands with existing options."""
    for page in LAYERS_PAGES:
        for block in blocks_of(page):
            check_syntax(block)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("sh", "if true", "syntax error"),
        ("sh", "awslambdaric-lite serve app.handler --prot 1", "unrecognized arguments: --prot"),
        ("sh", "true && awslambdaric-lite destroy app.handler", "no command destroy"),
        ("sh", "python layers/build.py wrapper --pyhton 3.13", "unrecognized arguments: --pyhton"),
        ("python", "def", "invalid syntax"),
        ("yaml", "a: b: c", "mapping values"),
        ("json", "{", "Expecting"),
        ("cobol", "", "no check for language"),
    ],
)
def test_malformed_block_is_found(kind: str, text: str, message: str) -> None:
    """A block with an error fails its check."""
    with pytest.raises(Exception, match=message):
        check_syntax(Block("page.md", 1, kind, "", "an account", text))


def test_failing_command_fails_page(tmp_path: Path) -> None:
    """A command that exits with another code than 0 fails, with its output."""
    with Page(tmp_path) as page, pytest.raises(AssertionError, match=r"page\.md:1: exit code 1\nsorry"):
        page.run(Block("page.md", 1, "sh", "", "", "echo sorry; false; true"))


def test_commands_of_pipeline() -> None:
    """Commands are separated by operators, and assignments are left out."""
    text = "A=1 first --x='a b' | second \\\n  && third $(fourth) # comment\n"
    assert list(commands(text)) == [["first", "--x=a b"], ["second"], ["third", "$"], ["fourth"]]
    check_options(["ls", "--unknown"])


def test_indented_fence_is_refused() -> None:
    """A fence that would be missed is an error."""
    with pytest.raises(ValueError, match="do not indent fences"):
        list(parse_blocks("page.md", "- item\n\n  ```sh\n  true\n  ```\n"))


def test_commands_in_sentences_have_their_options() -> None:
    """A command of this project in a sentence has an existing subcommand and existing options."""
    span = re.compile(r"`((?:awslambdaric-lite|python -m|python layers/\S+) [^`…]+)`")
    texts = {page: (PROJECT / page).read_text(encoding="utf-8") for page in [*pages(), "layers/recipes/README.md"]}
    spans = [(page, found) for page, text in texts.items() for found in span.findall(text)]
    assert len(spans) > 10
    for page, found in spans:
        for command in commands(found.removesuffix(" --help")):
            try:
                check_options(command)
            except ValueError as error:
                assert "are required" in str(error), f"{page}: {error}"  # sentences leave arguments out
