"""The sequence of the program: settings, handler, then one invocation after the other. Imports all cold modules.

Tools that instrument the official client find this module as `__main__.bootstrap`, and replace `handle_event_request`
and the methods of `LambdaRuntimeClient` in it. Both are looked up again before every use.
"""

import gc
import posix
import sys

from . import _function_errors
from ._client import LambdaRuntimeClient
from ._codec import Marshaller, parse_header
from ._context import LambdaContext
from ._handler import after_import, load, needs_adapter, provide_official_names, rescue_stale_bytecode
from ._paths import complete_path
from ._report import exit_status_of, log_report, make_report, notice, report_json
from ._settings import originals, read_settings
from ._sinks import create_log_sink, write_through
from ._sinks import flush as flush  # a part of the protocol `Runtime`, as the next
from ._sinks import print_stderr as print_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from types import ModuleType
    from typing import NoReturn

    from ._client import Invocation
    from ._types import Current, CurrentIds, HandlerAdapter, LogSink, Runtime, Settings

    Handler = Callable[[object, LambdaContext], object]

Fault = _function_errors.Fault  # an import would cost more instructions (guard)
# As they are before user code runs, which may replace them.
_environ, _exit_at_once, _putenv, _unsetenv = posix.environ, posix._exit, posix.putenv, posix.unsetenv
_SIGTERM = 15
_TRACE_ID = b"_X_AMZN_TRACE_ID"
_WEB = "PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "SCRIPT_NAME", "wsgi.", "httpMethod", "rawPath", "requestContext"
_WRONG_CALL = "positional argument", "LambdaContext", "Records", *_WEB  # other errors import no module for a hint
_BEFORE_IN_PLACE = 997  # invocations, a prime; then the module takes less memory than the trace ids have taken

adapter: "HandlerAdapter | None" = None  # made when a handler or a result needs it


def main(argv: "list[str]", *, started_as_file: bool = False) -> int:
    """Run the runtime; return or raise the exit status.

    `argv[1]` names the handler, else `_HANDLER` does. `started_as_file`: `sys.path` lacks the function's folders.
    """
    try:
        if started_as_file:
            complete_path(posix.environ)
        settings = read_settings(posix.environ, argv[1:])
        sink = create_log_sink(json_format=settings.json_format)
        if settings.options is not None:
            for problem in settings.options.problems:
                notice(sink, "", problem)
        current_ids: "list[str | None]" = [None, None]
        client = LambdaRuntimeClient(
            settings.api,
            Marshaller(settings.codec),
            lambda request_id, text: notice(sink, request_id, text),
            pipeline=settings.pipeline,
        )
        _warm_up(client, sink)
        if b"AWS_LAMBDA_MAX_CONCURRENCY" in posix.environ:
            from ._managed.serve import serve

            runtime: "Runtime" = sys.modules[__name__]  # pyright: ignore[reportAssignmentType]
            return _exit(serve(runtime, settings, client, current_ids, sink))
        handler = initialize(settings, client, current_ids.copy, sink)
        # Without the module `signal`, user code cannot handle SIGTERM.
        handles_sigterm = "signal" in sys.modules and callable(originals["_signal"]["getsignal"](_SIGTERM))
        if "awslambdaric_lite._lifecycle.shutdown" in sys.modules or handles_sigterm:
            from ._lifecycle.shutdown import arm_if_wanted

            arm_if_wanted(settings.api, sink, existing_loop, client)
        if _environ.get(b"AWS_LAMBDA_INITIALIZATION_TYPE") == b"snap-start":
            from ._lifecycle.snapstart import pass_through_snapshot

            pass_through_snapshot(client, sink, flush)
        loop(client, handler, current_ids, sink)
    except SystemExit as error:
        _exit(exit_status_of(error))
        raise
    except KeyboardInterrupt:
        return _exit(130)
    except _function_errors.ForkedChild as error:
        _exit(1)
        print_stderr(str(error))
        flush()
        _exit_at_once(1)
    except _function_errors.RuntimeFailure as error:
        print_stderr(str(error))
        return _exit(1)
    except BaseException:  # raised by a tool that replaced a function of this module
        _exit(1)
        raise


