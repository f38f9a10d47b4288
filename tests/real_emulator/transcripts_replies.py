"""Transcripts of the Runtime API: events, responses and errors, on either server. Each function is one."""

from __future__ import annotations

import base64

from tests.emulator.harness import get, post

from .play import Play, Transcript

LIMIT = 6_291_556  # bytes of a response
ROOT = "/2018-06-01/"
CAUSE_TYPE = "Content-Type: application/vnd.aws.lambda.error.cause+json"


def _chunked(request_id: str, body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST {ROOT}runtime/invocation/{request_id}/response HTTP/1.1",
        "Host: localhost",
        "Transfer-Encoding: chunked",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def reply_before_any_event(play: Play) -> None:
    """Reply before an event has given a valid id."""
    play.invoke()
    connection = play.connect()
    connection.reply("x")
    connection.reply("x", kind="error")


def response(play: Play) -> None:
    """Send two events and their responses on one connection."""
    connection, request_id = play.begin(b'{"n":1}')
    connection.finish(request_id, b'{"m":1}')
    connection.finish(play.invoke_again(connection, b'{"n":2}'), b'{"m":2}')


def two_invocations(play: Play) -> None:
    """Send a reply and a poll in one write; the second event answers that poll."""
    connection, request_id = play.begin(b"1")
    connection.send(post(f"invocation/{request_id}/response", b"one") + get())
    connection.read()
    play.caller()
    connection.finish(play.invoke_again(connection, b"2"), b"two")


def empty_response(play: Play) -> None:
    """Send a response without a body."""
    connection, request_id = play.begin()
    connection.finish(request_id, b"")


def chunked_response(play: Play) -> None:
    """Send a chunked body without the streaming mode, which is an ordinary response."""
    connection, request_id = play.begin()
    connection.ask(_chunked(request_id, b"3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"))
    connection.poll()
    play.caller()


def streamed_response(play: Play) -> None:
    """Stream a response, which the caller of an ordinary invoke gets as a whole."""
    connection, request_id = play.begin()
    connection.ask(_chunked(request_id, b"3\r\nabc\r\n0\r\n\r\n", "Lambda-Runtime-Function-Response-Mode: streaming"))
    connection.poll()
    play.caller()


def streamed_error(play: Play) -> None:
    """End a stream with error trailers."""
    connection, request_id = play.begin()
    details = base64.b64encode(b'{"errorType":"E"}').decode()
    trailers = (
        f"Lambda-Runtime-Function-Error-Type: Runtime.StreamError\r\nLambda-Runtime-Function-Error-Body: {details}\r\n"
    )
    connection.ask(
        _chunked(
            request_id,
            f"3\r\nabc\r\n0\r\n{trailers}\r\n".encode(),
            "Lambda-Runtime-Function-Response-Mode: streaming",
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        )
    )
    connection.poll()
    play.caller()


def broken_chunks(play: Play) -> None:
    """Send a chunked body with a broken chunk."""
    connection, request_id = play.begin()
    connection.ask(_chunked(request_id, b"3\r\nabc\r\nxyz\r\n"))


def error(play: Play) -> None:
    """Send an error, which the caller gets unchanged, whatever error type the header has."""
    connection, request_id = play.begin()
    connection.reply(request_id, b'{"errorMessage": "m"}', "Lambda-Runtime-Function-Error-Type: odd", kind="error")
    connection.poll()
    play.caller()


def error_that_is_not_json(play: Play) -> None:
    """Send an error that is not JSON."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"\x00oops", kind="error")
    connection.poll()
    play.caller()


def empty_error(play: Play) -> None:
    """Send an error without a body."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"", "Lambda-Runtime-Function-Error-Type: Function.Odd", kind="error")
    connection.poll()
    play.caller()


def error_with_cause(play: Play) -> None:
    """Send an error with the content type for a cause in the body."""
    connection, request_id = play.begin()
    body = b'{"stackTrace":["a"],"errorType":"E","other":1,"errorMessage":"<m>","errorCause":{"message":"c"}}'
    connection.reply(request_id, body, CAUSE_TYPE, kind="error")
    connection.poll()
    play.caller()


def error_with_a_bad_body(play: Play) -> None:
    """Send an error with that content type and a body of another shape."""
    connection, request_id = play.begin()
    connection.reply(request_id, b'{"errorType":1}', CAUSE_TYPE, kind="error")
    connection.poll()
    play.caller()


def wrong_id(play: Play) -> None:
    """Reply to another id, which is refused, then to the right one."""
    connection, request_id = play.begin()
    connection.reply("11111111-0000-0000-0000-000000000000", b"no")
    connection.reply("11111111-0000-0000-0000-000000000000", b"no", kind="error")
    connection.finish(request_id, b"yes")


def second_reply(play: Play) -> None:
    """Reply twice before the next poll."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"1")
    connection.reply(request_id, b"2")
    connection.reply(request_id, b"3", kind="error")
    connection.poll()
    play.caller()


def late_reply(play: Play) -> None:
    """Reply a second time after the next poll."""
    connection, request_id = play.begin()
    connection.finish(request_id)
    other = play.connect()
    other.reply(request_id)
    other.reply(request_id, kind="error")


def error_then_response(play: Play) -> None:
    """Send an error, then a response to the same invocation."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"1", kind="error")
    connection.reply(request_id, b"2")
    connection.poll()
    play.caller()


def bad_mode(play: Play) -> None:
    """Send a response with an unknown response mode."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"{}", "Lambda-Runtime-Function-Response-Mode: buffered")
    connection.reply(request_id, b"{}")


def largest_response(play: Play) -> None:
    """Send a response of the maximum size."""
    connection, request_id = play.begin()
    connection.finish(request_id, b"x" * LIMIT)


def too_large_response(play: Play) -> None:
    """Send a response of one byte more, then handle the next event."""
    connection, request_id = play.begin()
    connection.finish(request_id, b"x" * (LIMIT + 1))
    connection.finish(play.invoke_again(connection, b"2"), b"two")


def truncated_response(play: Play) -> None:
    """Send less than the declared length."""
    connection, request_id = play.begin()
    connection.send(post(f"invocation/{request_id}/response", b"x" * 100)[:-1])
    connection.shut_down()
    connection.read()
    connection.end()


def large_event(play: Play) -> None:
    """Send an event of 3 MB."""
    connection, request_id = play.begin(b'"%s"' % (b"x" * 3_000_000))
    connection.finish(request_id)


def init_error(play: Play) -> None:
    """Send two init errors; only the first is accepted."""
    play.invoke()
    connection = play.connect()
    body = b'{"errorMessage":"m","errorType":"Runtime.ImportModuleError"}'
    connection.ask(post("init/error", body, "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError"))
    connection.ask(post("init/error", body))


def init_error_after_an_event(play: Play) -> None:
    """Send an init error after an event."""
    connection, _ = play.begin()
    connection.ask(post("init/error"))


REPLIES: list[Transcript] = [
    reply_before_any_event,
    response,
    two_invocations,
    empty_response,
    chunked_response,
    streamed_response,
    streamed_error,
    broken_chunks,
    error,
    error_that_is_not_json,
    empty_error,
    error_with_cause,
    error_with_a_bad_body,
    wrong_id,
    second_reply,
    late_reply,
    error_then_response,
    bad_mode,
    largest_response,
    too_large_response,
    truncated_response,
    large_event,
    init_error,
    init_error_after_an_event,
]
