"""Managed Instances (`AWS_LAMBDA_MAX_CONCURRENCY`): owns the choice of how to serve concurrent invocations.

The process loads the function once and forks a worker for each concurrent invocation. If a loaded process must not
fork, each worker loads the function itself. In the modes `asyncio` and `thread` one process serves all invocations.
"""

import gc
import sys

from .._codec import quote
from .._framed_sink import FramedTelemetryLogSink
from .._handler import code_flags
from .._lifecycle import shutdown
from .._lifecycle.originals import posix
from .._optional_settings import Options
from .._report import notice
from .._runtime_errors import SettingError
from .._sinks import StandardLogSink, json_time, replace_current
from .fork_safety import ProcessBaseline
from .supervisor import Supervisor
from .worker import redirect_output, work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from .._client import LambdaRuntimeClient
    from .._context import LambdaContext
    from .._types import Current, Handler, LogSink, Runtime, Settings

_VARIABLE = "AWS_LAMBDA_MAX_CONCURRENCY"
_MOST = 1600  # of the API's PerExecutionEnvironmentMaxConcurrency
_COROUTINE = 0x80  # inspect.CO_COROUTINE


class DeferredAdapter:
    """The handler adapter of the first process, which leaves adapting to each worker.

    Event loops and lifespans hold descriptors, so workers cannot share them; the modules are imported once, here.
    """

    application: "str | None" = None
    existing_loop = None

    def __init__(self) -> None:
        self.wanted = False

    def adapt(self, handler: "Handler") -> "Handler":
        """Return the handler unchanged, and remember that each worker must adapt it."""
        from .._handlers import adapter, recognition  # noqa: F401

        if code_flags(handler) & _COROUTINE:
            from .._handlers import event_loop  # noqa: F401
        if recognition.kind_of(handler) is not None:
            from .._handlers import asgi, web_apps, wsgi  # noqa: F401
        self.wanted = True
        return handler

    def deliver(
        self, response: object, context: "LambdaContext", invocation_id: "str | None", flush: "Callable[[], None]"
    ) -> "NoReturn":
        """Refuse, because the first process receives no invocations."""
        raise AssertionError("the first process received an invocation")


class _Records:
    """Request id and tenant id for log records; `invocation` returns them, and differs by mode."""

    def __init__(self, invocation: "Current") -> None:
        self.invocation = invocation

    def __call__(self) -> "Sequence[str | None]":
        return self.invocation()


def serve(
    runtime: "Runtime",
    settings: "Settings",
    client: "LambdaRuntimeClient",
    current_ids: "list[str | None]",
    sink: "LogSink",
) -> int:
    """Load the function and serve it until this process exits; return the exit status.

    `client` posts an error of loading.

    Raises:
        SettingError: `AWS_LAMBDA_MAX_CONCURRENCY` is not a number that Lambda allows.
        SystemExit: loading failed; the error was posted.
    """
    count = _count(posix.environ[_VARIABLE.encode()])
    options = settings.options or Options({})
    mode, fork = options["CONCURRENCY_MODE"], options["FORK"]
    sink = _plain(sink, settings)
    log = StandardLogSink(json_format=True)  # the platform accepts only JSON in this mode
    deferred = DeferredAdapter()
    handler: Handler | None = None
    if mode != "process" or fork != "before":
        if mode != "process":
            from . import threads  # before user code runs, which may replace functions of `threading`
            from .invocation_scope import Scope
        baseline = ProcessBaseline()
        runtime.adapter = deferred
        records = _Records(current_ids.copy)
        handler = runtime.initialize(settings, client, records, sink)
        runtime.adapter = None
        if mode != "process":
            obstacle = threads.obstacle(mode, handler)
            if obstacle is None:
                redirect_output(sink)
                records.invocation = scope = Scope()
                return threads.serve(runtime, settings, scope, sink, count, handler)
            lead = f"AWSLAMBDARIC_LITE_CONCURRENCY_MODE={mode} is ignored"
            notice(log, "", f"{lead}: {obstacle}; using {count} worker processes instead.")
        if "awslambdaric_lite._official.lambda_concurrency_hooks" in sys.modules:
            from .pre_fork import run_hooks

            run_hooks(runtime, client, sink)
        obstacles = baseline.obstacles() if fork == "auto" else []
        if obstacles:
            notice(log, "", _why_not_forked(settings.handler, obstacles, count))
        if obstacles or fork == "before":
            runtime.flush()
            baseline.reexec()
        gc.collect()
        gc.freeze()  # else the collector would write to each object, which copies its page in each worker
    _announce(settings, count, log)
    supervisor = Supervisor(count, lambda text: notice(log, "", text))
    if shutdown.has_hooks() and supervisor.may_register():
        shutdown.register(settings.api, log)
    slot = supervisor.run()
    if isinstance(slot, int):
        return slot
    return work(runtime, settings, current_ids, sink, slot, supervisor, handler, adapt=deferred.wanted)


def _count(value: bytes) -> int:
    count = int(value) if value.isdigit() and len(value) < 10 else 0
    if not 1 <= count <= _MOST:
        text = value[:60].decode(errors="surrogateescape")
        raise SettingError(
            f"{_VARIABLE}={text!r} is malformed; it must be the number of concurrent invocations, 1 to {_MOST}"
        )
    return count


def _plain(sink: "LogSink", settings: "Settings") -> "LogSink":
    """Return a sink for several processes, which cannot share one descriptor of frames; as the official client."""
    if not isinstance(sink, FramedTelemetryLogSink):
        return sink
    posix.close(sink.fd)
    plain = StandardLogSink(json_format=settings.json_format)
    replace_current(plain)
    return plain


def _why_not_forked(handler: str, obstacles: "list[str]", count: int) -> str:
    return (
        f"Loading {handler} left {' and '.join(obstacles)}, which workers must not share, so each of {count} workers "
        "loads it again, which takes time and memory. To load it once, open connections and files and start threads "
        "when they are first used (numpy: set OPENBLAS_NUM_THREADS=1), or set AWSLAMBDARIC_LITE_FORK=after if sharing "
        "them is harmless."
    )


def _announce(settings: "Settings", count: int, log: StandardLogSink) -> None:
    """Write the official client's DEBUG record of the pool."""
    if (settings.log_level or "").upper() in ("DEBUG", "TRACE"):
        now = json_time()
        numbers = f'"workerCount":{count},"executionEnvironmentMaxConcurrency":{count}'
        log.log(
            f'{{"timestamp":{quote(now)},"level":"DEBUG","message":{{"event":"runtime_worker_pool_initializing",'
            f'{numbers}}},"logger":"root","requestId":""}}\n'
        )
