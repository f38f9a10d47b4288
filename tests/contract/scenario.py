"""Scenarios, and the comparison of their runs with the official client and with ours."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from tests.support.client_process import BOOTSTRAPPED, HANDLERS, LITE, Frame, Run, package_root, run_client

MANAGED = "AWS_Lambda_python3.13"
CONFIGURATIONS: dict[str, str | None] = {"managed": MANAGED, "provided": None}  # values of AWS_EXECUTION_ENV
LAUNCHERS = {"module": LITE, "bootstrap": BOOTSTRAPPED}

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z")
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_REPEATED = re.compile(r"(Previous line repeated )\d{3}( more times)")  # depths differ by a few frames
# The end of a recursion depends on the client's own frames and, since Python 3.14, on the stack; so does the text.
_STACK_OVERFLOW = re.compile(r"Stack overflow \(used \d+ kB\)")
_TOO_DEEP = re.compile(
    "(recursion depth exceeded) while (?:calling a Python|encoding a JSON) object"
)  # differs by Python version
# Since Python 3.14, the text about a circular import depends on the folder of the script that started Python.
_CIRCULAR = re.compile(r"from '(\w+)' \(consider renaming '([^']*)' if it has the same name as a library [^)]*\)")
_OFFICIAL_WARNING = "LAMBDA_WARNING: Unhandled exception."
_MACHINERY = r'File "(?:<frozen importlib\._bootstrap(?:_external)?>|[^"]*/importlib/__init__\.py)", '
_IMPORTLIB = re.compile(f"  {_MACHINERY}")
_IMPORT_LINES = re.compile(rf"[\r\n]\u00a0\u00a0{_MACHINERY}[^\r\n]*(?:[\r\n]\u00a0{{4}}[^\r\n]*)?")


@dataclass(frozen=True)
class Scenario:
    """A handler, its events, and its environment.

    Attributes:
        files: written to a fresh task root; without files, the task root is `tests/handlers`.
        hint: text of the one line that our runtime adds to the log of a failed init.
        client_frames: whether the errors come from the client, so that its frames are not compared.
        exit_code: of both clients; by default the test kills them.
    """

    id: str
    handler: str
    events: Sequence[Event] = (Event(),)
    env: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    telemetry: bool = False
    hint: str = ""
    client_frames: bool = False
    exit_code: int = -signal.SIGKILL

    def task_root(self, folder: Path) -> Path:
        """Write the files; return the folder that contains the handler."""
        if not self.files:
            return HANDLERS
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder


def require_official() -> None:
    """Skip the calling test if the official client is not installed."""
    if importlib.util.find_spec("awslambdaric") is None:
        pytest.skip("awslambdaric is not installed for this interpreter: pip install awslambdaric simplejson")


def run(scenario: Scenario, command: Sequence[str], configuration: str, task_root: Path) -> Run:
    """Run a scenario through one client."""
    env = {"AWS_EXECUTION_ENV": CONFIGURATIONS[configuration], **scenario.env}
    if (path := env.get("PYTHONPATH")) is not None:
        env["PYTHONPATH"] = path.format(task_root=task_root, package=package_root())
    return run_client(
        command, scenario.handler, scenario.events, task_root=task_root, env=env, telemetry=scenario.telemetry
    )


def parsed(text: str | bytes) -> object:
    """Parse JSON strictly for a comparison that respects order, repeated keys and digits."""
    return json.loads(text, parse_float=_digits, parse_constant=_refuse, object_pairs_hook=_Pairs)


class _Pairs(list[tuple[str, object]]):
    """The members of an object in their order."""


def _digits(text: str) -> object:
    return Decimal(text).as_tuple()  # 1e16 equals 1e+16, but 1.10 is not 1.1


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def observed_request(request: Request) -> dict[str, object]:
    """Return the parts of a post that must be equal."""
    seen: dict[str, object] = {"path": request.path, "status": request.status}
    for name in ("Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Invocation-Id"):
        seen[name] = request.header(name)
    if request.verb != "init/error":  # the official client declares no content type there
        seen["Content-Type"] = request.header("Content-Type")
    if request.verb == "response":
        is_json = request.header("Content-Type") == "application/json"
        seen["body"] = parsed(request.body) if is_json else request.body
        return seen
    seen["body"] = error = json.loads(_neutral(request.body.decode()))
    error["stackTrace"] = [entry for entry in error["stackTrace"] if not _IMPORTLIB.match(entry)]
    cause = request.header("Lambda-Runtime-Function-XRay-Error-Cause")
    seen["cause"] = None if cause is None else _cause(cause)
    return seen


def _neutral(text: str) -> str:
    text = _STACK_OVERFLOW.sub("maximum recursion depth exceeded", text)
    text = _CIRCULAR.sub(r"from partially initialized module '\1' (most likely due to a circular import) (\2)", text)
    return _TOO_DEEP.sub(r"\1", _REPEATED.sub(r"\1many\2", _ADDRESS.sub("<address>", text)))


def _cause(text: str) -> dict[str, object]:
    """Parse an X-Ray cause, and shorten the stack as ours is."""
    cause: dict[str, Any] = json.loads(_neutral(text))
    stack = cause["exceptions"][0]["stack"]
    assert set(cause["paths"]) >= {frame["path"] for frame in stack}
    if len(stack) > 50:
        stack[25:-25] = []
    return {**cause, "paths": sorted({frame["path"] for frame in stack})}


def observed_log(text: str, scenario: Scenario) -> list[object]:
    """Return log text as lines without times; lines that are JSON objects are parsed.

    Lines that only one client writes on purpose are left out: the official LAMBDA_WARNING and import frames, our hint.
    """
    text = _neutral(_IMPORT_LINES.sub("", _TIME.sub("<time>", text)))
    if scenario.client_frames:
        text = _CLIENT_LINES.sub("", text)
    omitted = (_OFFICIAL_WARNING, scenario.hint) if scenario.hint else (_OFFICIAL_WARNING,)
    return [_log_line(line) for line in text.split("\n") if not any(part in line for part in omitted)]


def _log_line(line: str) -> object:
    if not (line.startswith("{") and line.endswith("}")):
        return line
    try:
        value = parsed(line)
    except ValueError:
        return line
    assert isinstance(value, _Pairs)
    return [
        (name, [entry for entry in item if not _IMPORTLIB.match(str(entry))])
        if name == "stackTrace" and isinstance(item, list)
        else (name, item)
        for name, item in value
    ]


def observed(result: Run, scenario: Scenario) -> dict[str, object]:
    """Return the observations of a run that must be equal."""
    frames = result.frames
    seen = {
        "polls": sum(request.verb == "next" for request in result.requests),
        "posts": [observed_request(request) for request in result.replies],
        "stdout": observed_log(result.stdout.decode("utf-8", "backslashreplace"), scenario),
        "stderr": observed_log(result.stderr.decode("utf-8", "backslashreplace"), scenario),
        "frames": None if frames is None else [seen for frame in frames if (seen := _observed_frame(frame, scenario))],
        "exit code": result.exit_code,
    }
    return _without_client_frames(seen) if scenario.client_frames else seen


_CLIENT = re.compile(r'(?:  File ")?/[^"]*/awslambdaric(?:_lite)?/')
_CLIENT_LINES = re.compile(r'[\r\n]\u00a0\u00a0File "[^"]*/awslambdaric(?:_lite)?/[^\r\n]*(?:[\r\n]\u00a0{4}[^\r\n]*)?')


def _without_client_frames(seen: Any) -> Any:
    """Drop the frames of either client from everything observed."""
    if isinstance(seen, dict):
        return {name: _without_client_frames(value) for name, value in seen.items()}
    if isinstance(seen, list):
        return [_without_client_frames(value) for value in seen if not _is_client_frame(value)]
    if isinstance(seen, tuple):
        return tuple(_without_client_frames(value) for value in seen)
    return seen


def _is_client_frame(value: object) -> bool:
    """Return whether an entry of `stackTrace`, of an X-Ray stack or of its paths belongs to a client."""
    if isinstance(value, dict):
        value = value.get("path")
    return isinstance(value, str) and _CLIENT.match(value) is not None


def _observed_frame(frame: Frame, scenario: Scenario) -> tuple[str, list[object]] | None:
    lines = observed_log(frame.text, scenario)
    return (frame.kind, lines) if any(lines) or not frame.text.strip() else None


def differences(expected: Mapping[str, object], actual: Mapping[str, object]) -> list[str]:
    """Return one text for each field of a post or line of a log that is not equal."""
    found: list[str] = []
    for name, wanted in expected.items():
        _compare(name, wanted, actual.get(name, _MISSING), found)
    return [text[:1500] for text in found[:12]] + (["…"] if len(found) > 12 else [])


_MISSING = "(nothing)"


def _compare(where: str, wanted: object, given: object, found: list[str]) -> None:
    if isinstance(wanted, dict) and isinstance(given, dict) and wanted.keys() == given.keys():
        for key in wanted:
            _compare(f"{where}.{key}", wanted[key], given[key], found)
    elif type(wanted) is type(given) is list:
        for number, (one, other) in enumerate(zip_longest(wanted, given, fillvalue=_MISSING)):
            _compare(f"{where}[{number}]", one, other, found)
    elif wanted != given:
        found.append(f"{where}\n  official: {wanted!r}\n  ours:     {given!r}")
