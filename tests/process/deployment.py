"""A function as deployed on `provided.*`: bootstrap and package next to the handler, or in a layer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.packaging.runtime import runtime_sources
from tests.process.lite import write_app
from tests.support.client_process import BOOTSTRAP, GUARD, Run, run_client

NO_VARIABLES: dict[str, str | None] = {"PYTHONPATH": None, "AWSLAMBDARIC_LITE_PYTHON": None}


def install(folder: Path, *, inner: str = "") -> Path:
    """Copy bootstrap to a folder and the runtime's package to `inner` of it; return the bootstrap's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in runtime_sources().items():
        (folder / inner / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / inner / name).write_bytes(content)
    shutil.copy(BOOTSTRAP, folder / "bootstrap")
    return folder / "bootstrap"


def stub(path: Path, name: str, python: str = sys.executable) -> Path:
    """Write an interpreter that records its name and arguments in `started.txt`, then executes the real one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nfor word in {name} "$@"; do echo "$word"; done > "$STARTED"\nexec "{python}" "$@"\n')
    path.chmod(0o755)
    return path


def start(
    command: Sequence[str | Path],
    task_root: Path,
    source: str = "def handler(event, context):\n    return event\n",
    events: Sequence[Event] = (Event(b"0"), Event(b"1")),
    env: Mapping[str, str | None] | None = None,
) -> Run:
    """Run a deployed function."""
    write_app(task_root, source)
    variables = {**NO_VARIABLES, "STARTED": str(task_root / "started.txt"), **(env or {})}
    return run_client([str(word) for word in command], "app.handler", events, task_root=task_root, env=variables)


def started(task_root: Path) -> list[str]:
    """Return the words that a `stub` recorded."""
    return (task_root / "started.txt").read_text().splitlines()


def empty_path(folder: Path) -> str:
    """Return a PATH without any interpreter."""
    (folder / "empty").mkdir(exist_ok=True)
    return str(folder / "empty")


def can_mount() -> bool:
    """Return whether an ordinary process may mount a folder over an existing /opt."""
    in_opt = any(path.startswith("/opt/") for path in (sys.executable, sys.base_prefix))
    if not os.path.isdir("/opt") or in_opt or shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-rm", "mount", "--bind", "/tmp", "/opt"]
    return subprocess.run(probe, capture_output=True, timeout=GUARD, check=False).returncode == 0
