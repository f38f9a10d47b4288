"""Routes and settings from OpenAPI documents with API Gateway's extensions."""

from __future__ import annotations

import copy
from typing import Any, Literal

import pytest

from awslambdaric_lite.emulator.config.project import MockResponse, Route
from awslambdaric_lite.emulator.errors import InvalidFunction
from awslambdaric_lite.emulator.frontend.url_cors import Cors
from awslambdaric_lite.emulator.gateway.openapi import binary_media_types_of, cors_of, invoked_function, routes_of

ARN = "arn:aws:lambda:eu-west-1:111122223333:function"


def uri(function: str) -> str:
    """Return the URI of an integration with a function."""
    return f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{function}/invocations"


def proxy(function: str = f"{ARN}:orders", **more: object) -> dict[str, Any]:
    """Return an operation with a proxy integration."""
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(function), **more}
    return {"x-amazon-apigateway-integration": integration}


def document(path: str, method: str, operation: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return a document with one operation."""
    return {"openapi": "3.0.1", "paths": {path: {"parameters": [], method: operation}}, **more}


def route(
    operation: dict[str, Any],
    kind: Literal["HTTP", "REST"] = "HTTP",
    method: str = "get",
    path: str = "/a",
    **more: object,
) -> Route:
    """Return the route of a document with one operation."""
    (found,) = routes_of(document(path, method, operation, **more), kind, invoked_function)
    return found


@pytest.mark.parametrize(
    ("function", "name", "qualifier"),
    [
        (f"{ARN}:orders", "orders", None),
        (f"{ARN}:orders:live", "orders", "live"),
        ("orders", "orders", None),
        ("orders:7", "orders", "7"),
    ],
)
def test_uri_names_function_and_qualifier(function: str, name: str, qualifier: str | None) -> None:
    """The URI has a name or an ARN, with or without a qualifier; HTTP APIs also take the ARN alone as the URI."""
    assert (route(proxy(function)).function, route(proxy(function)).qualifier) == (name, qualifier)
    if ":function:" in function:
        bare = proxy()
        bare["x-amazon-apigateway-integration"]["uri"] = function
        assert (route(bare).function, route(bare).qualifier) == (name, qualifier)


def test_uri_is_resolved_by_the_caller() -> None:
    """A URI that is not text reaches the caller's function unchanged."""
    given = {"Fn::Sub": "arn:${AWS::Partition}:…:functions/${Orders.Arn}/invocations"}
    operation = proxy()
    operation["x-amazon-apigateway-integration"]["uri"] = given
    routes = routes_of(document("/a", "get", operation), "HTTP", lambda uri: "orders:live" if uri == given else None)
    assert (routes[0].function, routes[0].qualifier) == ("orders", "live")


@pytest.mark.parametrize("method", ["get", "put", "post", "delete", "options", "head", "patch"])
def test_each_method_becomes_a_route(method: str) -> None:
    """Each method of a path becomes a route; other keys of the path do not."""
    found = route(proxy(), "REST", method, "/a/{id}")
    assert found == Route(method.upper(), "/a/{id}", "orders", payload_format="1.0", timeout_s=29.0)


def test_any_method_becomes_any() -> None:
    """The extension for any method becomes ANY."""
    assert route(proxy(), "REST", "x-amazon-apigateway-any-method").method == "ANY"


@pytest.mark.parametrize("path", ["$default", "/$default"])
def test_default_route_of_http_api(path: str) -> None:
    """`$default` is the default route of an HTTP API, written as SAM does and as API Gateway exports it."""
    assert route(proxy(), "HTTP", "x-amazon-apigateway-any-method", path).path == "$default"


@pytest.mark.parametrize(("path", "expected"), [("/a/", "/a"), ("/", "/"), ("/{p+}", "/{p+}")])
def test_rest_api_has_no_trailing_slash(path: str, expected: str) -> None:
    """A resource of a REST API has no trailing slash."""
    assert route(proxy(), "REST", path=path).path == expected


@pytest.mark.parametrize(
    ("kind", "more", "payload_format", "timeout_s"),
    [
        ("HTTP", {}, "1.0", 30.0),
        ("HTTP", {"payloadFormatVersion": "2.0", "timeoutInMillis": 5000}, "2.0", 5.0),
        ("HTTP", {"payloadFormatVersion": 2.0, "timeoutInMillis": "1500"}, "2.0", 1.5),
        ("REST", {"payloadFormatVersion": "2.0"}, "1.0", 29.0),
        ("REST", {"timeoutInMillis": 50}, "1.0", 0.05),
    ],
)
def test_format_and_timeout(
    kind: Literal["HTTP", "REST"], more: dict[str, Any], payload_format: str, timeout_s: float
) -> None:
    """The payload format and the timeout are the integration's, or the defaults of the API's kind."""
    found = route(proxy(**more), kind)
    assert (found.payload_format, found.timeout_s) == (payload_format, timeout_s)


def test_integration_by_reference() -> None:
    """An integration may be a reference to one of the document's components."""
    components = {"x-amazon-apigateway-integrations": {"a/b": proxy()["x-amazon-apigateway-integration"]}}
    reference = {"$ref": "#/components/x-amazon-apigateway-integrations/a~1b"}
    found = route({"x-amazon-apigateway-integration": reference}, components=components)
    assert found.function == "orders"
    with pytest.raises(InvalidFunction, match="GET /a refers to #/components/x-amazon-apigateway-integrations/a~1b"):
        route({"x-amazon-apigateway-integration": reference})


AUTHORIZER = {"type": "oauth2", "x-amazon-apigateway-authorizer": {"type": "jwt"}}
SIGNATURE = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
KEY = {"type": "apiKey", "name": "x-api-key", "in": "header"}


@pytest.mark.parametrize(
    ("security", "unsupported"),
    [
        ([{"J": []}], "authorizer J"),
        ([{"K": []}], "API key"),
        ([{"S": []}], "IAM authorization"),
        ([{"J": []}, {"K": []}], "authorizer J and API key"),
        ([{"NONE": []}], ""),
        ([{}], ""),
        ([], ""),
    ],
)
@pytest.mark.parametrize("version", ["openapi", "swagger"])
def test_authorization_is_unsupported(security: list[Any], unsupported: str, version: str) -> None:
    """A route tells authorizers, API keys and signatures of its operation; an undefined name is not an authorizer."""
    schemes = {"J": AUTHORIZER, "S": SIGNATURE, "K": KEY}
    more: dict[str, Any] = {"components": {"securitySchemes": schemes}}
    if version == "swagger":
        more = {"swagger": "2.0", "securityDefinitions": schemes}
    found = route(proxy() | {"security": security}, security=[{"J": []}], **more)
    assert (found.unsupported, found.function) == (unsupported, "orders")


def test_iam_of_a_rest_operation_is_unsupported() -> None:
    """A route tells the IAM authorization that its operation's own extension sets."""
    assert route(proxy() | {"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}).unsupported == "IAM authorization"
    assert route(proxy() | {"x-amazon-apigateway-auth": {"type": "NONE"}}).unsupported == ""


@pytest.mark.parametrize(
    ("integration", "unsupported"),
    [
        ({"type": "http_proxy", "uri": "https://example.com"}, "an integration of type http_proxy"),
        ({"type": "AWS", "uri": uri("orders")}, "an integration of type aws"),
        ({"type": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage"}, "an integration of type SQS-SendMessage"),
        ({"type": "mock"}, "an integration of type mock"),
        ({"type": "aws_proxy", "uri": "arn:aws:states:x"}, "an integration whose URI names no function of the project"),
        ({}, "no integration"),
    ],
)
def test_other_integrations_are_unsupported(integration: dict[str, Any], unsupported: str) -> None:
    """A route tells the type of an integration that is not with a function."""
    found = route({"x-amazon-apigateway-integration": integration})
    assert (found.unsupported, found.function) == (unsupported, None)


@pytest.mark.parametrize("field", ["requestParameters", "responseParameters"])
def test_parameter_mapping_of_http_api_is_unsupported(field: str) -> None:
    """A proxy integration of an HTTP API that changes requests or responses is unsupported; REST APIs change none."""
    mapping: dict[str, Any] = {field: {"overwrite:header.a": "$request.path.id"}}
    assert route(proxy(**mapping)).unsupported == "a parameter mapping"
    assert route(proxy(**mapping), "REST").unsupported == ""
    mapping[field] = {}
    assert route(proxy(**mapping)).unsupported == ""


# As SAM writes it for `Cors` of a REST API.
PREFLIGHT: dict[str, Any] = {
    "x-amazon-apigateway-integration": {
        "type": "mock",
        "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'},
        "responses": {
            "default": {
                "statusCode": "200",
                "responseTemplates": {"application/json": "{}\n"},
                "responseParameters": {
                    "method.response.header.Access-Control-Allow-Methods": "'GET,OPTIONS'",
                    "method.response.header.Access-Control-Allow-Origin": "'*'",
                },
            }
        },
    }
}


def test_mock_with_constant_headers_is_served() -> None:
    """A mock integration whose headers and body are constant has a response."""
    found = route(PREFLIGHT, "REST", "options")
    headers = (("Access-Control-Allow-Methods", "GET,OPTIONS"), ("Access-Control-Allow-Origin", "*"))
    assert found.mock == MockResponse(200, headers, "{}\n")
    assert (found.function, found.unsupported) == (None, "")


def test_mock_chooses_its_response_by_the_status() -> None:
    """The response of a mock integration is the one whose pattern matches the status of the request template."""
    operation = copy.deepcopy(PREFLIGHT)
    integration = operation["x-amazon-apigateway-integration"]
    integration["requestTemplates"]["application/json"] = "{ statusCode: 204 }"
    integration["responses"][r"20\d"] = {"statusCode": 204}
    assert route(operation, "REST").mock == MockResponse(204)


@pytest.mark.parametrize("change", ["header", "body"])
def test_mock_with_mapping_is_unsupported(change: str) -> None:
    """A mock integration that maps parts of the request is unsupported."""
    operation = copy.deepcopy(PREFLIGHT)
    response = operation["x-amazon-apigateway-integration"]["responses"]["default"]
    if change == "header":
        response["responseParameters"]["method.response.header.A"] = "method.request.header.Origin"
    else:
        response["responseTemplates"] = {"application/json": "$input.body"}
    found = route(operation, "REST")
    assert (found.mock, found.unsupported) == (None, "a mock integration with a mapping template")


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ({"(": {}}, r"'\(' in responses of a mock integration is not a pattern"),
        ({"default": []}, "response default of a mock integration"),
        ({"default": {"statusCode": 99}}, "statusCode of a mock integration is 99; it is 200 to 599"),
        ({"default": {"statusCode": "many"}}, "statusCode of a mock integration is 'many', not a number"),
        ("x", "responses of the OpenAPI document is not an object"),
    ],
)
def test_malformed_mock_is_refused(responses: Any, message: str) -> None:
    """A malformed mock integration is refused with the reason."""
    with pytest.raises(InvalidFunction, match=message):
        route({"x-amazon-apigateway-integration": {"type": "mock", "responses": responses}}, "REST")


def test_mock_without_a_response_is_unsupported() -> None:
    """A mock integration without a response for its status is unsupported."""
    found = route({"x-amazon-apigateway-integration": {"type": "mock", "responses": {"404": {}}}}, "REST")
    assert (found.mock, bool(found.unsupported)) == (None, True)


def test_cors_settings() -> None:
    """The CORS settings of an HTTP API's document are read; a document without them has none."""
    settings = {"allowOrigins": ["https://a.example"], "allowMethods": "GET", "maxAge": "600", "allowCredentials": True}
    cors = cors_of({"x-amazon-apigateway-cors": settings})
    expected = Cors(["https://a.example"], ["GET"], allow_credentials=True, max_age=600)
    assert cors is not None
    assert [list(cors.allow_origins), list(cors.allow_methods)] == [["https://a.example"], ["GET"]]
    assert (cors.allow_credentials, cors.max_age) == (expected.allow_credentials, expected.max_age)
    assert cors_of({}) is None


def test_binary_media_types() -> None:
    """The binary media types of a REST API's document are read, also with an escaped slash."""
    types = {"x-amazon-apigateway-binary-media-types": ["image/png", "application~1zip"]}
    assert binary_media_types_of(types) == ("image/png", "application/zip")
    assert binary_media_types_of({}) == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "paths of the OpenAPI document is not an object"),
        ({"paths": {"/a": []}}, "path /a of the OpenAPI document is not an object"),
        ({"paths": {"/a": {"get": "x"}}}, "GET /a of the OpenAPI document is not an object"),
        (document("/a", "get", {"x-amazon-apigateway-integration": "x"}), "integration of GET /a"),
        (document("/a", "get", proxy(payloadFormatVersion="3.0")), "payloadFormatVersion of GET /a is '3.0'"),
        (document("/a", "get", proxy(timeoutInMillis="soon")), "timeoutInMillis of GET /a is 'soon', not a number"),
        (document("/a", "get", proxy(timeoutInMillis=float("inf"))), "timeoutInMillis of GET /a is inf, not a number"),
        (document("/a", "get", proxy() | {"security": "x"}), "security of an operation of the OpenAPI document is not"),
        (document("/a", "get", proxy() | {"security": ["x"]}), "a requirement in security"),
        (document("/a", "get", proxy(), components=[1]), "components of the OpenAPI document is not an object"),
    ],
)
def test_malformed_document_is_refused(given: dict[str, Any], message: str) -> None:
    """A malformed document is refused with the path of the fault."""
    with pytest.raises(InvalidFunction, match=message):
        routes_of(given, "HTTP", invoked_function)