def initialize(settings: "Settings", client: LambdaRuntimeClient, current: "Current", sink: "LogSink") -> "Handler":
    """Load the handler; log records get their ids from `current()`.

    Raises:
        SystemExit: loading failed; the error was posted.
    """

    def install_logging(_: "ModuleType") -> None:
        from ._logs import install

        install(sink, current, json_format=settings.json_format, log_level=settings.log_level)

    def load_handler() -> "Handler":
        handler: "Handler" = load(settings.handler)
        if needs_adapter(handler) or (settings.options is not None and settings.options.concerns_handler):
            handler = adapter_for(client, sink).adapt(handler)
        if settings.options is not None and settings.options["ENCODER"] != "off":
            from ._lifecycle.chosen import prepare_results

            prepare_results(settings.options, client.marshaller)
        choose_encoder = getattr(client.marshaller, "choose_encoder", None)  # a marshaller of user code has none
        if choose_encoder is not None and not choose_encoder():
            notice(sink, "", "AWSLAMBDARIC_LITE_CODEC=orjson: cannot import orjson; using the standard library's json")
        if "awslambdaric_lite._lifecycle.stale_bytecode" in sys.modules and settings.log_level in ("DEBUG", "TRACE"):
            from ._lifecycle.stale_bytecode import accepted

            notice(sink, "", f"used the bytecode of {len(accepted)} modules although their sources have other dates")
        return handler

    write_through(sys.stdout)
    write_through(sys.stderr)
    posix.register_at_fork(before=flush)  # else parent and child would both write the buffered output
    after_import("logging", install_logging)
    provide_official_names()
    # What is loaded by now stays. Without this, the collector may walk these objects at the first error: twice the CPU
    # (benchmark cpu_first_error, packed function).
    gc.freeze()
    gc.enable()
    trust = "installed" if settings.options is None else settings.options["STALE_PYC"]
    if trust != "off":
        rescue_stale_bytecode(trust_all=trust == "all")
    if settings.options is not None and settings.options.concerns_init:
        from ._lifecycle.chosen import with_options

        load_handler = with_options(load_handler, settings, client, sink)
    return attempt_init(load_handler, client, sink, settings.handler)


def attempt_init(
    step: "Callable[[], Handler]", client: LambdaRuntimeClient, sink: "LogSink", handler_name: str = ""
) -> "Handler":
    """Return the handler that a step of init makes; log and post the error if the step fails.

    Raises:
        SystemExit: the step failed; the error was posted.
    """
    status = 1
    failed: "Fault | None" = None
    try:
        return step()
    except SystemExit as exit_request:
        if client.forked:
            raise  # user code forked this process and decides how it exits
        status = exit_status_of(exit_request) or 1
        report, _ = make_report(exit_request, "", status)
    except BaseException as raised:
        failed = raised if issubclass(type(raised), Fault) else None  # type: ignore[assignment]
        report, _ = make_report(raised)
    # The `except` blocks have ended: tools that replace `post_init_error` must not find an active exception.
    log_report(report, sink)
    if failed is not None:
        try:
            from ._lifecycle.import_hints import hint

            text = hint(failed, handler_name)
            if text:
                notice(sink, "", text)
        except BaseException:
            pass  # init fails without the hint as well
    flush()
    client.post_init_error(report)
    raise SystemExit(status)


def _warm_up(client: LambdaRuntimeClient, sink: "LogSink") -> None:
    """Run the loop without a network, before user code can notice.

    Skipped if a tool that `sitecustomize` started has replaced functions, because the tool would notice.
    """
    if handle_event_request is not _UNREPLACED[0] or LambdaRuntimeClient.post_invocation_result is not _UNREPLACED[1]:
        return

    def answer(invocation: "Invocation") -> None:
        text = invocation.content_type
        body = invocation.take_body()
        handle_event_request(client, lambda event, _: event, "", body, text, None, None, None, 0, None, sink)

    client.warm_up(answer)


