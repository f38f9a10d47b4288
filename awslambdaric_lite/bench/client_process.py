"""The process of one run: started in a new group, measured (CPU time, memory), killed with its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from ..emulator.environments.memory import GroupMemory

_TAIL = 16 * 1024  # bytes of output that are read
_TAIL_LINES = 40


class ClientProcess:
    """A started runtime; its output goes to the file `output`.

    Raises:
        OSError: the command cannot be executed.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        output: Path,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._output = output
        with output.open("wb") as written:
            self.spawned_at = time.perf_counter()
            """The moment before the start, in seconds of `time.perf_counter`."""
            self._popen = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                pass_fds=pass_fds,
                start_new_session=True,
            )

    def __enter__(self) -> ClientProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self._popen.pid

    def cpu_seconds(self) -> float:
        """Return the present CPU time of all threads, exited ones included; without that of child processes.

        Raises:
            OSError: the process has exited.
        """
        return time.clock_gettime((~self._popen.pid << 3) | 2)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of Linux

    def peak_memory(self) -> int:
        """Return the peak memory in bytes: VmHWM of the process, or the present sum with its children if larger."""
        memory = GroupMemory(self._popen.pid)
        memory.measure_kb()
        return memory.peak_kb * 1024

    def exited(self) -> bool:
        """Return whether the process has exited; it is not reaped, so that its id is not used again."""
        if self._popen.returncode is not None:
            return True
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill(self) -> int:
        """Kill the processes of the group; return the exit code, negative for a signal."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        return self._popen.wait()

    def last_output(self) -> str:
        """Return the last lines of the output."""
        with self._output.open("rb") as file:
            file.seek(max(0, self._output.stat().st_size - _TAIL))
            text = file.read().decode("utf-8", "backslashreplace").replace("\r", "\n")
        return "\n".join(text.rstrip().splitlines()[-_TAIL_LINES:])
