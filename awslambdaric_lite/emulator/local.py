"""`LocalLambda`: the emulator as one plain, synchronous object."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

from .environments.environment import ExecutionEnvironment
from .errors import EventTooLarge, LocalLambdaClosed
from .function import MAX_PAYLOAD, ApiOptions, FunctionConfig
from .host import FunctionHost
from .logs.stream import LineSink
from .results import Invocation, InvokeResult


class LocalLambda:
    """A function that can be invoked, from `with` to the end of its block.

    `runtime` is the command of any runtime, a list of arguments, run in the task root; `{handler}` in an argument
    stands for the handler, which is in `_HANDLER` in any case. Without it, this package's runtime runs on this
    interpreter.
    `env` adds variables, and wins over those of the platform. `on_log` gets each line of log as it is written, from
    another thread. Invocations may come from any thread; for now one environment takes them one after another.

    Raises:
        InvalidFunction: a setting is outside of what Lambda takes.
    """

    def __init__(
        self,
        handler: str,
        *,
        task_root: str | Path = ".",
        memory_mb: int = 128,
        timeout_s: float = 3.0,
        concurrency: int = 10,
        runtime: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        function_name: str = "function",
        init_timeout_s: float = 10.0,
        api: ApiOptions | None = None,
        on_log: LineSink | None = None,
    ) -> None:
        self.function = FunctionConfig(
            handler=handler,
            task_root=Path(task_root),
            name=function_name,
            memory_mb=memory_mb,
            timeout_s=timeout_s,
            init_timeout_s=init_timeout_s,
            concurrency=concurrency,
            runtime=runtime,
            env=dict(env or {}),
            api=api or ApiOptions(),
        )
        self._on_log = on_log
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._host: FunctionHost | None = None
        self._closing: asyncio.Event | None = None

    def __enter__(self) -> LocalLambda:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Get ready to take invocations; the first one starts the runtime."""
        if self._thread is not None:
            return
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="local-lambda", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except Exception:
            self._thread = None
            raise

    def close(self) -> None:
        """Kill every process, remove every file and end every invocation that still waits."""
        thread, loop, closing = self._thread, self._loop, self._closing
        if thread is None or loop is None or closing is None:
            return
        with contextlib.suppress(RuntimeError):  # its loop has ended already
            loop.call_soon_threadsafe(closing.set)
        thread.join()
        self._thread = None

    def invoke(
        self,
        event: object = None,
        *,
        client_context: Mapping[str, Any] | str | None = None,
        cognito_identity: Mapping[str, str] | None = None,
        tenant_id: str = "",
        trace_id: str | None = None,
        request_id: str | None = None,
        content_type: str = "application/json",
    ) -> InvokeResult:
        """Invoke the function and wait for its answer.

        `bytes` are sent as they are, any other event as JSON; None is the empty object. A trace id is made up unless
        one is given (an empty one sends none).

        Raises:
            EventTooLarge: the service would refuse the event.
            LocalLambdaClosed: it was not started, or closed meanwhile.
            TypeError: the event cannot be written as JSON.
        """
        payload = _payload(event)
        if len(payload) > MAX_PAYLOAD:
            raise EventTooLarge(f"the event has {len(payload)} bytes; an invocation takes up to {MAX_PAYLOAD}")
        invocation = Invocation(
            payload,
            content_type,
            client_context=client_context if isinstance(client_context, str) else _json_or_empty(client_context),
            cognito_identity=_json_or_empty(cognito_identity),
            tenant_id=tenant_id,
            trace_id=_new_trace_id() if trace_id is None else trace_id,
        )
        if request_id is not None:
            invocation.request_id = request_id
        if self._thread is None or self._loop is None or self._host is None:
            raise LocalLambdaClosed("this LocalLambda is not running; use it in a `with` block")
        self._loop.call_soon_threadsafe(self._host.submit, invocation)
        return InvokeResult(invocation, invocation.answered.result())

    @property
    def environments(self) -> list[ExecutionEnvironment]:
        """The execution environments, in the order of their start."""
        return [] if self._host is None else list(self._host.pool.environments)

    def _serve(self, ready: Future[None]) -> None:
        try:
            asyncio.run(self._main(ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _main(self, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._host = FunctionHost(self.function, self._on_log)
        try:
            await self._host.start()
            ready.set_result(None)
            await self._closing.wait()
        finally:
            await self._host.close()


def _payload(event: object) -> bytes:
    if isinstance(event, (bytes, bytearray, memoryview)):
        return bytes(event)
    return json.dumps({} if event is None else event, separators=(",", ":")).encode()


def _json_or_empty(value: Mapping[str, Any] | None) -> str:
    return "" if value is None else json.dumps(dict(value), separators=(",", ":"))


def _new_trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
