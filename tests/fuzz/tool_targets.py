"""Targets in the local Lambda and the tools: each takes bytes, and raises if the code under test breaks a promise."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from awslambdaric_lite._handlers.http_request import HttpRequest
from awslambdaric_lite.cli.env_file import read_env_file
from awslambdaric_lite.cli.errors import UsageError
from awslambdaric_lite.emulator.config.project import Api, Route
from awslambdaric_lite.emulator.errors import InvalidFunction
from awslambdaric_lite.emulator.frontend.proxy_result import MalformedResponse
from awslambdaric_lite.emulator.frontend.url_prelude import PreludeReader
from awslambdaric_lite.emulator.frontend.url_request import url_event
from awslambdaric_lite.emulator.frontend.url_response import buffered_response, streamed_head
from awslambdaric_lite.emulator.gateway.api_event import api_event, routed_path, target_in_stage
from awslambdaric_lite.emulator.gateway.api_response import api_response
from awslambdaric_lite.emulator.gateway.failures import GatewayError
from awslambdaric_lite.emulator.gateway.openapi import routes_of
from awslambdaric_lite.emulator.gateway.routes import Routes
from awslambdaric_lite.emulator.http.exchange import Exchange, RecordedRequest
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.logs.frames import FrameReader
from awslambdaric_lite.packaging.elf_format import read_elf
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.reading import extract

_LIMIT_S = 20
_ANSWERS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_loop = asyncio.new_event_loop()


class _Echo:
    """Application that responds with the body of each request."""

    def on_head(self, exchange: Exchange) -> None: ...

    def on_body(self, exchange: Exchange) -> None:
        exchange.respond(200, [("Content-Type", "application/octet-stream")], bytes(exchange.body))

    def on_truncated(self, exchange: Exchange) -> None: ...

    def on_lost(self, exchange: Exchange) -> None: ...


def http_server(data: bytes) -> None:
    """The server answers any bytes with responses or silence, ends the connection, and serves the next client."""
    problems: list[str] = []
    _loop.set_exception_handler(lambda _, context: problems.append(str(context)))
    _loop.run_until_complete(asyncio.wait_for(_serve(data), _LIMIT_S))
    assert not problems


async def _serve(data: bytes) -> None:
    server = HttpServer(_Echo())
    try:
        answer = await _exchange(server, data)
        assert not answer or answer.startswith(_ANSWERS), answer[:60]
        after = await _exchange(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert after.startswith(b"HTTP/1.1 200 "), after[:60]
    finally:
        server.close()


async def _exchange(server: HttpServer, data: bytes) -> bytes:
    """Send bytes and the end of input; return what the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(data)
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def _request(data: bytes) -> tuple[RecordedRequest, bytes]:
    """Return a request and its body: lines of method, target and headers, an empty line, and the body."""
    head, _, body = data.partition(b"\n\n")
    method, *rest = head.decode("utf-8", "surrogateescape").split("\n")
    target, *lines = rest or ["/"]
    headers = [(name, value) for name, _, value in (line.partition(":") for line in lines) if name]
    return RecordedRequest(method, target, "1.1", headers, 1), body


def url_request(data: bytes) -> None:
    """An event made of any request is read back with the same method and body; else ValueError has the reason."""
    request, body = _request(data)
    method = request.method
    try:
        event = url_event(request, body, request_id="1", trace_id="Root=1", region="eu-central-1")
    except ValueError as error:
        assert str(error)
        return
    read = HttpRequest(json.loads(event))
    assert (read.method, read.body) == (method.upper(), body)


def url_response(data: bytes) -> None:
    """Any result is a response that HTTP can carry, or MalformedResponse has the reason."""
    for read in (buffered_response, streamed_head):
        try:
            response = read(data)
        except MalformedResponse as error:
            assert str(error)
            continue
        assert 200 <= response.status <= 599
        for name, value in response.headers:
            assert name and not set("\r\n\0") & set(name + value)


APIS = (
    Api(
        "Shop",
        "HTTP",
        (Route("ANY", "$default", "f", payload_format="2.0"), Route("GET", "/a/{b}/{c+}", "f")),
        "$default",
    ),
    Api("Shop", "HTTP", (Route("ANY", "/{b+}", "f"), Route("GET", "/", "f")), "v1"),
    Api(
        "Shop", "REST", (Route("ANY", "/{b+}", "f"), Route("GET", "/a/{b}", "f")), "v1", binary_media_types=("image/*",)
    ),
)


