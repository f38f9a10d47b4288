"""Cases of connections, framing of events, and repeated events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

from ...protocol.http_messages import CONTINUE, render_response
from .. import checks
from ..case import Case, after, ask, asked, echoes, on
from ..checks import Check
from ..messages import Event, Render
from ..record import request_id
from ..server import React, Reaction

_TEXT = "0123456789" * 10_000
_PROXIES: dict[str, str] = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:9")


def _framed(render: Render) -> list[Event]:
    large = Event(asked("echo", value=_TEXT), request_id(0), render=render)
    return [large, ask("echo", 1, value=1)]


def _sized(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {text}" for name, text in fields), f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _odd_chunks(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {text}" for name, text in fields), "Transfer-Encoding: chunked"]
    step = 2731  # AAB in hexadecimal
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    chunks = b"".join(b"%06X;name=value\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return "\r\n".join([*lines, "", ""]).encode() + chunks + b"0\r\nX-Trailer: value\r\n\r\n"


def _interim(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    return CONTINUE + render_response(200, fields, body)


def _transport(
    name: str,
    demand: str,
    events: Sequence[Event],
    *expect: Check,
    react: React | None = None,
    env: Mapping[str, str] | None = None,
) -> Case:
    return Case(f"transport.{name}", "transport", demand, events, expect, env or {}, react)


TRANSPORT = [
    _transport(
        "keep-alive",
        "Twenty events use fewer than twenty connections.",
        echoes(20),
        checks.responds(*range(20)),
        checks.connections(19),
    ),
    _transport(
        "idle",
        "A poll that gets no response for 2 seconds is neither given up nor repeated.",
        echoes(2),
        checks.responds(0, 1),
        checks.polls(3, 3),
        react=on("next", 1, Reaction(before=partial(time.sleep, 2))),
    ),
    _transport(
        "closed-after-reply",
        "A connection that the API closes after a reply is replaced.",
        echoes(3),
        checks.responds(0, 1, 2),
        react=on("response", 0, Reaction(close=True)),
    ),
    _transport(
        "close-announced",
        "A connection whose end the API announces with `Connection: close` is replaced.",
        echoes(3),
        checks.responds(0, 1, 2),
        react=on("response", 0, Reaction(close=True, announced=True)),
    ),
    _transport(
        "closed-while-running",
        "A connection that ends while the handler runs is replaced for the reply.",
        [ask("echo", 0, value=0, sleep_ms=200), ask("echo", 1, value=1)],
        checks.responds(0, 1),
        react=on("next", 0, Reaction(close=True)),
    ),
    _transport(
        "lost-poll",
        "A poll whose connection ends without a response is sent again.",
        echoes(2),
        checks.responds(0, 1),
        react=on("next", 1, Reaction(ignored=True, cut=0)),
    ),
    _transport(
        "lost-status",
        "A reply whose acknowledgement is lost does not make the handler run again.",
        [ask("count", 0), ask("count", 1)],
        checks.responds(1, 2),
        react=on("response", 0, Reaction(cut=0)),
    ),
    _transport(
        "slow",
        "An event that arrives byte by byte is handled.",
        echoes(1),
        checks.responds(0),
        react=on("next", 0, Reaction(bytewise=True)),
    ),
    _transport(
        "chunked",
        "An event of 100 KB in chunks arrives whole.",
        _framed(partial(render_response, 200, chunk_size=4096)),
        checks.responds(_TEXT, 1),
    ),
    _transport(
        "chunk-forms",
        "Chunks with leading zeros, upper-case digits, extensions and a trailer are read.",
        _framed(_odd_chunks),
        checks.responds(_TEXT, 1),
    ),
    _transport("length", "An event of 100 KB with a length arrives whole.", _framed(_sized), checks.responds(_TEXT, 1)),
    _transport(
        "interim",
        "A response 100 before an event is skipped.",
        [Event(asked("echo", value=0), request_id(0), render=_interim)],
        checks.responds(0),
    ),
    _transport(
        "proxy", "The proxy variables of the environment are ignored.", echoes(1), checks.responds(0), env=_PROXIES
    ),
    _transport(
        "no-expect",
        "A response of 1 MB is sent without `Expect: 100-continue`.",
        [ask("size", 0, bytes=1_000_000)],
        checks.responds("x" * 999_998),
        checks.sends("response", "Expect", None),
    ),
    _transport(
        "refused-poll",
        "The process exits with another code than 0 if each poll gets 500.",
        echoes(1),
        checks.responds(0),
        checks.exits(),
        react=after("next", 1, Reaction(status=500)),
    ),
]

STATES = [
    Case(
        "states.repeated-event",
        "states",
        "An event gets its response although the API did not receive the first one.",
        echoes(2),
        [checks.responds(0, 1)],
        react=on("response", 0, Reaction(ignored=True, cut=0)),
    ),
    Case(
        "states.same-id",
        "states",
        "A request id that returns after an accepted response is a retry by the service, and is handled.",
        [ask("count", 0), ask("count", 0)],
        [checks.posts("response 0", "response 0"), checks.values(1, 2)],
    ),
]
