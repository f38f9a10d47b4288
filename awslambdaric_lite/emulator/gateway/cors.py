"""Cross-origin resource sharing of an HTTP API.

The API answers a preflight request that takes no route, and replaces the headers of functions. A preflight request that
takes a route (`ANY` and `$default` do) reaches its function. Source: docs
apigateway/latest/developerguide/http-api-cors.html.
"""

from __future__ import annotations

from ..errors import InvalidFunction
from ..frontend.proxy_result import Headers
from ..frontend.url_cors import Cors, is_preflight
from ..http.exchange import RecordedRequest

_PREFIX = "access-control-"
_ANY_HOST = ("https://*", "http://*")


def check_cors(api: str, cors: Cors | None) -> None:
    """Check settings.

    Raises:
        InvalidFunction: API Gateway would refuse them.
    """
    if cors is not None and cors.allow_credentials and "*" in cors.allow_origins:
        raise InvalidFunction(
            f"{api} allows credentials to every origin, which API Gateway refuses: name the origins in AllowOrigins"
        )


def with_cors(cors: Cors, request: RecordedRequest, headers: Headers) -> Headers:
    """Return the headers of a response with those of the settings instead of the function's."""
    return [line for line in headers if not line[0].lower().startswith(_PREFIX)] + _cors_headers(cors, request)


def _cors_headers(cors: Cors, request: RecordedRequest) -> Headers:
    origin = request.header("Origin")
    if origin is None or not _is_allowed(cors, origin):
        return []
    headers = [("Access-Control-Allow-Origin", "*" if "*" in cors.allow_origins else origin)]
    if cors.allow_credentials:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if is_preflight(request):
        lists = (
            ("Access-Control-Allow-Methods", cors.allow_methods),
            ("Access-Control-Allow-Headers", cors.allow_headers),
        )
        headers += [(name, ",".join(values)) for name, values in lists if values]
        if cors.max_age:
            headers.append(("Access-Control-Max-Age", str(cors.max_age)))
    elif cors.expose_headers:
        headers.append(("Access-Control-Expose-Headers", ",".join(cors.expose_headers)))
    return headers


def _is_allowed(cors: Cors, origin: str) -> bool:
    of_scheme = (each[:-1] for each in cors.allow_origins if each in _ANY_HOST)
    return bool({"*", origin} & set(cors.allow_origins)) or any(origin.startswith(scheme) for scheme in of_scheme)
