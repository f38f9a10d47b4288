"""Templates as text: CloudFormation's tags, and what is refused with its line."""

from __future__ import annotations

from typing import Any

import pytest

from awslambdaric_lite.project.documents import parse_document
from awslambdaric_lite.project.errors import InvalidProject


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: !Ref B", {"a": {"Ref": "B"}}),
        ("a: !GetAtt B.Outputs.C", {"a": {"Fn::GetAtt": ["B", "Outputs.C"]}}),
        ("a: !GetAtt [B, Arn]", {"a": {"Fn::GetAtt": ["B", "Arn"]}}),
        ("a: !Sub ['${X}', {X: !Ref B}]", {"a": {"Fn::Sub": ["${X}", {"X": {"Ref": "B"}}]}}),
        ("a: !If [C, 1, !Ref AWS::NoValue]", {"a": {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]}}),
        ("a: !And [!Condition C, {Condition: D}]", {"a": {"Fn::And": [{"Condition": "C"}, {"Condition": "D"}]}}),
        ("a: !Base64\n  Fn::Sub: x", {"a": {"Fn::Base64": {"Fn::Sub": "x"}}}),
        ("a: 2012-10-17", {"a": "2012-10-17"}),
        ("a: 2012-10-17T10:00:00Z", {"a": "2012-10-17T10:00:00Z"}),
        ("a: 012345678912", {"a": "012345678912"}),
        ("a: [1, 1.5, true, ~, '', =]", {"a": [1, 1.5, True, None, "", "="]}),
        ("200: x\non: y", {"200": "x", "on": "y"}),
        ("x: &x {a: 1}\ny: *x\nz: {<<: *x, b: 2}", {"x": {"a": 1}, "y": {"a": 1}, "z": {"a": 1, "b": 2}}),
        ("x: {<<: [{a: 1, b: 1}, {a: 2}], b: 3}", {"x": {"a": 1, "b": 3}}),
        ('{"a": {"Ref": "B"}}', {"a": {"Ref": "B"}}),
        ("{a: !Ref B}", {"a": {"Ref": "B"}}),
        ("", None),
    ],
)
def test_value_of_document(text: str, value: Any) -> None:
    """A document has the values of its JSON form; dates stay text, keys are text."""
    assert parse_document(text, "t.yaml") == value


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", r"t\.yaml, line 5: the key 'c' is there twice"),
        ("a: 1\n b: 2", r"t\.yaml, line 2: not YAML"),
        ("a: [1,\n", r"t\.yaml, line \d: not YAML"),
        ("a: *b", r"line 1: not YAML: found undefined alias"),
        ("a: &a [1, *a]", r"line 1: an alias refers to the node that contains it"),
        (BOMB, r"aliases make more than \d+ nodes"),
        ("[" * 5000, r"t\.yaml"),
        ("a: 1\n---\nb: 2", r"line 2: not YAML"),
        ("? [a]\n: b", r"line 1: a key is not text"),
        ("a: !!int x", r"line 1: 'x' is not of the type int"),
        ("a: \x00", r"t\.yaml: not YAML"),
    ],
)
def test_damaged_document_is_refused_with_its_line(text: str, message: str) -> None:
    """An error names the file, its line as far as it is known, and the reason; aliases do not multiply the memory."""
    with pytest.raises(InvalidProject, match=message):
        parse_document(text, "t.yaml")


def test_damaged_json_is_refused(tmp_path: Any) -> None:
    """A JSON file is not tried as YAML."""
    with pytest.raises(InvalidProject, match=r"t\.json is not JSON"):
        parse_document('{"a": 1,}', "t.json")
