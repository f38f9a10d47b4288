"""Targets in the runtime: each takes bytes, and raises AssertionError if the code under test breaks a promise."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from awslambdaric.bootstrap import create_lambda_context
from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from awslambdaric_lite import _http_head
from awslambdaric_lite._client import Invocation
from awslambdaric_lite._codec import Marshaller, parse_header
from awslambdaric_lite._context import LambdaContext
from awslambdaric_lite._function_errors import ConnectionLost, Fault, ProtocolError
from awslambdaric_lite._handlers.http_request import HttpRequest
from awslambdaric_lite._http import ResponseReader

from ..property.test_codec_results import ENCODERS, official, ours
from ..property.test_heads import nothing_remembered
from ..property.test_heads import outcome as head_outcome

_NOTHING = "ended"


def response_reader(data: bytes) -> None:
    """Any bytes give the same responses and the same kind of error, in whichever pieces they arrive."""
    size, stream = (data[0] + 1, data[1:]) if data else (1, b"")
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert _responses(pieces) == _responses([stream])


def _responses(pieces: list[bytes]) -> tuple[list[Any], str]:
    reader = ResponseReader()
    found: list[Any] = []
    with nothing_remembered():
        try:
            for piece in pieces:
                response = reader.feed(piece)
                while response is not None:
                    found.append((*response[:2], bytes(response[2]), response[3]))
                    response = reader.read()
            response = reader.end()
            found.append((*response[:2], bytes(response[2]), response[3]))
        except (ProtocolError, ConnectionLost) as error:
            assert str(error)
            return found, type(error).__name__
    return found, _NOTHING


def header_cache(data: bytes) -> None:
    """The cache of header lines does not change the result of any head; a blank line separates heads."""
    heads = [head.replace(b"\n", b"\r\n") for head in data.split(b"\n\n")]
    sequence = [*heads, *heads, *reversed(heads)]
    alone = []
    for head in sequence:
        with nothing_remembered():
            alone.append(head_outcome(head))
    with nothing_remembered():
        assert [head_outcome(head) for head in sequence] == alone


def context_headers(data: bytes) -> None:
    """The context of an event's head has the official client's values, or both clients refuse its headers."""
    with nothing_remembered():
        try:
            headers = _http_head.parse_head(b"HTTP/1.1 200 OK\r\n" + data.replace(b"\n", b"\r\n"))[1]
        except ProtocolError:
            return
    found = Invocation((200, headers, b"", True))

    def make_ours() -> Any:
        return LambdaContext(
            found.invoke_id,
            parse_header(found.client_context, "Client Context"),
            parse_header(found.cognito_identity, "Cognito Identity"),
            found.deadline_time_in_ms,
            found.invoked_function_arn,
            found.tenant_id,
        )

    def make_official() -> Any:
        return create_lambda_context(
            found.client_context,
            found.cognito_identity,
            found.deadline_time_in_ms,
            found.invoke_id,
            found.invoked_function_arn,
            found.tenant_id,
        )

    assert _context(make_ours) == _context(make_official)
    assert found.deadline_time_in_ms >= 0


def _context(make: Callable[[], Any]) -> str:
    try:
        context = make()
    except (Fault, FaultException) as fault:
        return f"{getattr(fault, 'error_type', '') or getattr(fault, 'exception_type', '')}"
    except Exception as error:  # e.g. a list for the client context: the invocation fails in both clients
        return type(error).__name__
    return f"{context!r} {context.w3c()}"


def event_json(data: bytes) -> None:
    """An event has the official client's value, or the text of its error."""
    try:
        expected = f"value {LambdaMarshaller().unmarshal_request(data)!r}"
    except FaultException as fault:
        expected = f"{fault.exception_type}: {fault.msg}"
    try:
        actual = f"value {Marshaller().unmarshal_request(bytearray(data))!r}"
    except Fault as fault:
        actual = f"{fault.error_type}: {fault.message}"
    if "recursion" not in expected:  # how deep each client's decoder goes differs, and tests cover it
        assert actual == expected


def result_json(data: bytes) -> None:
    """Each encoder gives the official client's JSON value, or the text of its error."""
    value = _Values(data).take()
    expected = official(value)
    for name, encode in ENCODERS.items():
        assert ours(encode, value) == expected, name


class _Values:
    """A source of values of the kinds that handlers return, each made of the next bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def _bytes(self, size: int) -> bytes:
        taken = self._data[self._position : self._position + size]
        self._position += size
        return taken

    def take(self, depth: int = 0) -> Any:
        kind, size = (*self._bytes(2), 0, 0)[:2]
        size %= 12
        if kind % 9 == 0:
            return (None, True, False)[size % 3]
        if kind % 9 == 1:
            return int.from_bytes(self._bytes(size), "big", signed=True)
        if kind % 9 == 2:
            return struct.unpack(">d", self._bytes(8).ljust(8, b"\0"))[0]
        if kind % 9 == 3:
            return Decimal(int.from_bytes(self._bytes(size), "big", signed=True)).scaleb(size - 6)
        if kind % 9 < 6 or depth > 6:
            units = self._bytes(size)
            return units[: len(units) & ~1].decode("utf-16-le", "surrogatepass")
        items = [self.take(depth + 1) for _ in range(size % 4)]
        if kind % 9 == 6:
            return items
        if kind % 9 == 7:
            return tuple(items)
        return {item if isinstance(item, str | int) else repr(item): item for item in items}


def request_event(data: bytes) -> None:
    """An application's request is read from any JSON object, or ValueError has the reason."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        request = HttpRequest(event)
    except ValueError as error:
        assert str(error)
        return
    assert request.raw_path.isascii() and request.query.isascii() and isinstance(request.body, bytes)
    assert all(name.isascii() and name == name.lower() for name, _ in request.headers)


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (response_reader, header_cache, context_headers, event_json, result_json, request_event)
}
