"""APIs from OpenAPI documents, and from single resources as the CDK writes them."""

from __future__ import annotations

import json
from typing import Any

from awslambdaric_lite.emulator.config.project import Api, MockResponse, Project
from awslambdaric_lite.project.runtimes import RUNNING

from .conftest import Read

FUNCTION = f"""
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {{Handler: app.get, Runtime: {RUNNING}, Code: src}}
  Live: {{Type: AWS::Lambda::Alias, Properties: {{FunctionName: !Ref F, Name: live, FunctionVersion: "1"}}}}
"""
URI = "!Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'"


def read_with(read: Read, resources: str, files: dict[str, str] | None = None, **options: Any) -> Project:
    """Read a project with a function and more resources."""
    app = {"src/app.py": "def get(event, context): pass\n"}
    return read({"template.yaml": FUNCTION + resources, **app, **(files or {})}, **options)


def routes(api: Api) -> list[tuple[str, str, str | None, str | None]]:
    """Return what identifies each route, in the order of their paths."""
    found = [(each.path, each.method, each.function, each.qualifier) for each in api.routes]
    return sorted(found, key=lambda route: route[:2])


HTTP = """
  Http:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      ProtocolType: HTTP
      CorsConfiguration: {AllowOrigins: ["https://a.example"], AllowMethods: ["*"], MaxAge: 60}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Http, StageName: v1, StageVariables: {A: b}}}
  Other: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Http, StageName: v2}}
  Plain:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      {ApiId: !Ref Http, IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt F.Arn, PayloadFormatVersion: "2.0",
       TimeoutInMillis: 5000}
  ByAlias:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      {ApiId: !Ref Http, IntegrationType: AWS_PROXY, IntegrationUri: !Ref Live, PayloadFormatVersion: "1.0"}
  Remote:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Http, IntegrationType: HTTP_PROXY, IntegrationUri: "https://a.example"}
  R1: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: "GET /a/{id}", Target: !Sub "integrations/${Plain}"}}
  R2: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: $default, Target: !Join [/, [integrations, !Ref ByAlias]]}}
  R3: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: ANY /remote, Target: !Sub "integrations/${Remote}"}}
  R4:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {ApiId: !Ref Http, RouteKey: GET /safe, Target: !Sub "integrations/${Plain}", AuthorizationType: JWT, AuthorizerId: !Ref Auth}
  R5: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: GET /none}}
  Auth: {Type: AWS::ApiGatewayV2::Authorizer, Properties: {ApiId: !Ref Http, AuthorizerType: JWT}}
"""  # noqa: E501 -- a template


def test_http_api_of_single_resources(read: Read) -> None:
    """Routes, integrations, a stage and CORS of an HTTP API without a document become an API."""
    project = read_with(read, HTTP)
    (api,) = project.apis
    assert (api.kind, api.stage, api.stage_variables) == ("HTTP", "v1", {"A": "b"})
    assert api.cors is not None
    assert (list(api.cors.allow_origins), api.cors.max_age) == (["https://a.example"], 60)
    assert routes(api) == [
        ("$default", "ANY", "F", "live"),
        ("/a/{id}", "GET", "F", None),
        ("/remote", "ANY", None, None),
        ("/safe", "GET", "F", None),
    ]
    by_path = {route.path: route for route in api.routes}
    assert (by_path["/a/{id}"].payload_format, by_path["/a/{id}"].timeout_s) == ("2.0", 5)
    assert (by_path["$default"].payload_format, by_path["$default"].timeout_s) == ("1.0", 30)
    assert "Auth" in by_path["/safe"].unsupported
    assert by_path["/remote"].unsupported
    assert not by_path["/a/{id}"].unsupported
    assert any("its stage v1 is served; left out: v2" in note for note in project.notes)
    assert any("template.yaml: R5: the route has no integration" in note for note in project.notes)


def test_http_api_with_a_target(read: Read) -> None:
    """`Target` makes a default route, as API Gateway does."""
    (api,) = read_with(
        read, "  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP, Target: !GetAtt F.Arn}}\n"
    ).apis
    assert (api.stage, routes(api)) == ("$default", [("$default", "ANY", "F", None)])
    assert api.routes[0].payload_format == "2.0"


