"""A request to an API, as the event of its route."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from ...events import api_gateway_v1, api_gateway_v2
from ...events.shared import as_json
from ..config.project import Api, Route
from ..frontend.forwarding import SOURCE_IP, forwarded_lines, origin_form
from ..http.exchange import RecordedRequest
from .binary import sends_binary
from .failures import Failure, GatewayError
from .routes import DEFAULT, route_name

# Headers that REST APIs do not pass on, in addition to those of the connection; recorded in the sources of LocalStack.
_NOT_PASSED_ON_BY_REST = ("content-md5", "max-forwards", "proxy-authenticate", "server", "www-authenticate")


def target_in_stage(api: Api, request: RecordedRequest) -> str:
    """Return the path after the stage, and the query.

    Raises:
        GatewayError: the path does not begin with the stage.
    """
    target = origin_form(request.path)
    if api.stage == DEFAULT:
        return target
    prefix = f"/{api.stage}"
    rest = target[len(prefix) :]
    if not target.startswith(prefix) or rest[:1] not in ("", "/", "?"):
        raise GatewayError(Failure.NO_STAGE)
    return rest if rest.startswith("/") else f"/{rest}"


def routed_path(api: Api, target: str) -> str:
    """Return the path by which the route is chosen: HTTP APIs decode it."""
    path = target.partition("?")[0]
    return unquote(path) if api.kind == "HTTP" else f"/{path.strip('/')}"


def api_event(
    api: Api,
    route: Route,
    request: RecordedRequest,
    target: str,
    body: bytes,
    *,
    request_id: str,
    trace_id: str,
    region: str,
    account: str,
) -> bytes:
    """Return the event.

    Raises:
        ValueError: the method is invalid, or the target is not a path.
    """
    settings: dict[str, Any] = {
        "body": body,
        "source_ip": SOURCE_IP,
        "region": region,
        "account": account,
        "api_id": api.api_id,
        "stage": api.stage,
        "stage_variables": api.stage_variables,
        "request_id": request_id,
    }
    if api.kind == "HTTP":
        settings |= {"route_key": route_name(route), "payload_format": route.payload_format}
        event = api_gateway_v2(request.method, target, headers=forwarded_lines(request, trace_id), **settings)
    else:
        lines = forwarded_lines(request, trace_id, _NOT_PASSED_ON_BY_REST)
        event = api_gateway_v1(request.method, target, resource=route.path, headers=lines, **settings)
        if body and not sends_binary(request, api.binary_media_types):
            event |= {"body": body.decode("utf-8", "replace"), "isBase64Encoded": False}
    return as_json(event).encode()
