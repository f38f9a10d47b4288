"""User code may change its process without breaking the loop."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.conformance.recorder import Recorder
from tests.process.lite import bodies, launchers, numbered, run_lite
from tests.support.client_process import LITE, ClientProcess, environment

BODIES = [b"0", b"1", b"2"]

# id, what the module does at import, what its handler does before it returns the event
HARMLESS: list[tuple[str, str, str]] = [
    ("changes directory", "", "os.chdir('/')"),
    ("removes its directory", "", "d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)"),
    ("closes stdout", "", "sys.stdout.close()"),
    ("closes stderr", "", "sys.stderr.close()"),
    ("closes both and logs", "", "sys.stdout.close(); sys.stderr.close()"),
    ("closes descriptor 1", "", "event and os.close(1) if event == 1 else None"),
    ("closes descriptor 2", "", "event and os.close(2) if event == 1 else None"),
    ("closes stdin", "", "sys.stdin.close()"),
    ("has no stdout", "", "sys.stdout = None"),
    ("has no stderr", "", "sys.stderr = None"),
    ("deletes stdout", "", "sys.__dict__.pop('stdout', None)"),
    ("replaces stdout", "", "sys.stdout = io.StringIO(); print('unseen')"),
    ("replaces stdout by something poor", "", "sys.stdout = object()"),
    ("stdout without buffer", "", "sys.stdout = open('out.txt', 'w'); print('in a file')"),
    ("default time-out", "socket.setdefaulttimeout(0.001)", ""),
    ("default time-out later", "", "socket.setdefaulttimeout(0.001)"),
    (
        "replaces os.environ values",
        "",
        "os.environ['AWS_LAMBDA_RUNTIME_API'] = 'nowhere:1'; os.environ['_HANDLER'] = 'x'",
    ),
    ("clears os.environ", "", "os.environ.clear()"),
    ("replaces os.environ", "", "os.environ = {}"),
    ("empties posix.environ", "import posix", "posix.environ.clear()"),
    ("changes the locale", "", "locale.setlocale(locale.LC_ALL, 'C')"),
    ("changes sys.argv", "", "sys.argv[:] = []"),
    ("clears sys.path", "", "sys.path.clear()"),
    ("clears sys.modules", "", "[sys.modules.pop(n) for n in list(sys.modules) if n.startswith('awslambdaric_lite')]"),
    ("empties sys.meta_path", "", "sys.meta_path.clear()"),
    ("recursion limit", "", "sys.setrecursionlimit(120)"),
    ("collects garbage", "gc.set_threshold(1)", "gc.collect(); gc.freeze(); gc.disable()"),
    ("starts threads", "", "t = threading.Thread(target=time.sleep, args=(30,), daemon=True); t.start()"),
    ("starts a thread that stays", "", "t = threading.Thread(target=time.sleep, args=(30,)); t.start()"),
    ("traces", "", "sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)"),
    ("runs a process", "", "assert os.system('true') == 0"),
    ("runs a subprocess", "import subprocess", "subprocess.run([sys.executable, '-c', 'pass'], check=True)"),
    ("forks a child that exits", "", "pid = os.fork(); pid or os._exit(3); os.waitpid(pid, 0)"),
    (
        "multiprocessing",
        "import multiprocessing",
        "p = multiprocessing.get_context('fork').Process(target=print); p.start(); p.join()",
    ),
    ("asyncio", "import asyncio", "asyncio.run(asyncio.sleep(0))"),
    ("patches time", "", "time.time = None"),
    ("patches builtins", "import builtins", "builtins.print = None"),
    ("opens many files", "", "event and [files.append(open('/dev/null')) for _ in range(200)]"),
    ("umask and nice", "", "os.umask(0o777); os.nice(1)"),
    ("own excepthook", "sys.excepthook = None", ""),
    ("changes the hash of its event", "", "context.aws_request_id = 'another'; context.__dict__.clear()"),
    ("shadows our names", "import types; sys.modules['_socket'] = sys.modules['posix2'] = types.ModuleType('x')", ""),
]

_IMPORTS = "import gc, io, locale, os, socket, sys, tempfile, threading, time\nfiles = []\n"


@launchers
@pytest.mark.parametrize(("start", "step"), [case[1:] for case in HARMLESS], ids=[case[0] for case in HARMLESS])
def test_loop_survives_user_code(tmp_path: Path, start: str, step: str, command: tuple[str, ...]) -> None:
    """Three invocations are answered whatever user code changes in its process."""
    source = f"{_IMPORTS}{start}\n\ndef handler(event, context):\n    {step or 'pass'}\n    return event\n"
    result = run_lite(tmp_path, source, numbered(3), command=command)
    assert result.ended_by_test, result.stderr.decode() + result.stdout.decode()
    assert bodies(result) == BODIES


ERRORS = [
    "changes directory",
    "removes its directory",
    "closes stdout",
    "closes descriptor 1",
    "has no stdout",
    "deletes stdout",
    "replaces stdout",
    "replaces stdout by something poor",
    "clears sys.path",
    "clears sys.modules",
    "empties sys.meta_path",
    "patches time",
    "patches builtins",
]


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize(("start", "step"), [case[1:] for case in HARMLESS if case[0] in ERRORS], ids=ERRORS)
def test_errors_are_posted_without_log(tmp_path: Path, start: str, step: str, log_format: str) -> None:
    """An error is posted even if its log line cannot be written."""
    source = f"{_IMPORTS}{start}\n\ndef handler(event, context):\n    {step}\n    raise ValueError(f'é {{event}}')\n"
    result = run_lite(tmp_path, source, numbered(3), env={"AWS_LAMBDA_LOG_FORMAT": log_format})
    assert result.ended_by_test, result.stderr.decode() + result.stdout.decode()
    assert [request.verb for request in result.replies] == ["error"] * 3
    errors = [json.loads(body) for body in bodies(result)]
    assert [(error["errorType"], error["errorMessage"]) for error in errors] == [
        ("ValueError", f"é {n}") for n in range(3)
    ]


@pytest.mark.parametrize("telemetry", [False, True], ids=["stdout", "framed"])
def test_large_output_arrives_whole(tmp_path: Path, telemetry: bool) -> None:
    """A megabyte on each stream arrives whole."""
    source = """
