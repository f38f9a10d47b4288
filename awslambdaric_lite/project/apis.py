"""HTTP APIs and REST APIs with their routes, from OpenAPI documents and from single resources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from ..emulator.config.project import Api, Route
from ..emulator.gateway.openapi import binary_media_types_of, cors_of, routes_of
from .code import find_content
from .documents import read_document
from .errors import WRONG_FORM, Problem, explain
from .functions import names_function
from .intrinsics import as_text
from .resource_types import HTTP_API, REST_API
from .stack import Stack

_INTEGRATION = "x-amazon-apigateway-integration"
_NAMES = {"IntegrationType": "type", "IntegrationUri": "uri", "TimeoutInMillis": "timeoutInMillis"}
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
        except (Problem, *WRONG_FORM) as error:
            stack.note(logical_id, f"the API is left out: {explain(error)}")


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
        document = self._document()
        (self._add_http_routes if self._kind == "HTTP" else self._add_rest_methods)(document)
        if media_types := self._stack.resolve(self._properties.get("BinaryMediaTypes")):
            document["x-amazon-apigateway-binary-media-types"] = media_types
        if cors := self._stack.resolve(self._properties.get("CorsConfiguration")):
            document["x-amazon-apigateway-cors"] = _lowered(cors)
        return Api(
            f"{self._stack.prefix}{self._logical_id}",
            self._kind,
            self._distinct(routes_of(document, self._kind, self._function_of)),
            stage,
            api_id=self._id,
            stage_variables=self._variables,
            cors=cors_of(document) if self._kind == "HTTP" else None,
            binary_media_types=binary_media_types_of(document),
        )

    def _document(self) -> dict[str, Any]:
        """Return the API's OpenAPI document, an empty one if single resources have its routes."""
        location = next((name for name in ("Body", "BodyS3Location") if name in self._properties), None)
        if location is None:
            return {"paths": {}}
        body = self._properties[location]
        if isinstance(body, str) or location == "BodyS3Location":
            resource = self._stack.section("Resources")[self._logical_id]
            file = find_content(self._stack, resource, location)
            self._stack.shared.files.append(file)
            body = read_document(file)
        document = self._stack.resolve(body)
        if not isinstance(document, dict):
            raise Problem("its definition is not a mapping; write an OpenAPI document")
        return {**document, "paths": dict(document.get("paths") or {})}

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

    def _add(
        self, document: dict[str, Any], method: str, path: str, integration: dict[str, Any], properties: dict[str, Any]
    ) -> None:
        """Add a route of a single resource, whose properties have its authorization, to a document."""
        authorization = properties.get("AuthorizationType", "NONE")
        operation: dict[str, Any] = {_INTEGRATION: integration, "x-amazon-apigateway-auth": {"type": authorization}}
        schemes: dict[str, Any] = {}
        if authorization not in ("NONE", "AWS_IAM"):
            schemes[str(properties.get("AuthorizerId", authorization))] = {"x-amazon-apigateway-authorizer": {}}
        if str(properties.get("ApiKeyRequired", False)).lower() == "true":
            schemes["api_key"] = {"type": "apiKey"}
        operation["security"] = [{name: []} for name in schemes]
        document.setdefault("components", {}).setdefault("securitySchemes", {}).update(schemes)
        key = "x-amazon-apigateway-any-method" if method == "ANY" else method.lower()
        item = document["paths"].setdefault(path, {})
        if key in item:
            self._stack.note(self._logical_id, f"{method} {path} is there twice; remove one of the two routes")
        item.setdefault(key, operation)

    def _add_http_routes(self, document: dict[str, Any]) -> None:
        integrations = dict(self._parts("AWS::ApiGatewayV2::Integration"))
        for logical_id, properties in self._parts("AWS::ApiGatewayV2::Route"):
            integration = integrations.get(str(properties.get("Target", "")).rpartition("/")[2])
            if integration is None:
                self._stack.note(logical_id, "the route has no integration; give it one as its Target")
                continue
            self._add(document, *_method_and_path(properties.get("RouteKey")), _lowered(integration), properties)
        if (target := self._properties.get("Target")) is not None:
            key = self._stack.resolve(self._properties.get("RouteKey", "$default"))
            given = {"type": "aws_proxy", "uri": self._stack.resolve(target), "payloadFormatVersion": "2.0"}
            self._add(document, *_method_and_path(key), given, {})

    def _add_rest_methods(self, document: dict[str, Any]) -> None:
        resources = dict(self._parts("AWS::ApiGateway::Resource"))
        root = self._stack.attribute(self._logical_id, "RootResourceId")
        for logical_id, properties in self._parts("AWS::ApiGateway::Method"):
            path, resource, seen = "", properties.get("ResourceId"), set()
            while resource != root and resource in resources and resource not in seen:
                seen.add(resource)
                path = f"/{resources[resource].get('PathPart')}{path}"
                resource = resources[resource].get("ParentId")
            if resource != root:
                self._stack.note(logical_id, f"the method has no path to the root of the API; correct {resource}")
                continue
            integration = _lowered(properties.get("Integration") or {})
            responses = [_lowered(each) for each in integration.pop("integrationResponses", [])]
            integration["responses"] = {each.get("selectionPattern", "default"): each for each in responses}
            self._add(document, str(properties.get("HttpMethod")), path or "/", integration, properties)

    def _distinct(self, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """Return the routes, of two with one method and one path the first."""
        kept: dict[tuple[str, str], Route] = {}
        for route in routes:
            key = (route.method.upper(), re.sub(r"\{[^}+]+", "{", route.path))
            if key in kept:
                text = f"{route.method} {route.path} and {kept[key].path} are one route; remove one"
                self._stack.note(self._logical_id, text)
            kept.setdefault(key, route)
        return tuple(kept.values())


def _method_and_path(key: Any) -> tuple[str, str]:
    """Return both parts of an HTTP API's route key."""
    method, _, path = str(key).partition(" ")
    return ("ANY", "/$default") if method == "$default" else (method, path)


def _lowered(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an integration's settings with their names in OpenAPI documents."""
    return {_NAMES.get(key, key[:1].lower() + key[1:]): value for key, value in properties.items()}
