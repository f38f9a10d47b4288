"""OpenAPI 3 and Swagger 2 documents with API Gateway's extensions: their routes and settings. Without I/O.

Sources: docs apigateway/latest/developerguide/api-gateway-swagger-extensions.html, and api-gateway-known-issues.html:
`security` of the whole document is ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from ..config.project import MockResponse, Route
from ..errors import InvalidFunction
from ..frontend.url_cors import Cors
from .routes import DEFAULT, METHODS

_METHODS = {method.lower(): method for method in METHODS} | {"x-amazon-apigateway-any-method": "ANY"}
_INTEGRATION = "x-amazon-apigateway-integration"
_DEFAULT_TIMEOUT_S = {"HTTP": 30.0, "REST": 29.0}
_INVOCATIONS = re.compile(r"arn:[^:]*:apigateway:[^:]*:lambda:path/2015-03-31/functions/(.+)/invocations")
_STATUS = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})""")
_RESPONSE_HEADER = "method.response.header."
_VARIABLE_TEXT = re.compile(r"[$#]")  # of a mapping template


def routes_of(
    document: Mapping[str, Any], kind: Literal["HTTP", "REST"], function_of: Callable[[object], str | None]
) -> tuple[Route, ...]:
    """Return the routes of a document.

    Args:
        document: parsed document. Its intrinsic functions are resolved, except those that `function_of` resolves.
        kind: whether it is the body of an HTTP API or of a REST API.
        function_of: what finds the function of an integration's `uri`: a name, with or without `:` and a qualifier, an
            ARN, or None if the URI names no function of the project. `invoked_function` reads a URI that is text.

    Raises:
        InvalidFunction: the document is malformed; the text names the path.
    """
    routes = []
    for path, item in _object(document.get("paths"), "paths").items():
        for key, operation in _object(item, f"path {path}").items():
            if (method := _METHODS.get(key)) is not None:
                where = f"{method} {path}"
                routes.append(_route(document, kind, method, path, _object(operation, where), function_of))
    return tuple(routes)


def cors_of(document: Mapping[str, Any]) -> Cors | None:
    """Return the CORS settings of an HTTP API's document, or None.

    Raises:
        InvalidFunction: a setting is malformed.
    """
    given = document.get("x-amazon-apigateway-cors")
    if given is None:
        return None
    settings = _object(given, "x-amazon-apigateway-cors")
    return Cors(
        allow_origins=_texts(settings, "allowOrigins"),
        allow_methods=_texts(settings, "allowMethods"),
        allow_headers=_texts(settings, "allowHeaders"),
        expose_headers=_texts(settings, "exposeHeaders"),
        allow_credentials=settings.get("allowCredentials") in (True, "true"),
        max_age=max(int(_number(settings.get("maxAge", 0), "maxAge of CORS")), 0),  # -1 sends no such header, too
    )


def binary_media_types_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the binary media types of a REST API's document."""
    types = _texts(document, "x-amazon-apigateway-binary-media-types")
    return tuple(each.replace("~1", "/") for each in types)


def invoked_function(uri: object) -> str | None:
    """Return the name or ARN of the function in an integration's URI; an ARN of a function is one, too."""
    if not isinstance(uri, str):
        return None
    found = _INVOCATIONS.fullmatch(uri)
    if found is not None:
        return found[1]
    return uri if ":function:" in uri else None


def mock_of(integration: Mapping[str, Any]) -> MockResponse | None:
    """Return the response of a mock integration whose headers and body are constant, as for CORS; None for others."""
    asked = _STATUS.search(str(_section(integration, "requestTemplates").get("application/json", "")))
    responses = _section(integration, "responses")
    status = "200" if asked is None else asked[1]
    chosen = next((pattern for pattern in responses if _is_for(pattern, status)), "default")
    if chosen not in responses:
        return None
    response = _object(responses[chosen], f"response {chosen} of a mock integration")
    headers = []
    for name, value in _section(response, "responseParameters").items():
        if not name.startswith(_RESPONSE_HEADER) or not (isinstance(value, str) and value[:1] == value[-1:] == "'"):
            return None
        headers.append((name.removeprefix(_RESPONSE_HEADER), value[1:-1]))
    bodies = _section(response, "responseTemplates")
    body = str(bodies.get("application/json", next(iter(bodies.values()), "")) or "")
    if _VARIABLE_TEXT.search(body):
        return None
    sent = _number(response.get("statusCode", status), "statusCode of a mock integration")
    if not 200 <= sent <= 599:
        raise InvalidFunction(f"statusCode of a mock integration is {sent:g}; it is 200 to 599")
    return MockResponse(int(sent), tuple(headers), body)


