"""The command line on a terminal: colours, the line of figures, and a debugger that can be typed at."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from .command_line import WAIT, Reader, alive, command, environment, run, shell, wait_until

WriteHandler = Callable[[str], Path]
HELLO = "def handler(event, context):\n    print('working')\n    return {'got': event}"
DEBUGGED = """
import os, time
def handler(event, context):
    secret = os.getpid()
    breakpoint()
    return {"left_ms": context.get_remaining_time_in_millis(), "secret": secret}
"""
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process whose standard streams are a terminal."""

    def __init__(self, *arguments: str, env: dict[str, str]) -> None:
        self._master, terminal = pty.openpty()
        try:
            self.process = subprocess.Popen(
                command(*arguments),
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
                env=environment(**env),
                start_new_session=True,
            )
        finally:
            os.close(terminal)
        self.output = Reader(self._master)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def rest(self) -> str:
        """Wait for the end; everything that was shown."""
        assert self.process.wait(WAIT) is not None
        try:
            while data := os.read(self._master, 65536):
                self.output.seen += data
        except OSError:  # the other side is closed
            pass
        return self.output.seen.decode()

    def close(self) -> None:
        """End it."""
        with self.process:
            self.process.kill()
        os.close(self._master)


@contextmanager
def terminal(*arguments: str, **env: str) -> Iterator[Terminal]:
    """A command on a terminal with colours, unless the variables say otherwise."""
    running = Terminal(*arguments, env={"TERM": "xterm-256color", "NO_COLOR": "", "COLUMNS": "100", **env})
    try:
        yield running
    finally:
        running.close()


def test_invoke_in_colours(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """What the platform says stands back, the payload is coloured, and all of the text is there."""
    root = str(write_handler(HELLO))
    with terminal("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime)) as shown:
        text = shown.rest()
    assert re.search(r"\x1b\[2mSTART RequestId", text)
    assert re.search(r"\x1b\[[0-9;]*m\"got\"", text)
    plain = _ESCAPE.sub("", text).replace("\r\n", "\n").splitlines()
    assert [line.split()[0] for line in plain] == ["INIT_START", "START", "working", "END", "REPORT", '{"got":']
    assert "Memory Size: 128 MB" in plain[-2]


def test_failures_stand_out(write_handler: WriteHandler) -> None:
    """The error's first line and the report of a failed invocation are red."""
    root = str(write_handler("import sys\ndef handler(event, context):\n    print('\\x1b[35mmine\\x1b[0m')\n    1 / 0"))
    with terminal("invoke", "app.handler", "--task-root", root) as shown:
        text = shown.rest()
        assert shown.process.returncode == 1
    assert "\x1b[1;31m[ERROR] ZeroDivisionError: division by zero" in text
    assert "\x1b[35mmine" in text  # the function's own colours are kept


def test_no_colour(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`NO_COLOR` is honoured, and terminals that can do nothing get plain text."""
    root = str(write_handler(HELLO))
    arguments = ("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime))
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with terminal(*arguments, **variables) as shown:
            text = shown.rest()
        assert "REPORT" in text
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)
    assert "\x1b" not in text  # of the dumb one


def test_rich_is_for_terminals_only(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """It is not imported where output is redirected, and where it is missing a terminal gets plain text."""
    root = str(write_handler(HELLO))
    arguments = ("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime))
    probe = "import sys; from awslambdaric_lite.cli import main; main(sys.argv[1:]); print('rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe, *arguments], capture_output=True, env=environment(), timeout=WAIT, check=True
    )
    assert done.stdout.endswith(b"False\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "rich.py").write_text("raise ModuleNotFoundError('not installed', name='rich')")
    path = os.pathsep.join([str(tmp_path / "lib"), environment()["PYTHONPATH"]])
    with terminal(*arguments, PYTHONPATH=path) as shown:
        text = shown.rest()
    assert "REPORT" in text
    assert "\x1b" not in text


def test_serve_shows_figures_below_the_log(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """One line that follows what happens; gone, and the cursor back, at the end."""
    root = str(write_handler("def handler(event, context):\n    print('working')\n    return event['rawPath'][100]"))
    ports = ("--port", "0", "--url-port", "0")
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), *ports)
    with terminal("serve", *arguments) as shown, urllib3.PoolManager(retries=False, timeout=WAIT) as http:
        banner = _ESCAPE.sub("", shown.output.text("0 environments · 0 busy · 0 queued · 0 invocations · 0 errors"))
        url = banner.partition("function URL  ")[2].split()[0]
        assert http.request("GET", url).status == 502
        shown.output.text("1 environment · 0 busy · 0 queued · 1 invocation · 1 error")
        assert b"working" in shown.output.seen
        shown.process.send_signal(signal.SIGINT)
        text = shown.rest()
    assert shown.process.returncode == 0
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert _ESCAPE.sub("", text[text.rindex("1 environment") :]).count("\n") <= 1


def test_a_debugger_works_on_the_terminal(write_handler: WriteHandler) -> None:
    """`invoke --debug`: `breakpoint()` prompts, takes what is typed, and no deadline ends it."""
    root = str(write_handler(DEBUGGED))
    with terminal("invoke", "app.handler", "--task-root", root, "--debug", "--timeout", "0.2") as shown:
        shown.output.text("(Pdb) ")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 0.3, "the time-out has not come")
        shown.type("p secret * 0 + 4711\n")
        shown.output.text("\n4711")
        shown.type("c\n")
        text = _ESCAPE.sub("", shown.rest())
        assert shown.process.returncode == 0
    payload = json.loads(text.splitlines()[-1])
    assert payload["left_ms"] > 24 * 3600 * 1000
    assert "REPORT RequestId" in text


def test_debugging_a_served_function(write_handler: WriteHandler) -> None:
    """`serve --debug`: the same for callers from elsewhere; Ctrl-C ends both."""
    root = str(write_handler(DEBUGGED))
    arguments = ("serve", "app.handler", "--task-root", root, "--debug", "--port", "0", "--url-port", "0")
    with terminal(*arguments) as shown:
        url = shown.output.text("curl http").partition("function URL  ")[2].split()[0]
        with subprocess.Popen(
            [sys.executable, "-c", f"import urllib.request; print(urllib.request.urlopen({url!r}).read().decode())"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as caller:
            shown.output.text("(Pdb) ")
            shown.type("c\n")
            assert caller.stdout is not None
            pid = json.loads(caller.stdout.read())["secret"]
        assert alive(pid)
        shown.process.send_signal(signal.SIGINT)
        shown.rest()
        assert shown.process.returncode == 0
        assert not alive(pid)


def test_debug_takes_the_event_from_elsewhere() -> None:
    """Standard input cannot be both the event and the debugger's."""
    done = run("invoke", "app.handler", "--debug", "--event", "-", stdin=b"{}")
    assert done.returncode == 2
    assert b"--debug gives standard input to the function; read the event from a file" in done.stderr
