"""Which call of the Runtime API a request is."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

from ..http.exchange import RecordedRequest
from . import payloads
from .payloads import Reply

_ROOT = "/2018-06-01/"


class Route(Enum):
    """The calls; the value is the method."""

    PING = "GET", 1
    NEXT = "GET", 2
    RESPONSE = "POST", 3
    ERROR = "POST", 4
    INIT_ERROR = "POST", 5
    RESTORE_NEXT = "GET", 6
    RESTORE_ERROR = "POST", 7


class Call(NamedTuple):
    """A call and the invocation that it names, if it names one."""

    route: Route
    request_id: str = ""


def find(request: RecordedRequest, *, snap_start: bool = False) -> Call | Reply:
    """The call that a request is, or the refusal of what is none. Only SnapStart has calls about restoring."""
    path = request.path.partition("?")[0]
    if not path.startswith(_ROOT):
        return payloads.NOT_FOUND
    match path[len(_ROOT) :].split("/"):
        case ["ping"]:
            call = Call(Route.PING)
        case ["runtime", "invocation", "next"]:
            call = Call(Route.NEXT)
        case ["runtime", "invocation", str(request_id), "response"] if request_id:
            call = Call(Route.RESPONSE, unquote(request_id))
        case ["runtime", "invocation", str(request_id), "error"] if request_id:
            call = Call(Route.ERROR, unquote(request_id))
        case ["runtime", "init", "error"]:
            call = Call(Route.INIT_ERROR)
        case ["runtime", "restore", "next"] if snap_start:
            call = Call(Route.RESTORE_NEXT)
        case ["runtime", "restore", "error"] if snap_start:
            call = Call(Route.RESTORE_ERROR)
        case _:
            return payloads.NOT_FOUND
    return call if request.method == call.route.value[0] else payloads.METHOD_NOT_ALLOWED
