"""Several invocations at once in one process: a thread for each poll, and for coroutines one event loop for them all.

The threads do what worker processes do elsewhere: poll, parse, post. Handlers run on the loop
(`CONCURRENCY_MODE=asyncio`) or, where Python has no global lock, in the threads (`thread`).
"""

import sys
import threading

from .._handler import code_flags
from .._handlers.adapter import Special
from .._lifecycle.shutdown import arm_if_wanted
from .._report import OWN_FRAMES, exit_status, notice
from .._runtime_errors import ApiError, ConnectionLost, ForkedChild, ProtocolError
from .client import ManagedClient
from .invocation_scope import Scope, bind_environment
from .worker import adapted
from .worker_state import Slot, create_slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any

    from .._client import Invocation
    from .._types import LogSink, Settings
    from .shared_loop import SharedLoop

    Handler = Callable[..., Any]

_ASYNCHRONOUS = 0x280  # inspect.CO_COROUTINE and CO_ASYNC_GENERATOR
_DRAIN = 10.0  # seconds that other invocations get to be answered when one has asked for the end


def obstacle(mode: str, handler: object) -> "str | None":
    """Return why a handler cannot be served in `asyncio` or `thread` mode, None if it can."""
    if mode == "asyncio":
        return None if code_flags(handler) & _ASYNCHRONOUS else "the handler is no coroutine function (async def)"
    locked: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
    return "this Python has a global lock, threads would take turns" if locked else None


def serve(runtime: "Any", settings: "Settings", scope: Scope, sink: "LogSink", count: int, handler: "Handler") -> int:
    """Serve `count` invocations at once until the process is to end; return its status.

    Raises:
        SystemExit: an application does not start; the error was posted.
    """
    shared: "SharedLoop | None" = None
    options = settings.options
    if options is not None and options["CONCURRENCY_MODE"] == "asyncio":
        from .._handlers import event_loop
        from . import shared_loop

        OWN_FRAMES.extend((*event_loop.OWN, *shared_loop.OWN))
        shared = shared_loop.SharedLoop(_ignore, cancel_at_deadline=options["CANCEL_AT_DEADLINE"] == "1")
    if options is not None and options.timeout_dump_ms is not None:
        notice(sink, "", "AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS is ignored: one process serves several invocations")
    pollers = Pollers(runtime, settings, scope, sink, count, shared)
    runtime._specials[:] = [pollers]
    pollers.adapt(handler)
    arm_if_wanted(settings.api, sink, runtime._flush, lambda: pollers.existing_loop)
    return pollers.serve()


def _ignore(warning: str) -> None:
    """Tasks that outlive their invocation do no harm here: the loop never stands still."""


class _OwnOfThread(threading.local):
    special: Special


class _Poller(ManagedClient):
    """The client of one thread.

    Attributes:
        busy: an invocation was taken and is not answered yet.
    """

    def __init__(
        self,
        runtime: "Any",
        settings: "Settings",
        sink: "LogSink",
        slot: Slot,
        scope: Scope,
        changed: threading.Condition,
    ) -> None:
        marshaller = runtime.LambdaRuntimeClient.marshaller
        super().__init__(settings, marshaller, lambda request_id, text: notice(sink, request_id, text), slot)
        self.busy = False
        self._scope = scope
        self._changed = changed

    def wait_next_invocation(self) -> "Invocation":
        self.rest()
        invocation = super().wait_next_invocation()
        with self._changed:
            self.busy = True
        # Bound to this thread here and taken away, so that it does not become the process's.
        self._scope.trace_id, invocation.x_amzn_trace_id = invocation.x_amzn_trace_id, None
        return invocation

    def rest(self) -> None:
        """Note that nothing is in hand."""
        with self._changed:
            self.busy = False
            self._changed.notify_all()


class Pollers:
    """N threads with a client each.

    Stands where the runtime has `Special`, for a stream is delivered by the client of the thread that got the event.
    """

    def __init__(
        self,
        runtime: "Any",
        settings: "Settings",
        scope: Scope,
        sink: "LogSink",
        count: int,
        shared: "SharedLoop | None",
    ) -> None:
        """`shared` is the loop of all coroutines; without one, each thread has its own where it needs one."""
        self._runtime = runtime
        self._scope = scope
        self._sink = sink
        self._shared = shared
        self._own = _OwnOfThread()
        self._changed = threading.Condition()
        self._status: "int | None" = None
        self._over = False
        self._threads: "list[threading.Thread]" = []
        self._clients = [_Poller(runtime, settings, sink, slot, scope, self._changed) for slot in create_slots(count)]

    @property
    def existing_loop(self) -> "AbstractEventLoop | None":
        """The event loop for shutdown hooks."""
        return None if self._shared is None else self._shared.loop

    def deliver(
        self, response: object, context: "Any", invocation_id: "str | None", flush: "Callable[[], None]"
    ) -> "tuple[bytes, str] | None":
        """Stream a result, or wait for it, as `Special` does."""
        return self._own.special.deliver(response, context, invocation_id, flush)

    def adapt(self, handler: "Handler") -> None:
        """Make what is to be called for an event, in each thread or, with one loop, for all of them.

        Raises:
            SystemExit: that failed; the error was posted.
        """
        for client in self._clients:
            special = Special(client, self._sink)
            special._loop = self._shared
            special._options.timeout_dump_ms = None  # the process has one such timer
            if self._shared is None or not self._threads:
                own = adapted(self._runtime, special, client, self._sink, handler)
            arguments = (client, special, own)
            self._threads.append(threading.Thread(target=self._serve, args=arguments, daemon=True))

    def serve(self) -> int:
        """Poll until something ends the process; return the status."""
        bind_environment()
        for thread in self._threads:
            thread.start()
        if self._shared is not None:
            self._shared.loop.run_forever()
        with self._changed:
            self._changed.wait_for(lambda: self._over)
        return self._status or 0

    def _serve(self, client: _Poller, special: Special, handler: "Handler") -> None:
        """Be one poller; where a worker process would end, the whole process does."""
        self._own.special = special
        runtime = self._runtime
        try:
            while True:
                try:
                    runtime.run(client, handler, self._scope, self._sink)
                except ApiError as refusal:
                    if client.refused:
                        raise
                    notice(self._sink, "", f"{refusal}; the loop goes on")
        except ForkedChild:
            runtime._say("a forked child returned from the handler; it ends here (end such children with os._exit)")
            runtime._flush()
            runtime.posix._exit(1)
        except SystemExit as leaving:
            self._finish(client, exit_status(leaving.code))
        except (ApiError, ConnectionLost, ProtocolError) as error:
            runtime._say(str(error))
            self._finish(client, 1)
        except BaseException:  # of a tool that took the place of one of our functions
            self._finish(client, 1)
            raise

    def _finish(self, client: _Poller, status: int) -> None:
        """End the process, as soon as the other invocations in hand are answered."""
        client.rest()
        with self._changed:
            if self._status is not None:
                return  # another thread was faster
            self._status = status
            self._changed.wait_for(lambda: not any(each.busy for each in self._clients), _DRAIN)
            self._over = True
            self._changed.notify_all()
        if self._shared is not None:
            self._shared.loop.call_soon_threadsafe(self._shared.loop.stop)


OWN_FRAMES.extend((Pollers.deliver.__code__,))
