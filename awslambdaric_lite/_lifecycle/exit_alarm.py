"""The alarm of an exiting process: owns its end by SIGALRM where no Python code can run any more.

The interpreter's own end runs finalizers of user code and of C libraries. Threads of Python cannot interrupt these, and
cannot run while C code holds the interpreter's lock. `_runtime` loads this module when the process exits.
"""

import faulthandler

from .originals import _signal, posix

_STDERR = 2  # the descriptor: user code may have replaced sys.stderr


def set_alarm(seconds: float) -> None:
    """Write the stack to standard error and end the process by SIGALRM if it still runs after some seconds."""
    alarm = _signal.SIGALRM
    try:
        _signal.signal(alarm, _signal.SIG_DFL)
    except ValueError:
        pass  # this is not the main thread
    try:
        faulthandler.register(alarm, file=_writable_stderr(), all_threads=False, chain=True)
    except Exception:
        pass  # user code closed standard error, or replaced the function
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (alarm,))
    _signal.setitimer(_signal.ITIMER_REAL, seconds)


def _writable_stderr() -> int:
    """Return a descriptor of standard error that does not block if its reader stopped reading."""
    flags = posix.O_WRONLY | posix.O_APPEND | posix.O_NONBLOCK | posix.O_CLOEXEC
    try:
        return int(posix.open(f"/proc/self/fd/{_STDERR}", flags))
    except OSError:
        return _STDERR  # a socket, or no file descriptor is left
