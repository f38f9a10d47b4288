"""The cases: events and faults of the Runtime API, and what a runtime client must do.

`LINES` is the checklist; each case belongs to one of its lines. A `Case` talks to the client as the Runtime API does,
a `CallerCase` invokes a function as an SDK does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..common.json_text import compact
from ..common.quotas import MAX_PAYLOAD
from ..protocol.http_messages import CONTINUE, render_response
from ..protocol.replies import ATTEMPT_ID
from . import checks
from .checks import CAUSE, Check
from .messages import ARN, DueEvent, Event, Render, Request
from .outcomes import OutcomeCheck, contains, error, value
from .record import request_id
from .server import React, Reaction

INIT = "CONFORMANCE_INIT"
"""The environment variable that selects the behaviour of the init phase."""
SHUT_DOWN = "shut down"
"""What a shutdown hook prints."""

LINES = {
    "transport": "one persistent connection, replaced when it breaks; no timeout of a poll; chunked events; no proxy",
    "headers": "empty header fields are absent ones; trace id per invocation; invocation id in each reply",
    "refusals": "a refused response is not followed by an error",
    "xray": "the X-Ray cause is short, one line, ASCII",
    "init": "init errors are posted before the exit; hooks of snapshots exit with 64 and 65",
    "streaming": "trailers are declared and carry errors; an error before the first byte is an ordinary one",
    "shutdown": "SIGTERM reaches the function through an internal extension",
    "logs": "a telemetry descriptor is optional; a report is one line",
    "managed": "several invocations at a time, each with its own state; a bounded number of retries",
    "states": "an event that the API delivers again is answered",
    "completion": "each caller gets the response to its own event",
    "lifecycle": "exits, timeouts, init errors and shutdown reach callers as the platform reports them",
    "limits": "the largest response is accepted; errors are errors of the function",
    "framing": "large events arrive whole, however they are framed",
}


@dataclass(frozen=True)
class Case:
    """A case at the Runtime API.

    Attributes:
        line: the key of its line in `LINES`.
        demand: what the client must do, as a sentence.
        react: changes responses of the API.
        concurrency: the number of invocations at a time, as on Managed Instances; 0 is an ordinary function.
        descriptor: whether the process has a telemetry descriptor.
        sigterm: whether the process gets SIGTERM after the last event.
        limit: size in bytes from which the API refuses a body without reading it.
    """

    id: str
    line: str
    demand: str
    events: Sequence[Event]
    expect: Sequence[Check]
    env: Mapping[str, str] = field(default_factory=dict)
    react: React | None = None
    concurrency: int = 0
    descriptor: bool = False
    sigterm: bool = False
    limit: int | None = None


@dataclass(frozen=True)
class CallerCase:
    """A case at the Invoke API: each event, and the check of its outcome; `logged` is a line of the whole log."""

    id: str
    line: str
    demand: str
    calls: Sequence[tuple[bytes, OutcomeCheck]]
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 30
    logged: str = ""


def ask(behaviour: str, number: int = 0, /, *fields: tuple[str, str], **members: object) -> Event:
    """Return the event that asks for a behaviour; `fields` are header fields."""
    return Event(asked(behaviour, **members), request_id(number), tuple(fields))


def asked(behaviour: str, **members: object) -> bytes:
    """Return the body of an event that asks for a behaviour."""
    return compact({"behaviour": behaviour, **members}, ascii_only=True).encode()


def echoes(count: int) -> list[Event]:
    """Return events whose responses are 0, 1, 2 and so on."""
    return [ask("echo", number, value=number) for number in range(count)]


def on(verb: str, number: int, reaction: Reaction) -> React:
    """Change the response to the request of a verb with this number, from 0."""
    return lambda request, count: reaction if (request.verb, count) == (verb, number) else None


def after(verb: str, number: int, reaction: Reaction) -> React:
    """Change the responses to the requests of a verb from this number on."""
    return lambda request, count: reaction if request.verb == verb and count >= number else None


def _refuse_causes(request: Request, count: int) -> Reaction | None:
    return Reaction(status=431, ignored=True, close=True) if request.header(CAUSE) else None


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


def _odd_fields(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    spelled = [(name.lower() if place % 2 else name.upper(), text) for place, (name, text) in enumerate(fields)]
    lines = ["HTTP/1.1 200 OK", *(f"{name}:{text} \t" for name, text in spelled), f"content-length:{len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _interim(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    return CONTINUE + render_response(200, fields, body)


_TEXT = "0123456789" * 10_000
_TRACE = "Lambda-Runtime-Trace-Id"
_TRACES = [f"Root=1-5759e988-bd862e3fe1be46a99427279{n};Parent=53995c3f42cd8ad8;Sampled=1" for n in range(4)]
_TENANT = "Lambda-Runtime-Aws-Tenant-Id"
_CLIENT = {
    "installation_id": "an-installation",
    "app_title": "an app",
    "app_version_name": "1.0",
    "app_version_code": "1",
    "app_package_name": "com.example",
}
_CONTEXT = ("Lambda-Runtime-Client-Context", compact({"custom": {"key": "value"}, "env": {}, "client": _CLIENT}))
_IDENTITY = ("Lambda-Runtime-Cognito-Identity", '{"cognitoIdentityId":"an-id","cognitoIdentityPoolId":"a-pool"}')
_EMPTY = tuple((name, "") for name in (_TRACE, _CONTEXT[0], _IDENTITY[0], _TENANT, ATTEMPT_ID))
_PROXIES = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"), "http://127.0.0.1:9")
_LARGE = 5_000_000
_SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
_STREAM = {INIT: "stream"}
_MANAGED = 4
_BACKOFF_POLLS = 40  # a client that waits between polls sends fewer


def _refused(status: int) -> Case:
    return Case(
        f"refusals.response-{status}",
        "refusals",
        f"A {status} for a response is not followed by an error; the next event is handled.",
        echoes(2),
        [checks.posts("response 0", "response 1"), checks.values(0, 1)],
        react=on("response", 0, Reaction(status=status)),
    )


def _refused_error(status: int) -> Case:
    return Case(
        f"refusals.error-{status}",
        "refusals",
        f"A {status} for an error is not followed by another error; the next event is handled.",
        [ask("raise", message="first"), ask("echo", 1, value=1)],
        [checks.posts("error 0", "response 1")],
        react=on("error", 0, Reaction(status=status)),
    )


def _transport(
    name: str,
    demand: str,
    events: Sequence[Event],
    *expect: Check,
    react: React | None = None,
    env: Mapping[str, str] | None = None,
) -> Case:
    return Case(f"transport.{name}", "transport", demand, events, expect, env or {}, react)


_TRANSPORT = [
    _transport(
        "keep-alive",
        "Five events use at most two connections.",
        echoes(5),
        checks.responds(*range(5)),
        checks.connections(2),
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

_HEADERS = [
    Case(
        "headers.context",
        "headers",
        "The handler sees the request id and the ARN of the function.",
        [ask("context")],
        [checks.members(0, requestId=request_id(0), functionArn=ARN)],
    ),
    Case(
        "headers.names",
        "headers",
        "Names of header fields in any case, and values with blanks around them, are read.",
        [Event(asked("context"), request_id(0), render=_odd_fields)],
        [checks.members(0, requestId=request_id(0), functionArn=ARN)],
    ),
    Case(
        "headers.deadline",
        "headers",
        "The handler sees the time that is left until the deadline.",
        [DueEvent(asked("context"), request_id(0), seconds=60.0)],
        [checks.remaining_ms(20_000, 60_000)],
    ),
    Case(
        "headers.client-context",
        "headers",
        "The handler sees the client context.",
        [ask("context", 0, _CONTEXT)],
        [checks.members(0, clientContext={"key": "value"})],
    ),
    Case(
        "headers.identity",
        "headers",
        "The handler sees the Cognito identity.",
        [ask("context", 0, _IDENTITY)],
        [checks.members(0, identityId="an-id")],
    ),
    Case(
        "headers.tenant",
        "headers",
        "The handler sees the tenant id.",
        [ask("context", 0, (_TENANT, "tenant-7"))],
        [checks.members(0, tenantId="tenant-7")],
    ),
    Case(
        "headers.empty",
        "headers",
        "Empty header fields are treated as absent ones.",
        [ask("context", 0, *_EMPTY)],
        [checks.members(0, clientContext=None, identityId=None, tenantId=None), checks.echoes_attempts(None)],
    ),
    Case(
        "headers.trace",
        "headers",
        "The handler sees the trace id of its invocation, and none without one.",
        [ask("trace", 0, (_TRACE, _TRACES[0])), ask("trace", 1, (_TRACE, _TRACES[1])), ask("trace", 2)],
        [checks.traces(_TRACES[0], _TRACES[1], None)],
    ),
    Case(
        "headers.empty-trace",
        "headers",
        "An empty trace id removes that of the invocation before.",
        [ask("trace", 0, (_TRACE, _TRACES[0])), ask("trace", 1, (_TRACE, ""))],
        [checks.traces(_TRACES[0], None)],
    ),
    Case(
        "headers.invocation-id",
        "headers",
        "The invocation id of an event is in its response, and no response has one without it.",
        [ask("echo", 0, (ATTEMPT_ID, "attempt-1")), ask("echo", 1, (ATTEMPT_ID, "attempt-2")), ask("echo", 2)],
        [checks.echoes_attempts("attempt-1", "attempt-2", None)],
    ),
    Case(
        "headers.invocation-id-error",
        "headers",
        "The invocation id of an event is in its error.",
        [ask("raise", 0, (ATTEMPT_ID, "attempt-1"), message="failed")],
        [checks.fails(0, "failed"), checks.echoes_attempts("attempt-1")],
    ),
]

_REFUSALS = [
    *map(_refused, (400, 403, 410, 413)),
    *map(_refused_error, (403, 410)),
    Case(
        "refusals.unread-413",
        "refusals",
        "A 413 that arrives before the response was read is not followed by an error; the next event is handled.",
        [ask("size", 0, bytes=7_000_000), ask("echo", 1, value=1)],
        [checks.posts("response 0", "response 1"), checks.refused_with(413), checks.responds_to(1, 1)],
        limit=MAX_PAYLOAD,
    ),
    Case(
        "refusals.response-500",
        "refusals",
        "The process exits with another code than 0 if a response gets 500.",
        echoes(2),
        [checks.posts("response 0"), checks.exits()],
        react=on("response", 0, Reaction(status=500)),
    ),
]

_XRAY = [
    Case(
        "xray.one-line",
        "xray",
        "The X-Ray cause of a message with line breaks and other characters is one line of ASCII.",
        [ask("raise", message="größer €\r\nsecond\x00 line")],
        [checks.fails(0, "größer €\r\nsecond\x00 line"), checks.cause_fits(1 << 20)],
    ),
    Case(
        "xray.short",
        "xray",
        "The X-Ray cause of a message of 200 KB has at most 65,536 characters, which the service keeps.",
        [ask("raise", message="m" * 200_000)],
        [checks.fails(0, "m" * 200_000), checks.cause_fits(65_536)],
    ),
    Case(
        "xray.head",
        "xray",
        "The header fields of an error with a message of 2 MB stay below 1 MiB.",
        [ask("raise", message="m" * 2_000_000), ask("echo", 1, value=1)],
        [checks.fails(0, "m" * 2_000_000), checks.heads_fit],
    ),
    Case(
        "xray.refused",
        "xray",
        "An error that gets 431 is posted again without its X-Ray cause.",
        [ask("raise", message="failed"), ask("echo", 1, value=1)],
        [checks.posts_again_without_cause, checks.fails(0, "failed")],
        react=_refuse_causes,
    ),
]

_INIT_CASES = [
    Case(
        "init.error",
        "init",
        "An error in the init phase is posted with its type before the first poll, and the process exits with 1.",
        echoes(1),
        [checks.posts("init/error"), checks.declares_error_type("init/error"), checks.polls(0, 0), checks.exits(1)],
        {INIT: "raise"},
    ),
    Case(
        "init.refused-error",
        "init",
        "The process exits with 1 if the API refuses the error of the init phase.",
        echoes(1),
        [checks.posts("init/error"), checks.exits(1)],
        {INIT: "raise"},
        on("init/error", 0, Reaction(status=403)),
    ),
    Case(
        "init.hooks",
        "init",
        "Hooks before a snapshot run in reverse order before `restore/next`, those after a restore in order after it.",
        echoes(1),
        [
            checks.responds(0),
            checks.in_order("restore/next", "next"),
            checks.prints("before 2", "before 1", "after 1", "after 2"),
        ],
        {INIT: "hooks", **_SNAP_START},
    ),
    Case(
        "init.hook-before",
        "init",
        "An error of a hook before the snapshot is posted to `init/error`, and the process exits with 64.",
        echoes(1),
        [checks.posts("init/error"), checks.declares_error_type("init/error"), checks.exits(64)],
        {INIT: "hook-before", **_SNAP_START},
    ),
    Case(
        "init.hook-after",
        "init",
        "An error of a hook after the restore is posted to `restore/error`, and the process exits with 65.",
        echoes(1),
        [checks.posts("restore/error"), checks.declares_error_type("restore/error"), checks.exits(65)],
        {INIT: "hook-after", **_SNAP_START},
    ),
]

_STREAMING = [
    Case(
        "streaming.parts",
        "streaming",
        "A streamed response is chunked and says so in its response mode; the next event is handled.",
        [ask("stream", 0, parts=["a€", "b", "c"]), ask("stream", 1, parts=["d"])],
        [
            checks.streams(0, "a€bc"),
            checks.streams(1, "d"),
            checks.sends("response", checks.MODE, "streaming"),
        ],
        _STREAM,
    ),
    Case(
        "streaming.trailers",
        "streaming",
        "The head of a streamed response declares the trailers of an error.",
        [ask("stream", 0, parts=["a"])],
        [checks.declares_trailers],
        _STREAM,
    ),
    Case(
        "streaming.immediate",
        "streaming",
        "Each part is sent before the next one is made.",
        [ask("stream", 0, parts=["a", "b"], pause_ms=800)],
        [checks.streams(0, "ab"), checks.spans(0.4)],
        _STREAM,
    ),
    Case(
        "streaming.error",
        "streaming",
        "An error after the first part ends the response with trailers; the next event is handled.",
        [ask("stream", 0, parts=["a"], pause_ms=100, error="é failed"), ask("stream", 1, parts=["b"])],
        [checks.posts("response 0", "response 1"), checks.streams(0, "a"), checks.ends_with_trailers("é failed")],
        _STREAM,
    ),
    Case(
        "streaming.early-error",
        "streaming",
        "An error before the first part is posted as an ordinary error.",
        [ask("stream", 0, parts=[], error="failed"), ask("stream", 1, parts=["b"])],
        [checks.posts("error 0", "response 1"), checks.fails(0, "failed")],
        _STREAM,
    ),
]

_SHUTDOWN = [
    Case(
        "shutdown.extension",
        "shutdown",
        "A function with a shutdown hook is registered as an extension before the first poll.",
        echoes(1),
        [checks.responds(0), checks.in_order("extension/register", "next"), checks.in_order("event/next")],
        {INIT: "shutdown"},
    ),
    Case(
        "shutdown.hook",
        "shutdown",
        "The shutdown hook runs when the process gets SIGTERM.",
        echoes(1),
        [checks.responds(0), checks.prints(SHUT_DOWN)],
        {INIT: "shutdown"},
        sigterm=True,
    ),
]

_LOGS = [
    Case(
        "logs.output",
        "logs",
        "Lines that the handler prints are in the output, without a telemetry descriptor.",
        [ask("print", 0, lines=["first line", "second line €"]), ask("echo", 1, value=1)],
        [checks.prints("first line", "second line €")],
    ),
    Case(
        "logs.descriptor",
        "logs",
        "Lines that the handler prints are in the output or on the telemetry descriptor.",
        [ask("print", 0, lines=["first line", "second line €"]), ask("echo", 1, value=1)],
        [checks.prints("first line", "second line €")],
        descriptor=True,
    ),
    Case(
        "logs.frames",
        "logs",
        "The telemetry descriptor gets frames with times.",
        [ask("raise", message="failed"), ask("print", 1, lines=["a line"])],
        [checks.frames_are_whole],
        descriptor=True,
    ),
    Case(
        "logs.report",
        "logs",
        "The report of an error with its stack is one line, so that it becomes one log event.",
        [ask("raise", message="failed")],
        [checks.reports_on_one_line],
    ),
]


def _managed(name: str, demand: str, events: Sequence[Event], *expect: Check, react: React | None = None) -> Case:
    env = {
        "AWS_LAMBDA_MAX_CONCURRENCY": str(_MANAGED),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
    }
    return Case(f"managed.{name}", "managed", demand, events, expect, env, react, _MANAGED)


_MANAGED_CASES = [
    _managed(
        "concurrency",
        "Four events are handled at a time.",
        echoes(4),
        checks.handles_together(4),
        checks.responds(*range(4)),
    ),
    _managed(
        "trace",
        "Each of four concurrent invocations sees its own trace id.",
        [ask("trace", n, (_TRACE, _TRACES[n]), sleep_ms=400) for n in range(4)],
        checks.traces(*_TRACES),
    ),
    _managed(
        "order",
        "The responses are sent as handlers return, each to its own event.",
        [ask("echo", n, value=n, sleep_ms=600 - 200 * n) for n in range(4)],
        checks.responds(*range(4)),
    ),
    _managed(
        "error",
        "An error leaves the invocations next to it alone.",
        [
            ask("raise", 0, message="failed", sleep_ms=100),
            *(ask("echo", n, value=n, sleep_ms=300) for n in (1, 2, 3)),
        ],
        checks.fails(0, "failed"),
        checks.accepted(3),
    ),
    _managed(
        "timeout",
        "A 410 for a late response leaves the loop running.",
        echoes(5),
        checks.accepted(4),
        react=on("response", 0, Reaction(status=410)),
    ),
    _managed(
        "backoff",
        "A refused poll is repeated, with pauses.",
        echoes(4),
        checks.responds(*range(4)),
        checks.polls(5, _BACKOFF_POLLS),
        react=on("next", 0, Reaction(status=500, ignored=True)),
    ),
]

_STATES = [
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

CASES: Sequence[Case] = (
    *_TRANSPORT,
    *_HEADERS,
    *_REFUSALS,
    *_XRAY,
    *_INIT_CASES,
    *_STREAMING,
    *_SHUTDOWN,
    *_LOGS,
    *_MANAGED_CASES,
    *_STATES,
)

CALLER_CASES: Sequence[CallerCase] = (
    CallerCase(
        "completion.own-response",
        "completion",
        "Each caller gets the response to its own event, from one process.",
        [(asked("count"), value(number)) for number in (1, 2, 3)],
    ),
    CallerCase(
        "lifecycle.init-error",
        "lifecycle",
        "The first caller gets the error of the init phase.",
        [(asked("echo", value=1), error(checks.ERROR, "failed in init"))],
        {INIT: "raise"},
    ),
    CallerCase(
        "lifecycle.exit",
        "lifecycle",
        "The caller of a function that exits with 3 gets `Runtime.ExitError`; a new process handles the next event.",
        [
            (asked("count"), value(1)),
            (asked("exit", code=3), error("ExitError", "Runtime exited with error: exit status 3")),
            (asked("count"), value(1)),
        ],
    ),
    CallerCase(
        "lifecycle.exit-0",
        "lifecycle",
        "The caller of a function that exits with 0 gets `Runtime.ExitError`.",
        [(asked("exit", code=0), error("ExitError", "Runtime exited without providing a reason"))],
    ),
    CallerCase(
        "lifecycle.timeout",
        "lifecycle",
        "The caller of a function that takes too long gets a timeout; a new process handles the next event.",
        [
            (asked("echo", value=1, sleep_ms=60_000), contains("Task timed out after 5.00 seconds")),
            (asked("count"), value(1)),
        ],
        timeout_s=5,
    ),
    CallerCase(
        "lifecycle.shutdown",
        "lifecycle",
        "The shutdown hook runs when the environment is shut down.",
        [(asked("echo", value=1), value(1))],
        {INIT: "shutdown"},
        logged=SHUT_DOWN,
    ),
    CallerCase(
        "limits.error",
        "limits",
        "The caller gets the handler's error as an error of the function.",
        [(asked("raise", message="é failed"), error(checks.ERROR, "é failed")), (asked("count"), value(2))],
    ),
    CallerCase(
        "limits.unserializable",
        "limits",
        "The caller gets an error for a result that cannot be serialized; the same process handles the next event.",
        [(asked("unserializable"), error()), (asked("count"), value(2))],
    ),
    CallerCase(
        "limits.largest-response",
        "limits",
        "A response of exactly the limit reaches the caller.",
        [(asked("size", bytes=MAX_PAYLOAD), value("x" * (MAX_PAYLOAD - 2)))],
    ),
    CallerCase(
        "limits.too-large",
        "limits",
        "A response of one byte more is an error of the function; the same process handles the next event.",
        [
            (asked("size", bytes=MAX_PAYLOAD + 1), error("ResponseSizeTooLarge", "exceeded maximum allowed payload")),
            (asked("count"), value(2)),
        ],
    ),
    CallerCase(
        "framing.large-event",
        "framing",
        "An event of 5 MB, which the API sends in chunks, arrives whole.",
        [(asked("echo", value="y" * _LARGE), value("y" * _LARGE)), (asked("echo", value=2), value(2))],
    ),
)

ALL_CASES: Sequence[Case | CallerCase] = (*CASES, *CALLER_CASES)
