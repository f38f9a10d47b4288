"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from awslambdaric_lite._sinks import current, replace_current


@pytest.fixture
def no_sink() -> Iterator[None]:
    """Remove the sink of this process for one test."""
    sink = current()
    replace_current(None)
    yield
    replace_current(sink)
