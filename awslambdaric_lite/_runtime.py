"""The story of the program: settings, handler, then one invocation after the other. The one module that knows them all.

Tools that instrument the official client find here, as `__main__.bootstrap`, what they replace: `handle_event_request`
and the methods of `LambdaRuntimeClient`. Both are looked up again before every use.
"""

import gc
import posix
import sys

from . import _function_errors
from ._client import LambdaRuntimeClient
from ._codec import Marshaller, parse_header
from ._context import LambdaContext
from ._function_errors import Fault
from ._handler import after_import, is_special, load, rescue_stale_bytecode
from ._paths import complete_path
from ._report import (
    OWN_FRAMES,
    error_json,
    exit_status,
    exit_text,
    format_frames,
    frames_of,
    log_error,
    make_error,
    notice,
    text_of,
    xray_cause,
)
from ._settings import read_settings
from ._sinks import create_log_sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import NoReturn

    from ._client import Invocation
    from ._handlers.adapter import Special
    from ._report import ErrorResult
    from ._types import Current, InHand, LogSink, Settings

    Handler = Callable[[object, LambdaContext], object]

_TRACE_ID = b"_X_AMZN_TRACE_ID"
_specials: "list[Special]" = []
_LINGER = 2.0  # seconds that threads of user code get when the process ends


def main(argv: "list[str]", *, started_as_file: bool = False) -> int:
    """Run the runtime; return or raise the exit status.

    `argv[1]` names the handler, else `_HANDLER` does. `started_as_file`: the function's `sys.path` is still to be made.
    """
    try:
        if started_as_file:
            complete_path(posix.environ)
        settings = read_settings(posix.environ, argv[1:])
        sink = create_log_sink(json_format=settings.json_format)
        if settings.options is not None:
            for problem in settings.options.problems:
                notice(sink, "", problem)
        in_hand: "InHand" = [None, None]
        client = LambdaRuntimeClient(
            settings.api,
            Marshaller(settings.codec),
            lambda request_id, text: notice(sink, request_id, text),
            pipeline=settings.pipeline,
        )
        _rehearse(client, sink)
        if b"AWS_LAMBDA_MAX_CONCURRENCY" in posix.environ:
            from ._managed.serve import serve

            return _leave(serve(sys.modules[__name__], settings, client, in_hand, sink))
        handler = initialize(settings, client, in_hand.copy, sink)
        if "awslambdaric_lite._lifecycle.shutdown" in sys.modules or _handles_sigterm():
            from ._lifecycle.shutdown import arm_if_wanted

            arm_if_wanted(settings.api, sink, _flush, lambda: _specials[0].existing_loop if _specials else None)
        if posix.environ.get(b"AWS_LAMBDA_INITIALIZATION_TYPE") == b"snap-start":
            from ._lifecycle.snapstart import pass_through_snapshot

            pass_through_snapshot(client, sink, _flush)
        run(client, handler, in_hand, sink)
    except SystemExit as error:
        _leave(exit_status(error.code))
        raise
    except KeyboardInterrupt:
        return _leave(130)
    except (
        _function_errors.SettingError,
        _function_errors.ApiError,
        _function_errors.ConnectionLost,
        _function_errors.ProtocolError,
    ) as error:
        _say(str(error))
        return _leave(1)
    except _function_errors.ForkedChild:
        _say("a forked child returned from the handler; it ends here (end such children with os._exit)")
        _flush()
        posix._exit(1)
    except BaseException:  # of a tool that took the place of one of our functions
        _leave(1)
        raise


