"""Which route a request takes."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from awslambdaric_lite.emulator.config.project import Route
from awslambdaric_lite.emulator.errors import InvalidFunction
from awslambdaric_lite.emulator.gateway.routes import Routes, route_name


def routes(kind: Literal["HTTP", "REST"], *keys: str) -> Routes:
    """Return routes by their keys."""
    made = []
    for key in keys:
        method, _, path = key.partition(" ")
        made.append(Route(method if path else "ANY", path or "$default", "f"))
    return Routes("Shop", kind, made)


# The example of http-api-develop-routes.html, in another order.
DOCUMENTED = ("$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1")


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
        ("GET", "/pets/dog/2/", "GET /pets/{proxy+}"),
        ("GET", "/pets//", "ANY /{proxy+}"),
        ("GET", "/pets/dog/", "GET /pets/{proxy+}"),
        ("GET", "//pets/dog/1", "ANY /{proxy+}"),
        ("GET", "/pets/../x", "GET /pets/{proxy+}"),
        ("HEAD", "/pets/dog/1", "ANY /{proxy+}"),
    ],
)
def test_http_api_prefers_full_matches_then_greedy_ones(method: str, path: str, key: str) -> None:
    """An HTTP API takes a full match, then a greedy one, then `$default`; of several the most specific one."""
    for keys in (DOCUMENTED, DOCUMENTED[::-1]):
        found = routes("HTTP", *keys).find(method, path)
        assert found is not None
        assert route_name(found) == key


@pytest.mark.parametrize(
    ("keys", "method", "path", "key"),
    [
        (("GET /a", "ANY /a"), "GET", "/a", "GET /a"),
        (("GET /a", "ANY /a"), "PUT", "/a", "ANY /a"),
        (("GET /{x}/b", "GET /a/{y}"), "GET", "/a/b", "GET /a/{y}"),
        (("GET /a/{p+}", "GET /{x}/b"), "GET", "/a/b", "GET /{x}/b"),
        (("GET /a/{p+}", "GET /{p+}"), "GET", "/a/b", "GET /a/{p+}"),
        (("POST /a", "GET /{x}"), "GET", "/a", "GET /{x}"),
        (("GET /a",), "HEAD", "/a", None),
        (("GET /a",), "GET", "/a/", None),
        (("ANY /a", "$default"), "TRACE", "/a", None),
        (("GET /a.b",), "GET", "/axb", None),
    ],
)
def test_http_api_takes_the_most_specific_route(keys: tuple[str, ...], method: str, path: str, key: str | None) -> None:
    """Text goes before a variable, a method before ANY, and a route without the method does not hide others."""
    for given in (keys, keys[::-1]):
        found = routes("HTTP", *given).find(method, path)
        assert (found and route_name(found)) == key


@pytest.mark.parametrize(
    ("keys", "method", "path", "key"),
    [
        (("GET /a", "ANY /a"), "GET", "/a", "GET /a"),
        (("GET /a/b", "ANY /{p+}"), "GET", "/a/b", "GET /a/b"),
        (("GET /a/b", "ANY /{p+}"), "POST", "/a/b", None),
        (("GET /a/b", "ANY /{p+}"), "POST", "/a", "ANY /{p+}"),
        (("GET /a/{x}", "POST /a/{y}"), "POST", "/a/1", "POST /a/{y}"),
        (("GET /{x}/c", "GET /a/b"), "GET", "/a/c", "GET /{x}/c"),
        (("GET /{x}", "GET /{p+}"), "GET", "/a", "GET /{x}"),
        (("GET /{p+}",), "GET", "/", None),
        (("GET /",), "GET", "/", "GET /"),
    ],
)
def test_rest_api_chooses_a_resource_and_then_its_method(
    keys: tuple[str, ...], method: str, path: str, key: str | None
) -> None:
    """The most specific resource of a REST API is chosen by the path alone; a method that it lacks has no route."""
    for given in (keys, keys[::-1]):
        found = routes("REST", *given).find(method, path)
        assert (found and route_name(found)) == key


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("GET /a/{x}", "GET /a/{y}"), r"Shop has two routes alike, GET /a/\{x\} and GET /a/\{y\}; remove one"),
        (("GET /{x+}", "GET /{y+}"), "two routes alike"),
        (("$default", "$default"), r"two routes alike, \$default and"),
        (("GET a",), "route GET a of Shop does not begin with a slash"),
        (("FETCH /a",), "unsupported method; choose one of: GET, .*ANY"),
        (("GET /{a+}/b",), r"has \{a\+\} before its end"),
        (("GET /x{a}",), r"malformed segment 'x\{a\}'"),
        (("GET /{}",), "malformed segment"),
    ],
)
def test_wrong_route_is_refused_with_cure(keys: tuple[str, ...], message: str) -> None:
    """Routes that are malformed or match the same requests are refused; the message names the API and the routes."""
    with pytest.raises(InvalidFunction, match=message):
        routes("HTTP", *keys)


def test_default_route_is_of_http_apis() -> None:
    """A REST API has no default route."""
    with pytest.raises(InvalidFunction, match="does not begin with a slash"):
        routes("REST", "$default")


def test_same_path_with_other_methods_is_allowed() -> None:
    """One path may have several methods and ANY."""
    made: Any = routes("REST", "GET /a", "POST /a", "ANY /a")
    assert route_name(made.find("PUT", "/a")) == "ANY /a"
