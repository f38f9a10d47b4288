"""Runs rows: a client as a child process, and a Runtime API with the fault."""

from __future__ import annotations

import mmap
import random
import re
import signal
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from awslambdaric_lite.conformance.messages import Event
from tests.faults.row import EVENTS, HANG, POLLS_ON, Outcome, RestartableRecorder, Row, World, received
from tests.support.client_process import ClientProcess, environment

LIMIT_S = 20.0  # after which a client that neither polls again nor exits hangs
SHORT_LIMIT_S = 4.0  # for rows in which a client is known to hang
_LINE = 120  # characters of a last line that are kept

# The numbers of runs are in shared memory, which no fault of the process and no fork takes away.
_HEAD = """
import mmap as _mmap, os.path as _path, time as _time
with open("runs.bin", "r+b") as _file:
    _RUNS = _mmap.mmap(_file.fileno(), 0)
_exists, _sleep = _path.exists, _time.sleep
def wait_for(name):
    while not _exists(name):
        _sleep(0.001)
def started(event, context):
    number = int(context.aws_request_id[-1])
    _RUNS[number] += 1
    if event != {"number": number, "text": "x" * 64}:
        raise ValueError("damaged event")
    return number
"""
_PLAIN = """
def handler(event, context):
    number = started(event, context)
    if number == 1:
BODY
    return number
"""
_STREAM = """
def handler(event, context):
    number = started(event, context)
    yield str(number) * 100
    if number == 1:
BODY
    yield "end"
"""


def source(row: Row) -> str:
    """Return the code of a row's handler."""
    body = "".join(f"        {line}\n" for line in row.body.splitlines())
    return f"{_HEAD}{row.setup}\n{(_STREAM if row.streams else _PLAIN).replace('BODY', body)}"


def run_row(row: Row, command: Sequence[str], limit: float = LIMIT_S) -> Outcome:
    """Run a row with a client."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        (folder / "app.py").write_text(source(row), encoding="utf-8")
        (folder / "runs.bin").write_bytes(bytes(mmap.PAGESIZE))
        events = [Event(b'{"number": %d, "text": "%s"}' % (number, b"x" * 64)) for number in range(EVENTS)]
        worlds: list[World] = []
        on_chunk = row.on_chunk and partial(_on_chunk, row.on_chunk, worlds)
        # No server of another process gets the port of an API that has ended.
        host = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])
        with RestartableRecorder(events, host=host, limit=row.limit, on_chunk=on_chunk) as api:
            world = World(api, folder)
            worlds.append(world)
            if row.react is not None:
                api.set_reactions(row.react(world))
            if row.before is not None:
                row.before(world)
            env = environment(api.address, "app.handler", folder, {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"})
            with ClientProcess([*command, "app.handler"], env, folder) as client:
                world.client = client
                world.started.set()
                try:
                    status = POLLS_ON if client.wait_until(api.finished, limit) else ""
                except AssertionError:
                    status = HANG
                client.kill()
                result = client.result(api)
        runs = list((folder / "runs.bin").read_bytes()[:EVENTS])
    return Outcome(
        runs=runs,
        replies=received(result.requests),
        init=any(request.verb == "init/error" for request in result.requests),
        status=status or _end(result.exit_code),
        line=_last_line(result.stderr) or _last_line(result.stdout),
    )


def _on_chunk(act: Callable[[World, bytes], object], worlds: list[World], chunk: bytes) -> None:
    act(worlds[0], chunk)


def _end(code: int) -> str:
    return f"exits with {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _last_line(output: bytes) -> str:
    """Return the last line of a log, without what differs from run to run."""
    lines = re.split(r"[\r\n]+", output.decode("utf-8", "backslashreplace").strip())
    line = re.sub(r"(?<=['\"])/(?:[^'\"/]+/)+", "…/", lines[-1].replace("\xa0", " "))
    line = re.sub(r"127\.\d+\.\d+\.\d+:\d+", "127.0.0.1:PORT", line)
    line = re.sub(r"0x[0-9a-f]+", "0x…", re.sub(r"\bpid=?:? ?\d+", "pid", line))
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", line)
    line = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"
