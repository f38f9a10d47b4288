"""An API over sockets: the responses of functions and of API Gateway itself."""

from __future__ import annotations

import base64
import json
import logging
import re
from typing import Any

import pytest

from awslambdaric_lite.common.quotas import MAX_API_HEADERS, MAX_API_PAYLOAD, MAX_PAYLOAD
from awslambdaric_lite.emulator.config.project import Api, MockResponse, Route
from awslambdaric_lite.emulator.errors import InvalidFunction, TooManyRequests, UnknownQualifier
from awslambdaric_lite.emulator.frontend.url_cors import Cors

from .served_api import OK, ServedApi, http_api, rest_api, serve_each

V2 = Route("ANY", "/{proxy+}", "orders", payload_format="2.0")
V1 = Route("ANY", "/{proxy+}", "orders")
APIS = {"http 2.0": http_api(V2), "http 1.0": http_api(V1), "rest": rest_api(V1)}
PREFIX = {"http 2.0": "", "http 1.0": "", "rest": "/prod"}
each_api = pytest.mark.parametrize("name", APIS)

NOT_FOUND = (404, b'{"message":"Not Found"}')
NO_TOKEN = (403, b'{"message":"Missing Authentication Token"}')
FORBIDDEN = (403, b'{"message":"Forbidden"}')
INTERNAL_REST = b'{"message": "Internal server error"}'
INTERNAL_HTTP = b'{"message":"Internal Server Error"}'


def responses(name: str, *results: Any) -> list[tuple[int, bytes, Any]]:
    """Return status, body and headers of the response to each result."""

    def ask(served: ServedApi) -> tuple[int, bytes, Any]:
        answer = served.request("GET", f"{PREFIX[name]}/a")
        return answer.status, answer.data, answer.headers

    return serve_each(APIS[name], list(results), ask)


# Routes and stages


@pytest.mark.parametrize(
    ("api", "method", "target", "expected"),
    [
        (http_api(Route("GET", "/a", "f")), "GET", "/b", NOT_FOUND),
        (http_api(Route("GET", "/a", "f")), "POST", "/a", NOT_FOUND),
        (http_api(Route("GET", "/a", "f")), "GET", "/a/", NOT_FOUND),
        (http_api(Route("GET", "/a", "f")), "GET", "//a", NOT_FOUND),
        (http_api(Route("GET", "/a", "f"), stage="v1"), "GET", "/a", NOT_FOUND),
        (http_api(Route("GET", "/a", "f"), stage="v1"), "GET", "/v1a", NOT_FOUND),
        (http_api(), "GET", "/", NOT_FOUND),
        (rest_api(Route("GET", "/a", "f")), "GET", "/prod/b", NO_TOKEN),
        (rest_api(Route("GET", "/a", "f")), "POST", "/prod/a", NO_TOKEN),
        (rest_api(Route("GET", "/a", "f")), "GET", "/prod", NO_TOKEN),
        (rest_api(Route("GET", "/a", "f")), "GET", "/a", FORBIDDEN),
        (rest_api(Route("GET", "/a", "f")), "GET", "/production/a", FORBIDDEN),
        (rest_api(Route("GET", "/a", "f")), "GET", "/", FORBIDDEN),
    ],
)
def test_request_without_route_gets_gateways_error(
    api: Api, method: str, target: str, expected: tuple[int, bytes]
) -> None:
    """A request without a route gets 404 from an HTTP API, and 403 from a REST API; no function is invoked."""
    with ServedApi(api) as served:
        answer = served.request(method, target)
        assert (answer.status, answer.data) == expected
        assert answer.headers["Content-Type"] == "application/json"
        assert served.invocations == []


def test_errors_have_the_headers_of_their_kind() -> None:
    """Errors of REST APIs name their type and the request's ids; HTTP APIs send one id only."""
    with ServedApi(rest_api()) as served:
        headers = served.request("GET", "/prod/a").headers
    assert headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-amzn-RequestId"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{15}=", headers["x-amz-apigw-id"])
    assert "Apigw-Requestid" not in headers
    with ServedApi(http_api()) as served:
        headers = served.request("GET", "/a").headers
    assert re.fullmatch(r"[A-Za-z0-9+/]{15}=", headers["Apigw-Requestid"])
    assert not {"x-amzn-errortype", "x-amzn-requestid", "x-amz-apigw-id"} & {name.lower() for name in headers}


