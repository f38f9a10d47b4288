"""Tests of what `_codec` avoids: another parser for headers, and copies of results that may be large."""

from __future__ import annotations

import json
import marshal

import pytest

from awslambdaric_lite import _codec
from awslambdaric_lite._codec import LARGE, Marshaller, is_plain, parse_header

LARGE_EVENT = b'"%s"' % (b"x" * LARGE)


class CountingMarshal:
    """The module `marshal`, which counts the values that it copies."""

    def __init__(self) -> None:
        self.copied = 0

    def dumps(self, value: object) -> bytes:
        """Copy a value."""
        self.copied += 1
        return marshal.dumps(value)  # type: ignore[arg-type]


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> CountingMarshal:
    """Count the copies of results."""
    module = CountingMarshal()
    monkeypatch.setattr(_codec, "marshal", module)
    return module


@pytest.mark.parametrize("length", [2, 255, 256, 257, 5000])
def test_header_is_parsed_without_module_json(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header of any length that the C scanner accepts whole is not parsed by the module `json`."""
    monkeypatch.setattr(json, "loads", None)
    assert parse_header(f'"{"x" * (length - 2)}"', "X") == "x" * (length - 2)


@pytest.mark.parametrize(
    ("value", "copied"),
    [
        ({"a": [1]}, True),
        ("x" * LARGE, False),
        (["x" * 65536], True),
        (["x" * 65537], False),
        ({"a": 1, "b": "x" * 65537}, False),
        ([0] * 99, True),
        ([0] * 100, False),
        ([[0] * 1000], True),
        ([[0] for _ in range(199)], False),
        ([[0] for _ in range(201)], True),
        (["x" * 65537, {1: 2}], True),
    ],
    ids=[
        *("few items", "a scalar", "text up to the limit", "long text", "long text last", "99 items", "100 items"),
        *("many items within", "200 containers", "202 containers", "long text and a key that is not text"),
    ],
)
def test_large_result_is_checked_without_a_copy(value: object, copied: bool, copies: CountingMarshal) -> None:
    """A result is copied for the check of its types only if it has few items and no long text, or odd parts."""
    assert is_plain(value)
    assert bool(copies.copied) == copied


@pytest.mark.parametrize("large", ["event", "result"])
def test_results_after_large_ones_are_checked_without_a_copy(large: str, copies: CountingMarshal) -> None:
    """No result is copied for the check of its types after an event or a result above 1 MB."""
    marshaller = Marshaller("stdlib")
    for length in (2, LARGE):  # the smallest event, and the largest one that does not count as large
        marshaller.unmarshal_request(b'"%s"' % (b"x" * (length - 2)))
    marshaller.marshal_response({"a": [1]})
    assert copies.copied == 1
    if large == "event":
        marshaller.unmarshal_request(LARGE_EVENT)
    else:
        marshaller.marshal_response(["x" * LARGE])
    marshaller.marshal_response({"a": [1]})
    assert copies.copied == 1
    marshaller.unmarshal_request(b"{}")
    marshaller.marshal_response({"a": [1]})
    assert copies.copied == 1


class Text(str):
    """Text of a subclass, which the C encoder need not treat as text."""


@pytest.mark.parametrize(
    "value", [Text("a"), [Text("a")], [[Text("a")], 1], {"a": {"b": (Text("a"),)}}, {Text("a"): 1}]
)
@pytest.mark.parametrize("sparing", [False, True])
def test_subclass_is_found_with_and_without_a_copy(value: object, sparing: bool) -> None:
    """A value with an instance of a subclass at any depth is not plain, whichever way it is checked."""
    assert not is_plain(value, sparing=sparing)
