"""Start AWS's own runtime client. `start.py` imports this module if it cannot import the runtime."""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def fall_back(reason: Exception) -> "NoReturn":
    """Replace this process by AWS's own client, with its flags but without our `-S`, and log the reason."""
    runtime = posix.environ.get(b"LAMBDA_RUNTIME_DIR", b"/var/runtime").decode(errors="surrogateescape")
    flags = sys.orig_argv[1:-1]
    if flags[:1] == ["-S"]:
        del flags[0]
    why = " ".join(f"{type(reason).__name__}: {reason}".split())
    text = f"awslambdaric-lite cannot start; falling back to AWS's runtime client: {why}\n"
    posix.write(2, text.encode(errors="replace"))
    posix.execve(sys.executable, [sys.orig_argv[0], *flags, f"{runtime}/bootstrap.py"], _first_environment())


def _first_environment() -> "dict[bytes, bytes]":
    """Return this process's first environment: in the C locale the interpreter adds `LC_CTYPE`."""
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if pair]
    except OSError:
        return posix.environ
    return {name: value for name, _, value in pairs}
