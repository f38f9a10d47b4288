"""`awslambdaric-lite invoke`, as a user runs it."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main

from .command_line import REPOSITORY, command, environment, run, shell
from .waiting import WAIT, alive, wait_until

WriteHandler = Callable[[str], Path]
HELLO = "def handler(event, context):\n    print('working')\n    return {'got': event}"


def test_payload_is_on_stdout_logs_on_stderr(write_handler: WriteHandler) -> None:
    """`invoke` writes only the payload to standard output and the logs to standard error, and exits with 0."""
    root = write_handler(HELLO)
    (root / "event.json").write_text('{"name": "Ünï"}')
    done = run("invoke", "app.handler", "--task-root", str(root), "--event", str(root / "event.json"), "--writable")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"got": {"name": "Ünï"}}
    lines = done.stderr.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["INIT_START", "START", "working", "END", "REPORT"]


def test_packaged_example_handles_packaged_event() -> None:
    """The packaged example handler handles its example event and the default event from any folder."""
    event = importlib.resources.files("awslambdaric_lite") / "examples" / "api_gateway_v2.json"
    assert len(event.read_bytes()) > 1024
    done = run("invoke", "awslambdaric_lite.examples.hello.handler", "--event", str(event))
    assert (done.returncode, json.loads(done.stdout)["body"]) == (0, "Hello, Ada!")
    done = run("invoke", "awslambdaric_lite.examples.hello.handler")
    assert (done.returncode, json.loads(done.stdout)["body"]) == (0, "Hello, world!")


def test_stdin_event_and_options_reach_function(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The event from standard input and the values of `--env`, `--memory` and `--runtime` reach the function."""
    source = "import os\ndef handler(event, context):\n    return [event, os.environ['A'], os.environ['B']]"
    root = str(write_handler(source))
    done = run(
        *("invoke", "app.handler", "--task-root", root, "--event", "-", "--runtime", shell(socket_runtime)),
        *("--env", "A=1", "--env", "B=x=y", "--memory", "1024"),
        stdin=b'{"piped": true}',
    )
    assert json.loads(done.stdout) == [{"piped": True}, "1", "x=y"]
    assert b"Memory Size: 1024 MB" in done.stderr


def test_function_error_exits_with_one(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A function error is printed as the payload, and the exit code is 1."""
    root = str(write_handler("def handler(event, context):\n    raise ValueError('boom')"))
    done = run("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime))
    assert (done.returncode, json.loads(done.stdout)["errorMessage"]) == (1, "boom")


def test_timeout_exits_with_one(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An invocation longer than `--timeout` fails with `Sandbox.Timedout`, and the exit code is 1."""
    root = str(write_handler("import time\ndef handler(event, context):\n    time.sleep(60)"))
    runtime = shell(socket_runtime)
    done = run("invoke", "app.handler", "--task-root", root, "--runtime", runtime, "--timeout", "0.3")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "Sandbox.Timedout"


def test_carriage_returns_become_line_breaks(write_handler: WriteHandler) -> None:
    """Carriage returns in the runtime's error report are printed as line breaks."""
    root = str(write_handler("def handler(event, context):\n    raise ValueError('boom')"))
    done = run("invoke", "app.handler", "--task-root", root)
    assert b"\r" not in done.stderr
    assert b"[ERROR] ValueError: boom\nTraceback (most recent call last):\n" in done.stderr


def test_json_option_prints_one_object(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`--json` prints one object with payload, report and logs, and nothing to standard error."""
    root = str(write_handler(HELLO))
    done = run("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--json", "--writable")
    result = json.loads(done.stdout)
    assert (result["payload"], result["error"], result["cold"]) == ({"got": {}}, None, True)
    assert result["report"]["memorySizeMB"] == 128
    assert result["report"]["initDurationMs"] > 0
    assert "working" in result["logs"]
    assert done.stderr == b""


def test_missing_h11_shows_install_command(tmp_path: Path) -> None:
    """Without h11 the error shows the `pip install` command of the missing extra."""
    (tmp_path / "h11.py").write_text("raise ModuleNotFoundError('No module named h11', name='h11')")
    done = subprocess.run(
        command("invoke", "app.handler"),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"},
        timeout=110,
    )
    assert done.returncode == 2
    assert b"pip install 'awslambdaric-lite[local]'" in done.stderr


def test_version_and_help_exit_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` and `--help` print to standard output and exit with 0."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("awslambdaric-lite ")
    with pytest.raises(SystemExit) as done:
        main(["invoke", "--help"])
    assert done.value.code == 0
    assert "--event FILE" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "returncode"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_signal_terminates_function_processes(
    write_handler: WriteHandler, socket_runtime: list[str], number: int, returncode: int
) -> None:
    """A signal to `invoke` terminates the function, its children and its files; SIGINT exits with 130."""
    source = (
        "import os, subprocess, sys, tempfile, time\ndef handler(event, context):\n"
        "    child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "    print('pids', os.getpid(), child.pid, tempfile.gettempdir(), flush=True)\n    time.sleep(60)"
    )
    root = str(write_handler(source))
    process = subprocess.Popen(
        command("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--timeout", "60"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith(b"pids"))
        process.send_signal(number)
        assert process.wait(WAIT) == returncode
        _, runtime, child, scratch = line.decode().split()
        assert process.stderr.read() == b""
    wait_until(
        lambda: not any(alive(int(pid)) for pid in (runtime, child)) and not Path(scratch).parent.exists(),
        "a process or a file was left behind",
    )


def test_closed_output_prints_no_traceback(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`invoke` prints no traceback if the reader of standard output or standard error closes the pipe."""
    root = str(write_handler(HELLO))
    outlet, inlet = os.pipe()
    os.close(outlet)
    arguments = command("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime))
    try:
        done = subprocess.run(arguments, stdout=inlet, stderr=subprocess.PIPE, env=environment(), timeout=110)
        assert b"Traceback" not in done.stderr
        assert subprocess.run(arguments, stdout=subprocess.PIPE, stderr=inlet, env=environment(), timeout=110).stdout
    finally:
        os.close(inlet)