@pytest.mark.parametrize(
    ("api", "target", "base_path"),
    [
        (http_api(Route("GET", "/", "f")), "/", ""),
        (http_api(Route("GET", "/", "f"), stage="v1"), "/v1/", "/v1"),
        (http_api(Route("GET", "/", "f"), stage="v1"), "/v1", "/v1"),
        (http_api(Route("GET", "/", "f"), stage="v1"), "/v1?a=1", "/v1"),
        (rest_api(Route("GET", "/", "f")), "/prod", "/prod"),
        (rest_api(Route("GET", "/", "f")), "/prod//?a=1", "/prod"),
    ],
)
def test_stage_is_the_beginning_of_the_path(api: Api, target: str, base_path: str) -> None:
    """The path begins with the stage, unless that is `$default`; the base path says so."""
    with ServedApi(api) as served:
        assert served.request("GET", target).status == 200
        assert served.application.base_path == base_path


def test_function_and_qualifier_are_those_of_the_route() -> None:
    """The route's function is invoked with its qualifier; the ids of API Gateway are not those of the invocation."""
    with ServedApi(rest_api(Route("GET", "/a", "f", "live"), Route("GET", "/b", "g"))) as served:
        answer = served.request("GET", "/prod/a")
        served.request("GET", "/prod/b")
        assert [(name, qualifier) for name, qualifier, _ in served.invocations] == [("f", "live"), ("g", None)]
        context = served.events[0]["requestContext"]
        assert answer.headers["x-amzn-RequestId"] == context["requestId"] != served.invocations[0][2].request_id
        assert answer.headers["x-amz-apigw-id"] == context["extendedRequestId"]


def test_trace_reaches_function_and_rest_response() -> None:
    """The caller's trace reaches the event and the runtime; a REST API returns the root of a new one."""
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    with ServedApi(APIS["rest"]) as served:
        served.request("GET", "/prod/a", headers={"X-Amzn-Trace-Id": trace})
        answer = served.request("GET", "/prod/a")
        assert served.invocations[0][2].trace_id == served.events[0]["headers"]["X-Amzn-Trace-Id"] == trace
        root = served.events[1]["headers"]["X-Amzn-Trace-Id"]
        assert served.invocations[1][2].trace_id.startswith(f"{root};Parent=")
        assert answer.headers["X-Amzn-Trace-Id"] == root


@pytest.mark.parametrize(
    ("route", "message"),
    [
        (
            Route("GET", "/a", "f", unsupported="authorizer Login"),
            "GET /a has authorizer Login, which is not supported",
        ),
        (Route("GET", "/a", None), "GET /a has an integration without a function, which is not supported here"),
        (Route("GET", "/a", None, mock=MockResponse(), unsupported="API key"), "GET /a has API key, which is not"),
    ],
)
def test_route_that_is_not_offered_gets_501(route: Route, message: str) -> None:
    """A route with an authorizer or another integration gets 501 with its name, and invokes nothing."""
    with ServedApi(http_api(route)) as served:
        answer = served.request("GET", "/a")
        assert (answer.status, served.invocations) == (501, [])
        assert answer.json()["message"].startswith(message)


def test_mock_answers_without_a_function() -> None:
    """A mock integration answers with its constant response, also to a request with a body."""
    mock = MockResponse(204, (("Access-Control-Allow-Origin", "*"),))
    route = Route("OPTIONS", "/a", None, mock=mock)
    with ServedApi(rest_api(route, Route("GET", "/a", None, mock=MockResponse(body="{}\n")))) as served:
        answer = served.request("OPTIONS", "/prod/a", b"text")
        assert (answer.status, answer.data, answer.headers["Access-Control-Allow-Origin"]) == (204, b"", "*")
        answer = served.request("GET", "/prod/a")
        assert (answer.status, answer.data, answer.headers["Content-Type"]) == (200, b"{}\n", "application/json")
        assert served.invocations == []


def test_equal_routes_are_refused() -> None:
    """An API with two routes alike cannot be served."""
    with pytest.raises(InvalidFunction, match="Store has two routes alike"):
        ServedApi(rest_api(V1, V1))


# Results


