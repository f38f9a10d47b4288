"""Fork safety: owns deciding whether a process that has loaded a function may fork, and the re-exec if not.

Workers that share a database connection mix up responses, workers that share a file share its offset, and a thread
exists only in the process that started it.
"""

import posix
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_DESCRIPTORS, _TASKS = "/proc/self/fd", "/proc/self/task"
_LOOKS = 10  # times, 1 ms apart: the kernel removes a thread that was joined a moment later
_SHOWN = 5  # descriptors in the message


class ProcessBaseline:
    """The open descriptors and the working directory of the process before it loads the function."""

    def __init__(self) -> None:
        self._before = _descriptors()
        self._folder = posix.getcwd()

    def obstacles(self) -> "list[str]":
        """Return the descriptors and threads that are new and that forked processes must not share."""
        now = _descriptors()
        if now is None or self._before is None:
            return ["unknown descriptors (/proc cannot be read)"]
        found = []
        new = [f"{number} {target}" for number, target in sorted(now.items()) if self._is_new(number, target)]
        if new:
            names = ", ".join(new[:_SHOWN]) + (", ..." if len(new) > _SHOWN else "")
            found.append(f"{len(new)} open descriptor{'s' if len(new) > 1 else ''} ({names})")
        threads = _further_threads()
        if threads:
            found.append(f"{threads} additional thread{'s' if threads > 1 else ''}")
        return found

    def reexec(self) -> "NoReturn":
        """Execute the program again in this process, so that each worker loads the function itself."""
        before = self._before or {}
        for number, target in (_descriptors() or {}).items():
            if number > 2 and before.get(number) != target:
                with suppress(OSError):  # closed in the meantime
                    posix.set_inheritable(number, False)
        posix.chdir(self._folder)
        environment = {**_first_environment(), b"AWSLAMBDARIC_LITE_FORK": b"before"}
        environment[b"AWSLAMBDARIC_LITE_CONCURRENCY_MODE"] = b"process"
        environment[b"_AWSLAMBDARIC_LITE_PRE_FORK"] = b"done"  # for `_official.lambda_concurrency_hooks`
        posix.execve(sys.executable or "/proc/self/exe", sys.orig_argv, environment)

    def _is_new(self, number: int, target: str) -> bool:
        return self._before is not None and self._before.get(number) != target and not _appends(number)


def _descriptors() -> "dict[int, str] | None":
    """Return open descriptors and the files behind them, None if /proc cannot be read."""
    found = {}
    try:
        for name in posix.listdir(_DESCRIPTORS):
            with suppress(FileNotFoundError):  # the descriptor of the folder itself
                found[int(name)] = posix.readlink(f"{_DESCRIPTORS}/{name}")
    except OSError:
        return None
    return found


def _appends(number: int) -> bool:
    """Return whether each write through a descriptor appends to its file, which makes sharing it harmless."""
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
    """Return the environment that the platform set, without the changes of user code and instrumentation."""
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if pair]
    except OSError:
        return dict(posix.environ)
    return {name: value for name, _, value in pairs if name != b"_LAMBDA_TELEMETRY_LOG_FD"}
