"""The head of an invoke request, read and checked before its body is received."""

from __future__ import annotations

import base64
import binascii
import logging
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, unquote

from ...common import json_text
from ...common.quotas import MAX_ASYNC_PAYLOAD, MAX_LEGACY_PAYLOAD, MAX_PAYLOAD
from ..functions.registry import Registry
from ..http.exchange import RecordedRequest
from ..results import Invocation
from ..streams import ResponseStream
from .service_errors import (
    ServiceError,
    invalid_content,
    invalid_parameter,
    too_large,
    unknown_operation,
    unsupported_media_type,
    violated,
)
from .targets import Target, find_target

MAX_CLIENT_CONTEXT = 3583  # bytes in base64; source: Invoke in the API reference
TENANT_ID = r"[a-zA-Z0-9\._:\/=+\-@ ]+"  # as in botocore's service model
MAX_TENANT_ID = 256
_LOG_TYPES = ("None", "Tail")

# AWS documents that a body which is not JSON is refused, but not which types are accepted. SDKs send no type or a
# stream of octets, curl sends a form by default: these count as JSON, as on AWS.
_BINARY_TYPES = {"", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded"}
_JSON_TYPE = re.compile(r"application/(json|[\w.+-]+\+json|x-amz-json-1\.[01])")


class Operation(Enum):
    """The operations that invoke, by the version and the last part of their paths."""

    INVOKE = ("2015-03-31", "invocations")
    INVOKE_WITH_RESPONSE_STREAM = ("2021-11-15", "response-streaming-invocations")
    INVOKE_ASYNC = ("2014-11-13", "invoke-async")


_NAMED = {"FunctionName": "", "Qualifier": "Qualifier", "Payload": "", "InvokeArgs": ""}  # in the path, query and body
_HEADERS = {
    "InvocationType": "X-Amz-Invocation-Type",
    "LogType": "X-Amz-Log-Type",
    "ClientContext": "X-Amz-Client-Context",
    "TenantId": "X-Amz-Tenant-Id",
}
SUPPORTED = _NAMED | _HEADERS
"""The members of requests that are served, with their names in HTTP."""
REFUSED = {"DurableExecutionName": "X-Amz-Durable-Execution-Name"}
"""The members that would change what a request means; a request with one of them is refused."""

# Headers of the signature and of SDKs, which are not members.
_NOT_MEMBERS = re.compile(
    r"x-amz-(?:date|security-token|content-sha256|region-set|user-agent|target|trailer|decoded-content-length"
    r"|checksum-.*|sdk-checksum-algorithm|te|request-.*|id-2|apigw-.*|cf-.*|source-.*)"
)
_MAX_NOTED = 100
_log = logging.getLogger(__name__)
_noted: set[str] = set()  # unknown names that the log has already

_INVOCATION_TYPES: Mapping[Operation, tuple[str, ...]] = {
    Operation.INVOKE: ("RequestResponse", "Event", "DryRun"),
    Operation.INVOKE_WITH_RESPONSE_STREAM: ("RequestResponse", "DryRun"),
    Operation.INVOKE_ASYNC: ("Event",),
}


@dataclass(frozen=True)
class InvokeRequest:
    """An invocation without its event."""

    operation: Operation
    target: Target
    invocation_type: str
    tail: bool  # whether the caller wants the end of the log
    client_context: str
    tenant_id: str
    trace_id: str
    request_id: str

    @property
    def limit(self) -> int:
        """The maximum size of the event, in bytes."""
        if self.operation is Operation.INVOKE_ASYNC:
            return MAX_LEGACY_PAYLOAD
        return MAX_ASYNC_PAYLOAD if self.invocation_type == "Event" else MAX_PAYLOAD

    def check_size(self, size: int) -> None:
        """Check the size of an event.

        Raises:
            ServiceError: the event exceeds the limit (413).
        """
        if size > self.limit:
            raise too_large(size, self.invocation_type, self.limit)

    def invocation(self, event: bytes, stream: ResponseStream | None = None) -> Invocation:
        """Return the invocation; an empty event becomes the empty object.

        Raises:
            ServiceError: the event is not JSON.
        """
        try:
            json_text.parse(event or b"{}")
        except ValueError as error:
            text = f"Could not parse request body into json: Could not parse payload into json: {error}"
            raise invalid_content(text) from error
        return Invocation(
            event or b"{}",
            client_context="" if self.invocation_type == "Event" else self.client_context,
            tenant_id=self.tenant_id,
            trace_id=self.trace_id,
            request_id=self.request_id,
            version=self.target.version,
            arn=self.target.arn,
            stream=stream,
        )


def read_head(request: RecordedRequest, functions: Registry[Any]) -> InvokeRequest:
    """Read the path, the query and the headers.

    Raises:
        ServiceError: it is not a request of the API, or the service refuses it.
    """
    path, _, query = request.path.partition("?")
    operation, name = _route(request.method, path)
    _check_members(request, query)
    invocation_type = request.header("X-Amz-Invocation-Type") or _INVOCATION_TYPES[operation][0]
    if invocation_type not in _INVOCATION_TYPES[operation]:
        allowed = ", ".join(_INVOCATION_TYPES[operation])
        raise violated("invocationType", invocation_type, f"Member must satisfy enum value set: [{allowed}]")
    log_type = request.header("X-Amz-Log-Type") or "None"
    if log_type not in _LOG_TYPES:
        raise violated("logType", log_type, f"Member must satisfy enum value set: [{', '.join(_LOG_TYPES)}]")
    tenant_id = request.header("X-Amz-Tenant-Id") or ""
    if tenant_id and not is_tenant_id(tenant_id):
        raise violated("tenantId", tenant_id, "Member must have 1 to 256 letters, digits, blanks and ._:/=+-@")
    _check_content_type(request.header("Content-Type") or "")
    head = InvokeRequest(
        operation=operation,
        target=find_target(functions, name, parse_qs(query).get("Qualifier", [None])[0]),
        invocation_type=invocation_type,
        tail=log_type == "Tail",
        client_context=_client_context(request.header("X-Amz-Client-Context") or ""),
        tenant_id=tenant_id,
        trace_id=_trace_id(request.header("X-Amzn-Trace-Id") or ""),
        request_id=_request_id(request.header("x-amzn-RequestId")),
    )
    head.check_size(int(request.header("Content-Length") or 0))
    return head


def is_tenant_id(text: str) -> bool:
    """Return whether a tenant can have this id."""
    return len(text) <= MAX_TENANT_ID and re.fullmatch(TENANT_ID, text) is not None


def _route(method: str, path: str) -> tuple[Operation, str]:
    match path.rstrip("/").split("/"):
        case ["", version, "functions", name, last] if method == "POST":
            for operation in Operation:
                if operation.value == (version, last):
                    return operation, unquote(name)
    raise unknown_operation(method, path)


def _check_members(request: RecordedRequest, query: str) -> None:
    """Refuse a member that is not supported; log names that may be members of a newer service, each once."""
    for member, header in REFUSED.items():
        if request.header(header) is not None:
            raise invalid_parameter(f"{member} ({header}) is not supported by the local Lambda; remove it")
    known = {name.lower() for name in SUPPORTED.values()}
    headers = [name for name, _ in request.headers if name.lower().startswith("x-amz-")]
    parameters = [name for name in parse_qs(query) if not name.lower().startswith("x-amz-")]  # else of a signature
    for name in (*headers, *parameters):
        lower = name.lower()
        if (
            lower not in known
            and not _NOT_MEMBERS.fullmatch(lower)
            and lower not in _noted
            and len(_noted) < _MAX_NOTED
        ):
            _noted.add(lower)
            _log.warning("%r in a request is unknown to the local Lambda and has no effect", name)


def _check_content_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in _BINARY_TYPES and not _JSON_TYPE.fullmatch(media_type):
        raise unsupported_media_type(content_type)


def _client_context(encoded: str) -> str:
    if len(encoded) > MAX_CLIENT_CONTEXT:
        raise invalid_content(f"Client context has {len(encoded)} bytes of base64; it has up to {MAX_CLIENT_CONTEXT}.")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        if text:
            json_text.parse(text)
    except (ValueError, binascii.Error) as error:
        raise _bad_client_context() from error
    if text and not text.lstrip().startswith("{"):
        raise _bad_client_context()
    return text


def _bad_client_context() -> ServiceError:
    return invalid_content("Client context must be a valid Base64-encoded JSON object.")


def _trace_id(given: str) -> str:
    """Return the caller's trace, or a new one if it is missing or invalid."""
    return given if given and given.isascii() else new_trace_id()


def _request_id(given: str | None) -> str:
    """Return the caller's request id, or a new one."""
    try:
        return str(uuid.uuid4() if given is None else uuid.UUID(given))
    except ValueError as error:
        raise invalid_content(f"x-amzn-RequestId is not a UUID: {given}") from error


def new_trace_id() -> str:
    """Return the X-Ray header of a new trace that is not sampled."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
