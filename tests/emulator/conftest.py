"""Fixtures for the local Lambda."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.function import ApiOptions

from .harness import ApiServer

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
def write_handler(tmp_path: Path) -> Callable[[str], Path]:
    """Write `app.py` to a task root and return that."""

    def write(source: str) -> Path:
        (tmp_path / "app.py").write_text(source)
        return tmp_path

    return write
