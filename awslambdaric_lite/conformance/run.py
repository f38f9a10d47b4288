"""Runs cases: one process of the runtime for each, from its start to its exit."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..bench.client_process import ClientProcess
from ..emulator import LocalLambda
from ..emulator.config.function import LATEST, FunctionConfig
from ..emulator.environments.filesystem import Filesystem
from ..emulator.environments.variables import process_environment
from .case import SHUT_DOWN, CallerCase, Case, asked
from .managed import ManagedRecorder
from .messages import Event
from .outcomes import Outcome
from .record import MISSING, NotRun, Record, Unmet, is_type, request_id
from .recorder import Recorder

Verdict = Literal["passed", "failed", "not run"]
OUTCOMES: Sequence[Verdict] = get_args(Verdict)
_INTERVAL_S = 0.01
_MOST_REQUESTS = 300  # a client that sends more repeats itself without end
_INIT_LIMIT_S = 10.0
_MEMORY_MB = 1024
_LACKS = "the handler lacks the behaviour"


class CannotRun(Exception):
    """The runtime cannot be tested at all; the text says why, `output` is the end of its output."""

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output


@dataclass(frozen=True)
class Subject:
    """The runtime under test: its command, the handler and its folder, variables, and the seconds of a case."""

    command: Sequence[str]
    handler: str
    task_root: Path
    env: dict[str, str]
    limit_s: float = 20.0

    @property
    def words(self) -> list[str]:
        """The command with the handler in it."""
        return [word.replace("{handler}", self.handler) for word in self.command]


@dataclass(frozen=True)
class Result:
    """The outcome of one case: `passed`, `failed` or `not run`, with a reason unless it passed."""

    case: Case | CallerCase
    outcome: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Caller:
    """A function that can be invoked.

    Attributes:
        invoke: sends an event and returns the outcome.
        log: returns the whole log, after the function was shut down.
    """

    invoke: Callable[[bytes], Outcome]
    log: Callable[[], str]


StartFunction = Callable[[CallerCase], AbstractContextManager[Caller]]


def check_subject(subject: Subject) -> None:
    """Check that the runtime polls and that its handler knows the behaviour `echo`.

    Raises:
        CannotRun: it does not.
    """
    record = _record(Case("", "", "", [Event(asked("echo", value=1), request_id(0))], ()), subject)
    if not record.of("next"):
        command = shlex.join(subject.words)
        if record.posts:
            text = record.posts[0].body[:300].decode("utf-8", "replace")
            raise CannotRun(f"{command} reports an error of its init phase: {text}", record.output)
        when = record.ending() if record.exit_code is not None else f" within {subject.limit_s:g} s"
        raise CannotRun(f"{command} does not poll the Runtime API{when}; check --runtime and --handler", record.output)
    if _lacks_behaviour(record):
        raise CannotRun(f"handler {subject.handler} lacks the behaviour echo; write it as docs/conformance.md says")


def run_case(case: Case, subject: Subject) -> Result:
    """Run a case at the Runtime API.

    Raises:
        CannotRun: the process cannot be started.
    """
    record = _record(case, subject)
    return _judge(case, lambda: _check_record(case, record))


def run_caller_case(case: CallerCase, start: StartFunction) -> Result:
    """Run a case at the Invoke API."""

    def check() -> None:
        with start(case) as caller:
            for event, expect in case.calls:
                outcome = caller.invoke(event)
                document = outcome.document()
                if isinstance(document, dict) and is_type(document.get("errorType"), MISSING):
                    raise NotRun(_LACKS)
                expect(outcome)
        if case.logged and case.logged not in caller.log():
            raise Unmet(f"the log has no line {case.logged!r}")

    return _judge(case, check)


def local_function(subject: Subject) -> StartFunction:
    """Return what starts a function on the local Lambda."""

    @contextmanager
    def start(case: CallerCase) -> Iterator[Caller]:
        lines: list[str] = []
        with LocalLambda(
            subject.handler,
            task_root=subject.task_root,
            runtime=list(subject.command),
            env={**subject.env, **case.env},
            timeout_s=case.timeout_s,
            init_timeout_s=max(_INIT_LIMIT_S, subject.limit_s),
            memory_mb=_MEMORY_MB,
            enforce_memory=False,
            on_log=lines.append,
        ) as function:

            def invoke(event: bytes) -> Outcome:
                result = function.invoke(event)
                return Outcome(result.payload, result.error is not None)

            yield Caller(invoke, lambda: "\n".join(lines))

    return start


def _judge(case: Case | CallerCase, check: Callable[[], None]) -> Result:
    try:
        check()
    except Unmet as unmet:
        return Result(case, "failed", str(unmet))
    except NotRun as reason:
        return Result(case, "not run", str(reason))
    return Result(case, "passed")


def _check_record(case: Case, record: Record) -> None:
    if _lacks_behaviour(record):
        raise NotRun(_LACKS)
    for check in case.expect:
        check(record)


def _lacks_behaviour(record: Record) -> bool:
    for post in record.posts:
        if post.verb != "response":
            with contextlib.suppress(ValueError, AttributeError):
                if is_type(json.loads(post.body).get("errorType"), MISSING):
                    return True
    return False


def _record(case: Case, subject: Subject) -> Record:
    times: list[float] = []

    def note(chunk: bytes) -> None:
        times.append(time.monotonic())

    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder = Path(name)
        api = (
            ManagedRecorder(case.events, case.react, case.concurrency)
            if case.concurrency
            else Recorder(case.events, case.react, limit=case.limit, on_chunk=note)
        )
        with api:
            env = {**_environment(subject, api.address, folder), **case.env}
            descriptor = os.open(folder / "frames", os.O_CREAT | os.O_WRONLY | os.O_APPEND) if case.descriptor else -1
            if case.descriptor:
                env["_LAMBDA_TELEMETRY_LOG_FD"] = str(descriptor)
            try:
                process = ClientProcess(
                    subject.words,
                    env=env,
                    cwd=subject.task_root,
                    output=folder / "output",
                    pass_fds=[descriptor] if case.descriptor else [],
                )
            except OSError as error:
                raise CannotRun(f"{subject.words[0]} cannot be started: {error.strerror or error}") from None
            finally:
                if case.descriptor:
                    os.close(descriptor)
            with process:
                _wait(process, lambda: api.finished.is_set() or len(api.requests) > _MOST_REQUESTS, subject.limit_s)
                waited = api.finished.is_set()
                if case.sigterm and isinstance(api, Recorder):
                    _terminate(process, api, folder / "output", subject.limit_s)
                exited = process.exited()
                code = process.kill()  # before the API stops, which the runtime would report in its output
                api.stop()
        output = (folder / "output").read_bytes().decode("utf-8", "replace")
        frames = (folder / "frames").read_bytes() if case.descriptor else b""
        return Record(api.requests, output, frames, code if exited else None, waited, times)


def _terminate(process: ClientProcess, api: Recorder, output: Path, limit_s: float) -> None:
    """Send SIGTERM as the platform does, to a runtime that is registered as an extension; wait for its hook."""
    registers = any(request.verb == "extension/register" for request in api.requests)
    if registers and _wait(process, api.registered.is_set, limit_s):
        os.kill(process.pid, signal.SIGTERM)
        _wait(process, lambda: SHUT_DOWN.encode() in output.read_bytes(), limit_s)


def _wait(process: ClientProcess, happened: Callable[[], bool], limit_s: float) -> bool:
    """Wait until something happened, the process exits, or the time is over; return whether it happened."""
    end = time.monotonic() + limit_s
    while not happened():
        if process.exited() or time.monotonic() > end:
            return happened()
        time.sleep(_INTERVAL_S)
    return True


def _environment(subject: Subject, address: str, folder: Path) -> dict[str, str]:
    function = FunctionConfig(
        handler=subject.handler, task_root=subject.task_root, env=subject.env, memory_mb=_MEMORY_MB
    )
    tmp = folder / "tmp"
    tmp.mkdir()
    return process_environment(
        function,
        version=LATEST,
        initialization_type="on-demand",
        runtime_api=address,
        filesystem=Filesystem(function.task_root, tmp),
        log_stream="2026/10/01/[$LATEST]0123456789abcdef0123456789abcdef",
    )
