"""Routes of the Runtime API."""

from __future__ import annotations

import subprocess
import sys

import pytest

from awslambdaric_lite.protocol.replies import METHOD_NOT_ALLOWED, NOT_FOUND, Reply, event_headers
from awslambdaric_lite.protocol.routes import MatchedRoute, Route, match


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "ping", MatchedRoute(Route.PING)),
        ("GET", "runtime/invocation/next?x=1", MatchedRoute(Route.NEXT)),
        ("POST", "runtime/invocation/a%2Fb/response", MatchedRoute(Route.RESPONSE, "a/b")),
        ("POST", "runtime/invocation/1/error", MatchedRoute(Route.ERROR, "1")),
        ("POST", "runtime/init/error", MatchedRoute(Route.INIT_ERROR)),
        ("POST", "runtime/invocation/next", METHOD_NOT_ALLOWED),
        ("GET", "runtime/invocation/1/response", METHOD_NOT_ALLOWED),
        ("POST", "runtime/invocation//response", NOT_FOUND),
        ("POST", "runtime/invocation/1/2/response", NOT_FOUND),
        ("POST", "runtime/invocation/1/other", NOT_FOUND),
        ("POST", "response", NOT_FOUND),
        ("GET", "runtime/restore/next", NOT_FOUND),
    ],
)
def test_method_and_path_decide_on_the_route(method: str, path: str, expected: MatchedRoute | Reply) -> None:
    """A request is matched by its method and path; another path is unknown, another method not allowed."""
    assert match(method, f"/2018-06-01/{path}") == expected
    assert match(method, f"/2018-06-02/{path}") == NOT_FOUND


def test_restore_has_routes_with_snap_start_only() -> None:
    """The routes of a restore exist with SnapStart."""
    for method, path, route in (("GET", "next", Route.RESTORE_NEXT), ("POST", "error", Route.RESTORE_ERROR)):
        assert match(method, f"/2018-06-01/runtime/restore/{path}") == NOT_FOUND
        assert match(method, f"/2018-06-01/runtime/restore/{path}", snap_start=True) == MatchedRoute(route)


def test_line_breaks_in_event_headers_become_blanks() -> None:
    """A line break in a header value becomes a blank, and a value of None leaves the header out."""
    headers = event_headers("1", 2, "arn", client_context='{"a":\r\n1}', trace_id="")
    assert headers[3:] == [
        ("Lambda-Runtime-Invoked-Function-Arn", "arn"),
        ("Lambda-Runtime-Trace-Id", ""),
        ("Lambda-Runtime-Client-Context", '{"a":  1}'),
    ]


def test_protocol_loads_no_input_or_output() -> None:
    """The modules of `protocol` load neither asyncio nor socket."""
    code = (
        "import sys, awslambdaric_lite.protocol.routes, awslambdaric_lite.protocol.states\n"
        "import awslambdaric_lite.protocol.http_messages\n"
        "assert not {'asyncio', 'socket', '_socket', 'h11'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
