"""Events in payload format 2.0: API Gateway HTTP APIs and Lambda function URLs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from .http_request import (
    Cookies,
    Headers,
    HttpRequest,
    Query,
    forwarded,
    grouped,
    http_request,
    path_parameters,
)
from .shared import ACCOUNT, REGION, SOURCE_IP, Event, Moment, When, fresh_id, token

_API_ID = "a1b2c3d4e5"
_URL_ID = "abcdefghijklmnopqrstuvwxyz012345"
_ONLY_IF_ANY = ("cookies", "queryStringParameters", "body")


def api_gateway_v2(
    method: str = "GET",
    path: str = "/",
    *,
    query: Query | None = None,
    headers: Headers | None = None,
    cookies: Cookies | None = None,
    body: object = None,
    route_key: str = "$default",
    authorizer: Mapping[str, Any] | None = None,
    stage: str = "$default",
    stage_variables: Mapping[str, str] | None = None,
    source_ip: str = SOURCE_IP,
    user_agent: str | None = None,
    domain: str | None = None,
    api_id: str = _API_ID,
    request_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A request to an API Gateway HTTP API, payload format 2.0.

        api_gateway_v2("POST", "/orders/7?dry=1", body={"count": 2}, route_key="POST /orders/{id}")

    Header names become lower case and repeated headers and parameters are joined with `,`. The path arrives decoded,
    as HTTP APIs deliver it, behind the stage unless that is `$default`.

    Args:
        method: of the request.
        path: as in the URL, without the stage; a query may follow.
        query: more parameters: a raw string, a mapping of names to values or lists of values, or pairs.
        headers: a mapping of names to values or lists of values, or pairs.
        cookies: a mapping, a list of `name=value`, or a Cookie header's text; those in a Cookie header count too.
        body: an object is sent as JSON, text as text; bytes, and text of a binary content type (forms too), as base64.
        route_key: such as `GET /orders/{id}`, from which `pathParameters` follow.
        authorizer: `{"jwt": {"claims": …, "scopes": …}}`, `{"lambda": {…}}` or `{"iam": {…}}`.
        stage: the stage's name.
        stage_variables: its variables.
        source_ip: the client's address.
        user_agent: sent as that header if `headers` has none.
        domain: default: the Host header, or the API's own domain.
        api_id: the API's id.
        request_id: default: fresh; with it and a time, the event is always the same.
        account: the account.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: an argument cannot be used; the text says what to change.

    Source: docs apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    _check_authorizer(authorizer, ("iam", "jwt", "lambda"))
    request = http_request(method, path, query=query, headers=headers, cookies=cookies, body=body)
    decoded = unquote(request.path)
    parameters = _route_parameters(route_key, request.method, decoded)
    event = _payload(
        request,
        raw_path=decoded if stage == "$default" else f"/{stage}{decoded}",
        domain=domain or _host(request) or f"{api_id}.execute-api.{region}.amazonaws.com",
        source_ip=source_ip,
        user_agent=user_agent,
        protocol="HTTP/1.1",
        request_id=request_id or token(fresh_id(), "request", 11),
        time=time,
        authorizer=authorizer,
        context={"accountId": account, "apiId": api_id, "routeKey": route_key, "stage": stage},
    )
    if parameters:
        event["pathParameters"] = parameters
    if stage_variables:
        event["stageVariables"] = dict(stage_variables)
    return event


def function_url(
    method: str = "GET",
    path: str = "/",
    *,
    query: Query | None = None,
    headers: Headers | None = None,
    cookies: Cookies | None = None,
    body: object = None,
    authorizer: Mapping[str, Any] | None = None,
    source_ip: str = SOURCE_IP,
    user_agent: str | None = None,
    protocol: str = "HTTP/1.1",
    domain: str | None = None,
    request_id: str | None = None,
    account: str | None = None,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A request to a Lambda function URL, payload format 2.0.

        function_url("POST", "/orders?dry=1", headers={"x-tag": ["a", "b"]}, cookies={"id": "7"}, body={"count": 2})

    Header names become lower case and repeated headers and parameters are joined with `,`. Path and query string stay
    as they are on the wire.

    Args:
        method: of the request.
        path: as in the URL; a query may follow.
        query: more parameters: a raw string, a mapping of names to values or lists of values, or pairs.
        headers: a mapping of names to values or lists of values, or pairs.
        cookies: a mapping, a list of `name=value`, or a Cookie header's text; those in a Cookie header count too.
        body: an object is sent as JSON, text as text; bytes are text if the content type is textual and they are UTF-8.
            Anything else (forms too) is base64.
        authorizer: `{"iam": {"accessKey": …, "accountId": …, …}}`, for a URL with authentication type AWS_IAM.
        source_ip: the client's address.
        user_agent: sent as that header if `headers` has none.
        protocol: of the request.
        domain: default: the Host header, or one of AWS's form. Its first label is the URL's id.
        request_id: default: fresh; with it and a time, the event is always the same.
        account: the owner; default: `anonymous` without an authorizer, as is seen there.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: an argument cannot be used; the text says what to change.

    Source: docs lambda/latest/dg/urls-invocation.html
    """
    _check_authorizer(authorizer, ("iam",))
    request = http_request(method, path, query=query, headers=headers, cookies=cookies, body=body)
    domain = domain or _host(request) or f"{_URL_ID}.lambda-url.{region}.on.aws"
    event = _payload(
        request,
        raw_path=request.path,
        domain=domain,
        source_ip=source_ip,
        user_agent=user_agent,
        protocol=protocol,
        request_id=request_id or fresh_id(),
        time=time,
        authorizer=authorizer,
        context={
            "accountId": account or (ACCOUNT if authorizer else "anonymous"),
            "apiId": domain.partition(".")[0],
            "authentication": None,
            "routeKey": "$default",
            "stage": "$default",
        },
    )
    return event | {"pathParameters": None, "stageVariables": None}


