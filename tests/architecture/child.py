"""A runtime in a fresh interpreter, started as `bootstrap` starts it, that tells which modules are loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import awslambdaric_lite

from ..wire.doubles import GUARD

PACKAGE = Path(awslambdaric_lite.__file__).parent

# Answers each byte on the first descriptor with the names in `sys.modules`, from a thread, while the runtime does what
# it does. Uses nothing that an interpreter has not loaded before its first line of Python.
WATCHED_HANDLER = """
import _thread
import posix
import sys

def _watch(asked, told):
    while posix.read(asked, 1):
        text = "\\n".join(sys.modules) + "\\n\\n"
        posix.write(told, text.encode())

_thread.start_new_thread(_watch, tuple(map(int, posix.environ[b"WATCH"].split())))

def handler(event, context):
    if event == "fail":
        raise ValueError("as asked")
    if event == "mistake":
        return len(1) + {}["key"]
    return event
"""


def bare_prefix(folder: Path) -> Path:
    """Make an installation prefix with the standard library and nothing else: no site-packages, no `.pth` files."""
    standard_library = Path(sysconfig.get_path("stdlib"))
    copy = folder / "lib" / standard_library.name
    copy.mkdir(parents=True)
    for entry in standard_library.iterdir():
        if entry.name != "site-packages":
            (copy / entry.name).symlink_to(entry)
    dynamic = Path(sysconfig.get_path("platstdlib")) / "lib-dynload"
    if not (copy / "lib-dynload").exists():
        (copy / "lib-dynload").symlink_to(dynamic)
    return folder


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a child: nothing of the caller's but where its libraries are."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), **kept, **variables}


def base_interpreter() -> str:
    """Return the interpreter itself, not the virtual environment that the tests may run in."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


class WatchedRuntime:
    """A child process that runs the watched handler against a Runtime API at `address`."""

    def __init__(self, folder: Path, address: str, **variables: str) -> None:
        task = folder / "task"
        task.mkdir()
        (task / "watched.py").write_text(WATCHED_HANDLER)
        asked, self._ask = os.pipe()
        self._told, told = os.pipe()
        self.process = subprocess.Popen(
            [base_interpreter(), "-S", str(PACKAGE / "__main__.py")],
            env=environment(
                folder,
                PYTHONHOME=str(bare_prefix(folder / "prefix")),
                AWS_LAMBDA_RUNTIME_API=address,
                LAMBDA_TASK_ROOT=str(task),
                _HANDLER="watched.handler",
                WATCH=f"{asked} {told}",
                **variables,
            ),
            cwd=task,
            pass_fds=(asked, told),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.close(asked)
        os.close(told)

    def modules(self) -> set[str]:
        """Return the names of the modules that are loaded now, the handler's own left out."""
        os.write(self._ask, b"?")
        data = b""
        while not data.endswith(b"\n\n"):
            piece = os.read(self._told, 65536)
            if not piece:
                raise AssertionError(f"the runtime has ended: {self.stop()}")
            data += piece
        return set(data.decode().split()) - {"watched"}

    def stop(self) -> str:
        """End the child; return what it wrote."""
        self.process.kill()
        output, _ = self.process.communicate(timeout=GUARD)
        for descriptor in (self._ask, self._told):
            os.close(descriptor)
        return output.decode()


def run_python(code: str, *arguments: str, folder: Path, timeout: float = GUARD, **variables: str) -> Any:
    """Run a piece of Python in a fresh interpreter of the tests' own environment; return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
