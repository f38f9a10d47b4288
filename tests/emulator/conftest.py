"""Fixtures for the local Lambda."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from awslambdaric_lite.emulator.config.function import ApiOptions, FunctionConfig
from awslambdaric_lite.emulator.environments import environment, processes
from awslambdaric_lite.emulator.environments import sandbox as generation
from awslambdaric_lite.emulator.extensions import lifecycle
from awslambdaric_lite.emulator.http.exchange import Exchange
from awslambdaric_lite.emulator.streams import ResponseStream

from .extension_harness import ExtensionServer, Programs
from .harness import ApiServer
from .runtimes import SOCKET_RUNTIME
from .waiting import WAIT

if TYPE_CHECKING:
    from .front_end import FrontEnd


@pytest.fixture
def make_api() -> Iterator[Callable[[ApiOptions], ApiServer]]:
    """Yield a function that makes a Runtime API with given options."""
    servers: list[ApiServer] = []

    def make(options: ApiOptions) -> ApiServer:
        servers.append(ApiServer(options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def api(make_api: Callable[[ApiOptions], ApiServer]) -> ApiServer:
    """Return a Runtime API that records its requests."""
    return make_api(ApiOptions(record_requests=True))


@pytest.fixture
def socket_runtime() -> list[str]:
    """Return the command of a runtime other than this package's and the official one."""
    return [sys.executable, "-S", str(SOCKET_RUNTIME)]


@pytest.fixture
def patient_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """Extend all grace periods, so that a slow machine's processes exit before they are killed."""
    for budget in ("EXTERNAL_BUDGET_S", "INTERNAL_BUDGET_S", "RUNTIME_BUDGET_S", "MANAGED_RUNTIME_BUDGET_S"):
        monkeypatch.setattr(lifecycle, budget, WAIT)
    for limit in ("FLUSH_LIMIT_S", "WAKE_LIMIT_S"):
        monkeypatch.setattr(generation, limit, WAIT)
    monkeypatch.setattr(environment, "EXIT_GRACE_S", WAIT)
    monkeypatch.setattr(processes, "SIGNAL_GRACE_S", WAIT)


@pytest.fixture
def write_handler(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes `app.py` to a task root and returns the root."""

    def write(source: str) -> Path:
        (tmp_path / "app.py").write_text(source)
        return tmp_path

    return write


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Return a folder for external extensions."""
    return Programs(tmp_path)


@pytest.fixture
def extension_server(tmp_path: Path) -> Iterator[ExtensionServer]:
    """Yield a server of the Extensions and Telemetry APIs."""
    server = ExtensionServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    """Yield an HTTP client that does not retry."""
    with urllib3.PoolManager(retries=False, timeout=WAIT, maxsize=4) as manager:
        yield manager


@pytest.fixture
def paused_at(monkeypatch: pytest.MonkeyPatch) -> SimpleQueue[int]:
    """Return a queue of the sizes of streams at the moment that a client which does not read pauses the runtime."""
    sizes: SimpleQueue[int] = SimpleQueue()
    unread: set[Exchange] = set()
    drained, feed = Exchange.drained, ResponseStream.feed

    async def watched_drained(exchange: Exchange) -> None:
        unread.add(exchange)
        await drained(exchange)
        unread.discard(exchange)

    def watched_feed(stream: ResponseStream, data: bytes) -> bool:
        more = feed(stream, data)
        if not more and unread:  # both the response and the runtime wait for the client
            sizes.put(stream.size)
        return more

    monkeypatch.setattr(Exchange, "drained", watched_drained)
    monkeypatch.setattr(ResponseStream, "feed", watched_feed)
    return sizes


@pytest.fixture
def make_front_end(
    write_handler: Callable[[str], Path], socket_runtime: list[str]
) -> Iterator[Callable[..., FrontEnd]]:
    """Yield a function that serves the source of `app.py` with given settings behind the Lambda API."""
    from .front_end import FrontEnd  # imports boto3, which is slow

    front_ends: list[FrontEnd] = []

    def make(source: str, options: Any = None, **settings: Any) -> FrontEnd:
        settings = {"runtime": socket_runtime, "timeout_s": 60.0, **settings}
        front_ends.append(FrontEnd(FunctionConfig("app.handler", write_handler(source), **settings), options))
        return front_ends[-1]

    yield make
    for front_end in front_ends:
        front_end.close()
