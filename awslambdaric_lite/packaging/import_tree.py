"""Imports in a separate process, as on Lambda: how long each takes, and which module imports it.

The process is a fresh interpreter with the given paths and environment alone, and cannot stop ours: an exit, a crash
and an endless loop are results. It is not a sandbox; imported code runs with the rights of the caller.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .errors import PackagingError

_KEPT = 8 * 1024 * 1024  # bytes of standard error; all further ones are read and dropped
_GRACE_S = 2.0  # for output that arrives after the process has exited

# Under -S, so that the interpreter's own packages are not found; what `site` does for Lambda's folders is done here.
_PROGRAM = r"""
import marshal, posix, site, sys, time
report, statement, setup = int(sys.argv[1]), *sys.argv[2:4]
folders, sites = marshal.loads(bytes.fromhex(sys.argv[4]))
posix.set_inheritable(report, False)
site.setquit(); site.setcopyright(); site.sethelper()
sys.path[:0] = folders
for folder in sites:
    site.addsitedir(folder)
sys.argv = [""]
def failure(error):
    found, frame = None, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename.startswith(tuple(folders)):
            found = frame.tb_frame.f_code.co_filename, frame.tb_lineno
        frame = frame.tb_next
    if found is None and isinstance(error, SyntaxError) and error.filename:
        found = str(error.filename), error.lineno or 0
    try:
        text = error.msg if isinstance(error, SyntaxError) and found else str(error)
    except Exception:
        text = ""
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    return type(error).__name__, text, found, missing
names = {"__name__": "doctor"}
exec(setup, names)
code = compile(statement, "<doctor>", "exec")
sys.stderr.flush()
posix.write(2, b"\nBEGIN %d\n" % report)
begin, cpu = time.perf_counter_ns(), time.process_time_ns()
try:
    exec(code, names)
    result = None
except BaseException as error:
    result = failure(error)
took = time.perf_counter_ns() - begin, time.process_time_ns() - cpu
posix.write(report, marshal.dumps((*took, result), 2))
posix._exit(0)
"""


# Written by CPython's import.c; a module comes after all that it has imported, indented by two more for each level.
_LINE = re.compile(rb"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S.*)$")
_LEVEL = 2


@dataclass(frozen=True)
class ImportFailure:
    """The reason why an import failed; `where` is a file and a line, `missing` the module that was not found."""

    kind: str
    message: str
    where: tuple[str, int] | None = None
    missing: str | None = None

    def __str__(self) -> str:
        text = f"{self.kind}: {self.message}" if self.message else self.kind
        return text if self.where is None else f"{text} ({self.where[0]}, line {self.where[1]})"


@dataclass(frozen=True)
class ImportRun:
    """The seconds of an import, or its failure. `stderr` is its standard error from the statement on."""

    seconds: float | None
    cpu_seconds: float | None
    failure: ImportFailure | None
    stderr: bytes


@dataclass
class Imported:
    """A module, with what was imported for the first time while it ran. Times are microseconds.

    `self_us` is spent in the module itself, `total_us` with its `children`, which are in the order of the imports.
    """

    name: str
    self_us: int
    total_us: int
    children: list[Imported] = field(default_factory=list)

    def walk(self) -> Iterator[Imported]:
        """Yield the module and all below it, from top to bottom."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)  # pyright: ignore[reportOperatorIssue]


