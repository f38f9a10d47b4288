"""One runtime process: its start in a new session, its output, its exit and its memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..logs.pipe_reader import PIPE_SIZE, PipeReader
from .memory import GroupMemory

_STANDARD_ERROR = 2


class RuntimeProcess:
    """A started process; all callbacks come from the event loop.

    An `attached` process has this process's standard input and standard error; its output is not read.

    Raises:
        OSError: the command cannot be executed.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[RuntimeProcess], None],
        inherited: Sequence[int] = (),
        attached: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_output = on_output
        self._on_exit = on_exit
        # One pipe for both streams keeps their output in order.
        read_end, write_end = os.pipe()
        try:
            self._popen = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=None if attached else subprocess.DEVNULL,
                stdout=_STANDARD_ERROR if attached else write_end,
                stderr=_STANDARD_ERROR if attached else write_end,
                start_new_session=True,
                pass_fds=inherited,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self.pid = self._popen.pid
        self.memory = GroupMemory(self.pid)
        self._output = PipeReader(read_end, on_output)
        self._watch_end()

    def read_output(self) -> None:
        """Read the available output, as much as a pipe holds by default."""
        self._output.read()

    async def drain(self, limit: int = PIPE_SIZE) -> None:
        """Read the output that is available now, in parts.

        The output that the process wrote before a request to the Runtime API is in the pipe when the request arrives,
        so reading it then keeps every line in its invocation.
        """
        await self._output.drain(limit)

    def kill(self) -> None:
        """Kill the whole process group; its exit is reported as any other."""
        self.memory.measure_kb()
        self._signal(signal.SIGKILL)

    def crash(self, number: signal.Signals) -> None:
        """Send a signal to the process only."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM to the whole process group."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Freeze the whole process group."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Thaw the whole process group."""
        self._signal(signal.SIGCONT)

    @property
    def at_rest(self) -> bool:
        """Whether each thread waits in a system call and is not frozen."""
        threads = Path(f"/proc/{self.pid}/task")
        with contextlib.suppress(OSError):  # the process has exited, or the system has no /proc
            return all(_waits(thread / "stat") for thread in threads.iterdir())
        return True

    def reap(self, *, read: bool = True) -> int:
        """Kill the rest of the group of an exited process, read and close its output, return its exit code."""
        self.kill()  # before the wait, so that the group's id is not used again
        returncode = self._popen.wait()
        if read:
            self.read_output()
        if unread := self._output.close():
            self._on_output(b"\n[local Lambda] %d bytes of output were not read\n" % unread)
        return returncode

    def peak_memory_mb(self) -> int:
        """Return the peak memory of the process and its descendants, rounded up."""
        self.memory.measure_kb()
        return self.memory.peak_mb

    def _signal(self, number: signal.Signals) -> None:
        if self._popen.returncode is None:  # else the id of the group may be used again
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _watch_end(self) -> None:
        try:
            handle = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or a kernel before 5.3
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
            return

        def ended() -> None:
            self._loop.remove_reader(handle)
            os.close(handle)
            self._on_exit(self)

        self._loop.add_reader(handle, ended)

    def _wait_in_thread(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self._on_exit, self)


def _waits(stat: Path) -> bool:
    try:
        return stat.read_bytes().rpartition(b")")[2].split()[0] in (b"S", b"Z", b"X")
    except (OSError, IndexError):
        return True  # the thread has exited
