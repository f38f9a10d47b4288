"""Events of each route in each form, compared with AWS's documentation.

The expected events are made here, from the parts of the request before they are encoded. Sources: docs
apigateway/latest/developerguide/http-api-develop-integrations-lambda.html and
set-up-lambda-proxy-integrations.html; the forms of paths are as in the comments.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from awslambdaric_lite.emulator.config.project import Api, Route

from .served_api import ServedApi, http_api, rest_api

PATHS = ("/", "/plain", "/items/{id}", "/files/{name}/{rest+}", "/x/{a}/y/{b}")
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH")
TEXT_TYPES = ("text/plain", "text/html; charset=utf-8", "application/json", "application/javascript", "application/xml")
OTHER_TYPES = ("image/png", "application/x-www-form-urlencoded", "application/octet-stream")
BINARY = ("image/*", "application/zip")
VARIABLES = {"table": "orders", "level": "1"}
OWN = {"host", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "content-length"}
NOT_PASSED_ON = {"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=6).filter(
    lambda name: name.lower() not in OWN | NOT_PASSED_ON | {"cookie", "content-type", "user-agent", "server"}
)
values = st.text(string.printable.strip(), max_size=6)
cookies = st.text(string.ascii_letters + string.digits + "=-%", min_size=1, max_size=6)


@dataclass
class Request:
    """A request in parts that are not encoded."""

    method: str
    route: str
    parts: list[str]
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    cookie_lines: list[list[str]]
    content_type: str | None
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """The decoded path parameters."""
        variables = [each[1:-1].removesuffix("+") for each in self.route.split("/") if each.startswith("{")]
        return dict(zip(variables, self.parts, strict=True))

    def path(self, encode: Any) -> str:
        """Return the path, with the variables encoded by a function."""
        parts = iter(self.parts)
        return "/".join(encode(next(parts)) if each.startswith("{") else each for each in self.route.split("/"))

    @property
    def raw_query(self) -> str:
        """The query as it is sent."""
        return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in self.query)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The header lines without cookies."""
        return [*self.headers, *([("Content-Type", self.content_type)] if self.content_type else [])]

    def send(self, served: ServedApi, stage: str) -> Any:
        """Send the request; return the event."""
        target = stage + self.path(lambda part: quote(part, safe="")) + (f"?{self.raw_query}" if self.query else "")
        lines = [f"{name}: {value}" for name, value in self.lines]
        lines += [f"Cookie: {'; '.join(line)}" for line in self.cookie_lines]
        lines += [f"Content-Length: {len(self.body)}"] if self.body else []
        status, _, _ = served.send(f"{self.method} {target} HTTP/1.1", *lines, after=self.body)
        assert status == 200
        return served.events[-1]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Draw a request to one of the routes."""
    route = draw(st.sampled_from(PATHS))
    # HTTP APIs decode the path before they choose the route, so that a decoded slash would change it.
    segment = texts.filter(lambda text: bool(text) and "/" not in text)
    greedy = texts.filter(lambda text: bool(text.strip("/")))
    variables = [each for each in route.split("/") if each.startswith("{")]
    return Request(
        draw(st.sampled_from(METHODS)),
        route,
        [draw(greedy if each.endswith("+}") else segment) for each in variables],
        draw(st.lists(st.tuples(texts, texts), max_size=4)),
        draw(st.lists(st.tuples(names, values), max_size=4)),
        draw(st.lists(st.lists(cookies, min_size=1, max_size=2), max_size=2)),
        draw(st.sampled_from((None, *TEXT_TYPES, *OTHER_TYPES))),
        draw(st.binary(max_size=8) | texts.map(str.encode)),
    )


def routes(payload_format: Any = "1.0") -> list[Route]:
    """Return the routes."""
    return [Route("ANY", path, "f", payload_format=payload_format) for path in PATHS]


APIS: dict[str, Api] = {
    "2.0": http_api(*routes("2.0")),
    "2.0 stage": http_api(*routes("2.0"), stage="v1", stage_variables=VARIABLES),
    "1.0": http_api(*routes()),
    "1.0 stage": http_api(*routes(), stage="v1", stage_variables=VARIABLES),
    "rest": rest_api(*routes(), stage_variables=VARIABLES, binary_media_types=BINARY),
}


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, ServedApi]]:
    """Yield all APIs."""
    running = {name: ServedApi(api) for name, api in APIS.items()}
    yield running
    for each in running.values():
        each.__exit__(None, None, None)


def collected(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all values of each name."""
    return {name: [value for key, value in pairs if key == name] for name, _ in pairs}