def loop(client: LambdaRuntimeClient, handler: "Handler", current_ids: "CurrentIds", sink: "LogSink") -> "NoReturn":
    """Take and answer invocations until the process exits.

    Raises:
        ProtocolError: an invocation has no request id, so that nothing could answer it.
    """
    while True:
        for _ in range(_BEFORE_IN_PLACE):
            invocation = client.wait_next_invocation()
            invoke_id = current_ids[0] = invocation.invoke_id
            if not invoke_id:
                raise _function_errors.ProtocolError("an invocation lacks the header Lambda-Runtime-Aws-Request-Id")
            current_ids[1] = invocation.tenant_id
            set_trace_id(invocation.x_amzn_trace_id)
            handle_event_request(
                client,
                handler,
                invoke_id,
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
        if _TRACE_ID in _environ:
            _set_trace_ids_in_place()


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
    """Handle one invocation; the name and the arguments are the official client's, because tools replace this function.

    Raises:
        SystemExit: the handler raised it; its error was posted.
    """
    body = [event_body]
    del event_body  # no frame refers to a large event while the handler runs
    deadline, arn = epoch_deadline_time_in_ms, invoked_function_arn
    fields = invoke_id, client_context_json, cognito_identity_json, deadline, arn, tenant_id
    _handle(lambda_runtime_client, request_handler, body, content_type, fields, invocation_id, log_sink)


def _handle(
    client: LambdaRuntimeClient,
    handler: "Handler",
    body: "list[bytes | bytearray]",
    content_type: "str | None",
    fields: "tuple[str, str | None, str | None, int, str | None, str | None]",
    invocation_id: "str | None",
    sink: "LogSink",
) -> None:
    """Call the handler and post its result or its error.

    `body` contains the event until it is parsed; `fields` are those of the context, with JSON texts unparsed.

    Raises:
        SystemExit: the handler raised it; its error was posted.
    """
    leaving: "SystemExit | None" = None
    invoke_id, client_context, cognito_identity, deadline_ms, function_arn, tenant_id = fields
    try:
        context = LambdaContext(
            invoke_id,
            parse_header(client_context, "Client Context"),
            parse_header(cognito_identity, "Cognito Identity"),
            deadline_ms,
            function_arn,
            tenant_id,
        )
        marshaller = client.marshaller
        event = marshaller.unmarshal_request(body.pop(), content_type)
        response = handler(event, context)
        try:
            result, result_content_type = marshaller.marshal_response(response)
        except Fault:
            if not _is_stream_or_awaitable(response):
                raise
            result = None
        if result is None:  # after the `except` block, because user code that runs now must not find an exception
            awaited = adapter_for(client, sink).deliver(response, context, invocation_id, flush)
            if awaited is None:
                return
            result, result_content_type = awaited
    except BaseException as raised:
        try:
            flush()
        except BaseException:
            pass  # a trace function of user code raised, which removes it; no later call raises
        status = None
        kind = type(raised)  # `isinstance` would ask the class of user code
        if not issubclass(kind, Fault):
            if client.finishing or (client.forked and issubclass(kind, SystemExit)):
                raise  # the error was posted, or user code forked this process and decides how it exits
            if issubclass(kind, SystemExit):
                leaving = raised  # type: ignore[assignment]
                status = exit_status_of(raised)
                client.finishing = True
        report, cause = make_report(raised, invoke_id, status)
    else:
        flush()
        client.post_invocation_result(invoke_id, result, result_content_type, invocation_id)
        return
    log_report(report, sink)
    if report["errorType"] in ("TypeError", "KeyError") and any(map(report["errorMessage"].__contains__, _WRONG_CALL)):
        try:
            from ._handlers.application_hints import log_hint

            log_hint(report, None if adapter is None else adapter.application, sink, invoke_id)
        except Exception:
            pass  # e.g. no file descriptor is left
    client.post_invocation_error(invoke_id, report_json(report), cause, invocation_id)
    if leaving is not None:
        raise leaving


def _is_stream_or_awaitable(response: object) -> bool:
    kind = type(response)
    try:
        for name in ("__next__", "__anext__", "__await__", "read", "body_iterator"):
            if hasattr(kind, name):
                return True
    except Exception:
        pass  # the metaclass has no attributes
    return False


def adapter_for(client: LambdaRuntimeClient, sink: "LogSink") -> "HandlerAdapter":
    """Return the adapter for coroutines, streams and web applications; import it if this is the first use."""
    global adapter
    if adapter is None:
        from ._handlers.adapter import ClientAdapter

        adapter = ClientAdapter(client, sink)
    return adapter


def existing_loop() -> "AbstractEventLoop | None":
    """Return the event loop of coroutine handlers, None without one."""
    return None if adapter is None else adapter.existing_loop


def set_trace_id(trace_id: "str | None") -> None:
    """Set or remove `_X_AMZN_TRACE_ID`, which X-Ray's SDK and botocore read.

    `os.environ` keeps its values in `posix.environ`; writing there avoids importing `os` and encoding twice.
    """
    if trace_id is None:
        if _TRACE_ID in _environ:
            del _environ[_TRACE_ID]
            _unsetenv(_TRACE_ID)
    else:
        value = trace_id.encode(errors="surrogateescape")
        _putenv(_TRACE_ID, value)
        _environ[_TRACE_ID] = value


def _set_trace_ids_in_place() -> None:
    """Stop the growth of memory by each distinct trace id, which the C library keeps."""
    global _putenv
    try:
        from ._lifecycle.environment_entry import putenv_in_place

        _putenv = putenv_in_place(_putenv, _environ)  # type: ignore[assignment]
    except Exception:
        pass  # e.g. no file descriptor is left


def _exit(status: int) -> int:
    """Flush standard output and error, and limit the time until the process exits; return the status."""
    try:
        from ._lifecycle.exit_limit import limit_exit

        limit_exit(status)
    except Exception:  # e.g. no file descriptor is left: user code could keep the process
        flush()
        _exit_at_once(status)
    flush()
    return status


# The functions that tools replace, as they were.
_UNREPLACED = (handle_event_request, LambdaRuntimeClient.post_invocation_result)
