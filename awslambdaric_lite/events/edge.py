"""Events of CloudFront: Lambda@Edge."""

from __future__ import annotations

from typing import Any

from .http_request import Cookies, Headers, HttpRequest, Query
from .shared import SOURCE_IP, Content, Event, as_base64, fresh_id, label, require_choice, token

_EVENT_TYPES = ("viewer-request", "origin-request", "origin-response", "viewer-response")
_PHRASES = {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 403: "Forbidden", 404: "Not Found"}


def cloudfront(
    method: str = "GET",
    path: str = "/",
    *,
    event_type: str = "viewer-request",
    query: Query | None = None,
    headers: Headers | None = None,
    cookies: Cookies | None = None,
    body: Content = None,
    source_ip: str = SOURCE_IP,
    user_agent: str | None = None,
    status: int = 200,
    response_headers: Headers | None = None,
    origin: str = "example.org",
    domain: str | None = None,
    distribution: str = "EDFDVBD6EXAMPLE",
    request_id: str | None = None,
) -> Event:
    """Return an event of a CloudFront distribution (Lambda@Edge).

        cloudfront("GET", "/cats?page=2", event_type="origin-request", origin="backend.example.org")

    Args:
        method: HTTP method of the request.
        path: path as in the URL, with or without a query.
        event_type: type of the event: viewer-request, origin-request, origin-response or viewer-response.
        query: query parameters, added to those of the path.
        headers: request headers.
        cookies: cookies, added to those of a Cookie header.
        body: request body, which only request events have. Bytes, text in UTF-8, or anything else as JSON.
        source_ip: IP address of the client.
        user_agent: User-Agent header. Default: none.
        status: status code of the response (response events).
        response_headers: headers of the response (response events).
        origin: host name of the custom origin (origin events).
        domain: host name of the request. Default: that of the distribution.
        distribution: id of the distribution.
        request_id: id of the request. Default: a new one.

    Source: docs AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
    """
    require_choice("event_type", event_type, _EVENT_TYPES)
    is_response, is_origin = event_type.endswith("response"), event_type.startswith("origin")
    if is_response and body is not None:
        raise ValueError(f"a {event_type} event has no body; use a request event, or leave it out")
    if not is_response and response_headers:
        raise ValueError(f"a {event_type} event has no response; use a response event, or leave the headers out")
    request = HttpRequest(
        method, path, query=query, headers=headers, cookies=cookies, body=body, source_ip=source_ip, domain=domain
    )
    assigned = f"{label(distribution, 'domain', 14)}.cloudfront.net"
    lines = [(name, value) for name, value in request.lines if body is None or name.lower() != "content-length"]
    given = {name.lower() for name, _ in lines}
    for name, value in (("Host", origin if is_origin else domain or assigned), ("User-Agent", user_agent)):
        if value is not None and name.lower() not in given:
            lines.append((name, value))
    described: dict[str, Any] = {
        "clientIp": source_ip,
        "headers": _headers(lines),
        "method": request.method,
        "querystring": request.raw_query,
        "uri": request.path,
    }
    if body is not None:
        described["body"] = {
            "inputTruncated": False,
            "action": "read-only",
            "encoding": "base64",
            "data": as_base64(body),
        }
    if is_origin:
        described["origin"] = {
            "custom": {
                "customHeaders": {},
                "domainName": origin,
                "keepaliveTimeout": 5,
                "path": "",
                "port": 443,
                "protocol": "https",
                "readTimeout": 30,
                "sslProtocols": ["TLSv1", "TLSv1.1", "TLSv1.2"],
            }
        }
    record: dict[str, Any] = {
        "config": {
            "distributionDomainName": assigned,
            "distributionId": distribution,
            "eventType": event_type,
            "requestId": request_id or token(fresh_id(), "request", 42),
        },
        "request": described,
    }
    if is_response:
        answered = HttpRequest(headers=response_headers)
        record["response"] = {
            "headers": _headers(answered.lines),
            "status": str(status),
            "statusDescription": _PHRASES.get(status, ""),
        }
    return {"Records": [{"cf": record}]}


def _headers(lines: list[tuple[str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for name, value in lines:
        found.setdefault(name.lower(), []).append({"key": name, "value": value})
    return found
