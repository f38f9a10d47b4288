"""Events of API Gateway WebSocket APIs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .http_request import Headers, Query, forwarded, grouped, http_request
from .shared import REGION, SOURCE_IP, Event, Moment, When, as_base64, as_text, fresh_id, token

_EVENT_TYPES = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}


def websocket(
    route_key: str = "$default",
    body: object = None,
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
    """A connection, a message or a disconnection of an API Gateway WebSocket API.

        websocket("$connect", query={"room": "7"}, connection_id="L0SM9cOFvHcCIhw=")
        websocket("chat", {"action": "chat", "text": "hello"}, connection_id="L0SM9cOFvHcCIhw=")

    Args:
        route_key: `$connect`, `$disconnect`, or a message's route: `$default` or one of the API's own.
        body: of a message: an object is sent as JSON, text as text, bytes as base64.
        query: of the connection's URL (`$connect` only).
        headers: of the connection's request (`$connect` only).
        authorizer: what the Lambda authorizer of `$connect` returned; all later events have it too.
        disconnect_code: the close frame's status.
        disconnect_reason: its reason.
        connection_id: default: fresh; give the same for all events of one connection.
        stage: the stage's name.
        source_ip: the client's address.
        user_agent: the client's.
        domain: default: the API's own domain.
        api_id: the API's id.
        request_id: default: fresh; with it, a connection id and a time, the event is always the same.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: an argument does not belong to that route.

    Source: docs apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    """
    event_type = _EVENT_TYPES.get(route_key, "MESSAGE")
    if event_type != "MESSAGE" and body is not None:
        raise ValueError(f"a {route_key} event has no body; messages have another route_key, such as $default")
    if event_type != "CONNECT" and (query or headers):
        raise ValueError(f"a {route_key} event has no query and no headers; only $connect has")
    moment = Moment(time)
    request_id = request_id or token(fresh_id(), "request", 11)
    connection_id = connection_id or token(fresh_id(), "connection", 11)
    domain = domain or f"{api_id}.execute-api.{region}.amazonaws.com"
    identity = {"sourceIp": source_ip} if user_agent is None else {"userAgent": user_agent, "sourceIp": source_ip}
    context: dict[str, Any] = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": moment.log_time,
        "messageDirection": "IN",
        "stage": stage,
        "connectedAt": moment.epoch_ms,
        "requestTimeEpoch": moment.epoch_ms,
        "identity": identity,
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
        return _with_headers(lines, {}, context)
    request = http_request("GET", "/", query=query, headers=headers, cookies=None, body=None)
    added = forwarded(
        request, domain=domain, source_ip=source_ip, user_agent=user_agent, moment=moment, request_id=request_id
    )
    return _with_headers(grouped(added), grouped(request.parameters), context)


def _with_headers(lines: dict[str, list[str]], parameters: dict[str, list[str]], context: dict[str, Any]) -> Event:
    event: Event = {"headers": {name: values[-1] for name, values in lines.items()}, "multiValueHeaders": lines}
    if parameters:
        event["queryStringParameters"] = {name: values[-1] for name, values in parameters.items()}
        event["multiValueQueryStringParameters"] = parameters
    return event | {"requestContext": context, "isBase64Encoded": False}
