"""The time limit of an exiting process: owns its end if user code goes on.

User code runs until then in threads, functions of `atexit`, shutdown hooks, and finalizers. Threads of Python cannot
end the process while the interpreter ends, nor while C code holds the interpreter's lock; SIGALRM can.

`_runtime` loads this module when the process exits, `shutdown` in init.
"""

import faulthandler

from .._sinks import flush, print_stderr
from .originals import _signal, _thread, posix, time

LIMIT_S = 2.0  # that of Lambda's shutdown phase
_BLOCKED_S = 0.3  # further seconds if the line for the log cannot be written
_STDERR = 2  # the descriptor: user code may have replaced sys.stderr


def limit_exit(status: int) -> None:
    """Make sure that the process exits within some seconds, with this status if a thread can end it."""
    runs = _thread.allocate_lock()
    runs.acquire()

    def cut_short(seconds: float, *, log: bool) -> None:
        runs.release()
        time.sleep(seconds)
        if log:  # blocks if nobody reads the log
            print_stderr(f"user code still runs {LIMIT_S:g} s after the end; exiting without it")
            flush()
        posix._exit(status)

    try:
        for seconds, log in ((LIMIT_S, True), (LIMIT_S + _BLOCKED_S, False)):
            _thread.start_new_thread(cut_short, (seconds,), {"log": log})
            runs.acquire()  # a thread that begins after the interpreter's end crashes Python 3.10 and 3.11
    except RuntimeError:
        pass  # no thread can be started
    _set_alarm(LIMIT_S + 2 * _BLOCKED_S)


def _set_alarm(seconds: float) -> None:
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
