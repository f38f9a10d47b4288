"""Property tests of `_codec.loads`: it decodes as `json` does, and its error texts are simplejson's."""

from __future__ import annotations

import json
import sys

import pytest
import simplejson
from hypothesis import example, given
from hypothesis import strategies as st

from awslambdaric_lite._codec import Marshaller, loads
from awslambdaric_lite._function_errors import Fault

from .json_texts import broken, documents


def outcome(parse: object, text: object) -> str:
    """Return the parsed value or the error, as a text that differs between any two of them."""
    try:
        return f"value {parse(text)!r}"  # type: ignore[operator]
    except RecursionError:
        return "too deep"
    except ValueError as error:
        return f"error {error}"


@given(documents)
def test_document_has_value_of_json_loads(text: str) -> None:
    """Values, kinds of numbers and order of keys are those of `json.loads`, with or without a byte order mark."""
    assert repr(loads(text)) == repr(json.loads(text.removeprefix("\ufeff")))


@given(broken())
@example("")
@example(" ")
@example("\ufeff")
@example("\xef\xbb\xbf1")
@example("\ufeff\ufeff1")
@example("NaN")
@example("[Infinity]")
@example('{"a": -Infinity}')
@example("-")
@example("[1,]")
@example('{"a":1,}')
@example("[1 2]")
@example('"\\ud83d\\u12')
@example("[" * 10)
@example('{"a"')
@example('["\n\n\x01')
@example("\n\n[1,\n2\n3]")
@example("1\n2")
@example("9" * 5000)
def test_broken_document_gives_simplejson_error(text: str) -> None:
    """simplejson and `loads` refuse the same texts with the same message, and agree on the value of all others."""
    assert outcome(loads, text) == outcome(simplejson.loads, text)


@given(st.one_of(st.binary(max_size=30), broken().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_broken_event_gives_official_error(body: bytes) -> None:
    """An event that is not JSON raises a fault with the official client's text, whatever its bytes."""
    from awslambdaric.lambda_runtime_exception import FaultException
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

    try:
        official = f"value {LambdaMarshaller().unmarshal_request(body)!r}"
    except FaultException as fault:
        official = f"{fault.exception_type}: {fault.msg}"
    for event in (body, bytearray(body)):
        try:
            ours = f"value {Marshaller().unmarshal_request(event)!r}"
        except Fault as fault:
            ours = f"{fault.error_type}: {fault.message}"
        assert ours == official


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deeply_nested_document_is_a_fault(opening: str) -> None:
    """An event nested beyond the interpreter's limit raises an unmarshal error instead of ending the process."""
    too_deep = r"maximum recursion depth exceeded|Stack overflow \(used \d+ kB\)"
    with pytest.raises(Fault, match=f"Unable to unmarshal input: (?:{too_deep})"):
        Marshaller().unmarshal_request((opening * 200_000).encode())
    assert sys.getrecursionlimit() < 200_000
