"""The result of a function as the response of an API.

REST APIs and format 1.0 read `multiValueHeaders`, too. REST APIs refuse fields that they do not know, and rename some
headers: docs apigateway/latest/developerguide/api-gateway-known-issues.html. In format 2.0, a result without
`statusCode` is a body: docs apigateway/latest/developerguide/http-api-develop-integrations-lambda.html.
"""

from __future__ import annotations

from typing import Any

from ..config.project import Api, MockResponse, Route
from ..frontend.proxy_result import (
    Headers,
    HttpResponse,
    MalformedResponse,
    is_base64,
    read_body,
    read_cookies,
    read_headers,
    read_json,
    read_status,
    with_content_type,
)
from ..http.exchange import RecordedRequest
from .binary import accepts_binary
from .failures import Failure, GatewayError

_FIELDS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_REMAPPED = {
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "trailer",
    "upgrade",
    "user-agent",
    "www-authenticate",
}
_SET_BY_HTTP_API = {"connection", "content-length", "date"}


def api_response(api: Api, route: Route, payload: bytes, request: RecordedRequest) -> HttpResponse:
    """Read a result.

    Raises:
        MalformedResponse: it is not in the form that the API reads.
        GatewayError: its body is not base64.
    """
    result = read_json(payload)
    if api.kind == "REST":
        return _of_rest_api(result, decode=accepts_binary(request, api.binary_media_types))
    if route.payload_format == "2.0" and not (isinstance(result, dict) and "statusCode" in result):
        return HttpResponse(200, [("Content-Type", "application/json")], payload)
    return _of_http_api(_object(result), route)


def mock_response(mock: MockResponse) -> HttpResponse:
    """Return the response of a mock integration."""
    return HttpResponse(mock.status, with_content_type(list(mock.headers), "application/json"), mock.body.encode())


def _of_rest_api(result: Any, *, decode: bool) -> HttpResponse:
    result = _object(result)
    if unknown := sorted(result.keys() - _FIELDS):
        raise MalformedResponse(
            f"it has the unknown field {unknown[0]!r}; REST APIs take: {', '.join(sorted(_FIELDS))}"
        )
    status = 200 if result.get("statusCode") is None else read_status(result["statusCode"])
    headers = with_content_type(_all_headers(result, _REMAPPED), "application/json")
    encoded = is_base64(result.get("isBase64Encoded"))
    text = read_body(result.get("body"), decode=False)
    if not (encoded and decode):
        return HttpResponse(status, headers, text)
    try:
        return HttpResponse(status, headers, read_body(text.decode(), decode=True))
    except MalformedResponse as error:
        raise GatewayError(Failure.MISCONFIGURED) from error


def _of_http_api(result: dict[str, Any], route: Route) -> HttpResponse:
    if "statusCode" not in result:
        raise MalformedResponse("it has no statusCode, which payload format 1.0 needs")
    if route.payload_format == "1.0":
        lines = _all_headers(result, ())
    else:
        lines = read_headers(result.get("headers"), ()) + read_cookies(result.get("cookies"))
    lines = [line for line in lines if line[0].lower() not in _SET_BY_HTTP_API]
    headers = with_content_type(lines, "text/plain; charset=utf-8")
    status, decode = read_status(result["statusCode"]), is_base64(result.get("isBase64Encoded"))
    return HttpResponse(status, headers, read_body(result.get("body"), decode=decode))


def _all_headers(result: dict[str, Any], renamed: set[str] | tuple[str, ...]) -> Headers:
    """Return the header lines of both fields; a pair that both have is sent once."""
    several = read_headers(result.get("multiValueHeaders"), renamed, several=True)
    return [line for line in read_headers(result.get("headers"), renamed) if line not in several] + several


def _object(result: Any) -> dict[str, Any]:
    if not isinstance(result, dict):
        raise MalformedResponse("it is not an object with statusCode")
    return result
