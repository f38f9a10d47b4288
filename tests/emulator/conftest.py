"""Fixtures for the local Lambda."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from awslambdaric_lite.emulator.config.function import ApiOptions, FunctionConfig
from awslambdaric_lite.emulator.environments import environment, processes
from awslambdaric_lite.emulator.environments import sandbox as generation
from awslambdaric_lite.emulator.extensions import lifecycle

from .harness import WAIT, ApiServer

if TYPE_CHECKING:
    from .front_end import FrontEnd

SOCKET_RUNTIME = Path(__file__).parents[1] / "support" / "socket_runtime.py"


@pytest.fixture
def make_api() -> Iterator[Callable[[ApiOptions], ApiServer]]:
    """Runtime APIs with the options of the test's choice."""
    servers: list[ApiServer] = []

    def make(options: ApiOptions) -> ApiServer:
        servers.append(ApiServer(options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def api(make_api: Callable[[ApiOptions], ApiServer]) -> ApiServer:
    """A Runtime API that records its requests."""
    return make_api(ApiOptions(record_requests=True))


@pytest.fixture
def socket_runtime() -> list[str]:
    """The command of a runtime that is neither ours nor the official one."""
    return [sys.executable, "-S", str(SOCKET_RUNTIME)]


@pytest.fixture
def patient_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that kills nobody who ends by itself, however slow the machine; who does not end is waited for."""
    for budget in ("EXTERNAL_BUDGET_S", "INTERNAL_BUDGET_S", "RUNTIME_BUDGET_S", "MANAGED_RUNTIME_BUDGET_S"):
        monkeypatch.setattr(lifecycle, budget, WAIT)
    for limit in ("_FLUSH_LIMIT_S", "_WAKE_LIMIT_S"):
        monkeypatch.setattr(generation, limit, WAIT)
    monkeypatch.setattr(environment, "_EXIT_GRACE_S", WAIT)
    monkeypatch.setattr(processes, "_SIGNAL_GRACE_S", WAIT)


@pytest.fixture
def write_handler(tmp_path: Path) -> Callable[[str], Path]:
    """Write `app.py` to a task root and return that."""

    def write(source: str) -> Path:
        (tmp_path / "app.py").write_text(source)
        return tmp_path

    return write


@pytest.fixture
def make_front_end(
    write_handler: Callable[[str], Path], socket_runtime: list[str]
) -> Iterator[Callable[..., FrontEnd]]:
    """Functions behind the Lambda API; the first argument is the source of `app.py`, the rest are settings."""
    from .front_end import FrontEnd  # with boto3, which takes its time

    front_ends: list[FrontEnd] = []

    def make(source: str, options: Any = None, **settings: Any) -> FrontEnd:
        settings = {"runtime": socket_runtime, "timeout_s": 60.0, **settings}
        front_ends.append(FrontEnd(FunctionConfig("app.handler", write_handler(source), **settings), options))
        return front_ends[-1]

    yield make
    for front_end in front_ends:
        front_end.close()
