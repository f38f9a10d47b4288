"""Ties of worker processes to the first process: owns their end with it, and the tasks of only one of them."""

import fcntl

from .._lifecycle.originals import _signal, posix

_fcntl = fcntl.fcntl  # as it is before user code runs, which may replace it


class ParentDeathSignal:
    """A pipe whose end closes when the process that opened it exits; the kernel then kills the other processes.

    prctl(PR_SET_PDEATHSIG) does the same, but Python reaches it only through `ctypes`, whose import takes ten times as
    long as that of `fcntl`.
    """

    def __init__(self) -> None:
        self._owner = posix.getpid()
        self._reading, self._writing = posix.pipe()

    def attach(self) -> None:
        """Make the kernel kill this forked child when the owner exits."""
        posix.close(self._writing)
        # The receiver of the signal belongs to the open file, which fork() shares: each child opens another one.
        own = posix.open(f"/proc/self/fd/{self._reading}", posix.O_RDONLY | posix.O_CLOEXEC)
        posix.close(self._reading)
        _fcntl(own, fcntl.F_SETOWN, posix.getpid())
        _fcntl(own, fcntl.F_SETSIG, _signal.SIGKILL)
        _fcntl(own, fcntl.F_SETFL, _fcntl(own, fcntl.F_GETFL) | fcntl.FASYNC)
        if posix.getppid() != self._owner:
            posix._exit(1)  # the owner exited before this was complete


class FirstProcessOnly:
    """A function that returns true in the forked process that calls it first, and false in all others."""

    def __init__(self) -> None:
        self._reading, writing = posix.pipe()
        posix.write(writing, b"1")
        posix.close(writing)

    def __call__(self) -> bool:
        return bool(posix.read(self._reading, 1))
