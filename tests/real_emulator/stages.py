"""The servers on which a transcript is played: our emulator's Runtime API, and AWS's own."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from awslambdaric_lite.emulator.config.function import ApiOptions
from awslambdaric_lite.emulator.results import Invocation
from awslambdaric_lite.emulator.runtime_api import outcomes
from awslambdaric_lite.emulator.runtime_api.managed import Unavailable
from awslambdaric_lite.protocol.states import State
from tests.emulator.harness import WAIT, ApiServer, ManagedApiServer
from tests.support.real_emulator import GUARD, RealEmulator

_UP = "the runtime is up"
_MAX_CONCURRENCY = 4


class Stage(Protocol):
    """A Runtime API, and a caller of the function."""

    @property
    def address(self) -> str:
        """`host:port` of the Runtime API."""

    def invoke(self, event: bytes) -> Future[bytes]:
        """Invoke the function; the future has the caller's result."""

    def ready(self) -> None:
        """Wait until the runtime may send requests; call this after the first `invoke`."""

    def close(self) -> None:
        """Stop the server and the callers."""


class RealStage:
    """AWS's emulator, whose runtime sleeps while the transcript sends the runtime's requests."""

    def __init__(self, folder: Path, *, managed: bool) -> None:
        self._left = contextlib.ExitStack()
        command = ["/bin/sh", "-c", f"echo {_UP}; exec sleep {GUARD:.0f}"]
        env = {"PATH": "/usr/bin:/bin"}
        max_concurrency = _MAX_CONCURRENCY if managed else None
        self._emulator = self._left.enter_context(RealEmulator(command, env, folder, max_concurrency=max_concurrency))
        self._callers: list[threading.Thread] = []

    @property
    def address(self) -> str:
        return self._emulator.api_address

    def invoke(self, event: bytes) -> Future[bytes]:
        answer: Future[bytes] = Future()

        def call() -> None:
            try:
                answer.set_result(self._emulator.invoke(event).body)
            except Exception as error:  # the emulator was stopped, or crashed
                answer.set_exception(error)

        self._callers.append(threading.Thread(target=call))
        self._callers[-1].start()
        return answer

    def ready(self) -> None:
        deadline = time.monotonic() + WAIT
        while f"\n{_UP}\n" not in self._emulator.log():
            assert time.monotonic() < deadline, self._emulator.log()
            time.sleep(0.005)

    def close(self) -> None:
        self._left.close()
        for caller in self._callers:
            caller.join(WAIT)


class OurClassicStage(ApiServer):
    """Our Runtime API, and an environment that delivers an invocation as soon as it can."""

    def __init__(self) -> None:
        self._invocations = _Invocations()
        super().__init__(ApiOptions())

    @property
    def address(self) -> str:
        return self.server.address

    def invoke(self, event: bytes) -> Future[bytes]:
        payload = self._invocations.add(event)
        self.run(self._hand_out)
        return payload

    def on_next(self) -> None:
        self._hand_out()

    def _hand_out(self) -> None:
        if self._invocations.waiting and self.api.machine.state is State.READY:
            self.api.deliver(self._invocations.waiting.popleft())

    def ready(self) -> None:
        """Return immediately, because the server is ready."""


class OurManagedStage(ManagedApiServer):
    """Our Runtime API of Managed Instances; until the first poll the function initializes, so that callers wait."""

    def __init__(self) -> None:
        self._invocations = _Invocations()
        self._initialised = False
        super().__init__(ApiOptions(invocation_ids=True))

    @property
    def address(self) -> str:
        return self.server.address

    def invoke(self, event: bytes) -> Future[bytes]:
        payload = self._invocations.add(event)
        self.run(self._hand_out)
        return payload

    def on_next(self) -> None:
        self._initialised = True
        self._hand_out()

    def _hand_out(self) -> None:
        while self._initialised and self._invocations.waiting:
            invocation = self._invocations.waiting.popleft()
            try:
                self.api.deliver(invocation)
            except Unavailable as error:
                invocation.answer(outcomes.failure(error.error_type))

    def ready(self) -> None:
        """Return immediately, because the server is ready."""


class _Invocations:
    """Invocations in order, with request ids in the usual format."""

    def __init__(self) -> None:
        self.waiting: deque[Invocation] = deque()
        self._numbers = itertools.count(1)

    def add(self, event: bytes) -> Future[bytes]:
        invocation = Invocation(event, request_id=f"11111111-2222-3333-4444-{next(self._numbers):012}")
        payload: Future[bytes] = Future()
        invocation.answered.add_done_callback(lambda answered: payload.set_result(answered.result().payload))
        self.waiting.append(invocation)
        return payload
