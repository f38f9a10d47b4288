"""Events of Application Load Balancers."""

from __future__ import annotations

from .http_request import Cookies, Headers, Query, forwarded, grouped, http_request
from .shared import ACCOUNT, REGION, SOURCE_IP, Event, Moment, When, fresh_id


def alb(
    method: str = "GET",
    path: str = "/",
    *,
    query: Query | None = None,
    headers: Headers | None = None,
    cookies: Cookies | None = None,
    body: object = None,
    multi_value: bool = False,
    target_group: str | None = None,
    source_ip: str = SOURCE_IP,
    user_agent: str | None = None,
    domain: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A request that an Application Load Balancer forwards to a target group of type `lambda`.

        alb("GET", "/lambda?query=1234ABCD", headers={"x-tag": ["a", "b"]}, multi_value=True)

    Header names become lower case. Query parameters are not decoded: the load balancer leaves that to the function.
    Only `x-amzn-trace-id` is fresh each time, unless `headers` has one.

    Args:
        method: of the request.
        path: as in the URL; a query may follow.
        query: more parameters: a raw string, a mapping of names to values or lists of values, or pairs.
        headers: a mapping of names to values or lists of values, or pairs.
        cookies: a mapping, a list of `name=value`, or a Cookie header's text; sent as one Cookie header.
        body: an object is sent as JSON, text as text; bytes, and text of a binary content type (forms too), as base64.
        multi_value: whether the target group has multi-value headers enabled. If so, every header and parameter is a
            list, in fields of other names; if not, the last value wins.
        target_group: its ARN.
        source_ip: the client's address.
        user_agent: sent as that header if `headers` has none.
        domain: default: a load balancer's name.
        account: the account.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: an argument cannot be used; the text says what to change.

    Source: docs elasticloadbalancing/latest/application/lambda-functions.html
    """
    request = http_request(method, path, query=query, headers=headers, cookies=cookies, body=body)
    lines = forwarded(
        request,
        domain=domain or f"my-load-balancer-1234567890.{region}.elb.amazonaws.com",
        source_ip=source_ip,
        user_agent=user_agent,
        moment=Moment(time),
        request_id=fresh_id(),
    )
    header_values = grouped((name.lower(), value) for name, value in lines)
    pieces = (piece.partition("=") for piece in request.query.split("&") if piece)
    parameters = grouped((name, value) for name, _, value in pieces)
    content, is_base64 = request.encoded_body()
    arn = f"arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/my-target-group/6d0ecf831eec9f09"
    event: Event = {
        "requestContext": {"elb": {"targetGroupArn": target_group or arn}},
        "httpMethod": request.method,
        "path": request.path,
    }
    if multi_value:
        event |= {"multiValueQueryStringParameters": parameters, "multiValueHeaders": header_values}
    else:
        event["queryStringParameters"] = {name: values[-1] for name, values in parameters.items()}
        event["headers"] = {name: values[-1] for name, values in header_values.items()}
    return event | {"body": content or "", "isBase64Encoded": is_base64}
