"""The intended differences from awslambdaric, each with its reason and both clients' behaviour."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import React, Reaction

ALIVE = -signal.SIGKILL


@dataclass(frozen=True)
class Side:
    """The behaviour of one client.

    Attributes:
        posts: one text for each post, `verb body` or `verb type: message`; `*` matches any text.
        logged: texts that only this client writes.
    """

    posts: Sequence[str]
    exit_code: int = ALIVE
    logged: Sequence[str] = ()


@dataclass(frozen=True)
class Difference:
    """One intended difference.

    Attributes:
        body: lines of the handler, which returns or raises; `source` replaces the whole module.
        configurations: the configurations of the official client in which the difference is visible.
    """

    id: str
    reason: str
    official: Side
    ours: Side
    body: str = ""
    source: str | bytes = ""
    handler: str = "app.handler"
    events: Sequence[Event] = (Event(),)
    env: Mapping[str, str | None] = field(default_factory=dict)
    react: React | None = None
    configurations: Sequence[str] = ("managed", "provided")
    telemetry: bool = False

    def module(self) -> str | bytes:
        """Return the source of the handler's module."""
        if self.source:
            return self.source
        lines = "".join(f"    {line}\n" for line in self.body.splitlines())
        return f"import asyncio, enum, logging, sys, time, uuid\n\ndef handler(event, context):\n{lines}"


def _refuse_first(status: int) -> React:
    def react(request: Request, number: int) -> Reaction | None:
        first = request.method == "POST" and request.request_id == "request-0"
        return Reaction(status=status) if first else None

    return react


_TWO = (Event(b"0"), Event(b"1"))
_DIES = Side([], 1)
_EXITS = "RequestId: request-0 Error: Runtime exited "


def _exit(name: str, call: str, code: int, text: str) -> Difference:
    """Return the difference for an exiting handler: ours posts an error before the process exits with the same code."""
    return Difference(
        f"handler, {name}",
        "the caller receives immediately the error that the platform would otherwise send later",
        Side([], code),
        Side([f"error Runtime.ExitError: {_EXITS}{text}"], code),
        body=call,
    )


def _exit_at_import(name: str, call: str, official: int, ours: int) -> Difference:
    return Difference(
        f"import, {name}",
        "a caller cannot understand an init that ends without an error",
        Side([], official),
        Side([f"init/error Runtime.ExitError: Error: Runtime exited with error: exit status {ours}"], ours),
        source=f"import sys\n{call}\n",
    )


def _base_exception(name: str, raised: str, text: str, official: int = 1) -> Difference:
    return Difference(
        f"handler, {name}",
        "each exception of a handler is its result; the process can continue",
        Side([], official),
        Side([f"error {text}", "response 1"]),
        body=f"if event == 0:\n    raise {raised}\nreturn 1",
        events=_TWO,
    )


