"""One worker process of Managed Instances, from the fork to its end."""

import posix
import socket
import sys

from .._function_errors import Fault
from .._report import (
    OWN_FRAMES,
    error_json,
    exit_status,
    format_frames,
    frames_of,
    log_error,
    make_error,
    notice,
    text_of,
)
from .._runtime_errors import ApiError, ConnectionLost, ProtocolError
from . import worker_shutdown
from .client import ManagedClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._handlers.adapter import Special
    from .._types import InHand, LogSink, Settings
    from .supervisor import Place, Supervisor

    Handler = Callable[..., Any]

_LOG_SOCKET = b"_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"


def work(
    runtime: "Any",
    settings: "Settings",
    in_hand: "InHand",
    sink: "LogSink",
    place: "Place",
    supervisor: "Supervisor",
    handler: "Handler | None",
    *,
    adapt: bool,
) -> int:
    """Serve until this worker is to end; return its status.

    `handler` is None if the worker loads for itself; `adapt`: what is loaded is more than a plain function.
    """
    loads_itself = handler is None
    try:
        redirect_output(sink)
        client = ManagedClient(
            settings,
            runtime.LambdaRuntimeClient.marshaller,
            lambda request_id, text: notice(sink, request_id, text),
            place.slot,
            supervisor.may_report,
        )
        _answer_for_predecessor(client, place)
        if handler is None:
            handler = runtime.initialize(settings, client, in_hand.copy, sink)
        else:
            _reseed()
            if adapt:
                handler = adapted(runtime, runtime._special(client, sink), client, sink, handler)
        if worker_shutdown.is_wanted():
            if supervisor.may_register():
                worker_shutdown.register(settings.api, sink)
            specials = runtime._specials
            worker_shutdown.arm(sink, runtime._flush, lambda: specials[0].existing_loop if specials else None)
        status = _serve(runtime, client, handler, in_hand, sink)
    except SystemExit as leaving:
        status = exit_status(leaving.code)
    except (ApiError, ConnectionLost, ProtocolError) as error:
        runtime._say(str(error))
        status = 1
    if not loads_itself:
        # What is registered with atexit is the first process's: a worker would remove what the others still use.
        runtime._flush()
        posix._exit(status)
    return status


def redirect_output(sink: "LogSink") -> None:
    """Connect standard output and error to the platform's log collector, where it listens for workers."""
    path = posix.environ.get(_LOG_SOCKET)
    if not path:
        return
    try:
        for descriptor in (1, 2):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as collector:
                collector.connect(path)
                posix.dup2(collector.fileno(), descriptor)
    except OSError as error:
        name = f"{_LOG_SOCKET.decode()}={path.decode(errors='backslashreplace')}"
        notice(sink, "", f"{name} takes no connection, logs go to standard output: {error}")


def _answer_for_predecessor(client: ManagedClient, place: "Place") -> None:
    """Post the end of the process that was here before as the error of the invocation that it had in hand."""
    in_hand = place.slot.in_hand()
    if in_hand is not None:
        request_id, invocation_id = in_hand
        text = f"RequestId: {request_id} Error: Runtime exited with error: {place.ended}"
        error = error_json(make_error(text, "Runtime.ExitError", [], request_id))
        client.post_invocation_error(request_id, error, "", invocation_id)


def _reseed() -> None:
    """Make random numbers differ from worker to worker; CPython does it for `random` when it forks."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def adapted(
    runtime: "Any", special: "Special", client: ManagedClient, sink: "LogSink", handler: "Handler"
) -> "Handler":
    """Return what to call for an event, with an event loop or a lifespan of this process's own.

    Raises:
        SystemExit: that failed; the error was posted.
    """
    try:
        handler = special.adapt(handler)
        choose_encoder = getattr(client.marshaller, "choose_encoder", None)
        if choose_encoder is not None:
            choose_encoder()
        return handler
    except Fault as fault:
        error = make_error(fault.message, fault.error_type, fault.trace)
    except BaseException as raised:
        frames = frames_of(raised.__traceback__, OWN_FRAMES)
        error = make_error(text_of(raised), type(raised).__name__, format_frames(frames))
    try:
        log_error(error, sink)
    except Exception:
        pass  # a log that cannot be written must not keep the error from being posted
    runtime._flush()
    client.post_init_error(error)
    raise SystemExit(1)


def _serve(runtime: "Any", client: ManagedClient, handler: "Handler", in_hand: "InHand", sink: "LogSink") -> "int":
    """Take and answer invocations; only the refusal of `next` ends that."""
    while True:
        try:
            runtime.run(client, handler, in_hand, sink)
        except ApiError as refusal:  # else of a stream that it did not take
            if client.refused:
                raise
            notice(sink, "", f"{refusal}; the loop goes on")


OWN_FRAMES.append(adapted.__code__)
