"""`_codec.loads` reads what the standard library reads, and refuses in the words of simplejson."""

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
    """Return the parsed value or the error, as text that tells any two of them apart."""
    try:
        return f"value {parse(text)!r}"  # type: ignore[operator]
    except RecursionError:
        return "too deep"
    except ValueError as error:
        return f"error {error}"


@given(documents)
def test_a_document_has_the_value_that_the_standard_library_reads(text: str) -> None:
    """Values, kinds of numbers and the order of keys are those of `json.loads`, with or without a byte order mark."""
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
def test_a_broken_document_is_refused_in_the_words_of_simplejson(text: str) -> None:
    """The same texts are refused, with the same message; what both accept has the same value."""
    assert outcome(loads, text) == outcome(simplejson.loads, text)


@given(st.one_of(st.binary(max_size=30), broken().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_an_event_that_is_not_json_gives_the_official_error(body: bytes) -> None:
    """Whatever the bytes of an event, the fault has the official client's text."""
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
def test_a_document_nested_too_deeply_is_a_fault(opening: str) -> None:
    """Nesting beyond the interpreter's limit is an unmarshal error, not the end of the process."""
    with pytest.raises(Fault, match=r"Unable to unmarshal input: (maximum recursion depth exceeded|Stack overflow \(used)"):
        Marshaller().unmarshal_request((opening * 200_000).encode())
    assert sys.getrecursionlimit() < 200_000