def run_import(
    interpreter: Path,
    statement: str,
    *,
    environ: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
    sites: Sequence[Path] | None = None,
    prefix: Sequence[str] = (),
    timeout_s: float = 60,
    trace: bool = False,
    setup: str = "",
) -> ImportRun:
    """Run one statement.

    Args:
        interpreter: the Python that runs it.
        statement: e.g. `import boto3`.
        environ: all variables of the process.
        path: the folders before the standard library in `sys.path`; the process works in the first.
        sites: those of them whose `.pth` files are processed; None: all.
        prefix: a command that runs the interpreter, and sets its working folder.
        timeout_s: seconds until the process is killed.
        trace: let the interpreter write a line for each import (`-X importtime`).
        setup: statements that run before, with the same names; their time does not count.

    Raises:
        PackagingError: the interpreter cannot be run.
    """
    folders = [str(entry.absolute()) for entry in path]
    paths = marshal.dumps((folders, folders if sites is None else [str(entry.absolute()) for entry in sites]), 2).hex()
    flags = ["-X", "importtime"] if trace else []
    with tempfile.TemporaryFile() as report:
        number = str(report.fileno())
        try:
            process = subprocess.Popen(
                [*prefix, str(interpreter), "-I", "-S", "-B", *flags, "-c", _PROGRAM, number, statement, setup, paths],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=dict(environ or {}),
                cwd=path[0] if path and not prefix else None,
                pass_fds=(report.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            raise PackagingError(f"{interpreter} cannot be run: {error.strerror}; name another interpreter") from error
        assert process.stderr is not None
        written: list[bytes] = []
        reader = threading.Thread(target=_read, args=(process.stderr, written), daemon=True)
        reader.start()
        timed_out = False
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # and all processes that it has started
            process.wait()
        reader.join(_GRACE_S)  # a process that has left the group may keep the pipe open
        stderr = b"".join(written).partition(b"\nBEGIN %s\n" % number.encode())[2]
        if timed_out:
            failure = ImportFailure("TimeoutError", f"it was not done after {timeout_s:g} s")
            return ImportRun(None, None, failure, stderr)
        report.seek(0)
        return _outcome(process.returncode, report.read(), stderr)


def measure_imports(
    interpreter: Path,
    statement: str,
    *,
    environ: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
    sites: Sequence[Path] | None = None,
    prefix: Sequence[str] = (),
    timeout_s: float = 60,
) -> Imported:
    """Run a statement in a fresh interpreter, and return it with all that it imports.

    The arguments are those of `run_import`. Tracing costs some time: take the figures as shares.

    Raises:
        PackagingError: the interpreter cannot be run, or the statement fails there.
    """
    run = run_import(
        interpreter,
        statement,
        environ=environ,
        path=path,
        sites=sites,
        prefix=prefix,
        timeout_s=timeout_s,
        trace=True,
    )
    if run.failure is not None or run.seconds is None:
        raise PackagingError(f"{statement!r} fails in {interpreter}: {run.failure}; correct it first")
    children = parse_importtime(run.stderr)
    total = round(run.seconds * 1e6)
    return Imported(statement, max(0, total - sum(child.total_us for child in children)), total, children)


def parse_importtime(stderr: bytes) -> list[Imported]:
    """Read what `-X importtime` writes; other lines in between, and text before a line's begin, do not matter."""
    waiting: list[tuple[int, Imported]] = []  # those whose parent has not come yet, with their levels
    for line in stderr.splitlines():
        match = _LINE.search(line)
        if match is None:
            continue
        own, total, indent, name = match.groups()
        level = len(indent) // _LEVEL
        children: list[Imported] = []
        while waiting and waiting[-1][0] > level:
            children.append(waiting.pop()[1])
        module = Imported(name.decode("utf-8", "replace").strip(), int(own), int(total), children[::-1])
        waiting.append((level, module))
    return [module for _, module in waiting]


def _outcome(status: int, report: bytes, stderr: bytes) -> ImportRun:
    try:
        took, cpu, failure = marshal.loads(report)
        if failure is None:
            return ImportRun(int(took) / 1e9, int(cpu) / 1e9, None, stderr)
        kind, message, where, missing = failure
        return ImportRun(None, None, ImportFailure(str(kind), str(message), where, missing), stderr)
    except (EOFError, ValueError, TypeError):
        pass
    if status < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-status).name
            return ImportRun(None, None, ImportFailure(name, "the interpreter crashed"), stderr)
    return ImportRun(None, None, ImportFailure("SystemExit", f"the process exited with status {status}"), stderr)


def _read(pipe: IO[bytes], written: list[bytes]) -> None:
    """Read a pipe to its end, so that the writer never waits; keep the first part."""
    kept = 0
    with pipe:
        while chunk := os.read(pipe.fileno(), 65536):
            if kept < _KEPT:
                written.append(chunk)
                kept += len(chunk)
