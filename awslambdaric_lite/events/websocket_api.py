"""Events of API Gateway WebSocket APIs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..common.regions import dns_suffix
from .http_request import Headers, HttpRequest, Query, grouped, last_values
from .shared import REGION, SOURCE_IP, Content, Event, When, as_base64, as_text, fresh_id, token


def websocket(
    route_key: str = "$default",
    body: Content = None,
    *,
    query: Query | None = None,
    headers: Headers | None = None,
    authorizer: Mapping[str, Any] | None = None,
    disconnect_code: int = 1005,
    disconnect_reason: str = "Client-side close frame status not set",
    connection_id: str | None = None,
    stage: str = "prod",
    source_ip: str = SOURCE_IP,
    user_agent: str | None = None,
    domain: str | None = None,
    api_id: str = "a1b2c3d4e5",
    request_id: str | None = None,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return a message, connect or disconnect event of a WebSocket API.

        websocket("$connect", query={"room": "7"}, connection_id="L0SM9cOFvHcCIhw=")
        websocket("chat", {"action": "chat", "text": "hello"}, connection_id="L0SM9cOFvHcCIhw=")

    Args:
        route_key: route of the event: `$connect`, `$disconnect` or the route of a message.
        body: body of a message. An object is sent as JSON, text as text and bytes as base64.
        query: query parameters (only for `$connect`).
        headers: request headers (only for `$connect`).
        authorizer: result of the Lambda authorizer of `$connect`. All later events of the connection have it too.
        disconnect_code: status code of the close frame.
        disconnect_reason: reason in the close frame.
        connection_id: id of the connection, the same for all its events. Default: a new one.
        stage: stage of the API.
        source_ip: IP address of the client.
        user_agent: User-Agent header of the client. Default: none.
        domain: host name of the API. Default: the name that AWS assigns.
        api_id: id of the API.
        request_id: id of the request. Default: a new one.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    """
    event_type = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route_key, "MESSAGE")
    if event_type != "MESSAGE" and body is not None:
        raise ValueError(f"a {route_key} event has no body; use another route_key for a message, e.g. $default")
    if event_type != "CONNECT" and (query or headers):
        raise ValueError(f"a {route_key} event has no query and no headers; use $connect, or leave them out")
    request = HttpRequest(query=query, headers=headers, source_ip=source_ip, user_agent=user_agent, time=time)
    request_id = request_id or token(fresh_id(), "request", 11)
    connection_id = connection_id or token(fresh_id(), "connection", 11)
    domain = domain or f"{api_id}.execute-api.{region}.{dns_suffix(region)}"
    context: dict[str, Any] = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": request.moment.log_time,
        "messageDirection": "IN",
        "stage": stage,
        "connectedAt": request.moment.epoch_ms,
        "requestTimeEpoch": request.moment.epoch_ms,
        "identity": {"sourceIp": source_ip} if user_agent is None else {"userAgent": user_agent, "sourceIp": source_ip},
        "requestId": request_id,
        "domainName": domain,
        "connectionId": connection_id,
        "apiId": api_id,
    }
    if authorizer is not None:
        context["authorizer"] = copy.deepcopy(dict(authorizer))
    if event_type == "MESSAGE":
        context["messageId"] = token(request_id, "message", 11)
        is_base64 = isinstance(body, bytes | bytearray)
        content = None if body is None else as_base64(body) if is_base64 else as_text(body)
        return {"requestContext": context, "body": content, "isBase64Encoded": is_base64}
    if event_type == "DISCONNECT":
        context |= {"disconnectStatusCode": disconnect_code, "disconnectReason": disconnect_reason}
        lines = {"Host": [domain], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""]}
    else:
        lines = grouped(request.forwarded(domain, request_id))
    event: Event = {"headers": last_values(lines), "multiValueHeaders": lines}
    if parameters := request.parameters:
        event["queryStringParameters"] = last_values(parameters)
        event["multiValueQueryStringParameters"] = parameters
    return event | {"requestContext": context, "isBase64Encoded": False}
