"""Events of Application Load Balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..common.regions import dns_suffix, make_arn
from .http_request import HttpFields, HttpRequest, grouped, last_values, shows_request
from .shared import ACCOUNT, Event, fresh_id

if TYPE_CHECKING:
    from typing_extensions import Unpack


@shows_request
def alb(
    method: str = "GET",
    path: str = "/",
    *,
    multi_value: bool = False,
    target_group: str | None = None,
    account: str = ACCOUNT,
    domain: str | None = None,
    **fields: Unpack[HttpFields],
) -> Event:
    """Return a request through an Application Load Balancer.

        alb("GET", "/lambda?query=1234ABCD", headers={"x-tag": ["a", "b"]}, multi_value=True)

    Header names become lower case. Path and query parameters stay percent-encoded: the load balancer decodes nothing.
    Bytes, and text of a binary content type (forms too), are base64. The only id is in the header `x-amzn-trace-id`,
    which is new unless the headers have one.

    Args:
        multi_value: send all values of each header and parameter as a list, as if the target group had multi-value
            headers enabled. Otherwise the last value wins.
        target_group: ARN of the target group. Default: one of `my-target-group`.
        domain: host name of the load balancer. Default: a name as AWS assigns it.
        account: number of the AWS account.
        **fields: see `HttpRequest`.

    Source: docs elasticloadbalancing/latest/application/lambda-functions.html
    """
    request = HttpRequest(method, path, domain=domain, **fields)
    domain = request.domain or f"my-load-balancer-1234567890.{request.region}.elb.{dns_suffix(request.region)}"
    headers = grouped((name.lower(), value) for name, value in request.forwarded(domain, fresh_id()))
    pieces = (piece.partition("=") for piece in request.raw_query.split("&") if piece)
    parameters = grouped((name, value) for name, _, value in pieces)
    body, is_base64 = request.encoded_body()
    arn = make_arn("elasticloadbalancing", request.region, account, "targetgroup/my-target-group/6d0ecf831eec9f09")
    event: Event = {
        "requestContext": {"elb": {"targetGroupArn": target_group or arn}},
        "httpMethod": request.method,
        "path": request.path,
    }
    if multi_value:
        event |= {"multiValueQueryStringParameters": parameters, "multiValueHeaders": headers}
    else:
        event |= {"queryStringParameters": last_values(parameters), "headers": last_values(headers)}
    return event | {"body": body or "", "isBase64Encoded": is_base64}