DIFFERENCES = [
    *(
        Difference(
            f"reply refused with {status}",
            "one refused reply need not end the execution environment",
            Side(["response 0"], 1),
            Side(["response 0", "response 1"], logged=[f" with {status}: "]),
            body="return event",
            events=_TWO,
            react=_refuse_first(status),
        )
        for status in (400, 403, 410, 413)
    ),
    Difference(
        "no LAMBDA_WARNING",
        "the error that follows the warning is sufficient",
        Side(["init/error ValueError: x"], 1, ["LAMBDA_WARNING: Unhandled exception."]),
        Side(["init/error ValueError: x"], 1),
        source="raise ValueError('x')",
    ),
    Difference(
        "no warning of a preview runtime",
        "AWS announces previews, and the warning would import logging in each cold start",
        Side(["response 1"], logged=["LAMBDA_WARNING: This is a preview runtime version"]),
        Side(["response 1"]),
        body="return 1",
        env={"AWS_EXECUTION_ENV": "AWS_Lambda_python3.15"},
        configurations=("managed",),
    ),
    Difference(
        "no importlib frames",
        "the import machinery is not part of the function",
        Side(["init/error ValueError: x"], 1, ["importlib._bootstrap", "importlib/__init__.py"]),
        Side(["init/error ValueError: x"], 1),
        source="raise ValueError('x')",
    ),
    Difference(
        "logging.Formatter.converter",
        "formatters of user code keep their time zone",
        Side(['response "gmtime"']),
        Side(['response "localtime"']),
        body="return logging.Formatter.converter.__name__",
    ),
    _exit("sys.exit(3)", "sys.exit(3)", 3, "with error: exit status 3"),
    _exit("sys.exit()", "sys.exit()", 0, "without providing a reason"),
    _exit("sys.exit(0)", "sys.exit(0)", 0, "without providing a reason"),
    _exit("sys.exit(256)", "sys.exit(256)", 0, "without providing a reason"),
    _exit("sys.exit(-1)", "sys.exit(-1)", 255, "with error: exit status 255"),
    _exit("sys.exit(True)", "sys.exit(True)", 1, "with error: exit status 1"),
    _exit("sys.exit(text)", "sys.exit('a text')", 1, "with error: exit status 1"),
    _exit("sys.exit(tuple)", "sys.exit((1, 2))", 1, "with error: exit status 1"),
    _exit("exit()", "exit(4)", 4, "with error: exit status 4"),
    _exit("raise SystemExit", "raise SystemExit", 0, "without providing a reason"),
    _exit_at_import("sys.exit(3)", "sys.exit(3)", 3, 3),
    _exit_at_import("sys.exit()", "sys.exit()", 0, 1),
    _exit_at_import("sys.exit(text)", "sys.exit('a text')", 1, 1),
    _base_exception("KeyboardInterrupt", "KeyboardInterrupt", "KeyboardInterrupt: ", -signal.SIGINT),
    _base_exception("GeneratorExit", "GeneratorExit('x')", "GeneratorExit: x"),
    _base_exception("CancelledError", "asyncio.CancelledError('x')", "CancelledError: x"),
    _base_exception("own BaseException", "type('Own', (BaseException,), {})('é')", "Own: é"),
    Difference(
        "import, KeyboardInterrupt",
        "a caller cannot understand an init that ends without an error",
        Side([], -signal.SIGINT),
        Side(["init/error KeyboardInterrupt: "], 1),
        source="raise KeyboardInterrupt",
    ),
    Difference(
        "import, own BaseException",
        "a caller cannot understand an init that ends without an error",
        Side([], 1),
        Side(["init/error Own: x"], 1),
        source="class Own(BaseException): pass\nraise Own('x')",
    ),
    Difference(
        "broken __str__",
        "an error without a text is still an error of the function",
        _DIES,
        Side(["error Broken: <exception str() failed: Broken>"]),
        source="class Broken(Exception):\n    def __str__(self):\n        return 1 / 0\n\n"
        "def handler(event, context):\n    raise Broken",
    ),
    Difference(
        "broken __str__ at import",
        "the same holds during init",
        _DIES,
        Side(["init/error Broken: <exception str() failed: Broken>"], 1),
        source="class Broken(Exception):\n    def __str__(self):\n        return 1 / 0\n\nraise Broken",
    ),
    Difference(
        "NaN and infinities",
        "the official client's result is not JSON, so that parsers fail",
        Side(["response [NaN, Infinity, -Infinity]"]),
        Side(["response [null,null,null]"]),
        body="return [float('nan'), float('inf'), float('-inf')]",
    ),
    Difference(
        "lone surrogates in a result",
        "JSON's escapes can represent lone surrogates, which UTF-8 cannot",
        _DIES,
        Side(['response ["\\ud800"]']),
        body="return ['\\ud800']",
        configurations=["managed"],
    ),
    Difference(
        "lone surrogates in an error",
        "the same holds for errors",
        _DIES,
        Side(["error ValueError: \\ud800"]),
        body="raise ValueError('\\ud800')",
        configurations=["managed"],
    ),
    Difference(
        "lone surrogates in a telemetry frame",
        "a log record must not fail the invocation",
        Side(["error UnicodeEncodeError: *"]),
        Side(["response 1"], logged=["a \\ud800"]),
        body="logging.warning('a ' + chr(0xD800))\nreturn 1",
        telemetry=True,
    ),
    Difference(
        "compact separators",
        "blanks would count against the size limit of results",
        Side(['response {"a": [1, 2]}']),
        Side(['response {"a":[1,2]}']),
        body="return {'a': [1, 2]}",
    ),
    Difference(
        "UTF-8 in results",
        "ASCII escapes make text up to three times as large",
        Side(['response "\\u00e9\\u20ac"']),
        Side(['response "é€"']),
        body="return 'é€'",
        configurations=["provided"],
    ),
    Difference(
        "UUID",
        "orjson always encodes UUIDs, and results must not depend on the encoder",
        Side(["error Runtime.MarshalError: Unable to marshal response: Object of type UUID is not JSON serializable"]),
        Side(['response {"id":"00000000-0000-0000-0000-000000000007"}']),
        body="return {'id': uuid.UUID(int=7)}",
    ),
    Difference(
        "Enum",
        "orjson always encodes enumeration members, and results must not depend on the encoder",
        Side(
            ["error Runtime.MarshalError: Unable to marshal response: Object of type Colour is not JSON serializable"]
        ),
        Side(["response [1]"]),
        body="return [enum.Enum('Colour', 'RED').RED]",
    ),
    Difference(
        "init errors in UTF-8, é",
        "JSON is UTF-8; ISO 8859-1 is not",
        Side(["init/error (not UTF-8)"], 1),
        Side(["init/error ValueError: é"], 1),
        source="raise ValueError('é')",
        configurations=["managed"],
    ),
    Difference(
        "init errors in UTF-8, €",
        "JSON is UTF-8; ISO 8859-1 is not, and lacks the euro sign",
        _DIES,
        Side(["init/error ValueError: €"], 1),
        source="raise ValueError('€')",
        configurations=["managed"],
    ),
    Difference(
        "source that is not UTF-8",
        "Python's message has characters that ISO 8859-1 lacks",
        _DIES,
        Side(["init/error Runtime.UserCodeSyntaxError: *"], 1),
        source=b"x = '\xff'\n",
        configurations=["managed"],
    ),
    Difference(
        "hint for a handler's name",
        "the hint shows a typo",
        Side(["init/error Runtime.HandlerNotFound: Handler 'handlr' missing on module 'app'"], 1),
        Side(
            ["init/error Runtime.HandlerNotFound: Handler 'handlr' missing on module 'app'"], 1, ["did you mean that?"]
        ),
        body="return 1",
        handler="app.handlr",
    ),
    Difference(
        "exc_info without an exception in JSON",
        "a log record must not fail the invocation",
        Side(["error AttributeError: 'NoneType' object has no attribute '__name__'"]),
        Side(["response 1"], logged=['"message": "nothing wrong"']),
        body="logging.error('nothing wrong', exc_info=True)\nreturn 1",
        env={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
    ),
    Difference(
        "modules of awslambdaric that are not provided",
        "tools that find the module would expect that replacing its names has an effect",
        Side(["response 1"]),
        Side(["error ModuleNotFoundError: awslambdaric-lite does not provide awslambdaric.lambda_config, only *"]),
        body="import awslambdaric.lambda_config\nreturn 1",
    ),
    Difference(
        "names of awslambdaric.bootstrap that are not used",
        "the runtime does not call that function, so that a replacement would have no effect",
        Side(["response 1"]),
        Side(["error AttributeError: awslambdaric-lite does not use awslambdaric.bootstrap.run; do not replace it"]),
        body="from awslambdaric import bootstrap\nbootstrap.run = print\nreturn 1",
    ),
]
