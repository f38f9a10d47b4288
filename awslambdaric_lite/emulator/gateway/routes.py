"""The routes of an API: which one a request takes.

HTTP APIs prefer a route whose path has no greedy variable, then one with a greedy variable, then `$default`; of several
the most specific one. They do not ignore a trailing slash. Source: docs
apigateway/latest/developerguide/http-api-develop-routes.html.

REST APIs choose the most specific resource by the path alone, then its method. They ignore trailing slashes of a path
and repeated leading ones, as recorded from AWS in the tests of LocalStack.

AWS does not document that any of them decodes dot segments or repeated slashes; so they do not here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from ..config.project import Route
from ..errors import InvalidFunction

DEFAULT = "$default"
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH")
"""The methods that `ANY` includes."""
_VARIABLE = re.compile(r"\{[\w.:-]+\+?\}")


class Routes:
    """The routes of one API.

    Raises:
        InvalidFunction: a route is malformed, or two match the same requests.
    """

    def __init__(self, api: str, kind: Literal["HTTP", "REST"], routes: Sequence[Route]) -> None:
        self._by_path = kind == "REST"
        seen: dict[tuple[str, str], Route] = {}
        for route in routes:
            _check(api, kind, route)
            key = (route.method, _shape(route.path))
            if (same := seen.get(key)) is not None:
                raise InvalidFunction(
                    f"{api} has two routes alike, {route_name(same)} and {route_name(route)}; remove one of them"
                )
            seen[key] = route
        self._default = next((route for route in routes if route.path == DEFAULT), None)
        ordered = sorted(
            (route for route in routes if route.path != DEFAULT),
            key=lambda route: (
                kind == "HTTP" and route.path.endswith("+}"),
                _specificity(route.path),
                route.method == "ANY",
            ),
        )
        self._routes = [(_pattern(route.path), _shape(route.path), route) for route in ordered]

    def find(self, method: str, path: str) -> Route | None:
        """Return the route of a request, or None; the path is in the form in which parameters reach the function."""
        resource: str | None = None
        for pattern, shape, route in self._routes:
            if (resource is not None and shape != resource) or not pattern.fullmatch(path):
                continue
            if self._by_path:
                resource = shape
            if _takes(route, method):
                return route
        return self._default if self._default is not None and _takes(self._default, method) else None


def route_name(route: Route) -> str:
    """Return the key of a route, e.g. `GET /orders/{id}`."""
    return DEFAULT if route.path == DEFAULT else f"{route.method} {route.path}"


def _check(api: str, kind: str, route: Route) -> None:
    name = f"route {route.method} {route.path} of {api}"
    if route.method != "ANY" and route.method not in METHODS:
        raise InvalidFunction(f"{name} has an unsupported method; choose one of: {', '.join((*METHODS, 'ANY'))}")
    if route.path == DEFAULT and kind == "HTTP":
        return
    if not route.path.startswith("/"):
        raise InvalidFunction(f"{name} does not begin with a slash; write e.g. /orders/{{id}}")
    segments = route.path[1:].split("/")
    for at, segment in enumerate(segments):
        if ("{" in segment or "}" in segment) and not _VARIABLE.fullmatch(segment):
            raise InvalidFunction(f"{name} has the malformed segment {segment!r}; write e.g. {{id}} or {{proxy+}}")
        if segment.endswith("+}") and at < len(segments) - 1:
            raise InvalidFunction(f"{name} has {segment} before its end; a greedy variable is the last segment")


def _takes(route: Route, method: str) -> bool:
    return route.method == method or (route.method == "ANY" and method in METHODS)


def _pattern(path: str) -> re.Pattern[str]:
    """Return a pattern of the paths that match; a variable has text, and a greedy one not only slashes."""
    segments = (
        re.escape(each) if not each.startswith("{") else ".*[^/].*" if each.endswith("+}") else "[^/]+"
        for each in path.split("/")
    )
    return re.compile("/".join(segments), re.DOTALL)


def _shape(path: str) -> str:
    """Return the path without the names of its variables."""
    return _VARIABLE.sub(lambda found: "{+}" if found[0].endswith("+}") else "{}", path)


def _specificity(path: str) -> list[int]:
    """Return a key by which text sorts before a variable and that before a greedy one, segment by segment."""
    return [0 if not each.startswith("{") else 2 if each.endswith("+}") else 1 for each in path.split("/")]
