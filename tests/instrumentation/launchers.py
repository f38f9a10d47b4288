"""The runtimes under test: the official client as the oracle, and ours with both launchers."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from tests.support.client_process import BOOTSTRAPPED, LITE, OFFICIAL, Run, run_client

FUNCTIONS = Path(__file__).with_name("functions")
LAUNCHERS = {"awslambdaric": OFFICIAL, "module": LITE, "bootstrap": BOOTSTRAPPED}

every_runtime = pytest.mark.parametrize("runtime", LAUNCHERS)
our_runtimes = pytest.mark.parametrize("runtime", [name for name in LAUNCHERS if name != "awslambdaric"])


def run(
    runtime: str,
    handler: str,
    events: Sequence[Event] = (Event(),),
    *,
    env: Mapping[str, str | None] | None = None,
    task_root: Path = FUNCTIONS,
) -> Run:
    """Run a function until it has answered all events, or its process exits."""
    if runtime == "awslambdaric":
        require("awslambdaric", "awslambdaric")
    return run_client(LAUNCHERS[runtime], handler, events, env=env, task_root=task_root)


def hooks_exist_before_site(runtime: str) -> bool:
    """Return whether a sitecustomize finds the hooks.

    `python -m` runs it before `__main__` defines them, under either client. Under `bootstrap` our code runs `site`
    after it has defined them.
    """
    return runtime == "bootstrap"


def require(module: str, package: str) -> None:
    """Skip the calling test if a tool is not installed."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{package} is not installed for this interpreter: pip install {package}")
