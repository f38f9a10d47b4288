"""Transcripts of the Runtime API: paths, methods, headers and connections. Each function is one."""

from __future__ import annotations

from tests.emulator.harness import get, post

from .play import Play, Transcript

ROOT = "/2018-06-01/"


def ping(play: Play) -> None:
    """Request the oldest path."""
    play.invoke()
    connection = play.connect()
    connection.ask(get("ping"))
    connection.ask(get("ping?a=b"))


def unknown_paths(play: Play) -> None:
    """Request unknown paths, which give 404 and keep the connection open."""
    play.invoke()
    connection = play.connect()
    for path in ("nope", "", "runtime", "runtime/invocation", "runtime/invocation/next/", "runtime/invocation/x/other"):
        connection.ask(get(path))
    connection.ask(b"GET /2015-03-31/next HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.ask(get("ping"))


def restore_without_snapstart(play: Play) -> None:
    """Request the restore paths, which exist only with SnapStart."""
    play.invoke()
    connection = play.connect()
    connection.ask(get("runtime/restore/next"))
    connection.ask(post("restore/error"))


def wrong_methods(play: Play) -> None:
    """Use wrong methods, which give 405."""
    play.invoke()
    connection = play.connect()
    connection.ask(post("invocation/next"))
    connection.ask(get("runtime/invocation/x/response"))
    connection.ask(get("runtime/invocation/x/error"))
    connection.ask(get("runtime/init/error"))


def large_header(play: Play) -> None:
    """Send headers of nearly one mebibyte, which are accepted."""
    connection, request_id = play.begin()
    cause = "Lambda-Runtime-Function-XRay-Error-Cause: " + "x" * 1_000_000
    connection.reply(request_id, b"{}", cause, kind="error")


def too_large_header(play: Play) -> None:
    """Send larger headers, which close the connection."""
    connection, request_id = play.begin()
    cause = "Lambda-Runtime-Function-XRay-Error-Cause: " + "x" * 1_100_000
    connection.reply(request_id, b"{}", cause, kind="error")
    connection.end()


def large_refused_body(play: Play) -> None:
    """Send the head of a refused request with a large body, whose response does not wait for the body."""
    connection, _ = play.begin()
    head, _, _ = post("invocation/x/response", b"x" * 1_000_000).partition(b"\r\n\r\n")
    connection.ask(head + b"\r\n\r\n")
    connection.end()


def small_refused_body(play: Play) -> None:
    """Send a refused request with a small body, which is read, so that the connection stays open."""
    connection, _ = play.begin()
    connection.reply("x", b"x" * 200_000)
    connection.ask(get("ping"))


def expect_continue(play: Play) -> None:
    """Wait for 100 Continue before the body."""
    connection, request_id = play.begin()
    sent = post(f"invocation/{request_id}/response", b"[]", "Expect: 100-continue")
    connection.ask(sent[:-2])
    connection.ask(sent[-2:])


def expect_continue_refused(play: Play) -> None:
    """Send a body after a refusal in the place of 100 Continue."""
    connection, _ = play.begin()
    connection.ask(post("invocation/x/response", b"[]", "Expect: 100-continue")[:-2])
    connection.send(b"[]")
    connection.ask(get("ping"))


def not_http(play: Play) -> None:
    """Send bytes that are not HTTP."""
    play.invoke()
    connection = play.connect()
    connection.ask(b"what is this\r\n\r\n")
    connection.end()


def old_http(play: Play) -> None:
    """Send an HTTP/1.0 request, which gets one response."""
    play.invoke()
    connection = play.connect()
    connection.ask(f"GET {ROOT}ping HTTP/1.0\r\n\r\n".encode())
    connection.end()


def connection_close(play: Play) -> None:
    """Ask the server to close the connection after the response."""
    play.invoke()
    connection = play.connect()
    connection.ask(f"GET {ROOT}ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    connection.end()


HTTP: list[Transcript] = [
    ping,
    unknown_paths,
    restore_without_snapstart,
    wrong_methods,
    large_header,
    too_large_header,
    large_refused_body,
    small_refused_body,
    expect_continue,
    expect_continue_refused,
    not_http,
    old_http,
    connection_close,
]