def _payload(
    request: HttpRequest,
    *,
    raw_path: str,
    domain: str,
    source_ip: str,
    user_agent: str | None,
    protocol: str,
    request_id: str,
    time: When,
    authorizer: Mapping[str, Any] | None,
    context: dict[str, Any],
) -> Event:
    moment = Moment(time)
    lines = forwarded(
        request, domain=domain, source_ip=source_ip, user_agent=user_agent, moment=moment, request_id=request_id
    )
    headers = {name: ",".join(values) for name, values in grouped((key.lower(), value) for key, value in lines).items()}
    body, is_base64 = request.encoded_body()
    event: Event = {
        "version": "2.0",
        "routeKey": context["routeKey"],
        "rawPath": raw_path,
        "rawQueryString": request.query,
        "cookies": request.cookies,
        "headers": {name: value for name, value in headers.items() if name != "cookie"},
        "queryStringParameters": {name: ",".join(values) for name, values in grouped(request.parameters).items()},
        "requestContext": {
            **context,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": raw_path,
                "protocol": protocol,
                "sourceIp": source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "time": moment.log_time,
            "timeEpoch": moment.epoch_ms,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }
    if authorizer is not None:
        event["requestContext"]["authorizer"] = copy.deepcopy(dict(authorizer))
    return {name: value for name, value in event.items() if name not in _ONLY_IF_ANY or value}


def _host(request: HttpRequest) -> str | None:
    """The domain in the Host header, without the port."""
    host = request.header("host")
    if host is None or host.startswith("["):  # an IPv6 address
        return host and host.partition("]")[0].lstrip("[")
    return host.partition(":")[0]


def _route_parameters(route_key: str, method: str, path: str) -> dict[str, str]:
    if route_key == "$default":
        return {}
    route_method, _, template = route_key.partition(" ")
    if not template.startswith("/"):
        raise ValueError(f"route_key {route_key!r} is no route; write $default, or 'GET /orders/{{id}}'")
    if route_method not in ("ANY", method):
        raise ValueError(f"route_key {route_key!r} does not take {method}; write '{method} {template}' or ANY")
    return path_parameters(template, path)


def _check_authorizer(authorizer: Mapping[str, Any] | None, kinds: tuple[str, ...]) -> None:
    for kind in authorizer or ():
        if kind not in kinds:
            raise ValueError(f"authorizer has {kind!r}; its keys are: {', '.join(kinds)}")
