"""Routes of an OpenAPI document with API Gateway's extensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from ..emulator.config.project import Route

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method")


def routes_of(
    document: dict[str, Any], kind: Literal["HTTP", "REST"], function_of: Callable[[object], str | None]
) -> tuple[Route, ...]:
    """Return the routes; `function_of` gives the function of an integration's URI, with `:QUALIFIER` if it has one."""
    routes = []
    for path, item in (document.get("paths") or {}).items():
        for method, operation in (item or {}).items():
            if method not in _METHODS or not isinstance(operation, dict):
                continue
            integration = operation.get("x-amazon-apigateway-integration") or {}
            named = function_of(integration.get("uri")) if integration.get("type", "").lower() == "aws_proxy" else None
            name, _, qualifier = (named or "").partition(":")
            authorizers = [name for each in operation.get("security") or () for name in each]
            reason = f"authorizer {authorizers[0]}" if authorizers else ""
            if named is None and not reason:
                reason = f"integration {integration.get('type', 'mock')}"
            routes.append(
                Route(
                    "ANY" if method.startswith("x-") else method.upper(),
                    "$default" if path == "/$default" else path,
                    name or None,
                    qualifier or None,
                    "2.0" if str(integration.get("payloadFormatVersion")) == "2.0" else "1.0",
                    float(integration.get("timeoutInMillis", 30_000 if kind == "HTTP" else 29_000)) / 1000,
                    reason,
                )
            )
    return tuple(routes)
