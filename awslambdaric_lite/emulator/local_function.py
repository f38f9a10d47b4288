"""Calls to a function that runs in an event loop of another thread; `LocalLambda` and `LocalProject` have them."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import deprecated

from ..common.json_text import compact
from ..common.quotas import MAX_ASYNC_PAYLOAD, MAX_PAYLOAD
from .config.function import LATEST
from .environments.environment import ExecutionEnvironment
from .errors import EmulatorError, EventTooLarge
from .frontend.requests import new_trace_id
from .functions.registry import FunctionEntry
from .http.faults import Faults
from .loop_thread import LoopThread
from .results import FunctionOutcome, Invocation, InvokeResult
from .stream_reader import StreamReader
from .streams import ResponseStream


class LocalFunction(ABC):
    """A function that can be invoked from any thread."""

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop

    @property
    @abstractmethod
    def _entry(self) -> FunctionEntry:
        """The function in the event loop.

        Raises:
            LocalLambdaClosed: the event loop does not run.
        """

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
        version, arn = self._entry.host.versions.resolve(qualifier)
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
        self._loop.post(self._entry.host.submit, invocation)
        return InvokeResult(invocation, invocation.answered.result())

    def invoke_stream(self, event: object = None, *, qualifier: str | None = None) -> StreamReader:
        """Invoke the function and return an iterator of the parts of its response while they are received.

        Raises:
            EventTooLarge, LocalLambdaClosed, UnknownQualifier, TypeError: as `invoke`.
        """
        invocation = self._new_invocation(event, qualifier, MAX_PAYLOAD)

        async def submit() -> ResponseStream:
            invocation.stream = ResponseStream()
            self._entry.host.submit(invocation)
            return invocation.stream

        return StreamReader(invocation, self._loop.call(submit()), self._loop)

    def invoke_async(self, event: object = None, *, qualifier: str | None = None) -> str:
        """Queue an event for the function; return its request id.

        Raises:
            EventTooLarge, LocalLambdaClosed, UnknownQualifier, TypeError: as `invoke`.
        """
        self._entry.host.require_available()
        invocation = self._new_invocation(event, qualifier, MAX_ASYNC_PAYLOAD)
        self._loop.post(self._entry.queue.put, invocation)
        return invocation.request_id

    def wait_for_async(self) -> None:
        """Wait until every asynchronous event is complete, including its retries."""
        self._loop.call(self._entry.queue.idle())

    # Events of environments, on demand

    @property
    def environments(self) -> list[ExecutionEnvironment]:
        """The execution environments, in the order of their start."""
        return list(self._entry.host.pool.environments)

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
        if not self._entry.function.snap_start:
            raise EmulatorError("the function has no snapshots; set snap_start=True")

        async def restore() -> FunctionOutcome | None:
            host = self._entry.host
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
            running = self._entry.host.pool.running
            if not running:
                raise EmulatorError("no invocation is running; call this between an event and its reply")
            for environment in running:
                environment.deliver_stale_reply()

        self._loop.do(make_stale)

    @deprecated("cross_wire() is now deliver_stale_reply(); the old name will be removed in the next release")
    def cross_wire(self) -> None:
        """Call `deliver_stale_reply`, which is the name now."""
        self.deliver_stale_reply()

    @property
    def faults(self) -> Faults:
        """Network faults between the runtimes and their Runtime APIs: `function.faults.reset(on="next")`."""
        return self._entry.host.faults

    def reload(self) -> None:
        """Reload the code: later invocations get new environments, running ones complete in theirs."""
        self._loop.call(self._entry.host.reload())

    def _each(self, act: Callable[[ExecutionEnvironment], None]) -> None:
        def act_on_all() -> None:
            for environment in self.environments:
                act(environment)

        self._loop.do(act_on_all)

    def _new_invocation(self, event: object, qualifier: str | None, limit: int) -> Invocation:
        version, arn = self._entry.host.versions.resolve(qualifier)
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
