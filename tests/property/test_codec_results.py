"""Property tests of the encoders: each gives the official client's JSON value, or its error."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awslambdaric_lite import _codec
from awslambdaric_lite._codec import Marshaller
from awslambdaric_lite._function_errors import Fault
from awslambdaric_lite._json import compatible

from .results import Colour, Level, Plain, Point, Row, extensions, partly_refused, plain_results, results, spelled_out

HAS_ORJSON = importlib.util.find_spec("orjson") is not None


def _marshal(codec: str) -> Callable[[object], bytes]:
    marshaller = Marshaller(codec)
    assert marshaller.choose_encoder()

    def encode(value: object) -> bytes:
        body, content_type = marshaller.marshal_response(value)
        assert content_type == "application/json"
        return body

    return encode


def _exactly(value: object) -> bytes:
    try:
        return compatible.encode(value, _codec.quote)
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _marshal_after_long_strings() -> Callable[[object], bytes]:
    encode = _marshal("stdlib")
    encode("x" * (_codec.LARGE + 1))
    return encode


ENCODERS: dict[str, Callable[[object], bytes]] = {
    "stdlib": _marshal("stdlib"),
    "long strings": _marshal_after_long_strings(),
    "exact": _exactly,
}
if HAS_ORJSON:
    ENCODERS["orjson"] = _marshal("orjson")


def parsed(body: str | bytes) -> str:
    """Return a text that differs for JSON values that differ in kinds or digits of numbers, or in their keys."""

    def real(digits: str) -> tuple[str, object]:
        return "real", Decimal(digits).as_tuple()

    def not_a_number(_: str) -> None:
        return None  # the official client writes NaN and infinities, which are not JSON; ours writes null

    return repr(
        json.loads(
            body, object_pairs_hook=lambda pairs: ("object", pairs), parse_float=real, parse_constant=not_a_number
        )
    )


def official(value: object) -> str:
    """Return the official client's value, or its error text."""
    from awslambdaric.lambda_runtime_exception import FaultException
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

    assert not os.environ.get("AWS_EXECUTION_ENV")  # with it, lone surrogates are written raw
    try:
        body, content_type = LambdaMarshaller().marshal_response(value)
    except FaultException as fault:
        return f"{fault.exception_type}: {fault.msg}"
    assert content_type == "application/json"
    return parsed(body)


def ours(encode: Callable[[object], bytes], value: object) -> str:
    """Return one encoder's value, or its error text."""
    try:
        body = encode(value)
    except Fault as fault:
        return f"{fault.error_type}: {fault.message}"
    return parsed(body.decode())


@pytest.fixture(autouse=True, scope="module")
def _plain_environment() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_EXECUTION_ENV", raising=False)
        yield


not_bytes = results.filter(lambda value: not isinstance(value, bytes))


@pytest.mark.parametrize("encoder", ENCODERS)
@given(value=plain_results)
@example(value=1e16)
@example(value=5e-324)
@example(value="\u2028\u2029\x7f\x00\ud800")
@example(value={"": {"": []}})
def test_plain_results_have_the_official_value(encoder: str, value: object) -> None:
    """Results of JSON's own types have the official client's value."""
    assert ours(ENCODERS[encoder], value) == official(value)


@pytest.mark.parametrize("encoder", ENCODERS)
@given(value=not_bytes)
@example(value={1: "a", "1": "b", False: "c", None: "d", 1.5: "e"})
@example(value=[Decimal("1.50"), Decimal("sNaN"), Decimal("-Infinity")])
@example(value={"level": Level.HIGH, Colour.RED: Colour.GREEN})
@example(value=Point(Point(1, b"x"), Row({"a": Point(1, 2)})))
@example(value=Row({}))
@example(value={"a": 10**5000})
def test_odd_results_have_the_official_value(encoder: str, value: object) -> None:
    """Subclasses, named tuples, decimals, bytes and odd keys have the official client's value."""
    assert ours(ENCODERS[encoder], value) == official(value)


