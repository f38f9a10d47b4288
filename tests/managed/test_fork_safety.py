"""Fork safety: the process that has loaded a function forks, or re-executes itself first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.managed.harness import function, records
from tests.support.client_process import BOOTSTRAPPED, LITE

LOADS = 'import os\nopen("loads", "a").write(f"{os.getpid()}\\n")\n'
TELL = """
def handler(event, context):
    return [os.getpid(), sorted(os.readlink(f"/proc/self/fd/{n}") for n in map(int, os.listdir("/proc/self/fd"))
        if os.path.exists(f"/proc/self/fd/{n}")), dict(os.environ)]
"""
THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
SHARED = {
    "socket": "import socket\nkept = socket.socketpair()\n",
    "file": 'kept = open("data", "w+")\n',
    "inheritable": 'kept = open("data", "w+")\nos.set_inheritable(kept.fileno(), True)\n',
    "replaced": 'kept = open("data", "w+")\nos.dup2(kept.fileno(), 0)\nkept.close()\n',
}
HARMLESS = {
    "append": 'kept = open("data", "a")\n',
    "logging": 'import logging\nlogging.getLogger().addHandler(logging.FileHandler("data"))\n',
    "closed": 'open("data", "w").close()\n',
    "thread that ended": THREAD.replace("threading.Event().wait, daemon=True", "print") + "threading.enumerate()\n",
    "joined": "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor() as pool:\n    pool.submit(print).result()\n",
    "asyncio": "import asyncio\nasyncio.run(asyncio.sleep(0))\n",
}


def loads(task_root: Path) -> list[int]:
    """Return the processes that loaded the function, in order."""
    return [int(line) for line in (task_root / "loads").read_text().split()]


@pytest.mark.parametrize("case", SHARED)
@pytest.mark.parametrize("command", [LITE, BOOTSTRAPPED], ids=["module", "bootstrap"])
def test_open_descriptor_prevents_fork(tmp_path: Path, case: str, command: tuple[str, ...]) -> None:
    """The process re-executes itself after loading, each worker loads the function, and one line says why."""
    with function(tmp_path, LOADS + SHARED[case] + TELL, 2, command=command) as running:
        assert loads(tmp_path)[0] == running.pid
        assert set(loads(tmp_path)[1:]) == set(running.workers()) and len(loads(tmp_path)) == 3
        left = {os.readlink(f"/proc/{running.pid}/fd/{n}") for n in os.listdir(f"/proc/{running.pid}/fd")}
        if case != "replaced":  # standard input: the module closed the platform's
            assert not any(target.startswith("socket:") or target.endswith("data") for target in left)
        (line,) = records(running.finish().stdout)
    target = "socket:[" if case == "socket" else str(tmp_path / "data")
    count = "2 open descriptors" if case == "socket" else "1 open descriptor "
    assert count in line["message"] and target in line["message"]
    assert "first used" in line["message"] and "AWSLAMBDARIC_LITE_FORK=after" in line["message"]
    assert line["level"] == "WARNING"


def test_running_thread_prevents_fork(tmp_path: Path) -> None:
    """A thread prevents the fork, too; the line tells the number of threads and the cure for numpy."""
    with function(tmp_path, LOADS + THREAD + TELL, 2) as running:
        assert len(loads(tmp_path)) == 3
        (line,) = records(running.finish().stdout)
    assert "1 additional thread" in line["message"] and "OPENBLAS_NUM_THREADS=1" in line["message"]


@pytest.mark.parametrize("case", HARMLESS)
def test_harmless_descriptors_allow_fork(tmp_path: Path, case: str) -> None:
    """Files opened for appending and descriptors that were closed again do not prevent the fork."""
    with function(tmp_path, LOADS + HARMLESS[case] + TELL, 2) as running:
        assert loads(tmp_path) == [running.pid]
        assert b"descriptor" not in running.finish().stdout


def test_fork_after_loading_is_forced(tmp_path: Path) -> None:
    """`AWSLAMBDARIC_LITE_FORK=after` forks although descriptors are open."""
    env = {"AWSLAMBDARIC_LITE_FORK": "after"}
    with function(tmp_path, LOADS + SHARED["socket"] + THREAD + TELL, 2, env=env) as running:
        assert loads(tmp_path) == [running.pid]
        assert running.finish().stdout == b""


def test_reexecuted_process_starts_like_the_first(tmp_path: Path) -> None:
    """The folder, the arguments and the environment are the platform's, whatever the module did to them."""
    source = LOADS + 'os.environ.pop("MARK", None)\nos.environ["ADDED"] = "1"\n' + SHARED["socket"] + 'os.chdir("/")\n'
    source += "seen = os.environ.get('MARK')\n" + TELL
    source = "import os\nmark = os.environ.get('MARK', 'lost')\n" + source.replace("dict(os.environ)", "mark")
    with function(tmp_path, source, 2, env={"MARK": "there"}) as running:
        assert len(loads(tmp_path)) == 3
        pid, _, mark = running.ask()
        assert (pid in running.workers(), mark) == (True, "there")


def test_workers_do_not_share_connections(tmp_path: Path) -> None:
    """Each worker has its own connection if the module connects when it is imported."""
    source = "import os, socket\nkept = socket.socketpair()\n"
    source += "def handler(event, context):\n    return os.readlink(f'/proc/self/fd/{kept[0].fileno()}')\n"
    with function(tmp_path, source, 3) as running:
        assert len({running.ask() for _ in range(3)}) == 3
