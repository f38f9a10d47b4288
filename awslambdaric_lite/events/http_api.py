"""Events of API Gateway HTTP APIs, and those of Lambda function URLs: payload format 2.0, for HTTP APIs also 1.0."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..common.regions import dns_suffix
from .http_request import HttpFields, HttpRequest, grouped, path_parameters, shows_request
from .rest_api import proxy_event
from .shared import ACCOUNT, Event, fresh_id, require_choice, token

if TYPE_CHECKING:
    from typing_extensions import Unpack

_OMITTED_IF_EMPTY = ("cookies", "queryStringParameters", "body")


@shows_request
def api_gateway_v2(
    method: str = "GET",
    path: str = "/",
    *,
    route_key: str = "$default",
    authorizer: Mapping[str, Any] | None = None,
    stage: str = "$default",
    stage_variables: Mapping[str, str] | None = None,
    api_id: str = "a1b2c3d4e5",
    request_id: str | None = None,
    account: str = ACCOUNT,
    domain: str | None = None,
    payload_format: str = "2.0",
    **fields: Unpack[HttpFields],
) -> Event:
    """Return a request to an API Gateway HTTP API.

        api_gateway_v2("POST", "/orders/7?dry=1", body={"count": 2}, route_key="POST /orders/{id}")

    In payload format 2.0, header names become lower case, repeated headers and parameters are joined with `,`, and
    cookies are in the list `cookies` and in no header. Format 1.0 is that of REST APIs. As HTTP APIs do, the event has
    the decoded path, after the stage unless that is `$default`. Bytes, and text of a binary content type (forms too),
    are base64.

    Args:
        path: path as in the URL, without the stage, with or without a query.
        route_key: route, e.g. `GET /orders/{id}`; it sets `pathParameters`.
        authorizer: result of the authorizer. `{"jwt": {"claims": …, "scopes": …}}`, `{"lambda": {…}}` or
            `{"iam": {…}}`.
        stage: stage of the API.
        stage_variables: stage variables.
        api_id: id of the API.
        request_id: id of the request. Default: a new one.
        account: number of the AWS account.
        domain: host name of the API. Default: the host in the Host header, or a name as AWS assigns it.
        payload_format: version of the integration's payload format, 2.0 or 1.0.
        **fields: see `HttpRequest`.

    Source: docs apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    _check_authorizer(authorizer, ("iam", "jwt", "lambda"))
    require_choice("payload_format", payload_format, ("2.0", "1.0"))
    request = HttpRequest(method, path, domain=domain, **fields)
    decoded = unquote(request.path)
    parameters = _route_parameters(route_key, request.method, decoded)
    request_id = request_id or token(fresh_id(), "request", 11)
    domain = request.host or f"{api_id}.execute-api.{request.region}.{dns_suffix(request.region)}"
    whole_path = decoded if stage == "$default" else f"/{stage}{decoded}"
    if payload_format == "1.0":
        body, is_base64 = request.encoded_body()
        context = {
            "accountId": account,
            "apiId": api_id,
            "authorizer": {"claims": None, "scopes": None, **_flat(authorizer)},
            "domainName": domain,
            "extendedRequestId": request_id,
            "path": whole_path,
            "requestId": request_id,
            "resourceId": None,
            "stage": stage,
        }
        lines = request.forwarded(domain, request_id)
        resource = route_key if route_key == "$default" else route_key.partition(" ")[2]
        event = proxy_event(request, lines, resource, whole_path, parameters, stage_variables, context)
        return {"version": "1.0", **event, "body": body, "isBase64Encoded": is_base64}
    event = _event(
        request,
        request_id,
        domain,
        whole_path,
        authorizer,
        accountId=account,
        apiId=api_id,
        routeKey=route_key,
        stage=stage,
    )
    if parameters:
        event["pathParameters"] = parameters
    if stage_variables:
        event["stageVariables"] = dict(stage_variables)
    return event


