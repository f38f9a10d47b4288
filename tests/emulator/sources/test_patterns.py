"""Filter patterns of event sources: what AWS's matcher cannot answer, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awslambdaric_lite.emulator.errors import InvalidSource
from awslambdaric_lite.emulator.sources.patterns import Pattern, compile_filters


def matches(pattern: object, body: str, **record: Any) -> bool:
    """Return whether a message matches a pattern."""
    return Pattern(json.dumps(pattern)).matches({"body": body, **record})


@pytest.mark.parametrize(
    ("body", "rule", "expected"),
    [
        ("hello", ["hello"], True),
        ("hello", [{"prefix": "he"}], True),
        ("hello", ["other"], False),
        ("hello", {"a": [1]}, False),
        ("hello", {"a": [{"exists": False}]}, False),
        ('{"a": 1}', {"a": [1]}, True),
        ('{"a": 1}', {"a": [2]}, False),
        ('{"a": 1}', ['{"a": 1}'], False),
        ('{"a": 1}', [{"anything-but": "x"}], False),
        ('{"a": 1}', [{"exists": False}], False),
        ('[{"a": 1}, {"a": 2}]', {"a": [2]}, True),
        ("5", ["5"], True),
        ("5", [5], False),
        ('"text"', ['"text"'], True),
        ("{broken", [{"suffix": "broken"}], True),
        ("{broken", {"broken": [{"exists": False}]}, False),
        ("", [""], True),
        ("null", [None], False),
        ("[" * 5000, [{"prefix": "["}], True),
        ('{"a":' * 400 + "1" + "}" * 400, {"a": {"a": {"a": [{"exists": False}]}}}, True),
    ],
)
def test_format_of_body_has_to_be_that_of_the_pattern(body: str, rule: object, expected: bool) -> None:
    """A pattern for text matches text only, a pattern for fields matches JSON objects and arrays only."""
    assert matches({"body": rule}, body) is expected


def test_pattern_without_body_accepts_any_body() -> None:
    """A pattern for other keys of the record tests these, whatever the body is."""
    attributes = {"kind": {"stringValue": "order", "dataType": "String"}}
    for body in ("hello", '{"a": 1}'):
        rule = {"messageAttributes": {"kind": {"stringValue": ["order"]}}}
        assert matches(rule, body, messageAttributes=attributes)
        assert not matches(rule, body, messageAttributes={})


def test_alternatives_may_have_different_formats() -> None:
    """Each alternative of `$or` has its own format of the body."""
    rule = {"$or": [{"body": ["hello"]}, {"body": {"a": [1]}}]}
    assert [matches(rule, body) for body in ("hello", '{"a": 1}', "other", '{"a": 2}')] == [True, True, False, False]


def test_fields_of_one_element_match_together() -> None:
    """Conditions on fields of an array's elements hold only if one element meets all of them."""
    rule = {"body": {"items": {"kind": ["a"], "price": [{"numeric": [">", 5]}]}}}
    assert matches(rule, '{"items": [{"kind": "a", "price": 1}, {"kind": "a", "price": 9}]}')
    assert not matches(rule, '{"items": [{"kind": "a", "price": 1}, {"kind": "b", "price": 9}]}')


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", "filter pattern '' is not JSON: Expecting value"),
        ('{"body": NaN}', "is not JSON: Unrecognized token 'NaN'"),
        ("[1]", "filter pattern '[1]' is not a JSON object"),
        ("{}", "filter pattern: the pattern is an empty object; name a field in it"),
        ('{"body": {"a": "x"}}', "'body.a' must be an object or a list; write the value in brackets"),
        ('{"body": {"a": []}}', "'body.a' is an empty list; name a value in it"),
        ('{"body": {"a": [[1]]}}', "'body.a' has a list in its list"),
        (
            '{"body": {"a": [{"begins": "x"}]}}',
            "'body.a' has the unknown operator 'begins'; choose one of: anything-but",
        ),
        ('{"body": {"a": [{"prefix": "x", "suffix": "y"}]}}', "'body.a' has an object with 2 keys"),
        ('{"body": {"a": [{"prefix": 1}]}}', "'body.a: prefix' takes text"),
        ('{"body": {"a": [{"numeric": [">", 1, ">", 2]}]}}', "'body.a: numeric' takes an operator and a number, or a"),
        (
            '{"body": {"a": [{"numeric": [">", 2, "<", 1]}]}}',
            "'body.a: numeric' has a range whose beginning is not below",
        ),
        ('{"body": {"a": [{"numeric": ["=", 1e999]}]}}', "'body.a: numeric' takes numbers that a double holds"),
        ('{"body": {"a": [{"exists": "yes"}]}}', "'body.a: exists' takes true or false"),
        ('{"body": {"a": [{"anything-but": null}]}}', "'body.a: anything-but' takes text or numbers"),
        (
            '{"body": {"a": [{"anything-but": {"cidr": "x"}}]}}',
            "'body.a: anything-but' takes no 'cidr'; choose prefix,",
        ),
        ('{"body": {"a": [{"cidr": "10.0.0.0/99"}]}}', "'body.a: cidr' takes a range of addresses, e.g. 10.0.0.0/24"),
        ('{"body": {"a": [{"wildcard": "a**b"}]}}', "'body.a: wildcard' has two asterisks in sequence; write one"),
        (r'{"body": {"a": [{"wildcard": "\\n"}]}}', r"has a backslash before another character than * or \; write \\"),
        ('{"body": {"$or": [{"a": [1]}]}}', "'body.$or' must be a list of two or more objects"),
        ('{"$or": {"a": [1]}}', "'$or' must be a list of two or more objects"),
        ('{"$or": [{"prefix": [1]}, {"a": [1]}]}', "'prefix' is a reserved name inside $or; choose another field"),
        ('{"body": ["' + "x" * 4096 + '"]}', "filter pattern has 4110 characters; Lambda takes 4096"),
        (
            json.dumps({key: {"$or": [{"b": [1]}, {"c": [1]}]} for key in "abcdefghijk"}),
            "makes more than 1000 combinations",
        ),
    ],
)
def test_error_names_the_part_of_the_pattern(pattern: str, text: str) -> None:
    """A text that is not a pattern is an error that names the part and the cure."""
    with pytest.raises(InvalidSource) as raised:
        Pattern(pattern)
    assert text in str(raised.value)


def test_number_of_filters_is_limited() -> None:
    """More filters than an event source may have are an error with the limit."""
    filters = ['{"body": ["x"]}'] * 10
    assert len(compile_filters(filters)) == 10
    with pytest.raises(InvalidSource, match="an event source has 11 filters; Lambda takes up to 10"):
        compile_filters([*filters, filters[0]])


def test_wildcards_need_linear_time() -> None:
    """A pattern with many asterisks is answered for a long text that does not match."""
    rule = {"body": [{"wildcard": "*a" * 30 + "*b"}]}
    assert not matches(rule, "a" * 100_000)