def initialize(settings: "Settings", client: LambdaRuntimeClient, current: "Current", sink: "LogSink") -> "Handler":
    """Load the handler; `current()` tells log records which invocation is in hand.

    Raises:
        SystemExit: that failed; the error was posted.
    """

    def install_logging(_: "ModuleType") -> None:
        from ._logs import install

        install(sink, current, json_format=settings.json_format, log_level=settings.log_level)

    try:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    except (AttributeError, ValueError):
        pass  # there is no standard output, or it is somebody's own object
    posix.register_at_fork(before=_flush)  # else parent and child would both write what is pending
    after_import("logging", install_logging)
    # What is loaded by now stays. Looking through it might come with the first error: 1.2 instead of 0.6 ms of CPU on a
    # slow machine (cpu_first_error, packed function).
    gc.freeze()
    gc.enable()
    status = 1
    failed: "BaseException | None" = None
    trust = "installed" if settings.options is None else settings.options["STALE_PYC"]
    if trust != "off":
        rescue_stale_bytecode(trust_all=trust == "all")
    try:
        handler: "Handler" = load(settings.handler)
        if is_special(handler) or (settings.options is not None and settings.options.concerns_handler):
            handler = _special(client, sink).adapt(handler)
        choose_encoder = getattr(client.marshaller, "choose_encoder", None)  # not with a marshaller of user code
        if choose_encoder is not None and not choose_encoder():
            notice(sink, "", "AWSLAMBDARIC_LITE_CODEC=orjson: orjson cannot be imported, the standard library is used")
        if "awslambdaric_lite._lifecycle.stale_bytecode" in sys.modules and settings.log_level in ("DEBUG", "TRACE"):
            from ._lifecycle.stale_bytecode import rescued

            notice(sink, "", f"{len(rescued)} modules came from bytecode that only looked stale")
        return handler
    except Fault as fault:
        error = make_error(fault.message, fault.error_type, fault.trace)
        failed = fault
    except SystemExit as exit_request:
        if client.forked:
            raise  # a child that user code forked ends as it wants to
        status = exit_status(exit_request.code) or 1
        frames = frames_of(exit_request.__traceback__, OWN_FRAMES)
        error = make_error(exit_text("", status), "Runtime.ExitError", format_frames(frames))
    except BaseException as raised:
        frames = frames_of(raised.__traceback__, OWN_FRAMES)
        error = make_error(text_of(raised), type(raised).__name__, format_frames(frames))
    # The `except` blocks have ended: a tool that reports from its own post_init_error must find no exception in hand.
    _log(error, sink)
    if failed is not None:
        _hint(failed, settings.handler, sink)
    _flush()
    client.post_init_error(error)
    raise SystemExit(status)


def _rehearse(client: LambdaRuntimeClient, sink: "LogSink") -> None:
    """Run the loop without a network, before user code is there to notice.

    A tool that a `sitecustomize` has started is: then there is no rehearsal.
    """
    if handle_event_request is not _UNREPLACED[0] or LambdaRuntimeClient.post_invocation_result is not _UNREPLACED[1]:
        return

    def answer(invocation: "Invocation") -> None:
        text = invocation.content_type
        body = invocation.take_body()
        handle_event_request(client, lambda event, _: event, "", body, text, None, None, None, 0, None, sink)

    client.rehearse(answer)


def run(client: LambdaRuntimeClient, handler: "Handler", in_hand: "InHand", sink: "LogSink") -> "NoReturn":
    """Take and answer invocations until the process ends."""
    while True:
        invocation = client.wait_next_invocation()
        in_hand[0] = invocation.invoke_id
        in_hand[1] = invocation.tenant_id
        _set_trace_id(invocation.x_amzn_trace_id)
        handle_event_request(
            client,
            handler,
            invocation.invoke_id,
            invocation.take_body(),
            invocation.content_type,
            invocation.client_context,
            invocation.cognito_identity,
            invocation.invoked_function_arn,
            invocation.deadline_time_in_ms,
            invocation.tenant_id,
            sink,
            invocation.invocation_id,
        )


def handle_event_request(
    lambda_runtime_client: LambdaRuntimeClient,
    request_handler: "Handler",
    invoke_id: str,
    event_body: "bytes | bytearray",
    content_type: "str | None",
    client_context_json: "str | None",
    cognito_identity_json: "str | None",
    invoked_function_arn: "str | None",
    epoch_deadline_time_in_ms: int,
    tenant_id: "str | None",
    log_sink: "LogSink",
    invocation_id: "str | None" = None,
) -> None:
    """Answer one invocation; name and arguments are those of the official client.

    Raises:
        SystemExit: the handler asked for it; its error was posted.
    """
    leaving: "SystemExit | None" = None
    body = [event_body]
    del event_body  # nobody here holds a large event while the handler runs
    try:
        context = LambdaContext(
            invoke_id,
            parse_header(client_context_json, "Client Context"),
            parse_header(cognito_identity_json, "Cognito Identity"),
            epoch_deadline_time_in_ms,
            invoked_function_arn,
            tenant_id,
        )
        marshaller = lambda_runtime_client.marshaller
        event = marshaller.unmarshal_request(body.pop(), content_type)
        response = request_handler(event, context)
        try:
            result, result_content_type = marshaller.marshal_response(response)
        except Fault:
            if not _is_live(response):
                raise
            result = None
        if result is None:  # behind the `except`: what goes on of the handler must find no exception in hand
            answer = _special(lambda_runtime_client, log_sink).deliver(response, context, invocation_id, _flush)
            if answer is None:
                return
            result, result_content_type = answer
    except Fault as fault:
        cause = xray_cause("LambdaValidationError", fault.message, [])
        error = make_error(fault.message, fault.error_type, fault.trace, invoke_id)
    except BaseException as raised:
        if lambda_runtime_client.finishing or (lambda_runtime_client.forked and isinstance(raised, SystemExit)):
            raise  # what there was to post was posted; a child that user code forked ends as it wants to
        kind, text = type(raised).__name__, text_of(raised)
        if isinstance(raised, SystemExit):
            leaving = raised
            kind, text = "Runtime.ExitError", exit_text(invoke_id, exit_status(raised.code))
            lambda_runtime_client.finishing = True
        frames = frames_of(raised.__traceback__, OWN_FRAMES)
        cause = xray_cause(kind, text, frames)
        error = make_error(text, kind, format_frames(frames), invoke_id)
    else:
        _flush()
        lambda_runtime_client.post_invocation_result(invoke_id, result, result_content_type, invocation_id)
        return
    _log(error, log_sink)
    _flush()
    lambda_runtime_client.post_invocation_error(invoke_id, error_json(error), cause, invocation_id)
    if leaving is not None:
        raise leaving


