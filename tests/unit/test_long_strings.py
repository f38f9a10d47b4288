"""`_long_strings`: the fast quoter says what the C one says, and is taken for results that are made of long strings."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awslambdaric_lite._codec import LARGE, Marshaller, _quote_text
from awslambdaric_lite._json.long_strings import holds_long_strings, long_quoter

QUOTE = long_quoter(_quote_text)


@given(st.text() | st.text(st.characters(max_codepoint=0x80)))
@example("")
@example("plain")
@example("\ud800")
def test_it_quotes_as_the_c_quoter_does(text: str) -> None:
    """Whatever is in the text, a lone surrogate included."""
    assert QUOTE(text) == _quote_text(text)


@pytest.mark.parametrize("code", range(0x101))
def test_every_character_that_is_escaped_is_seen(code: int) -> None:
    """One among many that need nothing: all of ASCII, and what follows."""
    text = "x" * 300 + chr(code) + "y" * 300
    assert QUOTE(text) == _quote_text(text)
    assert json.loads(QUOTE(text)) == text


@pytest.mark.parametrize(
    ("value", "long"),
    [
        ("x" * 1000, True),
        ({"statusCode": 200, "isBase64Encoded": True, "body": "QUJD" * 1000}, True),
        (["x" * 199] * 1000, True),
        (["x" * 190] * 1000, False),
        ([{"name": "example"}] * 1000, False),
    ],
)
def test_long_means_two_hundred_characters_on_average(value: object, long: bool) -> None:
    """Commas and brackets count with the strings."""
    assert holds_long_strings(json.dumps(value, separators=(",", ":")).encode()) is long


@pytest.mark.parametrize(("value", "taken"), [("x" * LARGE, True), (["x"] * LARGE, False), ("x" * 1000, False)])
def test_one_large_result_of_long_strings_is_enough(value: object, taken: bool) -> None:
    """Small results and large ones of short strings leave the C quoter in its place; all come out the same."""
    marshaller = Marshaller("stdlib")
    for _ in range(2):
        assert json.loads(marshaller.marshal_response(value)[0]) == value
    assert (marshaller._quote is not _quote_text) is taken
    assert marshaller.marshal_response(['"', "\n", "é"])[0] == '["\\"","\\n","é"]'.encode()
