"""Settings of the whole test suite."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# Families that take minutes; `-m slow` runs them.
SLOW = ("benchmarks", "instrumentation", "layers", "real_emulator")

# Processes in the background ignore SIGINT, and their children inherit that: tests of Ctrl-C would fail.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The defaults of the local Lambda and of events follow the developer's region, which no test expects.
for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
    os.environ.pop(name, None)

# A shared machine may be slow, so examples have no deadline. Nothing is stored between runs; CI always draws the same
# examples.
settings.register_profile(
    "steady",
    deadline=None,
    database=None,
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("steady")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of slow families."""
    folders = [config.rootpath / "tests" / name for name in SLOW]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            item.add_marker("slow")