def _is_for(pattern: str, status: str) -> bool:
    """Return whether a selection pattern, which is not `default`, matches a status."""
    try:
        return pattern != "default" and re.fullmatch(pattern, status) is not None
    except re.error as error:
        raise InvalidFunction(f"{pattern!r} in responses of a mock integration is not a pattern: {error}") from error


def _route(
    document: Mapping[str, Any],
    kind: Literal["HTTP", "REST"],
    method: str,
    path: str,
    operation: Mapping[str, Any],
    function_of: Callable[[object], str | None],
) -> Route:
    where = f"{method} {path}"
    integration = _object(_resolved(document, operation.get(_INTEGRATION) or {}, where), f"integration of {where}")
    mock = function = qualifier = None
    unsupported = _authorization(document, operation)
    match str(integration.get("type", "")).lower():
        case "aws_proxy" if "integrationSubtype" not in integration:
            function, qualifier = _function(function_of(integration.get("uri")))
            if function is None:
                unsupported = unsupported or "an integration whose URI names no function of the project"
            elif kind == "HTTP" and (integration.get("requestParameters") or integration.get("responseParameters")):
                unsupported = unsupported or "a parameter mapping"
        case "aws_proxy":
            unsupported = unsupported or f"an integration of type {integration['integrationSubtype']}"
        case "mock" if kind == "REST":
            mock = mock_of(integration)
            unsupported = unsupported or ("" if mock else "a mock integration with a mapping template")
        case "":
            unsupported = unsupported or "no integration"
        case other:
            unsupported = unsupported or f"an integration of type {other}"
    if kind == "HTTP" and path.removeprefix("/") == DEFAULT:
        path = DEFAULT
    elif kind == "REST":
        path = path.rstrip("/") or "/"
    return Route(
        method=method,
        path=path,
        function=function,
        qualifier=qualifier,
        payload_format=_payload_format(integration, where) if kind == "HTTP" else "1.0",
        timeout_s=_timeout_s(integration, kind, where),
        unsupported=unsupported,
        mock=mock,
    )


def _function(text: str | None) -> tuple[str | None, str | None]:
    """Return name and qualifier of a function."""
    if text is None:
        return None, None
    name, _, qualifier = text.rpartition(":function:")[2].partition(":")
    return name, qualifier or None


def _resolved(document: Mapping[str, Any], value: Any, where: str) -> Any:
    """Return the value, or what its `$ref` refers to in the document."""
    if not isinstance(value, dict) or "$ref" not in value:
        return value
    found: Any = document
    for part in str(value["$ref"]).removeprefix("#/").split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    if found is None:
        raise InvalidFunction(f"{where} refers to {value['$ref']}, which the document does not have; add it")
    return found


def _authorization(document: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    """Return what authorizes requests of an operation; empty for nothing."""
    schemes = {
        **_section(document, "securityDefinitions"),
        **_section(_section(document, "components"), "securitySchemes"),
    }
    kinds = []
    if str(_section(operation, "x-amazon-apigateway-auth").get("type", "NONE")).upper() == "AWS_IAM":
        kinds.append("IAM authorization")
    requirements = operation.get("security") or []
    if not isinstance(requirements, list):
        raise InvalidFunction("security of an operation of the OpenAPI document is not a list")
    for name in (name for each in requirements for name in _object(each, "a requirement in security")):
        scheme = _section(schemes, name)
        if "x-amazon-apigateway-authorizer" in scheme:
            kinds.append(f"authorizer {name}")
        elif "x-amazon-apigateway-authtype" in scheme:
            kinds.append("IAM authorization")
        elif scheme.get("type") == "apiKey":
            kinds.append("API key")
    return " and ".join(dict.fromkeys(kinds))


def _payload_format(integration: Mapping[str, Any], where: str) -> Literal["1.0", "2.0"]:
    given = str(integration.get("payloadFormatVersion", "1.0"))
    if given == "1.0":
        return "1.0"
    if given == "2.0":
        return "2.0"
    raise InvalidFunction(f"payloadFormatVersion of {where} is {given!r}; it is 1.0 or 2.0")


def _timeout_s(integration: Mapping[str, Any], kind: str, where: str) -> float:
    given = integration.get("timeoutInMillis")
    return _DEFAULT_TIMEOUT_S[kind] if given is None else _number(given, f"timeoutInMillis of {where}") / 1000


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidFunction(f"{name} of the OpenAPI document is not an object")
    return value


def _section(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object in another; an empty one if it is missing."""
    return _object(value.get(name) or {}, name)


def _texts(settings: Mapping[str, Any], name: str) -> list[str]:
    given = settings.get(name) or []
    return [str(each) for each in (given if isinstance(given, list) else [given])]


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidFunction(f"{name} is {value!r}, not a number")
    return number
