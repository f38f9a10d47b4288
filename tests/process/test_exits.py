"""The end of the process: user code that still runs is cut off, with a line in the log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.conformance.recorder import Recorder
from tests.process.lite import launchers, run_lite, write_app
from tests.process.test_shutdown import terminated
from tests.support.client_process import GUARD, LITE, Run, environment

CUT = b"awslambdaric-lite: user code still runs 2 s after the end; exiting without it\n"
ENDING = "\ndef handler(event, context):\n    raise SystemExit(3)\n"
WAITS = {
    "atexit": "import atexit, time\natexit.register(time.sleep, 100)",
    "atexit after threads": "import atexit, threading, time\natexit.register(time.sleep, 100)",
    "atexit in a loop": "import atexit, time\n@atexit.register\ndef forever():\n    while True: pass",
    "atexit with a lock": "import atexit, _thread\nlock = _thread.allocate_lock()\nlock.acquire()\n"
    "atexit.register(lock.acquire)",
    "atexit that catches everything": "import atexit, time\n@atexit.register\ndef forever():\n    while True:\n"
    "        try: time.sleep(100)\n        except BaseException: pass",
    "thread": "import threading\nthreading.Thread(target=threading.Event().wait).start()",
    "thread at exit": "import threading\nthreading._register_atexit(threading.Event().wait)",
    "executor": "from concurrent.futures import ThreadPoolExecutor\nimport time\n"
    "ThreadPoolExecutor().submit(time.sleep, 100)",
    "finalize": "import weakref, time\nclass A: pass\na = A()\nweakref.finalize(a, time.sleep, 100)",
    "multiprocessing": "import multiprocessing, time\n"
    "multiprocessing.get_context('fork').Process(target=time.sleep, args=(100,)).start()",
}
FINALIZERS = {
    "__del__": "import time\nclass A:\n    def __del__(self, sleep=time.sleep): sleep(100)\na = A()",
    "C code with the lock": "import atexit, ctypes\natexit.register(ctypes.PyDLL(None).sleep, 100)",
    "flush": "import atexit, sys, time\nclass Slow:\n    def flush(self, sleep=time.sleep): sleep(100)\n"
    "atexit.register(setattr, sys, 'stdout', Slow())",
    "C library": "import ctypes\nlibrary = ctypes.CDLL(None)\nlibrary['__cxa_atexit'](library.pause, None, None)",
    "handlers of user code": "import ctypes, signal\nsignal.signal(signal.SIGALRM, lambda *arguments: None)\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\nlibrary = ctypes.CDLL(None)\n"
    "library['__cxa_atexit'](library.pause, None, None)",
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs signals and descriptors of Linux")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Return the runs of all applications, which wait for the end of their time side by side."""
    applications = {**WAITS, **FINALIZERS}
    folders = [tmp_path_factory.mktemp("app") for _ in applications]
    with ThreadPoolExecutor(len(folders)) as executor:
        runs = executor.map(run_lite, folders, [source + ENDING for source in applications.values()])
        return dict(zip(applications, runs, strict=True))


@pytest.mark.parametrize("name", WAITS)
def test_user_code_is_cut_off(ended: dict[str, Run], name: str) -> None:
    """Whatever waits when the process exits is cut off, with the status of the exit and one line."""
    result = ended[name]
    assert [request.verb for request in result.replies] == ["error"]
    assert (result.exit_code, result.stderr) == (3, CUT)


@pytest.mark.parametrize("name", FINALIZERS)
def test_finalizers_are_cut_off(ended: dict[str, Run], name: str) -> None:
    """SIGALRM ends what no Python code can interrupt, although user code handles and blocks that signal."""
    result = ended[name]
    assert [request.verb for request in result.replies] == ["error"]
    assert result.exit_code == -signal.SIGALRM


def test_alarm_shows_the_finalizer(ended: dict[str, Run]) -> None:
    """The stack in standard error names the finalizer that does not return."""
    assert b"app.py" in ended["__del__"].stderr and b"in __del__" in ended["__del__"].stderr


@launchers
def test_failed_init_is_cut_off(tmp_path: Path, command: tuple[str, ...]) -> None:
    """An init that failed exits with 1 although a function of `atexit` goes on."""
    result = run_lite(tmp_path, WAITS["atexit"] + "\nraise ValueError\n", command=command)
    assert (result.exit_code, result.stderr) == (1, CUT)


def test_hook_is_cut_off(tmp_path: Path) -> None:
    """A shutdown hook that never returns does not keep the process: it exits with 1."""
    source = (
        "import awslambdaric_lite, time\nawslambdaric_lite.on_shutdown(lambda: time.sleep(100))\n"
        "def handler(event, context):\n    return event\n"
    )
    result = terminated(tmp_path, source)
    assert (result.exit_code, result.stderr) == (1, CUT)


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_full_pipe_is_cut_off(tmp_path: Path, *, both: bool) -> None:
    """The process exits with its status although nobody reads what `atexit` writes to a pipe."""
    source = "import atexit, sys\natexit.register(lambda: sys.stdout.write('x' * 1_000_000))\n"
    write_app(tmp_path, source + ENDING)
    reading, writing = os.pipe()
    with Recorder([Event()]) as recorder:
        variables = environment(recorder.address, "app.handler", tmp_path, {})
        process = subprocess.Popen(
            [*LITE, "app.handler"],
            env=variables,
            cwd=tmp_path,
            stdout=writing,
            stderr=writing if both else subprocess.DEVNULL,
        )
        try:
            assert process.wait(GUARD) == 3
        finally:
            process.kill()
            os.close(reading)
            os.close(writing)
        [reply] = [request for request in recorder.requests if request.method == "POST"]
        assert json.loads(reply.body)["errorType"] == "Runtime.ExitError"


def test_quick_exit_logs_nothing(tmp_path: Path) -> None:
    """User code that ends within 2 s is not cut off: `atexit` and finalizers run, and nothing is logged."""
    source = (
        "import atexit\nclass A:\n    def __del__(self, print=print): print('finalizer')\n"
        "a = A()\natexit.register(print, 'at exit')\n"
    )
    result = run_lite(tmp_path, source + ENDING)
    assert (result.exit_code, result.stderr) == (3, b"")
    assert result.stdout.endswith(b"at exit\nfinalizer\n")
