"""Imported by `start.py` when the runtime cannot be: becomes what the platform would have started."""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def fall_back(reason: Exception) -> "NoReturn":
    """Become AWS's own client, with the flags that there were but for our `-S`, and say why."""
    runtime = posix.environ.get(b"LAMBDA_RUNTIME_DIR", b"/var/runtime").decode(errors="surrogateescape")
    flags = sys.orig_argv[1:-1]
    if flags[:1] == ["-S"]:
        del flags[0]
    why = " ".join(f"{type(reason).__name__}: {reason}".split())
    text = f"awslambdaric-lite cannot start; falling back to AWS's runtime client: {why}\n"
    posix.write(2, text.encode(errors="replace"))
    posix.execve(sys.executable, [sys.orig_argv[0], *flags, f"{runtime}/bootstrap.py"], _first_environment())


def _first_environment() -> "dict[bytes, bytes]":
    """Return the environment as it was given to this process: in the C locale the interpreter adds `LC_CTYPE`."""
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if pair]
    except OSError:
        return posix.environ
    return {name: value for name, _, value in pairs}
