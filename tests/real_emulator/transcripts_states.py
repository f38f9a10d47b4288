"""Transcripts of the Runtime API: what only one of its two servers allows. Each function is one."""

from __future__ import annotations

from tests.emulator.harness import get, post

from .play import Play, Transcript


def same_event_again(play: Play) -> None:
    """A second poll before the reply gets the same event."""
    connection, request_id = play.begin(b'{"n":1}')
    connection.next()
    play.connect().next()
    connection.finish(request_id)


def next_after_init_error(play: Play) -> None:
    """The runtime is to exit instead."""
    play.invoke()
    connection = play.connect()
    connection.ask(post("init/error"))
    connection.next()


def next_after_a_bad_mode(play: Play) -> None:
    """The state is stuck."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"{}", "Lambda-Runtime-Function-Response-Mode: Streaming")
    connection.next()
    connection.reply(request_id, b"{}", kind="error")


def refused_reply_and_poll_in_one_write(play: Play) -> None:
    """The poll behind a wrong reply gets the same event again."""
    connection, request_id = play.begin(b'{"n":1}')
    connection.send(post("invocation/x/response") + get())
    connection.read()
    connection.read()
    connection.finish(request_id)


def replies_in_any_order(play: Play) -> None:
    """Two invocations run; the second is answered first."""
    first, first_id = play.begin(b"1")
    second = play.connect()
    second.poll()
    second_id = play.invoke_again(second, b"2")
    first.reply(second_id, b"two")
    second.reply(first_id, b"one")
    play.caller()
    play.caller()


def nobody_waits(play: Play) -> None:
    """A call beyond the polls that wait is refused at once."""
    connection, request_id = play.begin()
    play.invoke(b"2")
    play.await_last_caller()  # before the first one's end, after which somebody might wait
    connection.finish(request_id)
    play.caller()


def other_attempt(play: Play) -> None:
    """A reply with the id of another attempt comes too late; the right one is taken."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"1", "Lambda-Runtime-Invocation-Id: other")
    connection.reply(request_id, b"2", "Lambda-Runtime-Invocation-Id: other", kind="error")
    connection.finish(request_id, b"3")


def too_large_error(play: Play) -> None:
    """An error above one mebibyte is refused, and the invocation goes on."""
    connection, request_id = play.begin()
    connection.reply(request_id, b"x" * (1024 * 1024 + 1), kind="error")
    play.connect().finish(request_id, b"1")


def error_of_one_mebibyte(play: Play) -> None:
    """One byte less is not."""
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
    nobody_waits,
    other_attempt,
    too_large_error,
    error_of_one_mebibyte,
]
