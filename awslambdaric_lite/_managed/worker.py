"""A worker process of Managed Instances: owns its run from the fork to the exit."""

import sys
from socket import AF_UNIX, SOCK_STREAM, socket

from .._lifecycle import shutdown
from .._lifecycle.exit_limit import limit_exit
from .._lifecycle.originals import posix
from .._report import exit_status_of, notice, report_json
from .._runtime_errors import ApiError, ConnectionLost, ProtocolError
from .client import ManagedClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .._types import CurrentIds, ErrorReport, Handler, HandlerAdapter, LogSink, Runtime, Settings
    from .supervisor import Supervisor, WorkerSlot

_LOG_SOCKET = b"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"


def work(
    runtime: "Runtime",
    settings: "Settings",
    current_ids: "list[str | None]",
    sink: "LogSink",
    slot: "WorkerSlot",
    supervisor: "Supervisor",
    handler: "Handler | None",
    *,
    adapt: bool,
) -> int:
    """Serve until this worker exits; return its status.

    `handler` is None if the worker loads the function itself; `adapt` tells that a loaded handler needs an adapter.
    """
    loads_itself = handler is None
    try:
        redirect_output(sink)
        client = ManagedClient(
            settings,
            ManagedClient.marshaller,
            lambda request_id, text: notice(sink, request_id, text),
            slot.worker,
            supervisor.may_report,
        )
        _post_exit_of_predecessor(client, slot)
        if handler is None:
            handler = runtime.initialize(settings, client, current_ids.copy, sink)
        else:
            _reseed()
            if adapt:
                handler = adapted(runtime, runtime.adapter_for(client, sink), client, sink, handler)
        if shutdown.has_hooks():
            if supervisor.may_register():
                shutdown.register(settings.api, sink)
            # Each worker runs the hooks, because each has its own connections to close.
            shutdown.Shutdown(sink, runtime.existing_loop).arm(client)
        serve_worker(runtime, client, handler, current_ids, sink)
    except SystemExit as leaving:
        status = exit_status_of(leaving)
    except (ApiError, ConnectionLost, ProtocolError) as error:
        runtime.print_stderr(str(error))
        status = 1
    if not loads_itself:
        # The functions of atexit belong to the first process: a worker would remove files that the others still use.
        limit_exit(status)
        runtime.flush()
        posix._exit(status)
    return status


def redirect_output(sink: "LogSink") -> None:
    """Connect standard output and error to the platform's log collector, if it listens for workers."""
    path = posix.environ.get(_LOG_SOCKET)
    if not path:
        return
    try:
        for descriptor in (1, 2):
            with socket(AF_UNIX, SOCK_STREAM) as collector:
                collector.connect(path)
                posix.dup2(collector.fileno(), descriptor)
    except OSError as error:
        name = f"{_LOG_SOCKET.decode()}={path.decode(errors='backslashreplace')}"
        notice(sink, "", f"cannot connect to {name}; logging to stdout: {error}")


def _post_exit_of_predecessor(client: ManagedClient, slot: "WorkerSlot") -> None:
    """Post the exit of the slot's previous process as the error of the invocation that it did not answer."""
    unanswered = slot.worker.unanswered()
    if unanswered is not None:
        request_id, invocation_id = unanswered
        report: ErrorReport = {
            "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: {slot.ended}",
            "errorType": "Runtime.ExitError",
            "requestId": request_id,
            "stackTrace": [],
        }
        client.post_invocation_error(request_id, report_json(report), "", invocation_id)


def _reseed() -> None:
    """Make random numbers differ from worker to worker; CPython reseeds `random` when it forks."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def adapted(
    runtime: "Runtime", adapter: "HandlerAdapter", client: ManagedClient, sink: "LogSink", handler: "Handler"
) -> "Handler":
    """Return the function to call with each event, which may have an event loop or a lifespan of this process.

    Raises:
        SystemExit: adapting failed; the error was posted.
    """

    def adapt() -> "Handler":
        adapted = adapter.adapt(handler)
        choose_encoder = getattr(client.marshaller, "choose_encoder", None)
        if choose_encoder is not None:
            choose_encoder()
        return adapted

    return runtime.attempt_init(adapt, client, sink)


def serve_worker(
    runtime: "Runtime", client: ManagedClient, handler: "Handler", current_ids: "CurrentIds", sink: "LogSink"
) -> "NoReturn":
    """Take and answer invocations until the Runtime API refuses a poll.

    Raises:
        ApiError: the Runtime API refused the poll and all retries.
    """
    while True:
        try:
            runtime.loop(client, handler, current_ids, sink)
        except ApiError as refusal:
            if client.refused:
                raise
            notice(sink, "", f"{refusal}; continuing")  # it refused a streamed response
