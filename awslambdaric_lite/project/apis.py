"""HTTP APIs and REST APIs with their routes, from OpenAPI documents and from single resources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from ..emulator.config.project import Api, Route
from ..emulator.errors import InvalidFunction
from .code import find_content
from .documents import read_document
from .errors import Problem
from .functions import make_cors, names_function
from .intrinsics import as_text
from .openapi import routes_of
from .stack import HTTP_API, REST_API, Stack

_HTTP_TIMEOUT_MS = 30_000
_REST_TIMEOUT_MS = 29_000
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")
Kind = Literal["HTTP", "REST"]


def read_apis(stack: Stack, functions: set[str]) -> Iterator[Api]:
    """Yield the APIs of a stack."""
    for logical_id, properties in stack.of_type(HTTP_API, REST_API):
        kind: Kind = "HTTP" if stack.section("Resources")[logical_id]["Type"] == HTTP_API else "REST"
        if kind == "HTTP" and properties.get("ProtocolType", "HTTP") != "HTTP":
            stack.note(logical_id, f"a {properties['ProtocolType']} API is not offered here; it is left out")
            continue
        try:
            yield _Reader(stack, logical_id, properties, kind, functions).read()
        except (Problem, InvalidFunction, ValueError, TypeError) as error:
            stack.note(logical_id, f"the API is left out: {error}")


class _Reader:
    """Reads one API."""

    def __init__(
        self, stack: Stack, logical_id: str, properties: dict[str, Any], kind: Kind, functions: set[str]
    ) -> None:
        self._stack = stack
        self._logical_id = logical_id
        self._properties = properties
        self._kind: Kind = kind
        self._functions = functions
        self._id = stack.ref(logical_id)
        self._variables: dict[str, str] = {}

    def read(self) -> Api:
        """Return the API."""
        stage, self._variables = self._stage()
        body = self._body()
        routes = [] if body is None else list(routes_of(body, self._kind, self._function_of))
        routes += self._http_routes() if self._kind == "HTTP" else self._rest_routes()
        media_types = self._stack.resolve(self._properties.get("BinaryMediaTypes"))
        if media_types is None and body is not None:
            media_types = body.get("x-amazon-apigateway-binary-media-types")
        cors = self._stack.resolve(self._properties.get("CorsConfiguration"))
        if cors is None and body is not None:
            cors = body.get("x-amazon-apigateway-cors")
        return Api(
            f"{self._stack.prefix}{self._logical_id}",
            self._kind,
            self._distinct(routes),
            stage,
            api_id=self._id,
            stage_variables=self._variables,
            cors=make_cors(cors) if self._kind == "HTTP" else None,
            binary_media_types=tuple(str(each).replace("~1", "/") for each in media_types or ()),
        )

    def _body(self) -> dict[str, Any] | None:
        location = next((name for name in ("Body", "BodyS3Location") if name in self._properties), None)
        if location is None:
            return None
        body = self._properties[location]
        if isinstance(body, str) or location == "BodyS3Location":
            resource = self._stack.section("Resources")[self._logical_id]
            file = find_content(self._stack, resource, location)
            self._stack.shared.files.append(file)
            body = read_document(file)
        body = self._stack.resolve(body)
        if not isinstance(body, dict):
            raise Problem("its definition is not a mapping; write an OpenAPI document")
        return body

    def _stage(self) -> tuple[str, dict[str, str]]:
        prefix = "AWS::ApiGatewayV2::" if self._kind == "HTTP" else "AWS::ApiGateway::"
        stages: dict[str, dict[str, str]] = {}
        for _, properties in self._parts(f"{prefix}Stage"):
            variables = properties.get("StageVariables" if self._kind == "HTTP" else "Variables") or {}
            stages[as_text(properties.get("StageName", "default"))] = {
                key: as_text(value) for key, value in variables.items()
            }
        if not stages and self._kind == "REST":
            for _, properties in self._parts("AWS::ApiGateway::Deployment"):
                if "StageName" in properties:
                    stages[as_text(properties["StageName"])] = {}
        if not stages:
            stages["$default" if self._kind == "HTTP" else "Prod"] = {}
        stage = next(iter(stages))
        if len(stages) > 1:
            others = ", ".join(list(stages)[1:])
            self._stack.note(self._logical_id, f"its stage {stage} is served; left out: {others}")
        return stage, stages[stage]

    def _parts(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the resources of a type that belong to this API, resolved."""
        key = "ApiId" if self._kind == "HTTP" else "RestApiId"
        for logical_id, properties in self._stack.of_type(kind):
            if self._stack.resolve(properties.get(key)) == self._id:
                wanted = {name: value for name, value in properties.items() if name not in ("Tags", "AccessLogSetting")}
                yield logical_id, self._stack.resolve(wanted)

    def _function_of(self, uri: object) -> str | None:
        """Return the function of an integration's URI, with its qualifier after a colon."""
        text = _STAGE_VARIABLE.sub(lambda match: self._variables.get(match[1], match[0]), str(self._stack.resolve(uri)))
        named = names_function(text)
        if named is None or named[0] not in self._functions:
            return None
        return named[0] if named[1] is None else ":".join(filter(None, named))

    def _route(self, method: str, path: str, uri: object, reason: str, payload: str, timeout_ms: object) -> Route:
        function = self._function_of(uri)
        if function is None and not reason:
            reason = f"integration {uri}" if uri else "an integration that is not a function"
        name, _, qualifier = (function or "").partition(":")
        limit = _HTTP_TIMEOUT_MS if self._kind == "HTTP" else _REST_TIMEOUT_MS
        return Route(
            method,
            path,
            name or None,
            qualifier or None,
            "2.0" if payload == "2.0" else "1.0",
            float(as_text(timeout_ms or limit)) / 1000,
            reason,
        )

    def _http_routes(self) -> list[Route]:
        integrations = dict(self._parts("AWS::ApiGatewayV2::Integration"))
        routes = []
        for logical_id, properties in self._parts("AWS::ApiGatewayV2::Route"):
            method, _, path = str(properties.get("RouteKey", "")).partition(" ")
            if method == "$default":
                method, path = "ANY", "$default"
            integration = integrations.get(str(properties.get("Target", "")).rpartition("/")[2])
            if integration is None:
                raise Problem(f"route {logical_id} has no integration; give it one as its Target")
            authorization = properties.get("AuthorizationType", "NONE")
            reason = "" if authorization == "NONE" else f"authorizer {properties.get('AuthorizerId', authorization)}"
            if integration.get("IntegrationType") != "AWS_PROXY" or "IntegrationSubtype" in integration:
                reason = (
                    reason or f"integration {integration.get('IntegrationSubtype', integration['IntegrationType'])}"
                )
            routes.append(
                self._route(
                    method,
                    path,
                    integration.get("IntegrationUri"),
                    reason,
                    str(integration.get("PayloadFormatVersion", "1.0")),
                    integration.get("TimeoutInMillis"),
                )
            )
        target = self._stack.resolve(self._properties.get("Target"))
        if target is not None:
            method, _, path = str(self._stack.resolve(self._properties.get("RouteKey", "$default"))).partition(" ")
            if method == "$default":
                method, path = "ANY", "$default"
            routes.append(self._route(method, path, target, "", "2.0", None))
        return routes

    def _rest_routes(self) -> list[Route]:
        resources = dict(self._parts("AWS::ApiGateway::Resource"))
        root = self._stack.attribute(self._logical_id, "RootResourceId")

        def path_of(resource: object) -> str:
            parts: list[str] = []
            while resource != root:
                properties = resources.pop(str(resource)) if len(parts) > 100 else resources[str(resource)]
                parts.insert(0, str(properties["PathPart"]))
                resource = properties["ParentId"]
            return "/" + "/".join(parts)

        routes = []
        for logical_id, properties in self._parts("AWS::ApiGateway::Method"):
            try:
                path = path_of(properties.get("ResourceId"))
            except KeyError:
                raise Problem(
                    f"method {logical_id} has a resource that is not in the API; correct ResourceId"
                ) from None
            integration = properties.get("Integration") or {}
            authorization = properties.get("AuthorizationType", "NONE")
            reason = "" if authorization == "NONE" else f"authorizer {properties.get('AuthorizerId', authorization)}"
            if not reason and integration.get("Type") != "AWS_PROXY":
                reason = f"integration {integration.get('Type', 'MOCK')}"
            uri, timeout = integration.get("Uri"), integration.get("TimeoutInMillis")
            routes.append(self._route(str(properties.get("HttpMethod")), path, uri, reason, "1.0", timeout))
        return routes

    def _distinct(self, routes: list[Route]) -> tuple[Route, ...]:
        """Return the routes, of two with one method and one path the first."""
        kept: dict[tuple[str, str], Route] = {}
        for route in routes:
            key = (route.method.upper(), re.sub(r"\{[^}+]+", "{", route.path))
            if key in kept:
                text = f"{route.method} {route.path} and {kept[key].path} are one route; remove one"
                self._stack.note(self._logical_id, text)
            kept.setdefault(key, route)
        return tuple(kept.values())
