"""Concurrent invocations in one process: owns the threads that poll, parse and post.

Handlers run on one event loop for all threads (`CONCURRENCY_MODE=asyncio`), or in the threads if Python has no global
lock (`thread`).
"""

import sys
from threading import Condition, Thread, local

from .._handler import code_flags
from .._handlers.adapter import ClientAdapter
from .._handlers.recognition import kind_of
from .._lifecycle.exit_limit import limit_exit
from .._lifecycle.originals import posix
from .._lifecycle.shutdown import arm_if_wanted
from .._report import exit_status_of, notice
from .._runtime_errors import ApiError, ConnectionLost, ForkedChild, ProtocolError
from .client import ManagedClient
from .invocation_scope import Scope, bind_environment
from .worker import adapted, serve_worker
from .worker_state import WorkerState, create_worker_states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from .._client import Invocation
    from .._context import LambdaContext
    from .._types import Handler, LogSink, Runtime, Settings
    from .shared_loop import SharedLoop

_ASYNCHRONOUS = 0x280  # inspect.CO_COROUTINE and CO_ASYNC_GENERATOR
_DRAIN = 10.0  # seconds for answering the other invocations after one has ended the process


def obstacle(mode: str, handler: object) -> "str | None":
    """Return why a handler cannot be served in `asyncio` or `thread` mode, None if it can."""
    if mode == "asyncio":
        if code_flags(handler) & _ASYNCHRONOUS or kind_of(handler) == "asgi":
            return None
        return "the handler is not a coroutine function (async def)"
    locked: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
    return "this Python has a global lock, so only one thread would run" if locked else None


def serve(
    runtime: "Runtime", settings: "Settings", scope: Scope, sink: "LogSink", count: int, handler: "Handler"
) -> int:
    """Serve up to `count` concurrent invocations until the process exits; return its status.

    Raises:
        SystemExit: a web application failed to start; the error was posted.
    """
    shared: SharedLoop | None = None
    options = settings.options
    if options is not None and options["CONCURRENCY_MODE"] == "asyncio":
        from . import shared_loop

        shared = shared_loop.SharedLoop(cancel_at_deadline=options["CANCEL_AT_DEADLINE"] == "1")
    if options is not None and options.timeout_dump_ms is not None:
        notice(sink, "", "AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS is ignored: one process serves several invocations")
    threads = PollingThreads(runtime, settings, scope, sink, count, shared)
    runtime.adapter = threads
    threads.adapt(handler)
    arm_if_wanted(settings.api, sink, runtime.existing_loop)
    return threads.serve()


class _ThreadState(local):
    adapter: ClientAdapter


class _Poller(ManagedClient):
    """The client of one thread.

    Attributes:
        busy: the thread has an invocation that is not answered yet.
    """

    def __init__(
        self,
        settings: "Settings",
        sink: "LogSink",
        worker: WorkerState,
        scope: Scope,
        changed: Condition,
    ) -> None:
        def report(request_id: str, text: str) -> None:
            notice(sink, request_id, text)

        super().__init__(settings, ManagedClient.marshaller, report, worker)
        self.busy = False
        self._scope = scope
        self._changed = changed

    def wait_next_invocation(self) -> "Invocation":
        self.mark_idle()
        invocation = super().wait_next_invocation()
        with self._changed:
            self.busy = True
        # Bound to this thread and removed from the invocation, so that the loop does not set it for the process.
        self._scope.trace_id, invocation.x_amzn_trace_id = invocation.x_amzn_trace_id, None
        return invocation

    def mark_idle(self) -> None:
        """Record that the thread has no unanswered invocation."""
        with self._changed:
            self.busy = False
            self._changed.notify_all()


class PollingThreads:
    """N threads with a client each, and the handler adapter of the process.

    The client of the thread that received the event delivers its result, so each thread has an adapter, too.
    """

    def __init__(
        self,
        runtime: "Runtime",
        settings: "Settings",
        scope: Scope,
        sink: "LogSink",
        count: int,
        shared: "SharedLoop | None",
    ) -> None:
        """`shared` is the event loop of all coroutines; without it, each thread creates a loop when it needs one."""
        self._runtime = runtime
        self._scope = scope
        self._sink = sink
        self._shared = shared
        self.application: str | None = None
        self._thread = _ThreadState()
        self._changed = Condition()
        self._status: int | None = None
        self._over = False
        self._threads: list[Thread] = []
        self._clients = [
            _Poller(settings, sink, worker, scope, self._changed) for worker in create_worker_states(count)
        ]

    @property
    def existing_loop(self) -> "AbstractEventLoop | None":
        """The event loop for shutdown hooks."""
        return None if self._shared is None else self._shared.loop

    def deliver(
        self, response: object, context: "LambdaContext", invocation_id: "str | None", flush: "Callable[[], None]"
    ) -> "tuple[bytes, str] | None":
        """Deliver a result with this thread's adapter."""
        return self._thread.adapter.deliver(response, context, invocation_id, flush)

    def adapt(self, handler: "Handler") -> "Handler":
        """Adapt the handler for each thread, or once for all threads if they share a loop; return the last one.

        Raises:
            SystemExit: adapting failed; the error was posted.
        """
        own = handler
        for client in self._clients:
            adapter = ClientAdapter(client, self._sink, timeout_dump=False)
            adapter.adopt_loop(self._shared)
            if self._shared is None or not self._threads:
                own = adapted(self._runtime, adapter, client, self._sink, handler)
                self.application = adapter.application
            arguments = (client, adapter, own)
            self._threads.append(Thread(target=self._serve, args=arguments, daemon=True))
        return own

    def serve(self) -> int:
        """Poll until one of the threads ends the process; return the status."""
        bind_environment()
        for thread in self._threads:
            thread.start()
        if self._shared is not None:
            self._shared.loop.run_forever()
        with self._changed:
            self._changed.wait_for(lambda: self._over)
        return self._status or 0

    def _serve(self, client: _Poller, adapter: ClientAdapter, handler: "Handler") -> None:
        """Serve invocations in one thread; an error that would end a worker process ends the whole process."""
        self._thread.adapter = adapter
        runtime = self._runtime
        try:
            serve_worker(runtime, client, handler, self._scope, self._sink)
        except ForkedChild as error:
            limit_exit(1)
            runtime.print_stderr(str(error))
            runtime.flush()
            posix._exit(1)
        except SystemExit as leaving:
            self._finish(client, exit_status_of(leaving))
        except (ApiError, ConnectionLost, ProtocolError) as error:
            runtime.print_stderr(str(error))
            self._finish(client, 1)
        except BaseException:  # raised by a tool that replaced a function of the runtime
            self._finish(client, 1)
            raise

    def _finish(self, client: _Poller, status: int) -> None:
        """End the process after the other threads have answered their invocations."""
        client.mark_idle()
        with self._changed:
            if self._status is not None:
                return  # another thread ends the process
            self._status = status
            self._changed.wait_for(lambda: not any(each.busy for each in self._clients), _DRAIN)
            self._over = True
            self._changed.notify_all()
        if self._shared is not None:
            self._shared.loop.call_soon_threadsafe(self._shared.loop.stop)
