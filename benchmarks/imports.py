"""The imports of each client until its first poll, as a tree with times; the page draws a flame graph."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from awslambdaric_lite.packaging.import_tree import Imported, parse_importtime

from .build_cache import Unavailable
from .contenders import BASELINE, MANAGED, Contender
from .job import ENVIRONMENT
from .managed import PollCounter

CONTENDERS = (f"lite{MANAGED}", f"{BASELINE}{MANAGED}")
RUNS = 5  # the run of median length is kept


def import_trees(contenders: Iterable[Contender], app: Path) -> dict[str, Any]:
    """Return the trees of clients that start `app.hello`, as `Results.imports` keeps them.

    A client that does not start, or is not Python, has no tree.
    """
    found = {}
    for contender in contenders:
        environment = {
            **ENVIRONMENT,
            "LAMBDA_TASK_ROOT": str(app),
            "_HANDLER": "app.hello",
            **contender.client.environment,
            **contender.environment,
        }
        with contextlib.suppress(Unavailable):
            tree = measure_imports(contender.name, contender.command("hello"), environment, app)
            if tree:
                found[contender.name] = to_json(tree)
    return found


def measure_imports(
    name: str, command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
) -> Imported | None:
    """Start a client under `PYTHONPROFILEIMPORTTIME` until it polls; return its start with all imports below.

    The root is called `name`. Its time in microseconds is that from the spawn to the poll, all of it; its own is what
    no import took: the start of the interpreter and the client itself. Tracing costs time, so take the figures as
    shares. A client that is not Python has no imports: None.

    Raises:
        Unavailable: it does not poll.
    """
    starts = sorted((_traced_start(command, environment, folder) for _ in range(RUNS)), key=lambda start: start[0])
    seconds, written = starts[RUNS // 2]
    children = parse_importtime(written)
    total = round(seconds * 1e6)
    if not children:
        return None
    return Imported(name, max(0, total - sum(child.total_us for child in children)), total, children)


def to_json(tree: Imported) -> dict[str, Any]:
    """Return a tree as objects with `name`, `self_us`, `total_us` and `children`."""
    found: dict[str, Any] = {"name": tree.name, "self_us": tree.self_us, "total_us": tree.total_us}
    return found | {"children": [to_json(child) for child in tree.children]}


def from_json(value: Any) -> Imported:
    """Return the tree that `to_json` has written.

    Raises:
        ValueError: the value is not such a tree.
    """
    try:
        name, own, total, children = (value[key] for key in ("name", "self_us", "total_us", "children"))
    except (KeyError, TypeError) as error:
        raise ValueError("a node of an import tree lacks name, self_us, total_us or children") from error
    if not (isinstance(name, str) and isinstance(own, int) and isinstance(total, int) and isinstance(children, list)):
        raise ValueError(f"a node of an import tree has fields of other types: {name!r}")
    return Imported(name, own, total, [from_json(child) for child in children])


def _traced_start(command: Sequence[str | Path], environment: Mapping[str, str], folder: Path) -> tuple[float, bytes]:
    """Return seconds from the spawn to the first poll, and the text on standard error until then."""
    with PollCounter() as api, tempfile.TemporaryFile() as errors:
        traced = {**environment, "AWS_LAMBDA_RUNTIME_API": api.address, "PYTHONPROFILEIMPORTTIME": "1"}
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=traced,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            api.wait_for(1)
            seconds = time.perf_counter() - started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        errors.seek(0)
        return seconds, errors.read()