def _is_live(response: object) -> bool:
    """Whether a result that is no JSON is a stream, or is to be awaited."""
    kind = type(response)
    return any(hasattr(kind, name) for name in ("__next__", "__anext__", "__await__", "read", "body_iterator"))


def _special(client: LambdaRuntimeClient, sink: "LogSink") -> "Special":
    """Return what serves streams, coroutines and applications; made when it is first needed."""
    if not _specials:
        from ._handlers.adapter import Special

        _specials.append(Special(client, sink))
    return _specials[0]


def _handles_sigterm() -> bool:
    """Whether user code has a handler for SIGTERM; without the module `signal` there is none."""
    signal = sys.modules.get("signal")
    return signal is not None and callable(signal.getsignal(signal.SIGTERM))


def _set_trace_id(trace_id: "str | None") -> None:
    """Set or remove `_X_AMZN_TRACE_ID`, which X-Ray's SDK and botocore read.

    `os.environ` keeps its values in `posix.environ`; writing there spares importing `os` and encoding twice.
    """
    environ = posix.environ
    if trace_id is None:
        if _TRACE_ID in environ:
            del environ[_TRACE_ID]
            posix.unsetenv(_TRACE_ID)
    else:
        value = trace_id.encode(errors="surrogateescape")
        environ[_TRACE_ID] = value
        posix.putenv(_TRACE_ID, value)


def _flush() -> None:
    """Flush what user code printed, whatever it did to the streams."""
    try:
        sys.stdout.flush()
    except Exception:
        pass
    try:
        sys.stderr.flush()
    except Exception:
        pass


def _log(error: "ErrorResult", sink: "LogSink") -> None:
    """Write an error report; a log that cannot be written must not keep the error from being posted."""
    try:
        log_error(error, sink)
    except Exception:
        pass


def _hint(failed: BaseException, handler: str, sink: "LogSink") -> None:
    try:
        from ._lifecycle.import_hints import hint

        text = hint(failed, handler)
        if text:
            notice(sink, "", text)
    except Exception:
        pass  # a hint is a favour


def _say(text: str) -> None:
    """Write one line of the runtime's own to standard error."""
    try:
        sys.stderr.write(f"awslambdaric-lite: {text}\n")
    except Exception:
        pass


def _leave(status: int) -> int:
    """Make sure that the process ends although threads of user code may not; return the status."""
    _flush()
    if "threading" in sys.modules:
        import _thread
        import atexit
        import time

        threads_ended: "list[bool]" = []
        atexit.register(threads_ended.append, True)  # registered last, called first, after threads were waited for

        runs = _thread.allocate_lock()
        runs.acquire()

        def cut_short() -> None:
            runs.release()
            time.sleep(_LINGER)
            if not threads_ended:
                _flush()
                posix._exit(status)

        try:
            _thread.start_new_thread(cut_short, ())
            runs.acquire()  # a thread that begins after the interpreter's end crashes Python 3.10 and 3.11
        except RuntimeError:
            pass  # no more threads: then nobody needs to be waited for
    return status


# Frames of these run before the handler's own and are no news to whoever reads its stack trace.
OWN_FRAMES += (initialize.__code__, load.__code__, load.__globals__["_import"].__code__, handle_event_request.__code__)

# What tools replace, as it was.
_UNREPLACED = (handle_event_request, LambdaRuntimeClient.post_invocation_result)