REST = f"""
  Rest: {{Type: AWS::ApiGateway::RestApi, Properties: {{BinaryMediaTypes: [image/png]}}}}
  Orders: {{Type: AWS::ApiGateway::Resource, Properties: {{RestApiId: !Ref Rest, ParentId: !GetAtt Rest.RootResourceId, PathPart: orders}}}}
  Order: {{Type: AWS::ApiGateway::Resource, Properties: {{RestApiId: !Ref Rest, ParentId: !Ref Orders, PathPart: "{{id}}"}}}}
  Lost: {{Type: AWS::ApiGateway::Resource, Properties: {{RestApiId: !Ref Rest, ParentId: nowhere, PathPart: x}}}}
  Root:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Rest
      ResourceId: !GetAtt Rest.RootResourceId
      HttpMethod: GET
      AuthorizationType: NONE
      Integration: {{Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: {URI}}}
  Any:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Rest
      ResourceId: !Ref Order
      HttpMethod: ANY
      AuthorizationType: NONE
      Integration: {{Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: {URI}, TimeoutInMillis: 1000}}
  Twice:
    Type: AWS::ApiGateway::Method
    Properties: {{RestApiId: !Ref Rest, ResourceId: !Ref Order, HttpMethod: ANY, Integration: {{Type: MOCK}}}}
  Away:
    Type: AWS::ApiGateway::Method
    Properties: {{RestApiId: !Ref Rest, ResourceId: !Ref Lost, HttpMethod: GET, Integration: {{Type: MOCK}}}}
  Deployment: {{Type: AWS::ApiGateway::Deployment, Properties: {{RestApiId: !Ref Rest, StageName: early}}}}
"""  # noqa: E501 -- a template


PROTECTED = f"""
  Rest: {{Type: AWS::ApiGateway::RestApi}}
  Auth: {{Type: AWS::ApiGateway::Authorizer, Properties: {{RestApiId: !Ref Rest, Type: TOKEN}}}}
  A:
    Type: AWS::ApiGateway::Method
    Properties: &method
      RestApiId: !Ref Rest
      ResourceId: !GetAtt Rest.RootResourceId
      HttpMethod: GET
      AuthorizationType: AWS_IAM
      Integration: {{Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: {URI}}}
  B: {{Type: AWS::ApiGateway::Method, Properties: {{<<: *method, HttpMethod: PUT, AuthorizationType: NONE, ApiKeyRequired: true}}}}
  C:
    Type: AWS::ApiGateway::Method
    Properties: {{<<: *method, HttpMethod: POST, AuthorizationType: CUSTOM, AuthorizerId: !Ref Auth}}
  D: {{Type: AWS::ApiGateway::Method, Properties: {{<<: *method, HttpMethod: DELETE, AuthorizationType: NONE}}}}
  Preflight:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Rest
      ResourceId: !GetAtt Rest.RootResourceId
      HttpMethod: OPTIONS
      AuthorizationType: NONE
      Integration:
        Type: MOCK
        RequestTemplates: {{application/json: "{{ statusCode: 200 }}"}}
        IntegrationResponses:
          - StatusCode: "204"
            ResponseParameters: {{method.response.header.Access-Control-Allow-Origin: "'*'"}}
"""  # noqa: E501 -- a template


def test_protected_methods_are_not_served_and_preflights_are(read: Read) -> None:
    """A method with IAM, an API key or an authorizer says so; a mock integration for CORS has its response."""
    (api,) = read_with(read, PROTECTED).apis
    assert {route.method: route.unsupported for route in api.routes if route.method != "OPTIONS"} == {
        "GET": "IAM authorization",
        "PUT": "API key",
        "POST": "authorizer Auth",
        "DELETE": "",
    }
    (preflight,) = [route for route in api.routes if route.method == "OPTIONS"]
    assert preflight.mock == MockResponse(204, (("Access-Control-Allow-Origin", "*"),))
    assert not preflight.unsupported
    only = read_with(read, PROTECTED, only=["F"]).apis
    assert [len(api.routes) for api in only] == [5]


def test_authorizers_and_cors_of_sam(read: Read) -> None:
    """Authorizers and CORS of SAM's APIs are those of their routes."""
    resources = f"""
  Shop:
    Type: AWS::Serverless::Api
    Properties: {{StageName: v1, Cors: "'*'", Auth: {{DefaultAuthorizer: AWS_IAM, AddDefaultAuthorizerToCorsPreflight: false}}}}
  Http:
    Type: AWS::Serverless::HttpApi
    Properties: {{CorsConfiguration: {{AllowOrigins: ["https://a.example"], AllowCredentials: true}}}}
  Get:
    Type: AWS::Serverless::Function
    Properties:
      {{CodeUri: src, Handler: app.get, Runtime: {RUNNING}, Events: {{
        A: {{Type: Api, Properties: {{RestApiId: !Ref Shop, Path: /a, Method: get}}}},
        B: {{Type: HttpApi, Properties: {{ApiId: !Ref Http, Path: /b, Method: get}}}}}}}}
"""  # noqa: E501 -- a template
    apis = {api.logical_id: api for api in read_with(read, resources).apis}
    rest = {route.method: route for route in apis["Shop"].routes}
    assert rest["GET"].unsupported == "IAM authorization"
    assert rest["OPTIONS"].mock is not None
    assert dict(rest["OPTIONS"].mock.headers)["Access-Control-Allow-Origin"] == "*"
    cors = apis["Http"].cors
    assert cors is not None
    assert (list(cors.allow_origins), cors.allow_credentials) == (["https://a.example"], True)


