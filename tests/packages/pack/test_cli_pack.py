"""`awslambdaric-lite pack` as a command: its output, its exit codes and the old file."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.emulator.command_line import Reader, command, environment, run

from .wheelhouse import add_wheel, needs_pip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a function's folder."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context):\n    return 'packed'\n")
    return folder


def refused(*arguments: str) -> tuple[int, str]:
    """Run it, and return the exit code and its one line, without stages and the pointer to help."""
    done = run("pack", *arguments)
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    errors = [line for line in lines if line.startswith("awslambdaric-lite pack: ")]
    assert len(errors) == 1 and "Traceback" not in done.stderr.decode()
    return done.returncode, errors[0].removeprefix("awslambdaric-lite pack: ")


@needs_pip
def test_packed_function_can_be_invoked(source: Path, tmp_path: Path) -> None:
    """Standard output has the path, standard error the sizes; the local Lambda runs the package."""
    add_wheel(tmp_path / "wheels", "needed", {"needed.py": "WORD = 'packed'\n"})
    (source / "requirements.txt").write_text("needed\n")
    (source / "app.py").write_text("import needed\n\ndef handler(event, context):\n    return needed.WORD\n")
    output = tmp_path / "function.zip"
    links = ["--find-links", str(tmp_path / "wheels"), "--no-index"]
    done = run("pack", str(source), "-o", str(output), "--handler", "app.handler", *links)
    assert (done.returncode, done.stdout.decode()) == (0, f"{output}\n")
    said = done.stderr.decode()
    assert "installing" in said and "compiling" in said and "2 of them bytecode" in said
    assert "of 50.0 MB for a direct upload" in said and "of 250.0 MB, which its layers share" in said
    with zipfile.ZipFile(output) as archive:
        archive.extractall(tmp_path / "task")
    invoked = run("invoke", "app.handler", "--task-root", str(tmp_path / "task"))
    assert invoked.stdout == b'"packed"', invoked.stderr
    assert run("pack", str(source), "-o", str(output), "--no-requirements").returncode == 0
    with zipfile.ZipFile(output) as archive:
        assert "needed.py" not in archive.namelist()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--arch", "riscv64"], 2, "unsupported architecture 'riscv64'; choose one of: x86_64, arm64"),
        (["--python", "2.7"], 2, "unsupported Python '2.7'; choose one of: 3.10, "),
        (["--find-links", "nowhere"], 2, "--find-links nowhere is not a folder"),
        (["--requirements", "a.txt", "--no-requirements"], 2, "not allowed with argument"),
        (["--requirements", "missing.txt"], 1, "requirements missing.txt cannot be read: No such file"),
        (["--no-bytecode", "--no-sources"], 2, "--no-bytecode compiles nothing, but --no-sources needs bytecode"),
        (["--no-bytecode", "--interpreter", "python3"], 2, "but --interpreter needs bytecode; use one of them"),
        (["--runtime", "--without-platform-packages"], 2, "provided.*, which has none of --without-platform-packages"),
        (["--exclude", "[z-a]"], 1, "--exclude '[z-a]' is not a pattern; write it as in .gitignore"),
        (["--include", ""], 1, "--include '' is not a pattern"),
        (["--handler", "main.handler"], 1, "handler main.handler: the package has no main.py"),
        (["--handler", "app.handle"], 1, "handler app.handle: app.py has no handle; did you mean handler?"),
        (["--interpreter", "/bin/true"], 1, "/bin/true is not a CPython"),
    ],
)
def test_bad_input_keeps_old_file(arguments: list[str], code: int, message: str, source: Path, tmp_path: Path) -> None:
    """An error gives one line and an exit code, and the old file stays."""
    output = tmp_path / "function.zip"
    output.write_bytes(b"old")
    exit_code, line = refused(str(source), "-o", str(output), *arguments)
    assert exit_code == code and message in line
    assert output.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["function.zip", "source"]


def test_left_out_files_are_told_in_one_line(source: Path, tmp_path: Path) -> None:
    """One line names what was left out and why, and shows control characters of names as escapes."""
    for number in range(12):
        (source / f"n{number:02}.log").touch()
    (source / "node_modules").mkdir()
    (source / "node_modules" / "x.js").touch()
    (source / ".gitignore").write_text("*.log\n*.bin\n")
    (source / "\x1b.bin").touch()
    done = run("pack", str(source), "-o", str(tmp_path / "a.zip"), "--exclude", "n00.log")
    (line,) = [line for line in done.stderr.decode().splitlines() if line.startswith("left out: ")]
    assert line == (
        "left out: '\\x1b.bin', n01.log, n02.log, n03.log, n04.log, n05.log, n06.log, n07.log, n08.log, n09.log and 2 "
        "more (named in .gitignore); .gitignore, node_modules/ (of tools); --include PATTERN packs them"
    )


def test_invalid_paths_are_refused(source: Path, tmp_path: Path) -> None:
    """An invalid source and an invalid output are refused."""
    assert refused("nowhere", "-o", "a.zip") == (
        1,
        "nowhere does not exist; name the folder with the function's code",
    )
    assert refused(str(source), "-o", str(tmp_path / "no" / "a.zip"))[0] == 1
    assert refused(str(source), "-o", "/dev/null") == (1, "/dev/null is not an ordinary file; name one to be written")
    assert refused(str(source)) == (2, "the following arguments are required: -o/--output")


def test_terminal_shows_stages(source: Path, tmp_path: Path) -> None:
    """A terminal shows the stages until the sizes are printed."""
    pytest.importorskip("rich", reason="the bar needs rich")
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            command("pack", str(source), "-o", str(tmp_path / "a.zip")),
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment(TERM="xterm"),
            timeout=110,
            check=False,
        )
        os.close(theirs)
        shown = Reader(ours).text("which its layers share")
    finally:
        os.close(ours)
    assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path / 'a.zip'}\n")
    assert "\x1b[2K" in shown.partition("files for Python")[0]


@needs_pip
def test_interruption_stops_pip(source: Path, tmp_path: Path) -> None:
    """Ctrl-C while pip waits for an index ends with 130, keeps the old file and leaves no process."""
    output = tmp_path / "function.zip"
    output.write_bytes(b"old")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        (source / "requirements.txt").write_text(f"--index-url {index}\nabsent\n")
        with subprocess.Popen(
            command("pack", str(source), "-o", str(output)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(TMPDIR=str(temporary)),
        ) as process:
            silent.settimeout(110)
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                out, error = process.communicate(timeout=110)
                # pip has exited: its request is followed by the end of the connection.
                connection.settimeout(110)
                while connection.recv(65536):
                    pass
    assert (process.returncode, out) == (130, b""), error
    assert b"Traceback" not in error
    assert output.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["function.zip", "source", "temporary"]
    assert os.listdir(temporary) == []  # the killed pip has left its folders
