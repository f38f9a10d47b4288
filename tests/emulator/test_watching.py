"""`serve --watch`: code is reloaded, and no invocation is lost."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3
from watchfiles import Change

from awslambdaric_lite.emulator.watching import SourceFilter, changes

from .command_line import REPOSITORY, Serve, command, environment, shell
from .waiting import WAIT, alive, wait_until

WriteHandler = Callable[[str], Path]
ANSWERS = "def handler(event, context):\n    return {!r}"
HELD = """
import os, time
def handler(event, context):
    print("pid", os.getpid(), flush=True)
    while event["rawPath"] == "/held" and not os.path.exists(os.environ["GO"]):
        time.sleep(0.005)
    return "old"
"""


def change(path: Path, text: str) -> None:
    """Replace a file atomically, so that a process that starts now reads the old or the new text."""
    new = path.parent.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_change_is_served_by_new_process(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """After a change the next invocation runs the new code in a new process, and the old one is removed."""
    root = write_handler("import os\ndef handler(event, context):\n    return os.getpid()")
    with Serve("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--watch") as serve:
        pid = int(http.request("GET", serve.url).data)
        change(root / "app.py", ANSWERS.format("new"))
        assert serve.event("reload")["paths"] == ["app.py"]
        assert http.request("GET", serve.url).json() == "new"
        wait_until(lambda: not alive(pid), "the old environment was left")
        assert serve.end()[0] == 0


def test_running_invocation_finishes_with_old_code(
    write_handler: WriteHandler,
    socket_runtime: list[str],
    http: urllib3.PoolManager,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A running invocation finishes with the old code, even with a concurrency of one."""
    root, go = write_handler(HELD), tmp_path_factory.mktemp("signals") / "go"
    with (
        Serve(
            *("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--watch"),
            *("--concurrency", "1", "--timeout", "60", "--env", f"GO={go}"),
        ) as serve,
        concurrent.futures.ThreadPoolExecutor() as callers,
    ):
        held = callers.submit(http.request, "GET", serve.url + "held")
        while not (line := serve.event("log")["line"]).startswith("pid "):
            pass
        change(root / "app.py", ANSWERS.format("new"))
        serve.event("reload")
        assert http.request("GET", serve.url).json() == "new"
        assert not held.done()
        go.touch()
        assert held.result(WAIT).json() == "old"
        wait_until(lambda: not alive(int(line.split()[1])), "the old environment was left")
        assert http.request("GET", serve.url).json() == "new"


def test_no_invocation_fails_during_changes(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """Invocations during changes run one version or the next and never fail."""
    root = write_handler(ANSWERS.format("0"))
    answers: list[tuple[int, str]] = []
    over = threading.Event()
    with Serve("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--watch") as serve:

        def call() -> None:
            while not over.is_set():
                reply = http.request("GET", serve.url)
                answers.append((reply.status, reply.json()))

        callers = [threading.Thread(target=call) for _ in range(3)]
        for caller in callers:
            caller.start()
        try:
            for version in range(2, 7):
                change(root / "app.py", ANSWERS.format("0" * version))  # the size invalidates the cached bytecode
                serve.event("reload")
        finally:
            over.set()
            for caller in callers:
                caller.join()
        assert http.request("GET", serve.url).json() == "000000"
        assert serve.end()[0] == 0
    assert {status for status, _ in answers} == {200}
    assert {answer for _, answer in answers} <= {"0" * version for version in range(1, 7)}


def test_syntax_error_fails_until_next_change(write_handler: WriteHandler, http: urllib3.PoolManager) -> None:
    """A change with a syntax error fails invocations until the next change."""
    root = write_handler(ANSWERS.format("first"))
    with Serve("app.handler", "--task-root", str(root), "--watch") as serve:
        assert http.request("GET", serve.url).json() == "first"
        change(root / "app.py", "def handler(:\n")
        serve.event("reload")
        assert http.request("GET", serve.url).status == 502
        assert serve.event("invocation")["errorType"] == "Runtime.UserCodeSyntaxError"
        change(root / "app.py", ANSWERS.format("mended"))
        serve.event("reload")
        assert http.request("GET", serve.url).json() == "mended"


def test_provisioned_environments_restart_after_change(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """Provisioned environments are started again after a change."""
    root = write_handler(ANSWERS.format("old"))
    arguments = ("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--watch")
    with Serve(*arguments, "--provisioned", "2") as serve:
        change(root / "app.py", ANSWERS.format("renewed"))
        serve.event("reload")
        health = serve.endpoint_url + "/health"
        wait_until(lambda: http.request("GET", health).json()["environments"] == 2, "the environments were not started")
        assert http.request("GET", serve.url).json() == "renewed"


def test_changes_of_other_files_are_ignored(tmp_path: Path) -> None:
    """Changes of bytecode, caches, version control and virtual environments below the root are ignored."""
    root = tmp_path / "node_modules" / "app"
    (root / "myenv" / "lib").mkdir(parents=True)
    (root / "myenv" / "pyvenv.cfg").touch()
    wanted = SourceFilter([root])
    for path in ("app.py", "package/data.json", "template.yaml", ".env"):
        assert wanted(Change.modified, str(root / path)), path
    for path in (
        *("__pycache__/app.pyc", "app.pyc", ".git/index", ".venv/x.py", "myenv/lib/x.py", "app.py~", ".app.py.swp"),
        *("node_modules/x.js", ".mypy_cache/x.json", ".pytest_cache/x", ".ruff_cache/x"),
    ):
        assert not wanted(Change.modified, str(root / path)), path
    assert not wanted(Change.modified, str(tmp_path / "elsewhere.py"))


def test_own_output_is_not_watched(tmp_path: Path) -> None:
    """A log of `serve` in the task root reloads nothing, because each report of a reload would change it again."""
    (tmp_path / "app.py").touch()
    script = """
import sys
from watchfiles import Change
from awslambdaric_lite.emulator.watching import Path, SourceFilter
wanted = SourceFilter([Path.cwd()])
print([wanted(Change.modified, str(Path.cwd() / name)) for name in ("serve.log", "app.py")], file=sys.stderr)
"""
    with open(tmp_path / "serve.log", "wb") as log:
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment(), stdout=log, stderr=subprocess.PIPE
        )
    assert done.stderr == b"[False, True]\n"


def test_root_link_is_watched_at_target(tmp_path: Path) -> None:
    """A root that is a symbolic link is watched at its target."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    async def first() -> list[Path]:
        stop = asyncio.Event()
        watching = changes([tmp_path / "link"], stop)
        step = asyncio.ensure_future(watching.__anext__())
        await asyncio.sleep(0)
        (tmp_path / "real" / "app.py").touch()
        paths = await asyncio.wait_for(step, WAIT)
        stop.set()
        assert [paths async for paths in watching] == []
        return paths

    assert asyncio.run(first()) == [tmp_path / "real" / "app.py"]


def test_missing_watchfiles_shows_install_command(tmp_path: Path) -> None:
    """Without watchfiles `--watch` shows the `pip install` command of the missing extra."""
    (tmp_path / "watchfiles.py").write_text(
        "raise ModuleNotFoundError('No module named watchfiles', name='watchfiles')"
    )
    done = subprocess.run(
        command("serve", "app.handler", "--watch"),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"},
        timeout=110,
    )
    assert done.returncode == 2
    assert b"pip install 'awslambdaric-lite[local]'" in done.stderr