@shows_request
def function_url(
    method: str = "GET",
    path: str = "/",
    *,
    authorizer: Mapping[str, Any] | None = None,
    protocol: str = "HTTP/1.1",
    request_id: str | None = None,
    account: str | None = None,
    domain: str | None = None,
    **fields: Unpack[HttpFields],
) -> Event:
    """Return a request to a Lambda function URL.

        function_url("POST", "/orders?dry=1", headers={"x-tag": ["a", "b"]}, cookies={"id": "7"}, body={"count": 2})

    This is payload format 2.0. Header names become lower case and repeated headers and parameters are joined with `,`.
    Path and query string stay percent-encoded. Cookies are in the list `cookies` and in the header. Bytes are text if
    the content type is textual and they are UTF-8; other bodies (forms too) are base64.

    Args:
        authorizer: caller of a URL with authentication type AWS_IAM, e.g. `{"iam": {"accessKey": "AKIAEXAMPLE"}}`.
        protocol: protocol of the request.
        domain: host name of the URL; its first label is the URL's id. Default: the host in the Host header, or a name
            as AWS assigns it.
        request_id: id of the request. Default: a new one.
        account: number of the AWS account. Default: `anonymous` without an authorizer, as on AWS.
        **fields: see `HttpRequest`.

    Source: docs lambda/latest/dg/urls-invocation.html
    """
    _check_authorizer(authorizer, ("iam",))
    request = HttpRequest(method, path, domain=domain, **fields)
    domain = request.host or f"abcdefghijklmnopqrstuvwxyz012345.lambda-url.{request.region}.on.aws"
    event = _event(
        request,
        request_id or fresh_id(),
        domain,
        request.path,
        authorizer,
        protocol,
        accountId=account or (ACCOUNT if authorizer else "anonymous"),
        apiId=domain.partition(".")[0],
        authentication=None,
        routeKey="$default",
        stage="$default",
    )
    if request.cookie_list:
        event["headers"]["cookie"] = "; ".join(request.cookie_list)
    return event | {"pathParameters": None, "stageVariables": None}


def _event(
    request: HttpRequest,
    request_id: str,
    domain: str,
    path: str,
    authorizer: Mapping[str, Any] | None,
    protocol: str = "HTTP/1.1",
    **context: str | None,
) -> Event:
    lines = grouped((name.lower(), value) for name, value in request.forwarded(domain, request_id))
    headers = {name: ",".join(values) for name, values in lines.items()}
    body, is_base64 = request.encoded_body()
    event: Event = {
        "version": "2.0",
        "routeKey": context["routeKey"],
        "rawPath": path,
        "rawQueryString": request.raw_query,
        "cookies": request.cookie_list,
        "headers": {name: value for name, value in headers.items() if name != "cookie"},
        "queryStringParameters": {name: ",".join(values) for name, values in request.parameters.items()},
        "requestContext": {
            **context,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "time": request.moment.log_time,
            "timeEpoch": request.moment.epoch_ms,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }
    if authorizer is not None:
        event["requestContext"]["authorizer"] = copy.deepcopy(dict(authorizer))
    return {name: value for name, value in event.items() if name not in _OMITTED_IF_EMPTY or value}


def _route_parameters(route_key: str, method: str, path: str) -> dict[str, str]:
    if route_key == "$default":
        return {}
    route_method, _, template = route_key.partition(" ")
    if not template.startswith("/"):
        raise ValueError(f"invalid route_key {route_key!r}; write $default, or e.g. 'GET /orders/{{id}}'")
    if route_method not in ("ANY", method):
        raise ValueError(f"route_key {route_key!r} does not match {method}; write '{method} {template}' or ANY")
    return path_parameters(template, path)


def _flat(authorizer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the authorizer's result as format 1.0 has it: without the kind of the authorizer."""
    return {name: copy.deepcopy(value) for result in (authorizer or {}).values() for name, value in result.items()}


def _check_authorizer(authorizer: Mapping[str, Any] | None, kinds: tuple[str, ...]) -> None:
    for kind in authorizer or ():
        require_choice("authorizer key", kind, kinds)
