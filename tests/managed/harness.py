"""A function in Managed Instances mode: the client as a real process, its workers, and a double of the service."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from awslambdaric_lite.conformance.server import GUARD, React
from tests.managed.double import ManagedApi
from tests.process.lite import write_app
from tests.support.client_process import LITE, ClientProcess, Run, environment, package_root

PIDS = """
import os
def handler(event, context):
    return os.getpid()
"""


class Function:
    """A running client and its double of the service."""

    def __init__(self, api: ManagedApi, client: ClientProcess) -> None:
        self.api = api
        self.client = client
        self._run: Run | None = None

    @property
    def pid(self) -> int:
        """The id of the first process."""
        return self.client.process.pid

    def ask(self, body: bytes = b"{}", **options: Any) -> Any:
        """Invoke; return the parsed reply."""
        return json.loads(self.api.invoke(body, **options).result().body)

    def workers(self) -> list[int]:
        """Return the running processes that the first process has forked."""
        return [pid for pid in alive_in_session(self.pid) if pid != self.pid]

    def ended(self) -> Run:
        """Wait until the first process exits by itself; return its output and its requests."""
        self.client.process.wait(GUARD)
        return self.finish()

    def finish(self) -> Run:
        """Kill all processes; return the output and the requests."""
        if self._run is None:
            self.client.kill()
            self._run = self.client.result(None)
        return self._run


@contextlib.contextmanager
def function(
    task_root: Path,
    source: str,
    count: int = 4,
    *,
    command: tuple[str, ...] = LITE,
    env: Mapping[str, str | None] | None = None,
    react: React | None = None,
    polls: int | None = None,
    limits: Mapping[str, object] | None = None,
) -> Iterator[Function]:
    """Start `app.handler` of that source; wait until `polls` (by default all) polls wait, unless that is 0.

    `limits` are other values for constants of the runtime.
    """
    write_app(task_root, source)
    if limits is not None:
        env = {**(env or {}), "PYTHONPATH": os.pathsep.join([_customized(task_root, limits), package_root()])}
    with ManagedApi(react) as api:
        managed = {"AWS_LAMBDA_MAX_CONCURRENCY": str(count), "AWS_LAMBDA_LOG_FORMAT": "JSON"}
        managed["AWS_LAMBDA_INITIALIZATION_TYPE"] = "lambda-managed-instances"
        variables = environment(api.address, "app.handler", task_root, {**managed, **(env or {})})
        with ClientProcess([*command, "app.handler"], variables, task_root) as client:
            running = Function(api, client)
            try:
                if polls != 0:
                    api.wait_for_polls(polls or count)
                yield running
            except BaseException:
                print(running.finish())
                raise
            running.finish()
        wait_until(lambda: not alive_in_session(running.pid), "exit of all processes")


def _customized(task_root: Path, limits: Mapping[str, object]) -> str:
    folder = task_root / "customized"
    folder.mkdir(exist_ok=True)
    lines = [f"import awslambdaric_lite.{name.rpartition('.')[0]}\n" for name in limits]
    lines += [f"awslambdaric_lite.{name} = {value!r}\n" for name, value in limits.items()]
    (folder / "sitecustomize.py").write_text("".join(lines))
    return str(folder)


def alive_in_session(leader: int) -> list[int]:
    """Return the running processes of a session, from `/proc/<pid>/stat` (proc(5))."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue  # it has exited
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append(int(folder.name))
    return found


def wait_until(condition: Any, what: str) -> None:
    """Wait for a condition without an event."""
    end = time.monotonic() + GUARD
    while not condition():
        assert time.monotonic() < end, f"no {what} within {GUARD} s"
        time.sleep(0.005)


def records(output: bytes) -> list[dict[str, Any]]:
    """Parse JSON log lines."""
    return [json.loads(line) for line in output.decode().splitlines() if line]
