"""Tests of `_json.long_strings`: its quoter equals the C one, and large results of long strings switch to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awslambdaric_lite._codec import LARGE, Marshaller
from awslambdaric_lite._json import long_strings
from awslambdaric_lite._json.long_strings import holds_long_strings, long_quoter

QUOTE = long_quoter(encode_basestring)


@given(st.text() | st.text(st.characters(max_codepoint=0x80)))
@example("")
@example("plain")
@example("\ud800")
def test_long_quoter_equals_c_quoter(text: str) -> None:
    """The quoter gives the C quoter's text for any string, with lone surrogates, too."""
    assert QUOTE(text) == encode_basestring(text)


@pytest.mark.parametrize("code", range(0x101))
def test_each_escaped_character_is_found(code: int) -> None:
    """A single character that needs escaping is found among many that do not."""
    text = "x" * 300 + chr(code) + "y" * 300
    assert QUOTE(text) == encode_basestring(text)
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
def test_long_strings_average_200_characters(value: object, long: bool) -> None:
    """Strings count as long at an average of 200 characters, commas and brackets included."""
    assert holds_long_strings(json.dumps(value, separators=(",", ":")).encode()) is long


@pytest.mark.parametrize(("value", "switched"), [("x" * LARGE, True), (["x"] * LARGE, False), ("x" * 1000, False)])
def test_large_long_strings_switch_quoter(value: object, switched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a large result of long strings switches the quoter, and every result has the same JSON."""
    switches: list[object] = []

    def recorded(quote: Callable[[str], str]) -> Callable[[str], str]:
        switches.append(quote)
        return long_quoter(quote)

    monkeypatch.setattr(long_strings, "long_quoter", recorded)
    marshaller = Marshaller("stdlib")
    for _ in range(2):
        assert json.loads(marshaller.marshal_response(value)[0]) == value
    assert bool(switches) is switched
    assert marshaller.marshal_response(['"', "\n", "é"])[0] == '["\\"","\\n","é"]'.encode()
