"""Cases of the init phase, streamed responses, shutdown and logs."""

from __future__ import annotations

from .. import checks
from ..case import INIT, SHUT_DOWN, Case, ask, echoes, on
from ..server import Reaction

_SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
_STREAM = {INIT: "stream"}


INITS = [
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

STREAMING = [
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

SHUTDOWN = [
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

LOGS = [
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