def test_rest_api_of_single_resources(read: Read) -> None:
    """The tree of resources gives the paths of a REST API, and a deployment its stage."""
    project = read_with(read, REST)
    (api,) = project.apis
    assert (api.kind, api.stage, api.binary_media_types) == ("REST", "early", ("image/png",))
    assert routes(api) == [("/", "GET", "F", None), ("/orders/{id}", "ANY", "F", None)]
    assert {route.path: route.timeout_s for route in api.routes} == {"/": 29, "/orders/{id}": 1}
    assert any("ANY /orders/{id} is there twice; remove one of the two routes" in note for note in project.notes)
    assert any("template.yaml: Away: the method has no path to the root" in note for note in project.notes)


def document(uri: Any, path: str = "/p/{id}") -> dict[str, Any]:
    """Return an OpenAPI document with one route."""
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri, "payloadFormatVersion": "1.0"}
    return {"openapi": "3.0.1", "paths": {path: {"get": {"x-amazon-apigateway-integration": integration}}}}


def test_document_in_a_file(read: Read) -> None:
    """A local OpenAPI document of an API is read, with stage variables in its URIs, and is a file of the project."""
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:${stageVariables.fn}/invocations"  # noqa: E501
    resources = """
  Shop:
    Type: AWS::Serverless::Api
    Properties: {StageName: v1, DefinitionUri: api.json, Variables: {fn: "F:live"}}
"""
    project = read_with(read, resources, {"api.json": json.dumps(document(uri))})
    (api,) = project.apis
    assert (api.stage, routes(api)) == ("v1", [("/p/{id}", "GET", "F", "live")])
    assert "api.json" in [file.name for file in project.files]


def test_document_by_include(read: Read) -> None:
    """An OpenAPI document that a template includes has intrinsic functions."""
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}
    resources = """
  Shop:
    Type: AWS::Serverless::HttpApi
    Properties: {DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.json}}}}
"""
    project = read_with(read, resources, {"api.json": json.dumps(document(uri))})
    assert [routes(api) for api in project.apis] == [[("/p/{id}", "GET", "F", None)]]


def test_faults_of_an_api_leave_the_rest(read: Read) -> None:
    """An API that cannot be read, and a WebSocket API, get notes and are left out; functions run."""
    resources = """
  Missing: {Type: AWS::Serverless::Api, Properties: {StageName: v1, DefinitionUri: nowhere.json}}
  Sockets: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}
"""
    project = read_with(read, resources)
    assert project.apis == ()
    assert not project.functions[0].unavailable
    assert any("template.yaml: Missing: the API is left out: " in note for note in project.notes)
    assert any("template.yaml: Sockets: a WEBSOCKET API is not offered here" in note for note in project.notes)


def test_routes_that_differ_in_a_name_only(read: Read) -> None:
    """Of two routes that match the same requests, the first is served, and a note names both."""
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}
    body = document(uri)
    body["paths"]["/p/{name}"] = body["paths"]["/p/{id}"]
    resources = f"  Rest: {{Type: AWS::ApiGateway::RestApi, Properties: {{Body: {json.dumps(body)}}}}}\n"
    project = read_with(read, resources)
    assert [route.path for route in project.apis[0].routes] == ["/p/{id}"]
    assert any("GET /p/{name} and /p/{id} are one route; remove one" in note for note in project.notes)


def test_apis_have_ids_of_their_own(read: Read) -> None:
    """Each API has an id of ten letters and digits, the same at each start."""
    resources = "".join(f"  {name}: {{Type: AWS::ApiGatewayV2::Api, Properties: {{}}}}\n" for name in ("A", "B"))
    first, second = read_with(read, resources).apis
    assert first.api_id != second.api_id
    assert len(first.api_id) == 10
    assert [each.api_id for each in read_with(read, resources).apis] == [first.api_id, second.api_id]
