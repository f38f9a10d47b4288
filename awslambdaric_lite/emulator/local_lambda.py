"""`LocalLambda`: the emulator as a synchronous object."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import deprecated

from ..common.json_text import compact
from ..common.quotas import MAX_ASYNC_PAYLOAD, MAX_PAYLOAD
from .config.function import LATEST, FunctionConfig
from .environments.environment import ExecutionEnvironment
from .errors import EmulatorError, EventTooLarge
from .frontend.asynchronous import AsyncOptions
from .frontend.requests import new_trace_id
from .http.faults import Faults
from .logs.stream import LineSink
from .loop_thread import LoopThread, closed
from .results import FunctionOutcome, Invocation, InvokeResult
from .service import FunctionService
from .stream_reader import StreamReader
from .streams import ResponseStream

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .config.options import FunctionSettings
    from .frontend.url import InvokeMode
    from .frontend.url_cors import Cors

_T = TypeVar("_T")


class LocalLambda:
    """A function that can be invoked inside a `with` block.

    The settings are those of `FunctionConfig`, e.g. `task_root`, `timeout_s`, `memory_mb`, `concurrency`, `env`; with
    `managed_concurrency` the function runs as on Lambda Managed Instances, with concurrent invocations in an
    environment. `runtime` is the command of any runtime, a list of arguments, run in the task root; `{handler}` in an
    argument is replaced by the handler, which is also in `_HANDLER`. The default is this package's runtime on this
    interpreter. `on_log` receives each line of the log when it is written, from another thread. `asynchronous` sets how
    `invoke_async` retries, `url_mode` whether the function URL streams, `cors` which web pages may call that URL. The
    methods may be called from any thread.

    Raises:
        InvalidFunction: a setting is outside of Lambda's limits. Above a quota that AWS has raised before (timeout,
            memory), it works, with a warning.
    """

    def __init__(
        self,
        handler: str,
        *,
        function_name: str = "function",
        on_log: LineSink | None = None,
        asynchronous: AsyncOptions | None = None,
        url_mode: InvokeMode = "BUFFERED",
        cors: Cors | None = None,
        **settings: Unpack[FunctionSettings],
    ) -> None:
        values: dict[str, Any] = dict(settings)  # FunctionConfig accepts paths as text, but does not declare that
        self.function = FunctionConfig(handler=handler, name=function_name, **values)
        for text in self.function.warnings:
            warnings.warn(text, stacklevel=2)
        self._on_log = on_log
        self._asynchronous = asynchronous
        self._url_mode: InvokeMode = url_mode
        self._cors = cors
        self._loop = LoopThread()
        self._running: FunctionService | None = None

    def __enter__(self) -> LocalLambda:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Prepare for invocations; the first one starts the runtime, unless environments are provisioned."""
        if self._running is None:
            service = FunctionService(
                self.function,
                on_log=self._on_log,
                asynchronous=self._asynchronous,
                url_mode=self._url_mode,
                cors=self._cors,
            )
            self._loop.start(service.start(), service.close)
            self._running = service
            for text in service.host.warnings:
                warnings.warn(text, stacklevel=2)

    def close(self) -> None:
        """Kill every process, remove every file and fail every invocation that still waits.

        Asynchronous events that are not complete are lost, with a `ResourceWarning`.
        """
        service, self._running = self._running, None
        if service is not None and (lost := self._loop.stop(service.close())):
            warnings.warn(f"{lost} asynchronous events were lost by closing", ResourceWarning, stacklevel=2)

    # Invocations

    def invoke(
        self,
        event: object = None,
        *,
        qualifier: str | None = None,
        client_context: Mapping[str, Any] | str | None = None,
        cognito_identity: Mapping[str, str] | None = None,
        tenant_id: str = "",
        trace_id: str | None = None,
        request_id: str | None = None,
        content_type: str = "application/json",
    ) -> InvokeResult:
        """Invoke the function and wait for its response.

        `bytes` are sent unchanged, any other event as JSON; None is the empty object. A trace id is generated unless
        one is given (an empty one sends none). `qualifier` is a version or an alias.

        Raises:
            EventTooLarge: the event exceeds the service's limit.
            LocalLambdaClosed: the local Lambda was not started, or closed meanwhile.
            TooManyRequests: the function is at its concurrency limit.
            UnknownQualifier: the function does not have that version or alias.
            TypeError: the event cannot be written as JSON.
        """
        version, arn = self.function.resolve(qualifier)
        invocation = Invocation(
            _payload(event, MAX_PAYLOAD),
            content_type,
            client_context=client_context if isinstance(client_context, str) else _json_or_empty(client_context),
            cognito_identity=_json_or_empty(cognito_identity),
            tenant_id=tenant_id,
            trace_id=new_trace_id() if trace_id is None else trace_id,
            version=version,
            arn=arn,
        )
        if request_id is not None:
            invocation.request_id = request_id
        self._loop.post(self._service.host.submit, invocation)
        return InvokeResult(invocation, invocation.answered.result())

    def invoke_stream(self, event: object = None, *, qualifier: str | None = None) -> StreamReader:
        """Invoke the function and return an iterator of the parts of its response while they are received.

        Raises:
            EventTooLarge, LocalLambdaClosed, UnknownQualifier, TypeError: as `invoke`.
        """
        invocation = self._new_invocation(event, qualifier, MAX_PAYLOAD)

        async def submit() -> ResponseStream:
            invocation.stream = ResponseStream()
            self._service.host.submit(invocation)
            return invocation.stream

        return StreamReader(invocation, self._loop.call(submit()), self._loop)

    def invoke_async(self, event: object = None, *, qualifier: str | None = None) -> str:
        """Queue an event for the function; return its request id.

        Raises:
            EventTooLarge, LocalLambdaClosed, UnknownQualifier, TypeError: as `invoke`.
        """
        invocation = self._new_invocation(event, qualifier, MAX_ASYNC_PAYLOAD)
        self._loop.post(self._service.queue.put, invocation)
        return invocation.request_id

    def wait_for_async(self) -> None:
        """Wait until every asynchronous event is complete, including its retries."""
        self._loop.call(self._service.queue.idle())

    @property
    def endpoint_url(self) -> str:
        """The URL for SDKs: `boto3.client("lambda", endpoint_url=...)`; its port is opened on first use."""
        return self._do(self._service.open_endpoint)

    @property
    def url(self) -> str:
        """The function URL, with a trailing slash; its port is opened on first use."""
        return self._do(self._service.open_url)

    # Events of environments, on demand

    @property
    def environments(self) -> list[ExecutionEnvironment]:
        """The execution environments, in the order of their start."""
        return [] if self._running is None else list(self._running.host.pool.environments)

    def freeze(self) -> None:
        """Freeze every process, as between invocations; this is possible during an invocation, too."""
        self._each(lambda environment: environment.freeze())

    def thaw(self) -> None:
        """Thaw the processes."""
        self._each(lambda environment: environment.thaw())

    def time_out_now(self) -> None:
        """Time out the running invocations."""
        self._each(lambda environment: environment.time_out_now())

    def crash(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the runtimes' processes with a signal."""
        self._each(lambda environment: environment.crash(number))

    def sigterm(self) -> None:
        """Send SIGTERM to the runtimes, as the platform does in the shutdown phase."""
        self._each(lambda environment: environment.sigterm())

    def snapshot_restore(self) -> None:
        """Start a new environment up to its snapshot and restore it for the next invocation.

        Raises:
            EmulatorError: the function has no SnapStart, or its init or its restore failed.
        """
        if not self.function.snap_start:
            raise EmulatorError("the function has no snapshots; set snap_start=True")

        async def restore() -> FunctionOutcome | None:
            host = self._service.host
            await host.reload()
            return await host.pool.restore(LATEST)

        if (failure := self._loop.call(restore())) is not None:
            raise EmulatorError(f"the function cannot be restored: {failure.payload.decode('utf-8', 'replace')}")

    def deliver_stale_reply(self) -> None:
        """Make the running attempts stale: their replies get 410, and their runtimes get the events again.

        Raises:
            EmulatorError: no invocation runs, attempts have no ids (`ApiOptions.invocation_ids`), or an environment may
                run several invocations (`managed_concurrency`).
        """

        def make_stale() -> None:
            running = self._service.host.pool.running
            if not running:
                raise EmulatorError("no invocation is running; call this between an event and its reply")
            for environment in running:
                environment.deliver_stale_reply()

        self._do(make_stale)

    @deprecated("cross_wire() is now deliver_stale_reply(); the old name will be removed in the next release")
    def cross_wire(self) -> None:
        """Call `deliver_stale_reply`, which is the name now."""
        self.deliver_stale_reply()

    @property
    def faults(self) -> Faults:
        """Network faults between the runtimes and their Runtime APIs: `function.faults.reset(on="next")`."""
        return self._service.host.faults

    def reload(self) -> None:
        """Reload the code: later invocations get new environments, running ones complete in theirs."""
        self._loop.call(self._service.host.reload())

    def _each(self, act: Callable[[ExecutionEnvironment], None]) -> None:
        def act_on_all() -> None:
            for environment in self.environments:
                act(environment)

        self._do(act_on_all)

    def _do(self, act: Callable[[], _T]) -> _T:
        """Call a function in the event loop and return its result."""

        async def in_loop() -> _T:
            return act()

        return self._loop.call(in_loop())

    @property
    def _service(self) -> FunctionService:
        if self._running is None:
            raise closed()
        return self._running

    def _new_invocation(self, event: object, qualifier: str | None, limit: int) -> Invocation:
        version, arn = self.function.resolve(qualifier)
        return Invocation(_payload(event, limit), trace_id=new_trace_id(), version=version, arn=arn)


def _payload(event: object, limit: int) -> bytes:
    if isinstance(event, (bytes, bytearray, memoryview)):
        payload = bytes(event)
    else:
        payload = compact({} if event is None else event, ascii_only=True).encode()
    if len(payload) > limit:
        raise EventTooLarge(f"the event has {len(payload)} bytes; the limit is {limit}")
    return payload


def _json_or_empty(value: Mapping[str, Any] | None) -> str:
    return "" if value is None else compact(dict(value), ascii_only=True)
