"""Managed Instances (`AWS_LAMBDA_MAX_CONCURRENCY`): the door to serving several invocations at once.

The function is loaded once, then the process is forked as often as the platform wants to invoke at the same time; or
each worker loads for itself, where a loaded process must not be forked; or one process serves all (`threads`).
"""

import gc
import posix
import time

from .. import _sinks
from .._codec import quote
from .._framed_sink import FramedTelemetryLogSink
from .._handler import code_flags
from .._optional_settings import Options
from .._report import notice
from .._runtime_errors import SettingError
from .._sinks import StandardLogSink
from . import worker_shutdown
from .fork_safety import Belongings
from .supervisor import Supervisor
from .worker import redirect_output, work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .._client import LambdaRuntimeClient
    from .._types import Current, InHand, LogSink, Settings

    Handler = Callable[..., Any]

_VARIABLE = "AWS_LAMBDA_MAX_CONCURRENCY"
_COROUTINE = 0x80  # inspect.CO_COROUTINE


class Unadapted:
    """Stands where the runtime has `Special` while the first process loads.

    Event loops and lifespans hold descriptors, so each worker makes its own; what they import is imported here, once.
    """

    existing_loop = None

    def __init__(self) -> None:
        self.wanted = False

    def adapt(self, handler: "Handler") -> "Handler":
        """Return the handler as it is, and remember that there is more to it."""
        from .._handlers import adapter  # noqa: F401

        if code_flags(handler) & _COROUTINE:
            from .._handlers import event_loop  # noqa: F401
        if not hasattr(handler, "__code__"):
            from .._handlers import asgi, web_apps, wsgi  # noqa: F401
        self.wanted = True
        return handler


class _Records:
    """Request id and tenant id for log records, from wherever they turn out to be kept."""

    def __init__(self, invocation: "Current") -> None:
        self.invocation = invocation

    def __call__(self) -> "Sequence[str | None]":
        return self.invocation()


def serve(
    runtime: "Any", settings: "Settings", client: "LambdaRuntimeClient", in_hand: "InHand", sink: "LogSink"
) -> int:
    """Load, and serve until this process is to end; return its status.

    `runtime` is the module whose functions tools may have replaced, `client` posts an error of loading.

    Raises:
        SettingError: `AWS_LAMBDA_MAX_CONCURRENCY` is no number of 1 or more.
        SystemExit: loading failed; the error was posted.
    """
    count = _count(posix.environ[_VARIABLE.encode()])
    options = settings.options or Options({})
    mode, fork = options["CONCURRENCY_MODE"], options["FORK"]
    sink = _plain(sink, settings)
    log = StandardLogSink(json_format=True)  # the platform takes nothing else in this mode
    unadapted = Unadapted()
    handler: "Handler | None" = None
    if mode != "process" or fork != "before":
        belongings = Belongings()
        runtime._specials[:] = [unadapted]
        records = _Records(in_hand.copy)
        handler = runtime.initialize(settings, client, records, sink)
        runtime._specials.clear()
        if mode != "process":
            from . import threads
            from .invocation_scope import Scope

            obstacle = threads.obstacle(mode, handler)
            if obstacle is None:
                redirect_output(sink)
                records.invocation = scope = Scope()
                return threads.serve(runtime, settings, scope, sink, count, handler)
            lead = f"AWSLAMBDARIC_LITE_CONCURRENCY_MODE={mode} is ignored"
            notice(log, "", f"{lead}: {obstacle}. Processes serve the function, {count} at once.")
        obstacles = belongings.obstacles() if fork == "auto" else []
        if obstacles:
            notice(log, "", _why_not_forked(settings.handler, obstacles, count))
        if obstacles or fork == "before":
            runtime._flush()
            belongings.give_way()
        gc.collect()
        gc.freeze()  # else the collector's first look at an object would copy its page in each worker
    _announce(settings, count, log)
    supervisor = Supervisor(count, lambda text: notice(log, "", text))
    if worker_shutdown.is_wanted() and supervisor.may_register():
        worker_shutdown.register(settings.api, log)
    place = supervisor.run()
    if isinstance(place, int):
        return place
    return work(runtime, settings, in_hand, sink, place, supervisor, handler, adapt=unadapted.wanted)


def _count(value: bytes) -> int:
    if not value.isdigit() or not int(value):
        text = value.decode(errors="surrogateescape")
        raise SettingError(
            f"{_VARIABLE}={text!r} is malformed; it must be the number of invocations at once, 1 or more"
        )
    return int(value)


def _plain(sink: "LogSink", settings: "Settings") -> "LogSink":
    """Return a sink that several processes can write to, which frames on one descriptor are not; as official."""
    if not isinstance(sink, FramedTelemetryLogSink):
        return sink
    posix.close(sink.fd)
    plain = StandardLogSink(json_format=settings.json_format)
    _sinks._current[:] = [plain]
    return plain


def _why_not_forked(handler: str, obstacles: "list[str]", count: int) -> str:
    return (
        f"Loading {handler} left {' and '.join(obstacles)}, which workers must not share: each of the {count} loads it "
        "for itself, with the time and memory that takes. To have it loaded once, open connections and files and start "
        "threads when they are first used (numpy: set OPENBLAS_NUM_THREADS=1), or set AWSLAMBDARIC_LITE_FORK=after if "
        "sharing them does no harm."
    )


def _announce(settings: "Settings", count: int, log: StandardLogSink) -> None:
    """Write the official client's DEBUG record of the pool."""
    if (settings.log_level or "").upper() in ("DEBUG", "TRACE"):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        numbers = f'"workerCount":{count},"executionEnvironmentMaxConcurrency":{count}'
        log.log(
            f'{{"timestamp":{quote(now)},"level":"DEBUG","message":{{"event":"runtime_worker_pool_initializing",'
            f'{numbers}}},"logger":"root","requestId":""}}\n'
        )
