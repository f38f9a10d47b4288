"""Faults of the Runtime API: what it sends instead of a response, the statuses it refuses with, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from awslambdaric_lite.conformance.messages import Request
from awslambdaric_lite.conformance.server import React, Reaction
from tests.faults.row import Row, World

_PAUSE_S = 0.03
_HUGE = 2 << 20  # bytes of a head, above the limit of 1 MiB
_LARGE = "return str(number) * 3_000_000"
_RAISE = "raise ValueError('x')"
_AFTER = 24  # bytes of a response that arrive before the rest fails: within the head
_IN_BODY = -40  # within the body of an event

Edit = Callable[[bytes], Iterable[bytes]]


def at(verb: str, number: int, reaction: Reaction) -> Callable[[World], React]:
    """Change the response to the request of that number, from 0, of a verb."""

    def react(request: Request, count: int) -> Reaction | None:
        return reaction if request.verb == verb and count == number else None

    return lambda world: react


def each(verb: str, reaction: Reaction) -> Callable[[World], React]:
    """Change every response to a verb."""
    return lambda world: lambda request, _: reaction if request.verb == verb else None


def _always(reaction: Reaction) -> Callable[[World], React]:
    return lambda world: lambda request, _: reaction


def _paused(position: int) -> Edit:
    def pieces(data: bytes) -> Iterator[bytes]:
        yield data[:position]
        time.sleep(_PAUSE_S)
        yield data[position:]

    return pieces


def _instead(replacement: bytes) -> Edit:
    return lambda data: [replacement]


def _before(addition: bytes) -> Edit:
    return lambda data: [addition + data]


def _after(addition: bytes) -> Edit:
    return lambda data: [data + addition]


def _field(line: bytes) -> Edit:
    """Add a line to the head."""
    return lambda data: [data.replace(b"\r\n", b"\r\n" + line + b"\r\n", 1)]


def _length(change: Callable[[int], bytes]) -> Edit:
    """Replace the declared length by another."""

    def pieces(data: bytes) -> Iterable[bytes]:
        before, name, rest = data.partition(b"Content-Length: ")
        value, end, after = rest.partition(b"\r\n")
        return [before + name + change(int(value)) + end + after]

    return pieces


def _chunked(make: Callable[[bytes], bytes]) -> Edit:
    """Replace the length by chunks, which `make` makes of the body."""

    def pieces(data: bytes) -> Iterable[bytes]:
        head, _, body = data.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        return [b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""]) + make(body)]

    return pieces


def _first_line(line: bytes) -> Edit:
    return lambda data: [line + b"\r\n" + data.partition(b"\r\n")[2]]


def _without_length(data: bytes) -> Iterable[bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return [b"\r\n".join([*lines, b"", b""]) + body]


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def _edit(edit: Edit, *, close: bool = False) -> Reaction:
    return Reaction(edit=edit, close=close)


# What can happen to any response. A fault whose rest never comes ends with a closed connection.
ANY_RESPONSE: dict[str, Reaction] = {
    "connection closed before the response": Reaction(cut=0),
    "connection reset before the response": Reaction(cut=0, reset=True),
    "connection closed in the head": Reaction(cut=_AFTER),
    "connection reset in the head": Reaction(cut=_AFTER, reset=True),
    "connection closed in the body": Reaction(cut=-5),
    "connection reset in the body": Reaction(cut=-5, reset=True),
    "pause before the response": Reaction(before=lambda: time.sleep(_PAUSE_S)),
    "pause in the head": _edit(_paused(_AFTER)),
    "pause in the body": _edit(_paused(-5)),
    "response byte by byte": Reaction(bytewise=True),
    "garbage with line ends": _edit(_instead(b"\x16\x03\x01\r\n\x00\xff\r\n\r\n"), close=True),
    "garbage without line ends": _edit(_instead(b"\xde\xad\xbe\xef" * 500), close=True),
    "web page instead of HTTP": _edit(_instead(b"<html><body>proxy</body></html>\n"), close=True),
    "NUL bytes before the response": _edit(_before(b"\0\0"), close=True),
    "head of 2 MiB": _edit(_field(b"X-Large: " + b"x" * _HUGE), close=True),
    "head of 2 MiB in one line without an end": _edit(_instead(b"HTTP/1.1 200 OK\r\nX: " + b"x" * _HUGE), close=True),
    "10,000 header fields": _edit(_field(b"\r\n".join(b"X-%d: x" % number for number in range(10_000)))),
    "header line without a colon": _edit(_field(b"no colon")),
    "header field with a NUL byte": _edit(_field(b"X-Nul: a\0b")),
    "length that is too short": _edit(_length(lambda length: b"%d" % (length - 3))),
    "length that is too long": _edit(_length(lambda length: b"%d" % (length + 3)), close=True),
    "negative length": _edit(_length(lambda length: b"-1"), close=True),
    "length that is not a number": _edit(_length(lambda length: b"ten"), close=True),
    "length of 10 to the power of 30 bytes": _edit(_length(lambda length: b"1" + b"0" * 30), close=True),
    "two different lengths": _edit(_field(b"Content-Length: 3"), close=True),
    "two equal lengths": _edit(_length(lambda length: b"%d\r\nContent-Length: %d" % (length, length))),
    "no length, then the connection closes": _edit(_without_length, close=True),
    "chunks of one byte": _edit(_chunked(lambda body: b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")),
    "chunk of 16 TiB": _edit(_chunked(lambda body: b"fffffffffff\r\n" + body), close=True),
    "chunk size with 17 digits": _edit(_chunked(lambda body: b"f" * 17 + b"\r\n" + body), close=True),
    "chunk size that is not a number": _edit(_chunked(lambda body: b"zz\r\n" + body), close=True),
    "negative chunk size": _edit(_chunked(lambda body: b"-5\r\n" + body), close=True),
    "chunk longer than its size": _edit(_chunked(lambda body: b"3\r\n" + body + b"\r\n0\r\n\r\n"), close=True),
    "no last chunk": _edit(_chunked(lambda body: _chunk(body)[:-5]), close=True),
    "chunk extension of 1 MB": _edit(_chunked(lambda body: b"1;" + b"x" * 1_000_000 + b"\r\n"), close=True),
    "chunks and a length": _edit(lambda data: _chunked(_chunk)(next(iter(_field(b"Content-Length: 3")(data))))),
    "unknown transfer coding": _edit(_field(b"Transfer-Encoding: gzip"), close=True),
    "HTTP/1.0 with a length": _edit(lambda data: [data.replace(b"HTTP/1.1", b"HTTP/1.0", 1)], close=True),
    "HTTP/2 in the status line": _edit(lambda data: [data.replace(b"HTTP/1.1", b"HTTP/2", 1)], close=True),
    "status of two digits": _edit(_first_line(b"HTTP/1.1 20 OK"), close=True),
    "100 Continue before the response": _edit(_before(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "1,000 interim responses before it": _edit(_before(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000)),
    "101 Switching Protocols": _edit(_instead(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), close=True),
    "unasked 202 after the response": _edit(_after(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")),
    "unasked 500 after the response": _edit(_after(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")),
    "unasked garbage after the response": _edit(_after(b"\r\nabc\r\n")),
    "response sent twice": _edit(lambda data: [data + data]),
}
"""What replaces a response, by the name of the fault."""

# Why the official client polls on and this project's exits.
_FRAMING = "RFC 9112 (6.3) has the client refuse a response whose end is uncertain"
_POLLED = "the request for the next event has left with the reply, so these bytes are its response"
_WHY = {
    "two different lengths": (_FRAMING, _FRAMING),
    "length of 10 to the power of 30 bytes": (_FRAMING, _FRAMING),
    "length that is too short": ("", _POLLED),
    "unasked 202 after the response": ("", _POLLED),
    "unasked 500 after the response": ("", _POLLED),
    "unasked garbage after the response": ("", _POLLED),
    "response sent twice": ("", _POLLED),
}
_NEXT = "instead of the event"
_STATUS = "instead of the reply's status"


def _rows_of_responses() -> Iterator[Row]:
    for fault, reaction in ANY_RESPONSE.items():
        why_next, why_status = _WHY.get(fault, ("", ""))
        # A damaged event may be answered with an error: it has no result.
        yield Row(fault, _NEXT, at("next", 1, reaction), answers="rxrr", why=why_next)
        yield Row(fault, _STATUS, at("response", 1, reaction), why=why_status)


def _rows_of_first_request() -> Iterator[Row]:
    yield Row("nobody listens", "before the first event", before=lambda world: world.api.stop())
    for fault in (
        "connection closed before the response",
        "connection reset before the response",
        "connection reset in the body",
        "response byte by byte",
        "garbage with line ends",
        "unasked 202 after the response",
    ):
        yield Row(fault, "at the first event", at("next", 0, ANY_RESPONSE[fault]), answers="xrrr")
    for fault in ("connection closed before the response", "garbage with line ends"):
        yield Row(fault, "for each event", each("next", ANY_RESPONSE[fault]), answers="xxxx")
        yield Row(fault, "for each reply", each("response", ANY_RESPONSE[fault]))


def _rows_of_statuses() -> Iterator[Row]:
    for status in (400, 403, 404, 410, 413, 429, 431, 500, 503):
        refused = Reaction(status=status)
        yield Row(f"status {status}", "for a result", at("response", 1, refused))
        yield Row(f"status {status}", "for an error", at("error", 0, refused), body=_RAISE, answers="rerr")
        yield Row(f"status {status}", "for the request of an event", at("next", 1, refused), answers="rxrr")
    for status in (400, 403, 413, 500, 503):
        yield _in_init(f"status {status}", "for an error of init", Reaction(status=status))
    for status in (202, 204, 301, 302):
        yield Row(f"status {status}", "for the request of an event", at("next", 1, Reaction(status=status)))
    for status in (200, 204, 302):
        body = b"" if status == 204 else b"{}"
        yield Row(f"status {status}", "for a result", at("response", 1, Reaction(status=status, body=body)))
    for status in (403, 413, 500):
        early = Reaction(status=status, close=True, announced=True)
        yield Row(
            f"status {status}", "while a large result is sent", at("response", 1, early), body=_LARGE, limit=99_999
        )
    lost = Reaction(status=400, ignored=True)
    yield Row(
        "reply ignored, connection closed", "while a result is sent", at("response", 1, Reaction(ignored=True, cut=0))
    )
    yield Row("reply ignored, status 400", "for a result", at("response", 1, lost))


def _in_init(fault: str, moment: str, reaction: Reaction) -> Row:
    """Return a row whose handler fails in init."""
    return Row(fault, moment, at("init/error", 0, reaction), setup="raise ValueError('x')", answers="----", init=True)


def _rows_of_init() -> Iterator[Row]:
    for fault in ("connection closed before the response", "garbage with line ends", "pause before the response"):
        yield _in_init(fault, "instead of the status of an error of init", ANY_RESPONSE[fault])
    ignored = Reaction(ignored=True, cut=0)
    yield _in_init("request ignored, connection closed", "while an error of init is sent", ignored)


def _end(world: World, *, back: bool) -> None:
    if back:
        world.api.restart()
    else:
        world.api.stop()
    world.touch("ended")


def _stopping(verb: str, number: int, *, after: bool, back: bool) -> Callable[[World], React]:
    """End the API at a request, before or after its response is sent; `back` then starts it again."""

    def make(world: World) -> React:
        def then_end(data: bytes) -> Iterator[bytes]:
            yield data
            _end(world, back=back)

        reaction = Reaction(edit=then_end) if after else Reaction(before=lambda: _end(world, back=back))
        return at(verb, number, reaction)(world)

    return make


def _rows_of_ends() -> Iterator[Row]:
    waits = "wait_for('ended')"
    for fault, back in (("API ends", False), ("API restarts on the same port", True)):
        gone = "r---" if not back else "rrrr"
        yield Row(fault, "while an event is awaited", _stopping("next", 1, after=False, back=back))
        yield Row(
            fault, "between event and reply", _stopping("next", 1, after=True, back=back), body=waits, answers=gone
        )
        yield Row(
            fault,
            "between event and error",
            _stopping("next", 1, after=True, back=back),
            body=f"{waits}\nraise ValueError('x')",
            answers=gone.replace("rr", "re", 1),
        )
        yield Row(
            fault,
            "between event and large result",
            _stopping("next", 1, after=True, back=back),
            body=f"{waits}\n{_LARGE}",
            answers=gone,
        )
        yield Row(fault, _STATUS, _stopping("response", 1, after=False, back=back))
        yield Row(fault, "between reply and next event", _stopping("response", 1, after=True, back=back))
    for fault, reset in (("connection closed", False), ("connection reset", True)):
        yield Row(fault, "between event and reply", _closing("next", 1, reset=reset), body=waits)
        yield Row(fault, "between reply and next event", _closing("response", 1, reset=reset))
        yield Row(fault, "while a large result is sent", _unread(reset=reset), body=_LARGE, limit=99_999)
        yield Row(fault, "after each response", _always(Reaction(close=True, reset=reset)))


def _closing(verb: str, number: int, *, reset: bool) -> Callable[[World], React]:
    """Close the connection behind a response."""

    def make(world: World) -> React:
        def then_touch(data: bytes) -> Iterator[bytes]:
            yield data
            world.touch("ended")

        return at(verb, number, Reaction(edit=then_touch, close=True, reset=reset))(world)

    return make


def _unread(*, reset: bool) -> Callable[[World], React]:
    """Close the connection before a large reply is read; later ones are read."""

    def make(world: World) -> React:
        ignored = Reaction(ignored=True, cut=0, reset=reset, before=world.api.read_large_requests)
        return at("response", 1, ignored)(world)

    return make


def _in_second_stream(act: Callable[[World], object]) -> Callable[[World, bytes], None]:
    """Do something when the first chunk of event 1 has arrived."""

    def on_chunk(world: World, chunk: bytes) -> None:
        if chunk.startswith(b"1"):
            act(world)

    return on_chunk


def _cut(world: World) -> None:
    raise OSError("cut off by the row")


def _rows_of_streams() -> Iterator[Row]:
    where = "instead of a stream's status"
    for fault in (
        "connection closed before the response",
        "connection reset before the response",
        "connection closed in the head",
        "response byte by byte",
        "garbage with line ends",
        "head of 2 MiB",
        "negative length",
        "100 Continue before the response",
        "unasked 202 after the response",
    ):
        yield Row(fault, where, at("response", 1, ANY_RESPONSE[fault]), streams=True)
    for status in (400, 403, 410, 413, 500):
        yield Row(f"status {status}", "for a stream", at("response", 1, Reaction(status=status)), streams=True)

    for fault, ignored in (
        ("stream ignored, connection closed", Reaction(ignored=True, cut=0)),
        ("stream ignored, status 400", Reaction(ignored=True, status=400)),
    ):
        yield Row(fault, where, at("response", 1, ignored), streams=True, answers="rerr")
    within = "after a stream's first chunk"
    pause = _in_second_stream(lambda world: time.sleep(_PAUSE_S))
    yield Row("pause", within, streams=True, on_chunk=pause)
    yield Row("connection closed", within, streams=True, on_chunk=_in_second_stream(_cut), answers="r-rr")
    for fault, back, answers in (("API ends", False, "r---"), ("API restarts on the same port", True, "rerr")):
        ending = _in_second_stream(lambda world, back=back: _end(world, back=back))  # type: ignore[misc]
        yield Row(fault, within, streams=True, on_chunk=ending, body="wait_for('ended')", answers=answers)


ROWS = [
    *_rows_of_first_request(),
    *_rows_of_responses(),
    *_rows_of_statuses(),
    *_rows_of_init(),
    *_rows_of_ends(),
    *_rows_of_streams(),
]
