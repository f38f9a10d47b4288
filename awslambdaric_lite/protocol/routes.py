"""The requests of the Runtime API: their paths and methods."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

from .replies import METHOD_NOT_ALLOWED, NOT_FOUND, Reply

EXTENSIONS = "/2020-01-01/extension/"
_ROOT = "/2018-06-01/"
_REPLY = re.compile(r"runtime/invocation/([^/]+)/(response|error)")


class Route(Enum):
    """The requests; each value has the method, and the path behind its common start with `{}` for the request id."""

    PING = "GET", "ping"
    NEXT = "GET", "runtime/invocation/next"
    RESPONSE = "POST", "runtime/invocation/{}/response"
    ERROR = "POST", "runtime/invocation/{}/error"
    INIT_ERROR = "POST", "runtime/init/error"
    RESTORE_NEXT = "GET", "runtime/restore/next"
    RESTORE_ERROR = "POST", "runtime/restore/error"


_BY_PATH = {route.value[1]: route for route in Route}
_OF_SNAP_START = (Route.RESTORE_NEXT, Route.RESTORE_ERROR)


class MatchedRoute(NamedTuple):
    """A route and the request id that the path names, if it names one."""

    route: Route
    request_id: str = ""


def match(method: str, target: str, *, snap_start: bool = False) -> MatchedRoute | Reply:
    """Match a request to a route, or return an error reply; only `snap_start` has the routes of a restore."""
    path = target.partition("?")[0]
    if not path.startswith(_ROOT):
        return NOT_FOUND
    path, request_id = path[len(_ROOT) :], ""
    if found := _REPLY.fullmatch(path):
        path, request_id = f"runtime/invocation/{{}}/{found[2]}", unquote(found[1])
    route = _BY_PATH.get(path)
    if route is None or (route in _OF_SNAP_START and not snap_start):
        return NOT_FOUND
    return MatchedRoute(route, request_id) if method == route.value[0] else METHOD_NOT_ALLOWED
