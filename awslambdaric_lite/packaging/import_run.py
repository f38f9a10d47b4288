"""Import something in a process of its own, as Lambda would: a fresh interpreter with nothing but the given paths.

The process has only the environment that it is given, and cannot take ours with it: an exit, a crash and an endless
loop come back as a result. It is no sandbox; what is imported runs with the rights of the caller.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import PackagingError

_KEPT = 8 * 1024 * 1024  # bytes of what it says; the rest is read and forgotten
_LAST_WORDS = 2.0  # seconds, for output that is on its way when the process has ended

# Under -S, so that the interpreter's own packages are not found; what `site` does for Lambda's folders is done here.
_PROGRAM = r"""
import marshal, posix, site, sys, time
report, statement, folders = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
posix.set_inheritable(report, False)
site.setquit(); site.setcopyright(); site.sethelper()
sys.path[:0] = folders
for folder in folders:
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
        text = str(error)
    except Exception:
        text = ""
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    return type(error).__name__, text, found, missing
code = compile(statement, "<doctor>", "exec")
sys.stderr.flush()
posix.write(2, b"\nBEGIN %d\n" % report)
begin = time.perf_counter_ns()
try:
    exec(code, {"__name__": "doctor"})
    result = None
except BaseException as error:
    result = failure(error)
took = time.perf_counter_ns() - begin
posix.write(report, marshal.dumps((took, result), 2))
posix._exit(0)
"""


@dataclass(frozen=True)
class ImportFailure:
    """Why an import did not work; `where` is a file and a line, `missing` the module that was not found."""

    kind: str
    message: str
    where: tuple[str, int] | None = None
    missing: str | None = None

    def __str__(self) -> str:
        text = f"{self.kind}: {self.message}" if self.message else self.kind
        return text if self.where is None else f"{text} ({self.where[0]}, line {self.where[1]})"


@dataclass(frozen=True)
class ImportRun:
    """What became of it: seconds, or a failure. `stderr` is what it wrote there from the statement on."""

    seconds: float | None
    failure: ImportFailure | None
    stderr: bytes


def run_import(
    interpreter: Path,
    statement: str,
    *,
    environ: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
    folder: Path | None = None,
    timeout_s: float = 60,
    trace: bool = False,
) -> ImportRun:
    """Run one statement.

    Args:
        interpreter: which Python.
        statement: such as `import boto3`.
        environ: all variables that it sees.
        path: what comes before the standard library in `sys.path`.
        folder: the working folder; the first of `path` unless told otherwise.
        timeout_s: seconds until it is killed.
        trace: let the interpreter write a line for each import (`-X importtime`).

    Raises:
        PackagingError: the interpreter cannot be run.
    """
    reader, writer = os.pipe()
    folders = [str(entry.absolute()) for entry in path]
    flags = ["-X", "importtime"] if trace else []
    try:
        process = subprocess.Popen(
            [str(interpreter), "-I", "-S", "-B", *flags, "-c", _PROGRAM, str(writer), statement, *folders],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(environ or {}),
            cwd=folder or (path[0] if path else None),
            pass_fds=(writer,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(reader)
        raise PackagingError(f"{interpreter} cannot be run: {error.strerror}; name another interpreter") from error
    finally:
        os.close(writer)
    assert process.stderr is not None
    said, reported = _Drain(os.dup(process.stderr.fileno())), _Drain(reader)
    process.stderr.close()
    try:
        process.wait(timeout_s)
        timed_out = False
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        _end(process)
    stderr = _from_statement(said.content(), writer)
    if timed_out:
        return ImportRun(None, ImportFailure("TimeoutError", f"it was not done after {timeout_s:g} s"), stderr)
    return _outcome(process.returncode, reported.content(), stderr)


def _outcome(status: int, report: bytes, stderr: bytes) -> ImportRun:
    try:
        nanoseconds, failure = marshal.loads(report)
        if failure is None:
            return ImportRun(int(nanoseconds) / 1e9, None, stderr)
        kind, message, where, missing = failure
        return ImportRun(None, ImportFailure(str(kind), str(message), where, missing), stderr)
    except (EOFError, ValueError, TypeError):
        pass
    if status < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-status).name
            return ImportRun(None, ImportFailure(name, "the interpreter crashed"), stderr)
    return ImportRun(None, ImportFailure("SystemExit", f"the process ended with exit status {status}"), stderr)


def _from_statement(stderr: bytes, report: int) -> bytes:
    return stderr.partition(b"\nBEGIN %d\n" % report)[2]


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started
    process.wait()


class _Drain:
    """Reads a pipe to its end, so that whoever writes never waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._chunks: list[bytes] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def content(self) -> bytes:
        """Everything, or what has come until now where a process that got away holds the pipe open."""
        self._thread.join(_LAST_WORDS)
        return b"".join(self._chunks)

    def _run(self) -> None:
        kept = 0
        try:
            while chunk := os.read(self._descriptor, 65536):
                if kept < _KEPT:
                    self._chunks.append(chunk)
                    kept += len(chunk)
        finally:
            os.close(self._descriptor)
