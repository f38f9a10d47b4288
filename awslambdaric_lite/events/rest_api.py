"""Events of API Gateway REST APIs: the Lambda proxy integration."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .http_request import Cookies, Headers, Query, forwarded, grouped, http_request, path_parameters
from .shared import ACCOUNT, REGION, SOURCE_IP, Event, Moment, When, as_base64, fresh_id, label, token

# What `identity` has for a request that is not signed, besides the address and the user agent.
_NO_IDENTITY = dict.fromkeys(
    (
        "accessKey",
        "accountId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    )
)


def api_gateway_v1(
    method: str = "GET",
    path: str = "/",
    *,
    query: Query | None = None,
    headers: Headers | None = None,
    cookies: Cookies | None = None,
    body: object = None,
    resource: str | None = None,
    authorizer: Mapping[str, Any] | None = None,
    stage: str = "prod",
    stage_variables: Mapping[str, str] | None = None,
    source_ip: str = SOURCE_IP,
    user_agent: str | None = None,
    domain: str | None = None,
    api_id: str = "a1b2c3d4e5",
    request_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A request to an API Gateway REST API (Lambda proxy integration, also called payload format 1.0).

        api_gateway_v1("GET", "/orders/7?page=2", resource="/orders/{id}")

    Header names keep their spelling. Of repeated headers and parameters the plain fields have the last value, the
    `multiValue…` fields all. The path stays percent-encoded.

    Args:
        method: of the request.
        path: as in the URL, without the stage; a query may follow.
        query: more parameters: a raw string, a mapping of names to values or lists of values, or pairs.
        headers: a mapping of names to values or lists of values, or pairs.
        cookies: a mapping, a list of `name=value`, or a Cookie header's text; sent as a Cookie header.
        body: an object is sent as JSON, text as text; bytes as base64, as for a binary media type of the API.
        resource: such as `/orders/{id}` or `/{proxy+}`, from which `pathParameters` follow; default: the path.
        authorizer: what a Lambda authorizer returned (`principalId` and its context), or `{"claims": {…}}` of Cognito.
        stage: the stage's name.
        stage_variables: its variables.
        source_ip: the client's address.
        user_agent: sent as that header if `headers` has none.
        domain: default: the API's own domain.
        api_id: the API's id.
        request_id: default: fresh; with it and a time, the event is always the same.
        account: the account.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: an argument cannot be used; the text says what to change.

    Source: docs apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    request = http_request(method, path, query=query, headers=headers, cookies=cookies, body=body)
    moment, request_id = Moment(time), request_id or fresh_id()
    domain = domain or f"{api_id}.execute-api.{region}.amazonaws.com"
    resource = resource or request.path
    lines = grouped(
        forwarded(
            request, domain=domain, source_ip=source_ip, user_agent=user_agent, moment=moment, request_id=request_id
        )
    )
    parameters = grouped(request.parameters)
    context = {
        "accountId": account,
        "apiId": api_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "extendedRequestId": token(request_id, "extended request", 11),
        "httpMethod": request.method,
        "identity": {
            **_NO_IDENTITY,
            "sourceIp": source_ip,
            "userAgent": request.header("user-agent") or user_agent,
        },
        "path": f"/{stage}{request.path}",
        "protocol": "HTTP/1.1",
        "requestId": request_id,
        "requestTime": moment.log_time,
        "requestTimeEpoch": moment.epoch_ms,
        "resourceId": label(api_id, resource, 6),
        "resourcePath": resource,
        "stage": stage,
    }
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in lines.items()},
        "multiValueHeaders": lines,
        "queryStringParameters": {name: values[-1] for name, values in parameters.items()} or None,
        "multiValueQueryStringParameters": parameters or None,
        "pathParameters": path_parameters(resource, request.path) or None,
        "stageVariables": dict(stage_variables) if stage_variables else None,
        "requestContext": context if authorizer is None else {**context, "authorizer": copy.deepcopy(dict(authorizer))},
        "body": as_base64(request.body) if isinstance(request.body, bytes) else request.body,
        "isBase64Encoded": isinstance(request.body, bytes),
    }
