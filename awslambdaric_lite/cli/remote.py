"""Requests to functions that already run: through the Lambda API, at function URLs, and to a served project."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

try:
    import urllib3
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "--endpoint-url and --function-url need urllib3; install it with: pip install urllib3", name="urllib3"
    ) from missing
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import parse_url

from ..common.quotas import MAX_MANAGED_TIMEOUT_S
from ..common.tables import escape_unprintable
from ..common.terminal_text import PlatformLine
from .errors import UsageError
from .event_stream import CONTENT_TYPE, MalformedStream, decode_frames

_CONNECT_S, _READ_S = 10.0, MAX_MANAGED_TIMEOUT_S + 10.0
_CHUNK = 64 * 1024  # bytes
_LONGEST = 500  # characters of an error that is shown


DEFAULT_ENDPOINT_URL = "http://127.0.0.1:9000"
ENDPOINT_URL_HELP = (
    f"address of the Lambda API that `serve` prints (default: AWS_ENDPOINT_URL_LAMBDA or {DEFAULT_ENDPOINT_URL})"
)
_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_LAMBDA"


class InvokeFailed(Exception):
    """A request without a good end; the message says what happened, and what to do if that is known."""


def served_endpoint_url(given: str | None) -> str:
    """Return the address of a served project: the given one, else the variable's, else the default of `serve`."""
    return given if given is not None else os.environ.get(_ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT_URL


def read_log(endpoint_url: str, name: str, *, follow: bool, show: Callable[[dict[str, Any]], None]) -> None:
    """Show the records of a function's log, and with `follow` each further one until the project is stopped.

    Raises:
        InvokeFailed: the request failed.
        UsageError: the address is not a URL.
    """
    path = f"/local/functions/{quote(name, safe='')}/logs" + ("?follow=1" if follow else "")
    with _request("GET", "--endpoint-url", endpoint_url, None, {}, path, read_s=None) as response:
        if response.status != 200:
            raise InvokeFailed(_local_error(response))
        rest = b""
        for chunk in response.stream(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                show(json.loads(line))


def trigger_source(endpoint_url: str, name: str, event: bytes) -> dict[str, Any]:
    """Send an event as a source of a served project would; return the outcome.

    Raises:
        InvokeFailed: the request failed.
        UsageError: the address is not a URL.
    """
    path = f"/local/sources/{quote(name, safe='')}/trigger"
    with _request("POST", "--endpoint-url", endpoint_url, event, {}, path) as response:
        if response.status != 200:
            raise InvokeFailed(_local_error(response))
        outcome: dict[str, Any] = json.loads(response.data)
        return outcome


def _local_error(response: urllib3.BaseHTTPResponse) -> str:
    text = _service_error(response)
    if "UnknownOperation" in text:
        return f"{text}; this command needs `awslambdaric-lite serve` with a project at that address"
    return text


def invoke_through_api(
    endpoint_url: str,
    name: str,
    event: bytes,
    *,
    client_context: dict[str, Any] | None,
    qualifier: str | None,
    tenant_id: str | None,
    stream: bool,
    log: bool,
    show: Callable[[bytes], None],
) -> None:
    """Invoke a function as AWS SDKs do, without a signature.

    Args:
        endpoint_url: address of the Lambda API.
        name: of the function, with an alias behind a colon if it has one.
        event: JSON.
        client_context: the client context of mobile applications.
        qualifier: a version or an alias.
        tenant_id: the tenant of a function with tenant isolation.
        stream: show the response while the function sends it.
        log: show the end of the function's log on standard error.
        show: shows the response, a streamed one part by part.

    Raises:
        InvokeFailed: the function, or the request, failed.
        UsageError: the address is not a URL.
    """
    version, operation = ("2021-11-15", "response-streaming-invocations") if stream else ("2015-03-31", "invocations")
    path = f"/{version}/functions/{quote(name, safe=':')}/{operation}"
    if qualifier is not None:
        path += f"?Qualifier={quote(qualifier, safe='')}"
    headers = {"X-Amz-Log-Type": "Tail"} if log else {}
    if tenant_id is not None:
        headers["X-Amz-Tenant-Id"] = tenant_id
    if client_context is not None:
        headers["X-Amz-Client-Context"] = base64.b64encode(json.dumps(client_context).encode()).decode()
    with _request("POST", "--endpoint-url", endpoint_url, event, headers, path) as response:
        if response.status != 200:
            raise InvokeFailed(_service_error(response))
        if stream and response.headers.get("Content-Type", "").startswith(CONTENT_TYPE):
            return _show_stream(response, show)
        _show_log(response.headers.get("X-Amz-Log-Result"))
        show(response.data)
        error = response.headers.get("X-Amz-Function-Error")
        if error is None and "X-Amz-Executed-Version" not in response.headers:
            error = _unmarked_error(response.data)
        if error is not None:
            raise InvokeFailed(f"the function failed: {escape_unprintable(error)[:_LONGEST]}")


def invoke_url(url: str, event: bytes, show: Callable[[bytes], None]) -> None:
    """Send an event as the body of a POST request to a function URL; show the response as it comes.

    Raises:
        InvokeFailed: the request failed, or the response says so.
        UsageError: the address is not a URL.
    """
    with _request("POST", "--function-url", url, event, {}) as response:
        for chunk in response.stream(_CHUNK):
            show(chunk)
        if response.status >= 300:
            raise InvokeFailed(f"{url} responds with HTTP {response.status} {response.reason or ''}".rstrip())


@contextlib.contextmanager
def _request(
    method: str,
    option: str,
    url: str,
    body: bytes | None,
    headers: dict[str, str],
    path: str = "",
    *,
    read_s: float | None = _READ_S,
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send a request to a URL with a path below it; yield the response, whose body is not read yet."""
    try:
        scheme, host = (parsed := parse_url(url)).scheme, parsed.host
    except LocationParseError:
        scheme = host = None
    if scheme not in ("http", "https") or not host:
        raise UsageError(f"{option}: {url!r} is not an HTTP URL; write e.g. http://127.0.0.1:9000")
    timeout = urllib3.Timeout(connect=_CONNECT_S, read=read_s)
    headers = {"Content-Type": "application/json", "User-Agent": "awslambdaric-lite", **headers}
    address, response = f"{scheme}://{parsed.netloc}", None
    with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
        try:
            whole = url.rstrip("/") + path if path else url
            response = pool.request(method, whole, body=body, headers=headers, preload_content=False, redirect=False)
            yield response
        except HTTPError as error:
            raise InvokeFailed(_explain(error, address, responding=response is not None)) from None
        except MalformedStream as error:
            raise InvokeFailed(str(error)) from None
        finally:
            if response is not None:
                response.close()


def _explain(error: HTTPError, address: str, *, responding: bool) -> str:
    cause = error.__cause__ or error.__context__
    reason = escape_unprintable(getattr(cause, "strerror", None) or str(cause or error))[:_LONGEST]
    if isinstance(error, ReadTimeoutError):
        return f"{address} has not responded for {_READ_S:.0f} s"
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return f"cannot connect to {address}: {reason}; start the function there, or correct the URL"
    if isinstance(error, SSLError):
        return f"{address} does not accept TLS: {reason}; try http instead of https"
    if responding:
        return f"the response of {address} broke off: {reason}"
    return f"{address} does not respond in HTTP: {reason}; check the port"


def _service_error(response: urllib3.BaseHTTPResponse) -> str:
    """Return the message of an error of the service, as it words it."""
    text = response.data.decode("utf-8", "replace").strip()
    with contextlib.suppress(ValueError, AttributeError):
        fields = json.loads(text)
        text = fields.get("Message") or fields.get("message") or fields.get("errorMessage") or text
    kind = response.headers.get("x-amzn-ErrorType", "").partition(":")[0]
    parts = [f"HTTP {response.status} {kind or response.reason or ''}".rstrip(), escape_unprintable(str(text))]
    return ": ".join(part for part in parts if part)[:_LONGEST]


def _unmarked_error(payload: bytes) -> str | None:
    """Return the type of an error that has no header: AWS's emulator sends neither this header nor the version's."""
    with contextlib.suppress(ValueError):
        value = json.loads(payload)
        if isinstance(value, dict) and {"errorType", "errorMessage"} <= value.keys():
            return str(value["errorType"])
    return None


def _show_stream(response: urllib3.BaseHTTPResponse, show: Callable[[bytes], None]) -> None:
    for headers, payload in decode_frames(response.stream(_CHUNK)):
        kind = headers.get(":event-type")
        if headers.get(":message-type") != "event":
            code = headers.get(":error-code") or headers.get(":exception-type") or "error"
            message = headers.get(":error-message") or payload.decode("utf-8", "replace")
            raise InvokeFailed(escape_unprintable(f"{code}: {message}")[:_LONGEST])
        if kind == "PayloadChunk":
            show(payload)
        elif kind == "InvokeComplete":
            fields = json.loads(payload or b"{}")
            _show_log(fields.get("LogResult"))
            if code := fields.get("ErrorCode"):
                details = escape_unprintable(f"{code}: {fields.get('ErrorDetails', '')}")
                raise InvokeFailed(f"the function failed: {details}"[:_LONGEST])
            return
    raise InvokeFailed("the response ended before the invocation was complete")


def _show_log(encoded: str | None) -> None:
    if encoded is None:
        return
    with contextlib.suppress(binascii.Error):
        from .lines import line_writer

        write = line_writer(sys.stderr)
        for line in _lines_of_log(base64.b64decode(encoded).decode("utf-8", "replace")):
            write(line)


def _lines_of_log(text: str) -> list[str]:
    """Return the lines of an invocation's log; the service's own are known by their places."""
    lines = text.removesuffix("\n").split("\n")
    at = len(lines) - 1
    for beginning in ("XRAY ", "REPORT ", "END "):
        if at >= 0 and lines[at].startswith(beginning):
            lines[at] = PlatformLine(lines[at])
            at -= 1
    if lines[0].startswith("START "):
        lines[0] = PlatformLine(lines[0])
    return lines
