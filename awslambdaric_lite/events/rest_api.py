"""Events of API Gateway REST APIs: the Lambda proxy integration."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..common.regions import dns_suffix
from .http_request import HttpFields, HttpRequest, grouped, last_values, path_parameters, shows_request
from .shared import ACCOUNT, Event, as_base64, fresh_id, label, token

if TYPE_CHECKING:
    from typing_extensions import Unpack

# The fields of `identity`, except address and user agent; they are null for a request that is not signed.
_SIGNER = (
    "accessKey accountId caller cognitoAuthenticationProvider cognitoAuthenticationType cognitoIdentityId"
    " cognitoIdentityPoolId principalOrgId user userArn"
)


@shows_request
def api_gateway_v1(
    method: str = "GET",
    path: str = "/",
    *,
    resource: str | None = None,
    authorizer: Mapping[str, Any] | None = None,
    stage: str = "prod",
    stage_variables: Mapping[str, str] | None = None,
    api_id: str = "a1b2c3d4e5",
    request_id: str | None = None,
    account: str = ACCOUNT,
    domain: str | None = None,
    **fields: Unpack[HttpFields],
) -> Event:
    """Return a request to an API Gateway REST API.

        api_gateway_v1("GET", "/orders/7?page=2", resource="/orders/{id}")

    This is the Lambda proxy integration, also called payload format 1.0. Header names keep their spelling, and REST
    APIs remove the Content-Length header. The plain fields have the last value of repeated headers and parameters, the
    `multiValue…` fields have all. The path stays percent-encoded; `pathParameters` are without its trailing slashes,
    and only the context has repeated leading ones. A body of bytes is base64, as for a binary media type of the API.

    Args:
        path: path as in the URL, without the stage but with the base path of a custom domain, with or without a query.
        resource: resource of the API, e.g. `/orders/{id}` or `/{proxy+}`; it sets `pathParameters`. Default: the path.
        authorizer: result of the authorizer. A Lambda authorizer's `principalId` and context, or Cognito's
            `{"claims": {…}}`.
        stage: stage of the API.
        stage_variables: stage variables.
        domain: host name of the API, e.g. a custom domain. Default: the name that AWS assigns.
        api_id: id of the API.
        request_id: id of the request. Default: a new one.
        account: number of the AWS account.
        **fields: see `HttpRequest`.

    Source: docs apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    request = HttpRequest(method, path, domain=domain, **fields)
    request_id = request_id or fresh_id()
    domain = request.domain or f"{api_id}.execute-api.{request.region}.{dns_suffix(request.region)}"
    routed = f"/{request.path.strip('/')}"
    resource = resource or routed
    context: dict[str, Any] = {
        "accountId": account,
        "apiId": api_id,
        "domainName": domain,
        "extendedRequestId": token(request_id, "extended request", 11),
        "path": f"/{stage}{request.path}" if ".execute-api." in domain else request.path,
        "requestId": request_id,
        "resourceId": label(api_id, resource, 6),
        "stage": stage,
    }
    if authorizer is not None:
        context["authorizer"] = copy.deepcopy(dict(authorizer))
    is_base64 = isinstance(request.content, bytes)
    return proxy_event(
        request,
        [(name, value) for name, value in request.forwarded(domain, request_id) if name.lower() != "content-length"],
        resource,
        f"/{request.path.lstrip('/')}",
        path_parameters(resource, routed),
        stage_variables,
        context,
    ) | {"body": as_base64(request.content) if is_base64 else request.content, "isBase64Encoded": is_base64}


def proxy_event(
    request: HttpRequest,
    lines: list[tuple[str, str]],
    resource: str,
    path: str,
    parameters: Mapping[str, str],
    stage_variables: Mapping[str, str] | None,
    context: Mapping[str, Any],
) -> Event:
    """Return an event of payload format 1.0 without its body; HTTP APIs have the same format."""
    headers, query = grouped(lines), request.parameters
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": last_values(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": last_values(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": dict(stage_variables) if stage_variables else None,
        "requestContext": {
            **context,
            "domainPrefix": context["domainName"].partition(".")[0],
            "httpMethod": request.method,
            "identity": {
                **dict.fromkeys(_SIGNER.split()),
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent") or request.user_agent,
            },
            "protocol": "HTTP/1.1",
            "requestTime": request.moment.log_time,
            "requestTimeEpoch": request.moment.epoch_ms,
            "resourcePath": resource,
        },
    }
