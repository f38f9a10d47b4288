"""The read-only task root and the limit of the ephemeral storage, with and without the permission to mount."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.common import private_mounts
from awslambdaric_lite.emulator import InvalidFunction, LocalLambda
from awslambdaric_lite.emulator.environments import filesystem

from .command_line import run
from .waiting import WAIT, wait_until

WriteHandler = Callable[[str], Path]

WRITE = """
import errno, logging, os, tempfile
def handler(event, context):
    if "log" in event:
        try: open("caught.txt", "w")
        except OSError: logging.exception("cannot write")
    if "fail" in event: open(os.environ["LAMBDA_TASK_ROOT"] + "/w.txt", "w")
    seen = {"cwd": os.getcwd(), "variables": sorted(os.environ)}
    places = {"relative": "w.txt", "beside": __file__ + ".txt", "made": "folder/", "tmp": tempfile.gettempdir() + "/x"}
    for name, path in places.items():
        try: os.mkdir(path) if path.endswith("/") else open(path, "w").close()
        except OSError as error: seen[name] = errno.errorcode[error.errno]
        else: seen[name] = "written"
    return seen
"""
FILL = """
import errno, os
def handler(event, context):
    path = os.path.join(os.environ["TMPDIR"], "data")
    if event.get("exit"): os._exit(1)
    before = os.path.getsize(path) if os.path.exists(path) else None
    try:
        with open(path, "wb") as file: os.posix_fallocate(file.fileno(), 0, event["mb"] << 20)
    except OSError as error: return [before, errno.errorcode[error.errno]]
    return [before, os.path.getsize(path) >> 20]