def api_request(data: bytes) -> None:
    """A request has no route, an event with its method and the variables of its route, or ValueError has the reason."""
    request, body = _request(data)
    for api in APIS:
        try:
            target = target_in_stage(api, request)
            route = Routes("Shop", api.kind, api.routes).find(request.method, routed_path(api, target))
            if route is None:
                continue
            ids = {"request_id": "1", "trace_id": "Root=1", "region": "eu-central-1", "account": "123456789012"}
            event = json.loads(api_event(api, route, request, target, body, **ids))
        except GatewayError:
            continue
        except ValueError as error:
            assert str(error)
            continue
        assert HttpRequest(event).method == request.method
        assert len(event.get("pathParameters") or {}) == route.path.count("{")


def api_result(data: bytes) -> None:
    """Any result is a response of an API that HTTP can carry, or the result is malformed."""
    request = RecordedRequest("GET", "/", "1.1", [("Accept", "image/x")], 1)
    for api in APIS:
        for route in api.routes:
            try:
                response = api_response(api, route, data, request)
            except (MalformedResponse, GatewayError) as error:
                assert str(error)
                continue
            assert 200 <= response.status <= 599
            for name, value in response.headers:
                assert name and not set("\r\n\0") & set(name + value)


def openapi_document(data: bytes) -> None:
    """Any JSON object has routes, or InvalidFunction has the reason."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict):
        return
    for api in APIS:
        try:
            routes_of(document, api.kind, lambda uri: uri if isinstance(uri, str) else None)
        except InvalidFunction as error:
            assert str(error)


def stream_prelude(data: bytes) -> None:
    """The prelude of a stream does not depend on the pieces in which it arrives."""
    assert _prelude([data[start : start + 3] for start in range(0, len(data), 3)]) == _prelude([data])


def _prelude(pieces: list[bytes]) -> tuple[bytes, bytes] | str | None:
    reader, found, payload = PreludeReader(), None, b""
    try:
        for piece in pieces:
            if found is None:
                found = reader.feed(piece)
                payload = found.payload if found else b""
            else:
                payload += piece
    except MalformedResponse:
        return "malformed"
    return None if found is None else (found.metadata, payload)


def telemetry_frames(data: bytes) -> None:
    """No byte of a telemetry descriptor is lost: frames do not depend on the pieces in which they arrive."""
    whole = FrameReader()
    expected = "".join(frame.message for frame in [*whole.feed(data), *whole.end()])
    reader = FrameReader()
    frames = [frame for start in range(0, len(data), 5) for frame in reader.feed(data[start : start + 5])]
    found = "".join(frame.message for frame in [*frames, *reader.end()])
    if "\N{REPLACEMENT CHARACTER}" not in expected + found:  # else a character was cut where garbage was
        assert found == expected


def elf_file(data: bytes) -> None:
    """Any bytes are an ELF file, another file, or PackagingError has the reason."""
    for content in (data, b"\x7fELF" + data):
        try:
            read_elf(content)
        except PackagingError as error:
            assert str(error)


def zip_file(data: bytes) -> None:
    """Any bytes are a zip file, all of whose files are put into the folder, or PackagingError has the reason."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path, into = Path(folder, "package.zip"), Path(folder, "into")
        path.write_bytes(data)
        try:
            extract(path, into)
        except PackagingError as error:
            assert str(error)
        assert {found.name for found in Path(folder).iterdir()} <= {"package.zip", "into"}


def env_file(data: bytes) -> None:
    """Any file has variables that a process can have, or UsageError has the reason."""
    with tempfile.NamedTemporaryFile(prefix="fuzz-") as file:
        Path(file.name).write_bytes(data)
        try:
            variables = read_env_file(file.name, "function")
        except UsageError as error:
            assert str(error)
            return
    for name, value in variables.items():
        assert name and "=" not in name and "\0" not in name + value
        assert name.encode() and value.encode(errors="surrogateescape") is not None


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (
        http_server,
        url_request,
        url_response,
        api_request,
        api_result,
        openapi_document,
        stream_prelude,
        telemetry_frames,
        elf_file,
        zip_file,
        env_file,
    )
}
