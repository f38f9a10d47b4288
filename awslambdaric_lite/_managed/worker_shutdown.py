"""Shutdown hooks and SIGTERM handlers of functions that worker processes serve.

The platform signals the first process, which passes SIGTERM on; each worker runs the hooks, for each has its own
connections to close. One process registers for that, and needs no thread: nobody reads the answer to its request.
"""

import posix
import signal

from .._lifecycle import shutdown
from .._report import notice
from .._runtime_errors import RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from .._connection import Connection
    from .._types import Address, LogSink

_registered: "list[Connection]" = []  # open as long as the process lives, as the platform expects of an extension


def is_wanted() -> bool:
    """Whether somebody has asked for the end: with `on_shutdown()`, or with a SIGTERM handler of their own."""
    return bool(shutdown._hooks) or callable(signal.getsignal(signal.SIGTERM))


def register(address: "Address", sink: "LogSink") -> None:
    """Have the platform send SIGTERM before it ends the environment. If it refuses, the function runs on without."""
    try:
        identifier, connection = shutdown._register(address)
        head = f"GET {address.prefix}{shutdown._EXTENSIONS}event/next HTTP/1.1\r\nHost: {address.netloc}\r\n"
        connection.send(f"{head}Lambda-Extension-Identifier: {identifier}\r\n\r\n".encode("latin-1"))
        _registered.append(connection)
    except RuntimeFailure as refusal:
        notice(sink, "", f"No shutdown hooks, for the platform takes no extension: {refusal}")


def arm(sink: "LogSink", flush: "Callable[[], None]", loop: "Callable[[], AbstractEventLoop | None]") -> None:
    """Be ready for SIGTERM in this worker: what `Shutdown.arm` does, without asking the platform for it."""
    hooks = shutdown.Shutdown(sink, flush, loop)
    shutdown._armed.append(hooks)
    hooks._be_woken_up()
    if shutdown._hooks:
        hooks._users_handler = signal.signal(signal.SIGTERM, hooks._on_sigterm)
        posix.register_at_fork(
            before=hooks._hold_back,
            after_in_parent=hooks._let_through,
            after_in_child=hooks._leave_to_parent,
        )
