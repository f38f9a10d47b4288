"""Events of Lambda authorizers in front of API Gateway's REST and HTTP APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..common.regions import make_arn
from .http_api import api_gateway_v2
from .http_request import HeadFields, shows_request
from .rest_api import api_gateway_v1
from .shared import ACCOUNT, REGION, Event

if TYPE_CHECKING:
    from typing_extensions import Unpack


def authorizer_token(
    token: str = "Bearer a-token",
    method: str = "GET",
    path: str = "/",
    *,
    stage: str = "prod",
    api_id: str = "a1b2c3d4e5",
    account: str = ACCOUNT,
    region: str = REGION,
) -> Event:
    """Return the event of a REST API's token authorizer.

        authorizer_token("Bearer eyJhbGciOi", "GET", "/orders/7")

    Args:
        token: value of the header that has the token.
        method: HTTP method of the request.
        path: path of the request, without the stage.
        stage: stage of the API.
        api_id: id of the API.
        account: number of the AWS account.
        region: AWS region.

    Source: docs apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
    """
    return {
        "type": "TOKEN",
        "methodArn": _arn(region, account, api_id, stage, method, path),
        "authorizationToken": token,
    }


@shows_request
def authorizer_v1(
    method: str = "GET",
    path: str = "/",
    *,
    resource: str | None = None,
    stage: str = "prod",
    stage_variables: Mapping[str, str] | None = None,
    api_id: str = "a1b2c3d4e5",
    request_id: str | None = None,
    account: str = ACCOUNT,
    **fields: Unpack[HeadFields],
) -> Event:
    """Return the event of a REST API's request authorizer.

        authorizer_v1("GET", "/orders/7", resource="/orders/{id}", headers={"Authorization": "Bearer eyJhbGciOi"})

    It is the event of the function behind the API without the body.

    Args:
        path: path as in the URL, without the stage, with or without a query.
        resource: resource of the API, e.g. `/orders/{id}`; it sets `pathParameters`. Default: the path.
        stage: stage of the API.
        stage_variables: stage variables.
        api_id: id of the API.
        request_id: id of the request. Default: a new one.
        account: number of the AWS account.
        **fields: see `HttpRequest`.

    Source: docs apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
    """
    event = api_gateway_v1(
        method,
        path,
        resource=resource,
        stage=stage,
        stage_variables=stage_variables,
        api_id=api_id,
        request_id=request_id,
        account=account,
        **fields,
    )
    del event["body"], event["isBase64Encoded"]
    arn = _arn(fields.get("region", REGION), account, api_id, stage, event["httpMethod"], event["path"])
    return {"type": "REQUEST", "methodArn": arn, **event}


@shows_request
def authorizer_v2(
    method: str = "GET",
    path: str = "/",
    *,
    identity_source: Sequence[str] = (),
    route_key: str = "$default",
    stage: str = "$default",
    stage_variables: Mapping[str, str] | None = None,
    api_id: str = "a1b2c3d4e5",
    request_id: str | None = None,
    account: str = ACCOUNT,
    **fields: Unpack[HeadFields],
) -> Event:
    """Return the event of an HTTP API's authorizer.

        authorizer_v2("GET", "/orders/7", identity_source=["Bearer eyJhbGciOi"], route_key="GET /orders/{id}")

    This is payload format 2.0; it is the event of the function behind the API without the body.

    Args:
        path: path as in the URL, without the stage, with or without a query.
        identity_source: values of the authorizer's identity sources. Default: none.
        route_key: route, e.g. `GET /orders/{id}`; it sets `pathParameters`.
        stage: stage of the API.
        stage_variables: stage variables.
        api_id: id of the API.
        request_id: id of the request. Default: a new one.
        account: number of the AWS account.
        **fields: see `HttpRequest`.

    Source: docs apigateway/latest/developerguide/http-api-lambda-authorizer.html
    """
    event = api_gateway_v2(
        method,
        path,
        route_key=route_key,
        stage=stage,
        stage_variables=stage_variables,
        api_id=api_id,
        request_id=request_id,
        account=account,
        **fields,
    )
    del event["isBase64Encoded"]
    http = event["requestContext"]["http"]
    plain = http["path"].removeprefix(f"/{stage}")
    arn = _arn(fields.get("region", REGION), account, api_id, stage, http["method"], plain)
    return {"type": "REQUEST", "routeArn": arn, "identitySource": list(identity_source), **event}


def _arn(region: str, account: str, api_id: str, stage: str, method: str, path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} does not begin with /; write it as in the URL after the host")
    return make_arn("execute-api", region, account, f"{api_id}/{stage}/{method.upper()}{path.partition('?')[0]}")