def last(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return the last value of each name."""
    return dict(pairs)


def http_body(request: Request) -> tuple[str | None, bool]:
    """Return the body of an HTTP API's event: text for a textual type and UTF-8, else base64."""
    if not request.body:
        return None, False
    media_type = (request.content_type or "").partition(";")[0]
    if media_type.startswith("text/") or media_type in TEXT_TYPES:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


search = settings(deadline=None, database=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(("name", "stage"), [("2.0", ""), ("2.0 stage", "/v1")])
@search
@given(request=requests())
def test_event_of_format_2(served: dict[str, ServedApi], name: str, stage: str, request: Request) -> None:
    """Format 2.0 has the decoded path with the stage, joined headers and parameters, and a list of cookies."""
    event = request.send(served[name], stage)
    sent = [(key.lower(), value) for key, value in request.lines]
    path = stage + request.path(str)
    body, is_base64 = http_body(request)
    context = event.pop("requestContext")
    headers = event.pop("headers")
    assert {key: value for key, value in headers.items() if key not in OWN} == {
        key: ",".join(found) for key, found in collected(sent).items()
    }
    assert headers["host"] == served[name].server.address
    assert headers.get("content-length") == (str(len(request.body)) if request.body else None)
    assert event.pop("body", None) == body
    assert event.pop("cookies", []) == [cookie for line in request.cookie_lines for cookie in line]
    joined = {key: ",".join(found) for key, found in collected(request.query).items()}
    assert event.pop("queryStringParameters", {}) == joined
    assert event.pop("pathParameters", {}) == request.parameters
    assert event.pop("stageVariables", {}) == (VARIABLES if stage else {})
    route = f"ANY {request.route}"
    assert event == {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": request.raw_query,
        "isBase64Encoded": is_base64,
    }
    assert context["http"]["method"] == request.method
    assert (context["http"]["path"], context["http"]["protocol"]) == (path, "HTTP/1.1")
    assert (context["stage"], context["routeKey"]) == (stage[1:] or "$default", route)
    assert (context["accountId"], context["apiId"]) == ("111122223333", "a1b2c3d4e5")


@pytest.mark.parametrize(("name", "stage"), [("1.0", ""), ("1.0 stage", "/v1")])
@search
@given(request=requests())
def test_event_of_format_1(served: dict[str, ServedApi], name: str, stage: str, request: Request) -> None:
    """Format 1.0 has the decoded path with the stage, and the last and all values of headers and parameters."""
    event = request.send(served[name], stage)
    path = stage + request.path(str)
    context = event.pop("requestContext")
    check_values(event, request)
    assert {name for name in event["headers"] if name.lower() == "content-length"} == (
        {"Content-Length"} if request.body else set()
    )
    assert (event["body"], event["isBase64Encoded"]) == http_body(request)
    assert (event["version"], event["path"], event["resource"]) == ("1.0", path, request.route)
    assert event["pathParameters"] == (request.parameters or None)
    assert event["stageVariables"] == (VARIABLES if stage else None)
    assert (context["path"], context["resourcePath"], context["resourceId"]) == (path, request.route, None)
    assert (context["httpMethod"], event["httpMethod"]) == (request.method, request.method)
    assert context["authorizer"] == {"claims": None, "scopes": None}
    assert context["stage"] == (stage[1:] or "$default")


@search
@given(request=requests(), slashes=st.sampled_from(["", "/", "//"]))
def test_event_of_rest_api(served: dict[str, ServedApi], request: Request, slashes: str) -> None:
    """A REST API has the encoded path without the stage; trailing slashes are in the path, but not in parameters.

    Recorded from AWS in LocalStack's tests: `/test/test-path/` has the path `/test-path/` and the proxy `test-path`.
    """
    assume(request.route != "/" or not slashes)
    stage_path = "/prod" + request.path(lambda part: quote(part, safe=""))
    original = request.path
    request.path = lambda encode: original(encode) + slashes  # type: ignore[method-assign]
    event = request.send(served["rest"], "/prod")
    context = event.pop("requestContext")
    check_values(event, request)
    assert not {name for name in event["headers"] if name.lower() == "content-length"}
    encoded = {name: quote(value, safe="") for name, value in request.parameters.items()}
    assert event["pathParameters"] == (encoded or None)
    assert (event["path"], event["resource"]) == (stage_path.removeprefix("/prod") + slashes, request.route)
    assert (context["path"], context["resourcePath"]) == (stage_path + slashes, request.route)
    assert (context["stage"], context["httpMethod"]) == ("prod", request.method)
    assert event["stageVariables"] == VARIABLES
    assert "version" not in event
    if not request.body:
        assert (event["body"], event["isBase64Encoded"]) == (None, False)
    elif (request.content_type or "").startswith("image/"):
        assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(request.body).decode(), True)
    else:
        assert (event["body"], event["isBase64Encoded"]) == (request.body.decode("utf-8", "replace"), False)


def check_values(event: Any, request: Request) -> None:
    """Check the last and all values of headers and parameters; names keep their spelling."""
    sent = [*request.lines, *(("Cookie", "; ".join(line)) for line in request.cookie_lines)]
    for field, expected in (("headers", last(sent)), ("multiValueHeaders", collected(sent))):
        assert {name: value for name, value in event[field].items() if name.lower() not in OWN} == expected
    assert event["queryStringParameters"] == (last(request.query) or None)
    assert event["multiValueQueryStringParameters"] == (collected(request.query) or None)


def test_default_route_has_the_whole_path() -> None:
    """`$default` gets every path, and has no path parameters; double slashes and dot segments stay."""
    with ServedApi(http_api(Route("ANY", "$default", "f", payload_format="2.0"), Route("GET", "/a", "g"))) as served:
        for target in ("//a", "/a/", "/x/../a", "/%2e%2e/a", "/"):
            served.send(f"GET {target} HTTP/1.1")
        assert [event["rawPath"] for event in served.events] == ["//a", "/a/", "/x/../a", "/../a", "/"]
        assert {event["routeKey"] for event in served.events} == {"$default"}
        assert {name for name, _, _ in served.invocations} == {"f"}
        assert not any("pathParameters" in event for event in served.events)


def test_encoded_slash_is_decoded_before_the_route_of_http_apis() -> None:
    """HTTP APIs decode a path before they choose the route, and REST APIs do not."""
    with ServedApi(http_api(Route("GET", "/{id}", "f"), Route("GET", "/{a}/{b}", "g"))) as served:
        served.send("GET /x%2Fy HTTP/1.1")
        assert (served.invocations[0][0], served.events[0]["pathParameters"]) == ("g", {"a": "x", "b": "y"})
    with ServedApi(rest_api(Route("GET", "/{id}", "f"), Route("GET", "/{a}/{b}", "g"))) as served:
        served.send("GET /prod/x%2Fy HTTP/1.1")
        assert (served.invocations[0][0], served.events[0]["pathParameters"]) == ("f", {"id": "x%2Fy"})


def test_rest_api_ignores_repeated_leading_slashes() -> None:
    """Repeated slashes after the stage have no effect on the route, and only the context has them."""
    with ServedApi(rest_api(Route("GET", "/{id}", "f"))) as served:
        assert served.send("GET /prod//x HTTP/1.1")[0] == 200
        (event,) = served.events
    assert (event["path"], event["pathParameters"]) == ("/x", {"id": "x"})
    assert event["requestContext"]["path"] == "/prod//x"


def test_absolute_target_and_proxies() -> None:
    """A target in absolute form is served, and the addresses of earlier proxies come before the client's."""
    with ServedApi(http_api(Route("GET", "/a", "f", payload_format="2.0"))) as served:
        address = served.server.address
        status, _, _ = served.send(f"GET http://{address}/a?b=1 HTTP/1.1", "X-Forwarded-For: 198.51.100.1")
        assert status == 200
        (event,) = served.events
    assert (event["rawPath"], event["rawQueryString"]) == ("/a", "b=1")
    assert event["headers"]["x-forwarded-for"] == "198.51.100.1, 127.0.0.1"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


def test_rest_api_does_not_pass_on_headers_of_its_own() -> None:
    """A REST API drops the headers that are for itself; an HTTP API drops those of the connection only."""
    lines = ("Max-Forwards: 1", "Content-MD5: x", "Server: s", "WWW-Authenticate: b", "TE: trailers", "Via: v")
    with ServedApi(rest_api(Route("GET", "/a", "f"))) as served:
        served.send("GET /prod/a HTTP/1.1", *lines)
        names = {name.lower() for name in served.events[0]["multiValueHeaders"]}
    assert names == OWN - {"content-length"} | {"via"}
    with ServedApi(http_api(Route("GET", "/a", "f"))) as served:
        served.send("GET /a HTTP/1.1", *lines)
        names = {name.lower() for name in served.events[0]["headers"]}
    assert names == OWN - {"content-length"} | {"via", "max-forwards", "content-md5", "server", "www-authenticate"}
