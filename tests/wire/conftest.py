"""Fixtures of the tests with transcripts of requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from awslambdaric_lite import _client, _connection
from awslambdaric_lite._client import LambdaRuntimeClient

from .doubles import MakeClient, Notices, RecordingClock, RecordingSocketModule, make_client


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> RecordingSocketModule:
    """Give the client sockets that record its calls."""
    module = RecordingSocketModule()
    monkeypatch.setattr(_connection, "_make_socket", module.socket)
    monkeypatch.setattr(_connection, "_resolve", module.getaddrinfo)
    return module


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> RecordingClock:
    """Let the client retry without pauses, and record them."""
    recording = RecordingClock()
    monkeypatch.setattr(_client, "_sleep", recording.sleep)
    return recording


@pytest.fixture
def notices() -> Notices:
    """Record the client's notices."""
    return Notices()


@pytest.fixture
def client_of(notices: Notices, sockets: RecordingSocketModule) -> Iterator[MakeClient]:
    """Make clients whose connections are closed when the test ends."""

    def make(address: str, *, pipeline: bool = True) -> LambdaRuntimeClient:
        return make_client(address, notices, pipeline=pipeline)

    yield make
    for socket in sockets.sockets:
        socket.close()