@each_api
def test_result_becomes_response(name: str) -> None:
    """Status, headers and body of a result become the response; the spelling of header names stays."""
    result = {"statusCode": "201", "headers": {"x-TAG": "grün", "X-Count": 3, "Content-type": "text/x"}, "body": "hé"}
    ((status, body, headers),) = responses(name, result)
    assert (status, body.decode()) == (201, "hé")
    assert (headers["x-tag"].encode("latin-1").decode(), headers["X-Count"]) == ("grün", "3")
    assert headers.getlist("Content-Type") == ["text/x"]
    assert "x-TAG" in list(headers)
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("http 2.0", "text/plain; charset=utf-8"),
        ("http 1.0", "text/plain; charset=utf-8"),
        ("rest", "application/json"),
    ],
)
def test_default_content_type(name: str, content_type: str) -> None:
    """A response without a content type gets the one of the API's kind."""
    ((status, body, headers),) = responses(name, {"statusCode": 200, "body": "a"})
    assert (status, body, headers["Content-Type"]) == (200, b"a", content_type)


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ({"a": 1}, b'{"a": 1}'),
        ("text", b'"text"'),
        (None, b"null"),
        ([1], b"[1]"),
        (7, b"7"),
        ({"body": "a", "status": 1}, b'{"body": "a", "status": 1}'),
    ],
)
def test_format_2_infers_response(result: Any, body: bytes) -> None:
    """In format 2.0, a result without a status is the body of a JSON response, as at a function URL."""
    ((status, sent, headers),) = responses("http 2.0", json.dumps(result).encode())
    assert (status, sent, headers["Content-Type"]) == (200, body, "application/json")


def test_cookies_and_several_values() -> None:
    """Format 2.0 has cookies, format 1.0 and REST APIs have arrays of values; each reads only its own."""
    result = {"statusCode": 200, "headers": {"A": "1", "B": "2"}, "cookies": ["a=1", "b=2; Secure"]}
    ((_, _, headers),) = responses("http 2.0", result | {"multiValueHeaders": {"A": ["9"]}})
    assert (headers.getlist("Set-Cookie"), headers.getlist("A")) == (["a=1", "b=2; Secure"], ["1"])
    for name in ("http 1.0", "rest"):
        result = {"statusCode": 200, "headers": {"A": "1", "B": "2"}, "multiValueHeaders": {"A": ["1", "3"], "C": []}}
        ((_, _, headers),) = responses(
            name, result | {"multiValueHeaders": {"A": ["1", "3"], "Set-Cookie": ["a", "b"]}}
        )
        assert (headers.getlist("A"), headers.getlist("B")) == (["1", "3"], ["2"])
        assert headers.getlist("Set-Cookie") == ["a", "b"]


def test_rest_api_takes_incomplete_results() -> None:
    """A REST API takes an object without fields; its status is 200."""
    for status, body, _ in responses("rest", {}, {"statusCode": None, "body": None, "headers": None}):
        assert (status, body) == (200, b"")


