"""Transcripts of the Runtime API for only one of its two servers. Each function is one."""

from __future__ import annotations

from tests.emulator.harness import get, post

from .play import Play, Transcript


def same_event_again(play: Play) -> None:
    """Poll a second time before the reply, which returns the same event."""
    connection, request_id = play.begin(b'{"n":1}')
    connection.next()
    play.connect().next()
    connection.finish(request_id)


def next_after_init_error(play: Play) -> None:
    """Poll after an init error, when the runtime should exit."""
    play.invoke()
    connection = play.connect()
    connection.ask(post("init/error"))
    connection.next()


def next_after_a_bad_mode(play: Play) -> None:
    """Poll after a response with an unknown response mode, which leaves the state machine stuck."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"{}", "Lambda-Runtime-Function-Response-Mode: Streaming")
    connection.next()
    connection.reply(request_id, b"{}", kind="error")


def refused_reply_and_poll_in_one_write(play: Play) -> None:
    """Send a wrong reply and a poll in one write; the poll returns the same event again."""
    connection, request_id = play.begin(b'{"n":1}')
    connection.send(post("invocation/x/response") + get())
    connection.read()
    connection.read()
    connection.finish(request_id)


def replies_in_any_order(play: Play) -> None:
    """Handle two invocations, and answer the second one first."""
    first, first_id = play.begin(b"1")
    second = play.connect()
    second.poll()
    second_id = play.invoke_again(second, b"2")
    first.reply(second_id, b"two")
    second.reply(first_id, b"one")
    play.caller()
    play.caller()


def no_waiting_poll(play: Play) -> None:
    """Invoke the function while no poll waits, which is refused immediately."""
    connection, request_id = play.begin()
    play.invoke(b"2")
    play.await_last_caller()  # before the first invocation ends and another poll can wait
    connection.finish(request_id)
    play.caller()


def other_attempt(play: Play) -> None:
    """Reply with the id of another attempt, which is too late, then with the right one."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"1", "Lambda-Runtime-Invocation-Id: other")
    connection.reply(request_id, b"2", "Lambda-Runtime-Invocation-Id: other", kind="error")
    connection.finish(request_id, b"3")


def too_large_error(play: Play) -> None:
    """Send an error of more than one mebibyte, which is refused, then a response."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"x" * (1024 * 1024 + 1), kind="error")
    play.connect().finish(request_id, b"1")


def error_of_one_mebibyte(play: Play) -> None:
    """Send an error of one mebibyte, which is accepted."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"x" * 1024 * 1024, kind="error")


CLASSIC: list[Transcript] = [
    same_event_again,
    next_after_init_error,
    next_after_a_bad_mode,
    refused_reply_and_poll_in_one_write,
]
MANAGED: list[Transcript] = [
    replies_in_any_order,
    no_waiting_poll,
    other_attempt,
    too_large_error,
    error_of_one_mebibyte,
]