@pytest.mark.parametrize("encoder", ENCODERS)
@given(value=partly_refused.filter(lambda value: not isinstance(value, bytes)))
@example(value={"a": object()})
@example(value=[{(1,): 2}])
def test_refused_results_have_the_official_error(encoder: str, value: object) -> None:
    """A result that the official client refuses raises its error type and text."""
    assert ours(ENCODERS[encoder], value) == official(value)


@pytest.mark.parametrize("encoder", ENCODERS)
@given(value=extensions.filter(lambda value: not isinstance(value, bytes)))
@example(value={"a": [Plain.LIST, Plain.TEXT]})
def test_uuids_and_enumerations_are_encoded(encoder: str, value: object) -> None:
    """Each encoder writes a UUID as text and an enumeration member as its value."""
    assert ours(ENCODERS[encoder], value) == official(spelled_out(value))


@pytest.mark.parametrize("encoder", ENCODERS)
@given(value=results)
def test_result_is_compact_utf8_json(encoder: str, value: object) -> None:
    """The body is strict JSON in UTF-8 without blanks, so that a 413 does not depend on the encoder."""
    if isinstance(value, bytes):
        value = [value]
    body = ENCODERS[encoder](value).decode()
    json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert not any(map(str.isspace, re.sub(r'"(?:\\.|[^"\\])*"', "", body)))


@pytest.mark.parametrize("encoder", ENCODERS)
@given(value=not_bytes, wrap=st.sampled_from(["list", "dict", "row"]))
def test_circle_is_refused_and_forgotten(encoder: str, value: object, wrap: str) -> None:
    """A result that contains itself is a MarshalError, and does not affect the next result."""
    circle: list[Any] = [value]
    links: dict[str, Callable[[], object]] = {
        "list": lambda: circle,
        "dict": lambda: {"a": circle},
        "row": lambda: Row({"a": circle}),
    }
    circle.append(links[wrap]())
    with pytest.raises(Fault, match=r"^Unable to marshal response: Circular reference detected$"):
        ENCODERS[encoder](circle)
    circle.pop()
    assert ours(ENCODERS[encoder], circle) == official([value])


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="C code obeys the recursion limit, which the tests' frames count in"
)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_result_is_encoded_beyond_recursion_limit(encoder: str) -> None:
    """A result that C code can encode is encoded, as by the official client, although Python code could not recurse."""
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

    deep: list[Any] = []
    for _ in range(9_000):
        deep = [deep]
    assert ENCODERS[encoder](deep) == b"[" * 9_001 + b"]" * 9_001
    assert LambdaMarshaller().marshal_response(deep)[0] == "[" * 9_001 + "]" * 9_001


@pytest.mark.parametrize("encoder", ENCODERS)
def test_deeply_nested_result_is_a_fault(encoder: str) -> None:
    """A result nested beyond the interpreter's limit raises a MarshalError instead of ending the process."""
    deep: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 100):
        deep = [deep]
    with pytest.raises(Fault, match="Unable to marshal response: maximum recursion depth exceeded"):
        ENCODERS[encoder](deep)
    while deep:  # one level at a time, because freeing the list recurses as deeply
        deep = deep.pop()


@given(value=plain_results)
def test_plain_results_are_recognised(value: object) -> None:
    """`is_plain` accepts JSON's own types and refuses their subclasses at any depth."""
    for sparing in (False, True):
        assert _codec.is_plain(value, sparing=sparing)
        for odd in (Point(1, 2), Level.LOW, Decimal(1)):
            assert not _codec.is_plain([value, {"a": [odd]}], sparing=sparing)
            assert not _codec.is_plain({"a": "x" * 100_000, "b": [value, {"a": [odd]}]}, sparing=sparing)
            assert not _codec.is_plain([1] * 1000 + [value, odd], sparing=sparing)
