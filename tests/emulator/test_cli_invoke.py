"""`awslambdaric-lite invoke`, as a user runs it."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main

from .command_line import REPOSITORY, WAIT, alive, command, environment, run, shell

WriteHandler = Callable[[str], Path]
HELLO = "def handler(event, context):\n    print('working')\n    return {'got': event}"


def test_payload_on_stdout_and_logs_on_stderr(write_handler: WriteHandler) -> None:
    """Our runtime by default, the event from a file, exit code 0, and nothing else on standard output."""
    root = write_handler(HELLO)
    (root / "event.json").write_text('{"name": "Ünï"}')
    done = run("invoke", "app.handler", "--task-root", str(root), "--event", str(root / "event.json"))
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"got": {"name": "Ünï"}}
    lines = done.stderr.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["INIT_START", "START", "working", "END", "REPORT"]


def test_the_example_answers_its_example_event() -> None:
    """The handler and the event that come with the package work from any folder."""
    event = importlib.resources.files("awslambdaric_lite") / "examples" / "api_gateway_v2.json"
    assert len(event.read_bytes()) > 1024
    done = run("invoke", "awslambdaric_lite.examples.hello.handler", "--event", str(event))
    assert (done.returncode, json.loads(done.stdout)["body"]) == (0, "Hello, Ada!")
    done = run("invoke", "awslambdaric_lite.examples.hello.handler")
    assert (done.returncode, json.loads(done.stdout)["body"]) == (0, "Hello, world!")


def test_event_from_stdin_and_options(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`--event -`, `--env`, `--memory` and `--runtime` reach the function."""
    source = "import os\ndef handler(event, context):\n    return [event, os.environ['A'], os.environ['B']]"
    root = str(write_handler(source))
    done = run(
        *("invoke", "app.handler", "--task-root", root, "--event", "-", "--runtime", shell(socket_runtime)),
        *("--env", "A=1", "--env", "B=x=y", "--memory", "1024"),
        stdin=b'{"piped": true}',
    )
    assert json.loads(done.stdout) == [{"piped": True}, "1", "x=y"]
    assert b"Memory Size: 1024 MB" in done.stderr


def test_a_function_error_is_exit_code_one(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The error object is the payload."""
    root = str(write_handler("def handler(event, context):\n    raise ValueError('boom')"))
    done = run("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime))
    assert (done.returncode, json.loads(done.stdout)["errorMessage"]) == (1, "boom")


def test_a_time_out_is_exit_code_one(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`--timeout` is kept, and says so."""
    root = str(write_handler("import time\ndef handler(event, context):\n    time.sleep(60)"))
    runtime = shell(socket_runtime)
    done = run("invoke", "app.handler", "--task-root", root, "--runtime", runtime, "--timeout", "0.3")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "Sandbox.Timedout"


def test_carriage_returns_of_log_lines_are_line_breaks(write_handler: WriteHandler) -> None:
    """The runtime's error report, one line for CloudWatch, is readable here."""
    root = str(write_handler("def handler(event, context):\n    raise ValueError('boom')"))
    done = run("invoke", "app.handler", "--task-root", root)
    assert b"\r" not in done.stderr
    assert b"[ERROR] ValueError: boom\nTraceback (most recent call last):\n" in done.stderr


def test_json_output(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """One object with everything, on standard output; standard error stays empty."""
    root = str(write_handler(HELLO))
    done = run("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--json")
    result = json.loads(done.stdout)
    assert (result["payload"], result["error"], result["cold"]) == ({"got": {}}, None, True)
    assert result["report"]["memorySizeMB"] == 128
    assert result["report"]["initDurationMs"] > 0
    assert "working" in result["logs"]
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a command is missing; there is: invoke"),
        (["no-such-command"], "invalid choice"),
        (["invoke"], "HANDLER"),
        (["invoke", "app"], "handler 'app' has no dot; write module.function, such as app.handler"),
        (["invoke", "app.handler", "--event", "missing.json"], "event file missing.json does not exist"),
        (["invoke", "app.handler", "--event", '{"a":1}'], "pipe the JSON itself into `--event -`"),
        (["invoke", "app.handler", "--event", "."], "is a directory"),
        (["invoke", "app.handler", "--task-root", "missing"], "missing is not a directory"),
        (["invoke", "app.handler", "--timeout", "soon"], "--timeout"),
        (["invoke", "app.handler", "--timeout", "1000"], "up to 900 s"),
        (["invoke", "app.handler", "--memory", "64"], "128 to 10240 MB"),
        (["invoke", "app.handler", "--env", "NAME"], "NAME=value"),
        (["invoke", "app.handler", "--runtime", ""], "--runtime is empty"),
        (["invoke", "app.handler", "--runtime", "'open"], "cannot be split"),
        (["invoke", "app.handler", "--runtime", "no-such-program"], "no executable no-such-program on PATH"),
        (["invoke", "app.handler", "--runtime", "./bootstrap"], "paths start at the task root"),
        (["invoke", "app.handler", "--unknown"], "--unknown"),
    ],
)
def test_usage_errors(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, one line that says what to change, one that says where help is, nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    first, second = output.err.splitlines()
    assert message in first
    assert second.startswith("usage help: awslambdaric-lite")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b": }', "line 2, column 7"),
        (b"", "is empty"),
        (b"[NaN]", "NaN is not allowed"),
        (b'"\xff"', "not UTF-8 (byte 1)"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_an_event_that_is_not_json(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused before anything starts, with the place."""
    path = tmp_path / "event.json"
    path.write_bytes(content)
    assert main(["invoke", "app.handler", "--event", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(path) in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_event_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is given."""
    path = tmp_path / "event.json"
    path.write_text("{}")
    path.chmod(0)
    assert main(["invoke", "app.handler", "--event", str(path)]) == 2
    assert "Permission denied" in capsys.readouterr().err


def test_without_h11_the_cure_is_named(tmp_path: Path) -> None:
    """The extra that is missing, as a command to type."""
    (tmp_path / "h11.py").write_text("raise ModuleNotFoundError('No module named h11', name='h11')")
    done = subprocess.run(
        command("invoke", "app.handler"),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"},
        timeout=110,
    )
    assert done.returncode == 2
    assert b"pip install 'awslambdaric-lite[local]'" in done.stderr


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Both answer on standard output with exit code 0."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("awslambdaric-lite ")
    with pytest.raises(SystemExit) as done:
        main(["invoke", "--help"])
    assert done.value.code == 0
    assert "--event FILE" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "returncode"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_interrupted_it_leaves_nothing(
    write_handler: WriteHandler, socket_runtime: list[str], number: int, returncode: int
) -> None:
    """Ctrl-C, a termination and even a kill end the function too; Ctrl-C is exit code 130 without a traceback."""
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
    limit = time.monotonic() + WAIT
    while any(alive(int(pid)) for pid in (runtime, child)) or Path(scratch).parent.exists():
        assert time.monotonic() < limit, "something was left behind"
        time.sleep(0.005)


def test_a_reader_that_goes_away_is_no_traceback(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Standard output and error closed by the other side, as by `head`."""
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
