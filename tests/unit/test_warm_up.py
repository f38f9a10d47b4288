"""Tests of `_runtime`: when it warms up, and the event loop of coroutine handlers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from awslambdaric_lite import _runtime
from awslambdaric_lite._client import LambdaRuntimeClient

from .recording_sink import RecordingSink


class Client:
    """A client that records whether it was warmed up."""

    def __init__(self) -> None:
        self.warmed_up = 0

    def warm_up(self, answer: Callable[[Any], None]) -> None:
        """Count."""
        self.warmed_up += 1


def replaced(*_: object, **__: object) -> None:
    """Do what a tool does."""


@pytest.mark.parametrize(
    ("owner", "name"),
    [(None, ""), (_runtime, "handle_event_request"), (LambdaRuntimeClient, "post_invocation_result")],
    ids=["nothing", "handle_event_request", "post_invocation_result"],
)
def test_runtime_warms_up_unless_a_tool_would_notice(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime warms up once, but not if a tool has replaced a function that a warm-up calls."""
    if owner is not None:
        monkeypatch.setattr(owner, name, replaced)
    client: Any = Client()
    _runtime._warm_up(client, RecordingSink())
    assert client.warmed_up == (owner is None)


def test_event_loop_is_that_of_the_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop is the adapter's, and None without an adapter."""
    monkeypatch.setattr(_runtime, "adapter", None)
    assert _runtime.existing_loop() is None
    loop = object()
    monkeypatch.setattr(_runtime, "adapter", SimpleNamespace(existing_loop=loop))
    assert _runtime.existing_loop() is loop
