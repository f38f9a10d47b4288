"""The requests of the Runtime API: their paths and methods."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

from .replies import METHOD_NOT_ALLOWED, NOT_FOUND, Reply

EXTENSIONS = "/2020-01-01/extension/"
_ROOT = "/2018-06-01/"
_REPLY = re.compile(_ROOT + r"runtime/invocation/([^/]+)/(response|error)")


class Route(Enum):
    """The requests; each value has the method and the end of the path."""

    PING = "GET", "ping"
    NEXT = "GET", "runtime/invocation/next"
    RESPONSE = "POST", "response"
    ERROR = "POST", "error"
    INIT_ERROR = "POST", "runtime/init/error"
    RESTORE_NEXT = "GET", "runtime/restore/next"
    RESTORE_ERROR = "POST", "runtime/restore/error"


class MatchedRoute(NamedTuple):
    """A route and the request id that the path names, if it names one."""

    route: Route
    request_id: str = ""


_REPLIES = {"response": Route.RESPONSE, "error": Route.ERROR}
_OF_SNAP_START = (Route.RESTORE_NEXT, Route.RESTORE_ERROR)
_FIXED = {_ROOT + route.value[1]: MatchedRoute(route) for route in Route if route not in _REPLIES.values()}
_METHODS = {route: route.value[0] for route in Route}


def match(method: str, target: str, *, snap_start: bool = False) -> MatchedRoute | Reply:
    """Match a request to a route, or return an error reply; only `snap_start` has the routes of a restore."""
    path = target.partition("?")[0]
    matched = _FIXED.get(path)
    if matched is None:
        found = _REPLY.fullmatch(path)
        if found is None:
            return NOT_FOUND
        matched = MatchedRoute(_REPLIES[found[2]], unquote(found[1]))
    elif matched.route in _OF_SNAP_START and not snap_start:
        return NOT_FOUND
    return matched if method == _METHODS[matched.route] else METHOD_NOT_ALLOWED
