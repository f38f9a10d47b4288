"""`LocalLambda`: the emulator as a synchronous object."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .config.function import FunctionConfig
from .environments.environment import ExecutionEnvironment
from .frontend.asynchronous import AsyncOptions
from .functions.registry import FunctionEntry
from .local_function import LocalFunction
from .logs.stream import LineSink
from .loop_thread import LoopThread, closed
from .service import FunctionService

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .config.options import FunctionSettings
    from .frontend.url import InvokeMode
    from .frontend.url_cors import Cors


class LocalLambda(LocalFunction):
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
        super().__init__(LoopThread())
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

    @property
    def endpoint_url(self) -> str:
        """The URL for SDKs: `boto3.client("lambda", endpoint_url=...)`; its port is opened on first use."""
        return self._loop.do(self._service.open_endpoint)

    @property
    def url(self) -> str:
        """The function URL, with a trailing slash; its port is opened on first use."""
        return self._loop.do(self._service.open_url)

    @property
    def environments(self) -> list[ExecutionEnvironment]:
        """The execution environments, in the order of their start; none after `close`."""
        return [] if self._running is None else super().environments

    @property
    def _entry(self) -> FunctionEntry:
        return self._service.entry

    @property
    def _service(self) -> FunctionService:
        if self._running is None:
            raise closed()
        return self._running
