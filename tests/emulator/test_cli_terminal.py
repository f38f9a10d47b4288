"""The command line on a terminal: colours, the status line, and a debugger that accepts input."""

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

from .command_line import Reader, command, environment, shell
from .waiting import WAIT, alive, wait_until

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
    """Process whose standard streams are a terminal."""

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
        """Write text to the terminal."""
        os.write(self._master, text.encode())

    def rest(self) -> str:
        """Wait until the process exits; return everything that it printed."""
        assert self.process.wait(WAIT) is not None
        try:
            while data := os.read(self._master, 65536):
                self.output.seen += data
        except OSError:  # the other side is closed
            pass
        return self.output.seen.decode()

    def close(self) -> None:
        """Kill the process and close the terminal."""
        with self.process:
            self.process.kill()
        os.close(self._master)


@contextmanager
def terminal(*arguments: str, **env: str) -> Iterator[Terminal]:
    """Run a command on a terminal with colours, unless the variables disable them."""
    running = Terminal(*arguments, env={"TERM": "xterm-256color", "NO_COLOR": "", "COLUMNS": "100", **env})
    try:
        yield running
    finally:
        running.close()


def test_invoke_colours_output_on_terminal(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """On a terminal `invoke` dims platform lines and colours the payload; the text is unchanged."""
    root = str(write_handler(HELLO))
    options = ("--task-root", root, "--runtime", shell(socket_runtime), "--writable")
    with terminal("invoke", "app.handler", *options) as shown:
        text = shown.rest()
    assert re.search(r"\x1b\[2mSTART RequestId", text)
    assert re.search(r"\x1b\[[0-9;]*m\"got\"", text)
    plain = _ESCAPE.sub("", text).replace("\r\n", "\n").splitlines()
    assert [line.split()[0] for line in plain] == ["INIT_START", "START", "working", "END", "REPORT", '{"got":']
    assert "Memory Size: 128 MB" in plain[-2]


def test_failure_is_printed_in_red(write_handler: WriteHandler) -> None:
    """The first line of an error is printed in red; the function's own colours are kept."""
    root = str(write_handler("import sys\ndef handler(event, context):\n    print('\\x1b[35mmine\\x1b[0m')\n    1 / 0"))
    with terminal("invoke", "app.handler", "--task-root", root) as shown:
        text = shown.rest()
        assert shown.process.returncode == 1
    assert "\x1b[1;31m[ERROR] ZeroDivisionError: division by zero" in text
    assert "\x1b[35mmine" in text  # the function's own colours are kept


def test_no_color_disables_colours(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`NO_COLOR` disables colours, and a dumb terminal gets plain text."""
    root = str(write_handler(HELLO))
    arguments = ("invoke", "app.handler", "--task-root", root, "--runtime", shell(socket_runtime))
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with terminal(*arguments, **variables) as shown:
            text = shown.rest()
        assert "REPORT" in text
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)
    assert "\x1b" not in text  # of the dumb terminal


def test_rich_is_imported_only_on_terminal(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """`rich` is not imported if output is redirected; without `rich` a terminal gets plain text."""
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


def test_serve_updates_status_line(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`serve` updates a status line below the log, and on exit removes it and shows the cursor again."""
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


def test_debug_option_enables_breakpoint(write_handler: WriteHandler) -> None:
    """`invoke --debug` gives the terminal to `breakpoint()` and disables the timeout."""
    root = str(write_handler(DEBUGGED))
    with terminal("invoke", "app.handler", "--task-root", root, "--debug", "--timeout", "0.2") as shown:
        shown.output.text("(Pdb) ")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 0.3, "the timeout has not passed")
        shown.type("p secret * 0 + 4711\n")
        shown.output.text("\n4711")
        shown.type("c\n")
        text = _ESCAPE.sub("", shown.rest())
        assert shown.process.returncode == 0
    payload = json.loads(text.splitlines()[-1])
    assert payload["left_ms"] > 24 * 3600 * 1000
    assert "REPORT RequestId" in text


def test_serve_debug_stops_at_breakpoint(write_handler: WriteHandler) -> None:
    """`serve --debug` stops at `breakpoint()` for requests of other processes; SIGINT terminates both processes."""
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
