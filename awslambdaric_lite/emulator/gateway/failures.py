"""The responses of API Gateway itself, with AWS's texts.

Sources: docs apigateway/latest/developerguide/supported-gateway-response-types.html (REST APIs) and
lambda/latest/dg/services-apigateway.html ("Handling errors": a rejected invocation is 500, a failed one 502). Those of
HTTP APIs, and the statuses for what is too large, are not documented but seen by users.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Literal

from ...common.json_text import compact
from ..frontend.proxy_result import HttpResponse

Kind = Literal["HTTP", "REST"]


class Failure(Enum):
    """What API Gateway answers without a function, or for one that failed."""

    NO_STAGE = auto()
    NO_ROUTE = auto()
    BAD_REQUEST = auto()
    HEADERS_TOO_LARGE = auto()
    TOO_LARGE = auto()
    REJECTED = auto()
    """The Lambda API refused the invocation."""
    THROTTLED = auto()
    FAILED = auto()
    """The function failed, or its result is malformed."""
    MISCONFIGURED = auto()
    """The body of the result is not base64."""
    TIMED_OUT = auto()


class GatewayError(Exception):
    """A request that gets a response of API Gateway itself."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.name)
        self.failure = failure


_INTERNAL = "InternalServerErrorException"
_REST = {
    Failure.NO_STAGE: (403, "ForbiddenException", '{"message":"Forbidden"}'),
    Failure.NO_ROUTE: (403, "MissingAuthenticationTokenException", '{"message":"Missing Authentication Token"}'),
    Failure.BAD_REQUEST: (400, "BadRequestException", '{"message":"Bad Request"}'),
    Failure.HEADERS_TOO_LARGE: (413, "RequestEntityTooLargeException", '{"message":"Request Too Long"}'),
    Failure.TOO_LARGE: (413, "RequestEntityTooLargeException", '{"message":"Request Too Long"}'),
    Failure.REJECTED: (500, _INTERNAL, '{"message": "Internal server error"}'),
    Failure.THROTTLED: (500, _INTERNAL, '{"message": "Internal server error"}'),
    Failure.FAILED: (502, _INTERNAL, '{"message": "Internal server error"}'),
    Failure.MISCONFIGURED: (500, _INTERNAL, '{"message": "Internal server error"}'),
    Failure.TIMED_OUT: (504, _INTERNAL, '{"message": "Endpoint request timed out"}'),
}
_HTTP = {
    Failure.NO_STAGE: (404, '{"message":"Not Found"}'),
    Failure.NO_ROUTE: (404, '{"message":"Not Found"}'),
    Failure.BAD_REQUEST: (400, '{"message":"Bad Request"}'),
    Failure.HEADERS_TOO_LARGE: (431, '{"message":"Request Header Fields Too Large"}'),
    Failure.TOO_LARGE: (413, '{"message":"Request Entity Too Large"}'),
    Failure.REJECTED: (500, '{"message":"Internal Server Error"}'),
    Failure.THROTTLED: (503, '{"message":"Service Unavailable"}'),
    Failure.FAILED: (500, '{"message":"Internal Server Error"}'),
    Failure.MISCONFIGURED: (500, '{"message":"Internal Server Error"}'),
    Failure.TIMED_OUT: (503, '{"message":"Service Unavailable"}'),
}


def failure_response(kind: Kind, failure: Failure) -> HttpResponse:
    """Return the response of an API of that kind."""
    if kind == "HTTP":
        status, body = _HTTP[failure]
        return HttpResponse(status, [("Content-Type", "application/json")], body.encode())
    status, error_type, body = _REST[failure]
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", error_type)]
    return HttpResponse(status, headers, body.encode())


def not_offered(reason: str) -> HttpResponse:
    """Return the response of a route that cannot be served here."""
    return HttpResponse(501, [("Content-Type", "application/json")], compact({"message": reason}).encode())
