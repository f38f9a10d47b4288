"""Results whose class overrides methods: the declared length is always that of the bytes that are sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import pipelines, run_lite
from tests.support.client_process import Run

CLASSES = """
import awslambdaric_lite

def no(*arguments, **named):
    raise RuntimeError("no")

def false(base, **methods):
    methods = {f"__{name}__": method for name, method in methods.items()}
    return type("False", (base,), methods)

def override(base):
    '''Return a class that overrides everything that the base class has, as far as Python allows.'''
    kept = {"__class__", "__new__", "__init__", "__getattribute__", "__init_subclass__", "__subclasshook__", "__doc__"}
    return type("False", (base,), {name: no for name in dir(base) if name not in kept})

class FalseClass:
    def __init__(self, claimed): self._claimed = claimed
    @property
    def __class__(self): return self._claimed

class LongBuffer(bytes):
    def __buffer__(self, flags): return memoryview(b"another content")
"""
BYTES = {
    "long": "false(bytes, len=lambda self: 100)(b'body')",
    "short": "false(bytes, len=lambda self: 1)(b'body')",
    "negative": "false(bytes, len=lambda self: -1)(b'body')",
    "huge": "false(bytes, len=lambda self: 1 << 60)(b'body')",
    "raises": "false(bytes, len=no)(b'body')",
    "items": "false(bytes, getitem=lambda self, key: b'xx', iter=lambda self: iter(b'xx'))(b'body')",
    "bytes": "false(bytes, bytes=lambda self: b'xx', str=no, repr=no, add=no, radd=no)(b'body')",
    "everything": "override(bytes)(b'body')",
    "buffer": "LongBuffer(b'body')",
    "class": "false(bytes, **{'class': property(lambda self: dict)})(b'body')",
    "large": "false(bytes, len=lambda self: 4)(b'body' * 50_000)",
}
VALUES = {
    "str": ("override(str)('text')", "text"),
    "nested str": ("[{'key': override(str)('text')}]", [{"key": "text"}]),
    "int": ("override(int)(7)", 7),
    "float": ("override(float)(1.5)", 1.5),
    "dict length": ("false(dict, len=lambda self: 100)(a=1)", {"a": 1}),
    "list length": ("false(list, len=lambda self: 0, getitem=no)([1, 2])", [1, 2]),
    "tuple length": ("false(tuple, len=lambda self: -1, bool=no)((1, 2))", [1, 2]),
    "nested bytes": ("{'a': false(bytes, len=lambda self: 100, bytes=no)(b'text')}", {"a": "text"}),
}
CLAIMED = ["bytes", "str", "dict", "list", "int", "bool", "type(None)"]


def results(tmp_path: Path, expression: str, pipeline: str = "1", setup: str = "") -> Run:
    """Return the run of a handler that returns the value twice, and then something else."""
    source = f"{CLASSES}\n{setup}\ndef handler(event, context):\n    return {expression} if event < 2 else 'next'\n"
    result = run_lite(
        tmp_path, source, [Event(b"0"), Event(b"1"), Event(b"2")], env={"AWSLAMBDARIC_LITE_PIPELINE": pipeline}
    )
    assert [request.status for request in result.replies] == [202] * 3
    assert (result.replies[2].body, result.ended_by_test, result.stderr) == (b'"next"', True, b"")
    return result


@pipelines
@pytest.mark.parametrize("name", BYTES)
def test_bytes_have_their_length(tmp_path: Path, name: str, pipeline: str) -> None:
    """The bytes of a subclass are sent as they are, whatever its methods return."""
    result = results(tmp_path, BYTES[name], pipeline)
    assert {request.body for request in result.replies[:2]} == {b"body" * (50_000 if name == "large" else 1)}


@pytest.mark.parametrize("name", VALUES)
def test_values_have_their_content(tmp_path: Path, name: str) -> None:
    """Values of subclasses are encoded with a declared length that is true."""
    expression, expected = VALUES[name]
    result = results(tmp_path, expression)
    assert [json.loads(request.body) for request in result.replies[:2]] == [expected] * 2


@pytest.mark.parametrize("claimed", CLAIMED)
def test_false_class_is_refused(tmp_path: Path, claimed: str) -> None:
    """An object that claims another class is an error of the function, not the end of the process."""
    result = results(tmp_path, f"FalseClass({claimed})")
    assert [request.verb for request in result.replies] == ["error", "error", "response"]


@pytest.mark.parametrize("name", BYTES)
def test_results_of_marshaller_have_their_length(tmp_path: Path, name: str) -> None:
    """A marshaller of user code may return bytes of a subclass."""
    setup = f"""
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
class Marshaller(LambdaMarshaller):
    def marshal_response(self, response):
        return ({BYTES[name]} if response == "odd" else b'"next"'), "application/json"
LambdaRuntimeClient.marshaller = Marshaller()
"""
    result = results(tmp_path, "'odd'", setup=setup)
    assert {request.body for request in result.replies[:2]} == {b"body" * (50_000 if name == "large" else 1)}


def test_text_of_marshaller_has_its_length(tmp_path: Path) -> None:
    """A marshaller of user code may return text of a subclass."""
    setup = """
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
class Marshaller(LambdaMarshaller):
    def marshal_response(self, response):
        return override(str)('"é"' if response == "odd" else '"next"'), "application/json"
LambdaRuntimeClient.marshaller = Marshaller()
"""
    assert [request.body for request in results(tmp_path, "'odd'", setup=setup).replies[:2]] == ['"é"'.encode()] * 2


@pytest.mark.parametrize("name", BYTES)
def test_chunks_have_their_length(tmp_path: Path, name: str) -> None:
    """The chunks of a stream may be of a subclass."""
    result = results(tmp_path, f"iter_of({BYTES[name]})", setup="def iter_of(*chunks):\n    yield from chunks")
    assert {request.body for request in result.replies[:2]} == {b"body" * (50_000 if name == "large" else 1)}


def test_text_chunks_have_their_length(tmp_path: Path) -> None:
    """The chunks of a stream may be text of a subclass."""
    setup = "def iter_of(*chunks):\n    yield from chunks"
    result = results(tmp_path, "iter_of(override(str)('é'))", setup=setup)
    assert {request.body for request in result.replies[:2]} == {"é".encode()}
