"""What ties worker processes to the first process: none outlives it, and some things only one of them may do."""

import fcntl
import posix
import signal


class Lifeline:
    """A pipe that ends with the process that made it, whatever ends that process; the kernel then kills the others.

    The kernel can also be asked for that with prctl(PR_SET_PDEATHSIG), but from Python only through `ctypes`, whose
    import takes ten times as long as that of `fcntl`.
    """

    def __init__(self) -> None:
        self._owner = posix.getpid()
        self._reading, self._writing = posix.pipe()

    def attach(self) -> None:
        """In a forked child: die with the owner."""
        posix.close(self._writing)
        # Who is to get the signal belongs to the open file, which fork() shares: each child opens one of its own.
        own = posix.open(f"/proc/self/fd/{self._reading}", posix.O_RDONLY | posix.O_CLOEXEC)
        posix.close(self._reading)
        fcntl.fcntl(own, fcntl.F_SETOWN, posix.getpid())
        fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | fcntl.FASYNC)
        if posix.getppid() != self._owner:
            posix._exit(1)  # it ended while we were at it


class Once:
    """True for whichever of several forked processes asks first, false for all others."""

    def __init__(self) -> None:
        self._reading, writing = posix.pipe()
        posix.write(writing, b"1")
        posix.close(writing)

    def __call__(self) -> bool:
        return posix.read(self._reading, 1) == b"1"
