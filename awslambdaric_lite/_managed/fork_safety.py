"""Whether a process that has loaded a function may be forked, and how it gives way to a fresh one if not.

Workers that share a database connection mix up replies, workers that share a file share its offset, and a thread exists
in the process that started it only.
"""

import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_DESCRIPTORS, _TASKS = "/proc/self/fd", "/proc/self/task"
_LOOKS = 10  # times, 1 ms apart: a thread that was joined takes a moment to be gone
_SHOWN = 5  # descriptors that are named


class Belongings:
    """The descriptors that were open when this was made, and where the process was."""

    def __init__(self) -> None:
        self._before = _descriptors()
        self._folder = posix.getcwd()

    def obstacles(self) -> "list[str]":
        """Return what has come since that forked processes must not share; of threads, all but the first count."""
        now = _descriptors()
        if now is None or self._before is None:
            return ["/proc cannot be read, so nobody knows what is open"]
        found = []
        left = [f"{number} {target}" for number, target in sorted(now.items()) if self._is_new(number, target)]
        if left:
            names = ", ".join(left[:_SHOWN]) + (", ..." if len(left) > _SHOWN else "")
            found.append(f"{len(left)} open descriptor{'s' if len(left) > 1 else ''} ({names})")
        threads = _further_threads()
        if threads:
            found.append(f"{threads} thread{'s' if threads > 1 else ''} beside the first")
        return found

    def give_way(self) -> "NoReturn":
        """Become a fresh process with the same id, started as this one was, in which each worker loads for itself."""
        before = self._before or {}
        for number, target in (_descriptors() or {}).items():
            if number > 2 and before.get(number) != target:
                try:
                    posix.set_inheritable(number, False)
                except OSError:
                    pass  # closed meanwhile
        posix.chdir(self._folder)
        environment = {**_first_environment(), b"AWSLAMBDARIC_LITE_FORK": b"before"}
        environment[b"AWSLAMBDARIC_LITE_CONCURRENCY_MODE"] = b"process"
        posix.execve(sys.executable or "/proc/self/exe", sys.orig_argv, environment)

    def _is_new(self, number: int, target: str) -> bool:
        return self._before is not None and self._before.get(number) != target and not _appends(number)


def _descriptors() -> "dict[int, str] | None":
    """Return open descriptors and what they lead to, None where that cannot be seen."""
    found = {}
    try:
        for name in posix.listdir(_DESCRIPTORS):
            try:
                found[int(name)] = posix.readlink(f"{_DESCRIPTORS}/{name}")
            except FileNotFoundError:
                pass  # the one that listed
    except OSError:
        return None
    return found


def _appends(number: int) -> bool:
    """Whether all writing through a descriptor goes to the end of its file, so that sharing it does no harm."""
    try:
        with open(f"/proc/self/fdinfo/{number}") as file:
            flags = next(line.split()[1] for line in file if line.startswith("flags:"))
    except (OSError, StopIteration):
        return False
    return bool(int(flags, 8) & posix.O_APPEND)


def _further_threads() -> int:
    count = 0
    for _ in range(_LOOKS):
        count = len(posix.listdir(_TASKS)) - 1
        if not count:
            break
        time.sleep(0.001)
    return count


def _first_environment() -> "dict[bytes, bytes]":
    """Return the environment as the platform gave it: user code and instrumentation change theirs when they start."""
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if pair]
    except OSError:
        return dict(posix.environ)
    return {name: value for name, _, value in pairs if name != b"_LAMBDA_TELEMETRY_LOG_FD"}