import logging, sys
def handler(event, context):
    for number in range(1000):
        print("o" * 999)
        print("e" * 999, file=sys.stderr)
    print("end", end="")
    logging.warning("l" * 1_000_000)
    return event
"""
    result = run_lite(tmp_path, source, numbered(2), telemetry=telemetry)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert result.stderr == (b"e" * 999 + b"\n") * 2000
    assert result.stdout.count(b"o" * 999 + b"\n") == 2000 and result.stdout.count(b"end") == 2
    logged = [frame.text for frame in result.frames or ()] or [result.stdout.decode()]
    assert sum(text.count("l" * 1_000_000) for text in logged) == 2
    assert all(abs(frame.micros / 1e6 - time.time()) < 3600 for frame in result.frames or ())


def test_complete_line_is_written_immediately(tmp_path: Path) -> None:
    """A printed line is written immediately, so that a crash does not lose it."""
    source = "import os\ndef handler(event, context):\n    print('a line')\n    os._exit(9)\n"
    result = run_lite(tmp_path, source)
    assert (result.exit_code, result.stdout) == (9, b"a line\n")


def test_unfinished_line_is_written_before_reply(tmp_path: Path) -> None:
    """Output without a newline is written before the reply, because the process may be frozen after it."""
    source = "def handler(event, context):\n    print('no newline', end='')\n"
    assert run_lite(tmp_path, source).stdout == b"no newline"


KILLS = {
    "os._exit": "os._exit(9)",
    "signal": "os.kill(os.getpid(), 9)",
    "crash": "faulthandler._sigsegv()",
    "exec": "os.execv('/bin/true', ['true'])",
}


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS)
def test_unfinished_line_survives_a_kill(tmp_path: Path, kill: str, log_format: str) -> None:
    """Text without a line end is written at once, so that the end of the process does not lose it."""
    source = (
        "import faulthandler, os, sys\ndef handler(event, context):\n    print('a', 'b', end=' ')\n"
        "    sys.stdout.writelines(['c', '\\nd'])\n    print(1, 2, end=' ', file=sys.stderr)\n"
        f"    sys.stderr.write('3')\n    {kill}\n"
    )
    result = run_lite(tmp_path, source, env={"AWS_LAMBDA_LOG_FORMAT": log_format})
    assert (result.stdout, result.stderr) == (b"a b c\nd", b"1 2 3")


CHILDREN = {
    "subprocess": "subprocess.run(['echo', 'child'])",
    "os.system": "os.system('echo child')",
    "posix_spawn": "os.waitpid(os.posix_spawnp('echo', ['echo', 'child'], os.environ), 0)",
    "fork": "pid = os.fork(); pid or (print('child'), os._exit(0)); os.waitpid(pid, 0)",
    "multiprocessing": "p = multiprocessing.Process(target=print, args=('child',)); p.start(); p.join()",
    "thread": "t = threading.Thread(target=os.write, args=(1, b'child\\n')); t.start(); t.join()",
    "descriptor": "os.write(1, b'child\\n')",
    "buffer": "sys.stdout.buffer.write(b'child\\n')",
}


@pytest.mark.parametrize("run", CHILDREN.values(), ids=CHILDREN)
def test_output_of_children_has_its_place(tmp_path: Path, run: str) -> None:
    """What a child or another writer writes appears between the texts before and after it."""
    source = "import multiprocessing, os, subprocess, sys, threading\ndef handler(event, context):\n"
    source += f"    print('copying ...', end=' ')\n    {run}\n    print('done', end='')\n"
    assert run_lite(tmp_path, source, numbered(2)).stdout == b"copying ... child\ndone" * 2


def test_surrogates_are_logged_with_escapes(tmp_path: Path) -> None:
    """An error text that the stream cannot encode is logged with escapes."""
    source = "def handler(event, context):\n    raise ValueError('before ' + chr(0xD800) + ' after')\n"
    result = run_lite(tmp_path, source, numbered(2))
    assert result.ended_by_test
    assert result.stdout.count(b"[ERROR] ValueError: before \\ud800 after\r") == 2


def test_terminal_shows_error_in_lines(tmp_path: Path) -> None:
    """An error report has several lines on a terminal, and one line elsewhere."""
    source = "def handler(event, context):\n    raise ValueError('one\\ntwo')\n"
    assert b"two\rTraceback" in run_lite(tmp_path, source).stdout
    with Recorder([Event()]) as recorder:
        env = environment(recorder.address, "app.handler", tmp_path, {})
        with ClientProcess([sys.executable, "-c", _IN_TERMINAL, *LITE], env, tmp_path) as client:
            client.stdout.wait_for(b"two\r\nTraceback (most recent call last):\r\n")
            assert client.wait_until(recorder.finished)
            client.kill()  # closes the terminal, which ends the runtime
            assert [request.status for request in client.result(recorder).replies] == [202]


# Runs a command with a terminal as its stdout, and copies what arrives there (line ends as CR LF) to the real one.
_IN_TERMINAL = "import pty, sys; pty.spawn(sys.argv[1:])"


def test_handler_module_is_imported_once(tmp_path: Path) -> None:
    """The handler's module is imported once before the first poll, and keeps its state."""
    source = """
import sys
import time
print("imported", __name__)
count = 0
def handler(event, context):
    global count
    count += 1
    return [count, sys.modules["app"].handler is handler]
"""
    result = run_lite(tmp_path, source, numbered(3))
    assert result.stdout == b"imported app\n"
    assert bodies(result) == [b"[1,true]", b"[2,true]", b"[3,true]"]


def test_large_event_and_result_arrive_whole(tmp_path: Path) -> None:
    """An event and a result of six megabytes arrive whole."""
    text = '"' + "é€😀" * 600_000 + '"'
    result = run_lite(tmp_path, "def handler(event, context):\n    return event\n", [Event(text.encode())] * 2)
    assert result.ended_by_test and bodies(result) == [text.encode()] * 2


def test_all_requests_share_one_connection(tmp_path: Path) -> None:
    """All requests are sent on one connection if none is lost."""
    result = run_lite(tmp_path, "def handler(event, context):\n    return event\n", numbered(20))
    assert {request.connection for request in result.requests} == {0}
    assert [request.verb for request in result.requests] == ["next", "response"] * 20 + ["next"]