@pytest.mark.parametrize(
    "result",
    [
        b"no json",
        {"statusCode": 200, "wrongValue": 1},
        {"message": "hello"},
        "text",
        None,
        [{"statusCode": 200}],
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": "abc"},
        {"statusCode": 99},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"A": ["a"]}},
        {"statusCode": 200, "headers": {"A": "a\r\nB: b"}},
        {"statusCode": 200, "multiValueHeaders": {"A": "a"}},
        {"statusCode": 200, "isBase64Encoded": "maybe"},
    ],
)
def test_malformed_result_is_502_of_rest_api(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed result gets 502 from a REST API, and the log has the reason."""
    caplog.set_level(logging.WARNING)
    sent = result if isinstance(result, bytes) else json.dumps(result).encode()
    ((status, body, headers),) = responses("rest", sent)
    assert (status, body, headers["x-amzn-ErrorType"]) == (502, INTERNAL_REST, "InternalServerErrorException")
    assert "Store ANY /{proxy+}: the result of request" in caplog.text


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("http 2.0", b"no json"),
        ("http 2.0", {"statusCode": 2000}),
        ("http 2.0", {"statusCode": 200, "body": []}),
        ("http 2.0", {"statusCode": 200, "body": "%", "isBase64Encoded": True}),
        ("http 2.0", {"statusCode": 200, "cookies": "a=1"}),
        ("http 1.0", {"body": "a"}),
        ("http 1.0", "text"),
        ("http 1.0", {"statusCode": 200, "multiValueHeaders": []}),
    ],
)
def test_malformed_result_is_500_of_http_api(name: str, result: Any) -> None:
    """A malformed result gets 500 from an HTTP API; format 1.0 needs a status."""
    ((status, body, _),) = responses(name, result)
    assert (status, body) == (500, INTERNAL_HTTP)


def test_rest_api_remaps_headers() -> None:
    """A REST API sends the headers that it sets itself under another name."""
    own = {"Authorization": "a", "Connection": "close", "Content-Length": "9", "Date": "never", "Host": "h"}
    own |= {"Server": "s", "WWW-Authenticate": "Basic", "User-Agent": "u", "Transfer-Encoding": "chunked"}
    ((status, body, headers),) = responses("rest", {"statusCode": 401, "headers": own, "body": "ab"})
    assert (status, body, headers["Content-Length"]) == (401, b"ab", "2")
    for name, value in own.items():
        remapped = None if name == "Transfer-Encoding" else value
        assert headers.get(f"x-amzn-Remapped-{name}") == remapped
    assert not {"Authorization", "Server", "WWW-Authenticate", "Host", "Transfer-Encoding"} & set(headers)


@pytest.mark.parametrize("name", ["http 1.0", "http 2.0"])
def test_http_api_sets_length_itself(name: str) -> None:
    """An HTTP API ignores the length, the date and the connection of the function, and passes other headers on."""
    given = {"Content-Length": "9", "Connection": "close", "Date": "never", "WWW-Authenticate": "Basic", "Server": "s"}
    ((_, body, headers),) = responses(name, {"statusCode": 200, "headers": given, "body": "ab"})
    assert (body, headers.getlist("Content-Length"), headers["WWW-Authenticate"]) == (b"ab", ["2"], "Basic")
    assert "never" not in headers.getlist("Date")
    assert headers["Server"] == "s"
    assert "Connection" not in headers


@each_api
def test_response_without_body(name: str) -> None:
    """The response to HEAD has the length of the body; status 204 has neither."""
    with ServedApi(APIS[name], {"statusCode": 200, "body": "abc"}) as served:
        answer = served.request("HEAD", f"{PREFIX[name]}/a")
        assert (answer.status, answer.headers["Content-Length"], answer.data) == (200, "3", b"")
    ((status, body, headers),) = responses(name, {"statusCode": 204, "body": "abc"})
    assert (status, body, headers.get("Content-Length")) == (204, b"", None)


@pytest.mark.parametrize(
    ("types", "accept", "decoded"),
    [
        (("image/png",), "image/png", True),
        (("image/png",), "image/png;q=0.8, text/html", True),
        (("image/png",), "image/png, text/html", True),
        (("image/png",), "text/html, image/png", False),
        (("image/*",), "IMAGE/png", True),
        (("*/*",), "text/html", True),
        (("*/*",), None, True),
        (("image/png",), "*/*", False),
        (("application/json",), None, True),
        ((), "image/png", False),
    ],
)
def test_rest_api_decodes_for_binary_media_types(types: tuple[str, ...], accept: str | None, decoded: bool) -> None:
    """A REST API decodes base64 if the first media type of Accept is binary, else it sends the text."""
    result = {"statusCode": 200, "body": base64.b64encode(b"\x89PNG").decode(), "isBase64Encoded": True}
    with ServedApi(rest_api(V1, binary_media_types=types), result) as served:
        _, _, body = served.send("GET /prod/a HTTP/1.1", *([f"Accept: {accept}"] if accept else []))
    assert body == (b"\x89PNG" if decoded else b"iVBORw==")


def test_rest_api_cannot_decode() -> None:
    """A body of a REST API that is not base64 gets 500, as for a misconfigured API."""
    result = {"statusCode": 200, "body": "%", "isBase64Encoded": True}
    with ServedApi(rest_api(V1, binary_media_types=("*/*",)), result) as served:
        answer = served.request("GET", "/prod/a")
    assert (answer.status, answer.data) == (500, INTERNAL_REST)


@pytest.mark.parametrize("name", ["http 1.0", "http 2.0"])
def test_http_api_decodes_base64(name: str) -> None:
    """An HTTP API decodes base64 whatever the caller accepts."""
    result = {"statusCode": 200, "body": base64.b64encode(b"\x89PNG").decode(), "isBase64Encoded": True}
    ((_, body, _),) = responses(name, result)
    assert body == b"\x89PNG"


# Failures


@pytest.mark.parametrize(
    ("name", "failed", "rejected", "throttled", "late"),
    [
        ("rest", 502, 500, 500, (504, b'{"message": "Endpoint request timed out"}')),
        ("http 1.0", 500, 500, 503, (503, b'{"message":"Service Unavailable"}')),
        ("http 2.0", 500, 500, 503, (503, b'{"message":"Service Unavailable"}')),
    ],
)
def test_failures_have_the_status_of_their_kind(
    name: str, failed: int, rejected: int, throttled: int, late: tuple[int, bytes]
) -> None:
    """A failed, a rejected, a throttled and a late invocation get the status that each kind of API has for them."""
    api, target = APIS[name], f"{PREFIX[name]}/a"
    with ServedApi(api, {"errorMessage": "x"}, error_type="Error") as served:
        assert served.request("GET", target).status == failed
    found = responses(name, UnknownQualifier("no such version"), TooManyRequests("busy"))
    assert [status for status, _, _ in found] == [rejected, throttled]
    (route,) = api.routes
    hasty = Api(api.logical_id, api.kind, (Route("ANY", "/{p+}", "f", timeout_s=0.01),), api.stage)
    assert route.timeout_s == 29.0
    with ServedApi(hasty, None) as served:
        answer = served.request("GET", target)
        assert (answer.status, answer.data) == late
        assert not served.invocations[0][2].answered.done()


def test_reason_of_rejection_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The log says why an invocation was rejected, because the caller gets AWS's text."""
    caplog.set_level(logging.WARNING)
    responses("rest", UnknownQualifier("no such version"))
    assert "Store ANY /{proxy+}: request" in caplog.text
    assert "was not invoked: no such version" in caplog.text


# Limits


@pytest.mark.parametrize(
    ("name", "too_large", "headers_too_large"),
    [
        ("rest", (413, b'{"message":"Request Too Long"}'), (413, b'{"message":"Request Too Long"}')),
        (
            "http 2.0",
            (413, b'{"message":"Request Entity Too Large"}'),
            (431, b'{"message":"Request Header Fields Too Large"}'),
        ),
    ],
)
def test_limits_of_requests(name: str, too_large: tuple[int, bytes], headers_too_large: tuple[int, bytes]) -> None:
    """A body above API Gateway's or Lambda's limit, and headers above the limit, are refused; smaller ones are not."""
    target = f"{PREFIX[name]}/a"
    plain = {"Content-Type": "text/plain"}
    with ServedApi(APIS[name]) as served:
        status, _, body = served.send(f"POST {target} HTTP/1.1", f"Content-Length: {MAX_API_PAYLOAD + 1}")
        assert (status, body) == too_large
        chunks = b"100000\r\n%s\r\n" % (b"A" * 2**20) * 10 + b"1\r\nA\r\n"
        status, _, body = served.send(f"POST {target} HTTP/1.1", "Transfer-Encoding: chunked", after=chunks)
        assert (status, body) == too_large
        for size in (MAX_API_PAYLOAD, MAX_PAYLOAD):
            answer = served.request("POST", target, b"A" * size, plain)
            assert (answer.status, answer.data) == too_large
        assert served.invocations == []
        assert served.request("POST", target, b"A" * (MAX_PAYLOAD - 2**16), plain).status == 200
        own = len(served.server.address) + (len(f"GET {target} HTTP/1.1") if name != "rest" else 0)
        line = "X-Long: " + "a" * (MAX_API_HEADERS - own)
        assert served.send(f"GET {target} HTTP/1.1", line)[0] == 200
        status, _, body = served.send(f"GET {target} HTTP/1.1", f"{line}a")
        assert (status, body) == headers_too_large


def test_invalid_method_has_no_route() -> None:
    """A method that API Gateway does not have takes no route, not even ANY."""
    with ServedApi(http_api(V2)) as served:
        assert served.send("G+T /a HTTP/1.1")[0] == 404
        assert served.send("TRACE /a HTTP/1.1")[0] == 404


def test_target_that_is_not_a_path_is_a_bad_request() -> None:
    """A target that is not a path gets 400 from a default route."""
    with ServedApi(http_api(Route("ANY", "$default", "f"))) as served:
        status, _, body = served.send("OPTIONS * HTTP/1.1")
        assert (status, body, served.invocations) == (400, b'{"message":"Bad Request"}', [])


def test_other_host_is_refused() -> None:
    """A request for another machine is refused, as at a function URL."""
    with ServedApi(http_api(V2)) as served:
        answer = served.request("GET", "/a", headers={"Host": "example.com"})
        assert (answer.status, served.invocations) == (421, [])


# CORS of HTTP APIs

ORIGIN = {"Origin": "https://a.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "PUT"}
CORS = Cors(
    allow_origins=["https://a.example"],
    allow_methods=["GET", "PUT"],
    allow_headers=["x-tag"],
    expose_headers=["x-id"],
    allow_credentials=True,
    max_age=600,
)


def cors_headers(headers: Any) -> dict[str, list[str]]:
    """Return the headers of CORS."""
    return {name.lower()[15:]: headers.getlist(name) for name in headers if name.lower().startswith("access-control-")}


def test_preflight_request_is_answered() -> None:
    """The API answers a preflight request without a route; an origin that is not allowed gets no permission."""
    with ServedApi(http_api(Route("PUT", "/a", "f"), cors=CORS)) as served:
        answer = served.request("OPTIONS", "/a", headers=PREFLIGHT)
        assert (answer.status, answer.data, served.invocations) == (204, b"", [])
        assert cors_headers(answer.headers) == {
            "allow-origin": ["https://a.example"],
            "allow-credentials": ["true"],
            "allow-methods": ["GET,PUT"],
            "allow-headers": ["x-tag"],
            "max-age": ["600"],
        }
        answer = served.request("OPTIONS", "/a", headers=PREFLIGHT | {"Origin": "https://b.example"})
        assert (answer.status, cors_headers(answer.headers)) == (204, {})
        assert served.request("OPTIONS", "/a").status == 404


def test_errors_of_the_gateway_have_cors_headers() -> None:
    """Web pages of an allowed origin can read the errors of an HTTP API, too."""
    with ServedApi(http_api(cors=CORS)) as served:
        answer = served.request("GET", "/a", headers=ORIGIN)
        assert (answer.status, cors_headers(answer.headers)["allow-origin"]) == (404, ["https://a.example"])


def test_preflight_request_reaches_a_route() -> None:
    """A preflight request that takes a route reaches the function, whose headers of CORS are replaced."""
    result = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "access-control-max-age": "1"}}
    with ServedApi(http_api(V2, cors=CORS), result) as served:
        answer = served.request("OPTIONS", "/a", headers=PREFLIGHT)
        assert (answer.status, len(served.invocations)) == (200, 1)
        assert cors_headers(answer.headers)["allow-origin"] == ["https://a.example"]
        assert cors_headers(answer.headers)["max-age"] == ["600"]


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["*"], "https://b.example", "*"),
        (["https://a.example"], "https://a.example", "https://a.example"),
        (["https://a.example"], "https://b.example", None),
        (["https://*"], "https://b.example", "https://b.example"),
        (["https://*"], "http://b.example", None),
        (["http://*"], "http://localhost:3000", "http://localhost:3000"),
        (["*"], None, None),
    ],
)
def test_settings_replace_headers_of_the_function(origins: list[str], origin: str | None, allowed: str | None) -> None:
    """The headers of CORS are those of the settings, also without an origin."""
    result = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://own.example", "A": "1"}}
    with ServedApi(http_api(V2, cors=Cors(allow_origins=origins, expose_headers=["x-id"])), result) as served:
        headers = served.request("GET", "/a", headers={"Origin": origin} if origin else {}).headers
    expected = {"allow-origin": [allowed], "expose-headers": ["x-id"]} if allowed else {}
    assert (cors_headers(headers), headers["A"]) == (expected, "1")


def test_headers_of_the_function_stay_without_settings() -> None:
    """Without settings, the function's headers of CORS are sent, and preflight requests need a route."""
    result = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
    with ServedApi(http_api(Route("GET", "/a", "f", payload_format="2.0")), result) as served:
        assert cors_headers(served.request("GET", "/a", headers=ORIGIN).headers) == {"allow-origin": ["*"]}
        assert served.request("OPTIONS", "/a", headers=PREFLIGHT).status == 404


def test_rest_api_has_no_cors_settings() -> None:
    """The CORS settings have no effect on a REST API."""
    with ServedApi(rest_api(Route("GET", "/a", "f"), cors=CORS)) as served:
        assert served.request("OPTIONS", "/prod/a", headers=PREFLIGHT).status == 403
        assert cors_headers(served.request("GET", "/prod/a", headers=ORIGIN).headers) == {}


def test_credentials_for_every_origin_are_refused() -> None:
    """Credentials cannot be allowed to every origin, as at AWS."""
    with pytest.raises(InvalidFunction, match="Shop allows credentials to every origin"):
        ServedApi(http_api(cors=Cors(allow_origins=["*"], allow_credentials=True)), OK)
