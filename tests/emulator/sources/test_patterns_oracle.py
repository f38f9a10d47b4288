"""Filter patterns, compared with AWS's matcher."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awslambdaric_lite.emulator.errors import InvalidSource
from awslambdaric_lite.emulator.sources.patterns import Pattern
from benchmarks.build_cache import Unavailable

from .java import Oracle, oracle

KEYS = st.sampled_from(["a", "b", "c", "a.b"])
TEXTS = st.one_of(
    st.text(st.sampled_from('aAbéÉ"*\\ \n'), max_size=4),
    st.sampled_from(["", "null", "1", "10.0.0.1", "10.0.0.300", "::1", "0:0:0:0:0:0:0:1", "ß", "SS", "10.0.0.1/8"]),
)
# Each is written as it is: Python would print other numbers.
NUMBERS = st.sampled_from(
    [
        *("0", "-0", "-0.0", "1", "1.0", "1e0", "10E-1", "-1", "0.1", "0.10", "3.018e2", "300", "1e308", "1e400"),
        *("9007199254740993", "123456789012345678901", "0.1000000000000000055"),
    ]
).map(lambda text: f"#{text}")
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
EVENTS = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3))
    ),
    max_size=3,
)
WORDS = TEXTS.filter(bool)
OPERATORS = st.one_of(
    st.builds(lambda text: {"prefix": text}, TEXTS),
    st.builds(lambda text: {"suffix": text}, TEXTS),
    st.builds(lambda end, text: {end: {"equals-ignore-case": text}}, st.sampled_from(["prefix", "suffix"]), TEXTS),
    st.builds(lambda text: {"equals-ignore-case": text}, TEXTS),
    st.builds(lambda text: {"wildcard": text}, TEXTS),
    st.builds(lambda text: {"exactly": text}, TEXTS),
    st.builds(lambda exists: {"exists": exists}, st.booleans()),
    st.builds(
        lambda address, bits: {"cidr": f"{address}/{bits}"},
        st.sampled_from(["10.0.0.0", "10.9.8.7", "::", "x"]),
        st.sampled_from([8, 24, 31, 32, 127, 128]),
    ),
    st.builds(
        lambda operator, number: {"numeric": [operator, number]}, st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS
    ),
    st.builds(
        lambda low, bottom, up, top: {"numeric": [low, bottom, up, top]},
        st.sampled_from([">", ">=", "<"]),
        NUMBERS,
        st.sampled_from(["<", "<=", ">"]),
        NUMBERS,
    ),
    st.builds(lambda value: {"anything-but": value}, st.one_of(SCALARS, st.lists(TEXTS), st.lists(NUMBERS))),
    st.builds(lambda value: {"anything-but": value}, st.lists(SCALARS, max_size=3)),
    st.builds(
        lambda name, value: {"anything-but": {name: value}},
        st.sampled_from(["prefix", "suffix", "equals-ignore-case", "wildcard", "numeric"]),
        st.one_of(WORDS, st.lists(WORDS, min_size=1, max_size=3)),
    ),
)
RULES = st.lists(st.one_of(SCALARS, OPERATORS), min_size=1, max_size=3)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    plain = st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    either = st.builds(
        lambda choices, others: {**others, "$or": choices},
        st.lists(st.dictionaries(KEYS, inner, min_size=1, max_size=2), min_size=2, max_size=3),
        st.dictionaries(KEYS, inner, max_size=2),
    )
    return st.one_of(plain, either)


PATTERNS = _objects(st.recursive(RULES, _objects, max_leaves=4))


def written(value: object) -> str:
    """Return JSON on one line, in which `"#1e0"` is the number 1e0."""
    return re.sub(r'"#([^"]*)"', r"\1", json.dumps(value))


@pytest.fixture(scope="module")
def matcher() -> Iterator[Oracle]:
    """Yield AWS's matcher."""
    try:
        with oracle() as found:
            yield found
    except Unavailable as missing:
        pytest.skip(str(missing))


@given(PATTERNS, EVENTS)
@settings(max_examples=60)
def test_bodies_match_as_aws_matches(matcher: Oracle, pattern: dict[str, Any], event: dict[str, Any]) -> None:
    """A pattern is refused, and a JSON body matches it or does not, as AWS's matcher does."""
    rule = written({"body": pattern})
    expected = matcher.ask(rule, written({"body": event}))
    try:
        compiled = Pattern(rule)
    except InvalidSource:
        assert expected is None
        return
    assert compiled.matches({"body": written(event)}) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "{}",
        "[]",
        "{",
        '{"a": 1}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": [[1]]}',
        '{"a": [{}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}',
        '{"a": [{"unknown": 1}]}',
        '{"a": [{"exists": "true"}]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"prefix": {"suffix": "x"}}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": []}]}',
        '{"a": [{"numeric": ["<", 1, ">", 0]}]}',
        '{"a": [{"numeric": [">", 5, "<", 5]}]}',
        '{"a": [{"numeric": ["=", "5"]}]}',
        '{"a": [{"numeric": ["!=", 5]}]}',
        '{"a": [{"wildcard": "**"}]}',
        '{"a": [{"wildcard": "\\\\x"}]}',
        '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": [1, "x"]}]}',
        '{"a": [{"anything-but": [null]}]}',
        '{"a": [{"anything-but": {"prefix": ""}}]}',
        '{"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}',
        '{"a": [{"cidr": "10.0.0.0"}]}',
        '{"a": [{"cidr": "10.0.0.0/33"}]}',
        '{"$or": [{"a": [1]}]}',
        '{"$or": [{"a": [1]}, [1]]}',
        '{"$or": [{"prefix": [1]}, {"a": [1]}]}',
    ],
)
def test_bad_pattern_is_refused_as_aws_refuses_it(matcher: Oracle, pattern: str) -> None:
    """A pattern that AWS's matcher refuses is an error here."""
    assert matcher.ask(pattern, "{}") is None
    with pytest.raises(InvalidSource):
        Pattern(pattern)
