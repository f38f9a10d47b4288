"""Texts are plain English: the phrases that make readers stumble become fewer, never more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .imports import ROOT
from .language import AREAS, MARKERS, Text, project_texts

CEILINGS = Path(__file__).with_name("language-ceilings.json")  # marked texts per thousand; they only go down
# Correct English that a pattern must not match, beside the phrase that it is for.
EXAMPLES = {
    "for-because": ("; for it is slow", "for example, for each request"),
    "clause-noun": ("whoever asks", "the caller asks"),
    "is-no": ("it is no function", "it is not a function, and is no longer loaded"),
    "such-as": ("write it such as app.handler", "formats such as JSON"),
    "of-its-own": ("a folder of its own", "its own folder"),
    "to-its-end": ("comes to its end", "ends"),
    "as-ever": ("as ever", "as before"),
    "makes-way": ("makes way for it", "replaces it"),
    "so-many": ("so many at most", "the maximum number of bytes received so far"),
    "beside": ("beside it", "next to it"),
    "in-hand": ("the invocation in hand", "the current invocation"),
    "life": ("the process dies", "the process ends, its parent-death signal, an alias named live"),
    "out-of-time": ("out of time", "times out"),
    "there-here": ("there are two", "two exist"),
    "bare-passive": ("the option is given", "the user sets the option"),
}


def texts_of(area: str) -> list[Text]:
    """Return the texts of an area, or skip where only a part of the project is there."""
    if not (ROOT / "README.md").is_file() or not (ROOT / "awslambdaric_lite").is_dir():
        pytest.skip("the sources are not beside the tests")
    return [text for text in project_texts() if text.area == area]


@pytest.mark.parametrize("area", AREAS)
def test_marked_texts_are_below_the_ceiling(area: str) -> None:
    """The rate of texts with a marker in each area is not above the ceiling; above it, the texts are listed."""
    found = texts_of(area)
    marked = [text for text in found if text.markers()]
    rate = 1000 * len(marked) / len(found)
    ceiling = json.loads(CEILINGS.read_text())[area]
    places = "\n".join(f"{each.path.relative_to(ROOT)}:{each.line}: {', '.join(each.markers())}" for each in marked)
    assert rate <= ceiling, f"{rate:.1f} of a thousand texts are marked, {ceiling} at most:\n{places}"


@pytest.mark.parametrize("area", AREAS)
def test_ceilings_follow_the_rate_down(area: str) -> None:
    """A ceiling is lowered when the rate is three or more below it, so that it does not rise again."""
    found = texts_of(area)
    rate = 1000 * sum(bool(text.markers()) for text in found) / len(found)
    ceiling = json.loads(CEILINGS.read_text())[area]
    assert rate > ceiling - 3, f"lower the ceiling of {area} in {CEILINGS.name} to {rate + 0.1:.1f}"


@pytest.mark.parametrize(("marker", "example"), EXAMPLES.items())
def test_markers_find_their_phrase_only(marker: str, example: tuple[str, str]) -> None:
    """Each marker finds the phrase that it is for and leaves a correct one alone."""
    phrase, correct = (Text(Path("x.md"), 1, text).markers() for text in example)
    assert [each.partition(":")[0].replace("_", "-") for each in phrase] == [marker]
    assert not correct


def test_each_marker_has_an_example() -> None:
    """Every pattern is tested with a phrase and with correct English."""
    assert EXAMPLES.keys() == MARKERS.keys()