"""
ADVICE = "AWS refuses this write, too"


@pytest.fixture
def mounts(tmp_path: Path) -> None:
    """Skip where this process may not mount."""
    if not filesystem.can_protect(tmp_path):
        pytest.skip("needs the permission to mount (root, unshare, mount)")


@pytest.fixture
def no_mounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the permission to mount."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    private_mounts.reset_caches()
    yield
    private_mounts.reset_caches()


def advice(lines: list[str]) -> list[str]:
    """Return the lines that explain a refused write."""
    return [line for line in lines if ADVICE in line]


@pytest.mark.parametrize("folder", ["plain", "link", "with the scratch folder"])
def test_task_root_is_read_only(
    mounts: None, folder: str, write_handler: WriteHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `read_only` nothing can be written to the task root, neither bytecode; `TMPDIR` stays writable."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    root = write_handler(WRITE)
    if folder == "link":
        root = tmp_path.parent / f"{tmp_path.name}-link"
        root.symlink_to(tmp_path)
    elif folder == "with the scratch folder":
        monkeypatch.setattr(tempfile, "tempdir", str(root))
    with LocalLambda("app.handler", task_root=root, timeout_s=WAIT, read_only=True) as function:
        seen = function.invoke().json()
    refused = {"relative": "EROFS", "beside": "EROFS", "made": "EROFS", "tmp": "written"}
    assert {name: seen[name] for name in refused} == refused
    assert seen["cwd"] == str(tmp_path)
    assert os.listdir(tmp_path) == ["app.py"]
    with LocalLambda("app.handler", task_root=root, timeout_s=WAIT) as function:
        writable = function.invoke().json()
    assert writable["relative"] == writable["beside"] == writable["made"] == "written"
    assert writable["variables"] == seen["variables"]


def test_extension_sees_read_only_root(mounts: None, write_handler: WriteHandler, tmp_path: Path) -> None:
    """An external extension cannot write to the task root either."""
    root = write_handler("def handler(event, context): pass")
    program = tmp_path / "writer"
    program.write_text(f"#!/bin/sh\ntouch {root}/w.txt || echo refused\n")
    program.chmod(0o755)
    with LocalLambda(
        "app.handler", task_root=root, timeout_s=WAIT, read_only=True, extensions=[program], repeat_failed_init=False
    ) as function:
        assert "refused" in function.invoke().logs.splitlines()
    assert not (root / "w.txt").exists()


@pytest.mark.parametrize("event", [{"fail": 1}, {"log": 1}])
@pytest.mark.parametrize("settings", [{}, {"log_format": "JSON"}, {"managed_concurrency": 2}])
def test_refused_write_is_explained_once(
    mounts: None, event: dict[str, int], settings: dict[str, Any], write_handler: WriteHandler
) -> None:
    """An error or a log line about a read-only file is followed by one line that says that AWS does the same."""
    root = write_handler(WRITE)
    with LocalLambda("app.handler", task_root=root, timeout_s=WAIT, read_only=True, **settings) as function:
        for _ in range(2):
            lines = function.invoke(event).logs.splitlines()
            (line,) = advice(lines)
            assert lines.index(line) > max(n for n, text in enumerate(lines) if "Read-only file system" in text)
            if settings:
                assert json.loads(line)["level"] == "WARN"
        assert not advice(function.invoke().logs.splitlines())


def test_refused_write_of_init_is_explained(mounts: None, write_handler: WriteHandler) -> None:
    """A refused write while the module is imported is explained, also for a runtime that logs no errors."""
    root = write_handler("open('w.txt', 'w')")
    lines: list[str] = []
    with LocalLambda(
        "app.handler", task_root=root, timeout_s=WAIT, read_only=True, repeat_failed_init=False, on_log=lines.append
    ) as function:
        assert function.invoke().error == "Unhandled"
    assert len(advice(lines)) == 1


@pytest.mark.parametrize(
    "message",
    ["EROFS: read-only file system, open 'a'", "open a: read-only file system", "attempt to write a readonly database"],
)
def test_errors_of_other_languages_are_explained(
    mounts: None, message: str, write_handler: WriteHandler, socket_runtime: list[str]
) -> None:
    """The words of Node, Go and SQLite are known, in the error that a runtime posts without logging it."""
    root = write_handler(f"def handler(event, context): raise RuntimeError({message!r})")
    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, timeout_s=WAIT, read_only=True) as function:
        assert len(advice(function.invoke().logs.splitlines())) == 1


def test_commands_protect_task_root(mounts: None, write_handler: WriteHandler, tmp_path: Path) -> None:
    """`invoke` mounts the task root read-only; `--writable` does not."""
    root = write_handler(WRITE)
    command = ("invoke", "app.handler", "--task-root", str(root), "--timeout", "60")
    done = run(*command)
    assert (json.loads(done.stdout)["relative"], os.listdir(root)) == ("EROFS", ["app.py"])
    assert b"task root" not in done.stderr
    assert json.loads(run(*command, "--writable").stdout)["relative"] == "written"


def test_without_mounts_it_is_said_once(no_mounts: None, write_handler: WriteHandler) -> None:
    """Without the permission to mount, optional settings are dropped with one line each, and required ones refused."""
    root = write_handler(WRITE)
    settings: dict[str, Any] = {"task_root": root, "timeout_s": WAIT, "ephemeral_storage_mb": 512}
    with pytest.warns(UserWarning, match="may not mount") as warned:
        function = LocalLambda("app.handler", read_only=None, **settings)
        function.start()
    with function:
        for _ in range(2):
            assert function.invoke({"fail": 1}).json()["relative"] == "written"
            function.reload()
    about_root, about_storage = (str(warning.message) for warning in warned)
    assert "can write to its task root" in about_root and "ephemeral storage has no limit" in about_storage
    with pytest.raises(InvalidFunction, match=r"read-only task root is not possible: .*; run as root, or omit"):
        LocalLambda("app.handler", read_only=True, **settings).start()


def test_ephemeral_storage_is_limited(mounts: None, write_handler: WriteHandler) -> None:
    """The files of an environment fit into the limit, survive an exit of the runtime, and are gone on close."""
    table = Path("/proc/self/mountinfo")
    before = table.read_text()
    with LocalLambda(
        "app.handler", task_root=write_handler(FILL), ephemeral_storage_mb=512, timeout_s=WAIT
    ) as function:
        assert function.invoke({"mb": 512}).json() == [None, 512]
        assert function.invoke({"exit": 1}).error_type == "Runtime.ExitError"
        assert function.invoke({"mb": 513}).json() == [512 << 20, "ENOSPC"]
        function.reload()
        assert function.invoke({"mb": 1}).json() == [None, 1]
    assert table.read_text() == before


def test_limited_storage_is_unmounted_after_kill(mounts: None, write_handler: WriteHandler) -> None:
    """If the local Lambda is killed, its ephemeral storage is unmounted and removed."""
    root = write_handler("import tempfile\ndef handler(event, context): return tempfile.gettempdir()")
    source = (
        "import sys, time\nfrom awslambdaric_lite.emulator import LocalLambda\n"
        f"with LocalLambda('app.handler', task_root={str(root)!r}, ephemeral_storage_mb=512, timeout_s=60) as f:\n"
        "    print(f.invoke().json(), flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        scratch = process.stdout.readline().decode().strip()
        assert scratch in Path("/proc/self/mountinfo").read_text()
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: not Path(scratch).parent.exists())
    assert scratch not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize("size", [-1, 0, 511])
def test_ephemeral_storage_below_minimum_is_refused(size: int, write_handler: WriteHandler) -> None:
    """A limit below Lambda's minimum is refused by name, on the command line with status 2."""
    root = write_handler(FILL)
    with pytest.warns(UserWarning, match="ephemeral storage 10241 MB is above Lambda's quota of 10240 MB"):
        LocalLambda("app.handler", task_root=root, ephemeral_storage_mb=10241)
    text = f"ephemeral storage {size} MB is out of range; Lambda takes 512 MB and more"
    with pytest.raises(InvalidFunction, match=text):
        LocalLambda("app.handler", task_root=root, ephemeral_storage_mb=size)
    done = run("invoke", "app.handler", "--task-root", str(root), "--ephemeral-storage", str(size))
    assert (done.returncode, done.stdout) == (2, b"")
    assert text in done.stderr.decode()
