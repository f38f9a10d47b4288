"""Hooks that run when the execution environment is shut down, and what it takes to be told of that.

The platform sends SIGTERM only where an extension is registered, so the runtime registers itself as one; only where
somebody asked for it, by `on_shutdown()` or with a SIGTERM handler of its own. Loaded in init, for those alone.
"""

import _thread
import posix
import sys
import time

try:
    import _signal  # spares `enum`
except ImportError:  # a Python without CPython's C module
    import signal as _signal

from ._connection import Connection
from ._faults import LiteError
from ._report import OWN_FRAMES, format_frames, frames_of, log_error, make_error, notice, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ._settings import Address
    from ._types import LogSink

    Hook = TypeVar("Hook", bound=Callable[[], object])

_EXTENSIONS = "/2020-01-01/extension/"
_NAME = "awslambdaric-lite"
_SIGTERM, _SIGURG = int(_signal.SIGTERM), int(_signal.SIGURG)
_KICKS = 20  # times, 5 ms apart

_hooks: "list[Callable[[], object]]" = []
_armed: "list[Shutdown]" = []


def on_shutdown(hook: "Hook") -> "Hook":
    """Call `hook()` when the environment is shut down; return it, so that this can be a decorator.

    Hooks run on SIGTERM, the one registered last first, each once; a coroutine function runs on the event loop. The
    platform gives them 300 to 500 ms. To be called while the handler's module is imported.

    Raises:
        RuntimeError: loading is over, and the platform takes no more registrations.
        TypeError: it cannot be called.
    """
    if not callable(hook):
        raise TypeError(f"on_shutdown takes a function, not {hook!r}")
    if _armed:
        raise RuntimeError("on_shutdown() comes too late: call it while the handler's module is imported, not later")
    _hooks.append(hook)
    return hook


class Shutdown:
    """Registered with the platform; runs the hooks at SIGTERM and ends the process."""

    def __init__(
        self, sink: "LogSink", flush: "Callable[[], None]", loop: "Callable[[], AbstractEventLoop | None]"
    ) -> None:
        """`loop` returns the event loop of coroutine handlers, None while there is none."""
        self._sink = sink
        self._flush = flush
        self._loop = loop
        self._pid = posix.getpid()
        self._users_handler: "Any" = None
        self._begun = False
        self._pending = False

    def arm(self, address: "Address") -> None:
        """Ask the platform for SIGTERM, and be ready for it. If it refuses, the function runs on without."""
        _armed.append(self)
        if _hooks:
            self._users_handler = _signal.signal(_SIGTERM, self._on_sigterm)
        try:
            identifier, connection = _register(address)
        except LiteError as refusal:
            notice(self._sink, "", f"No shutdown hooks, for the platform takes no extension: {refusal}")
            return
        head = f"GET {address.prefix}{_EXTENSIONS}event/next HTTP/1.1\r\nHost: {address.netloc}\r\n"
        request = f"{head}Lambda-Extension-Identifier: {identifier}\r\n\r\n".encode("latin-1")
        # A signal that arrives just before the main thread blocks in `recv` would be looked at with the next event
        # only, which never comes. The kernel's end of it is seen by a thread, which wakes the main thread up.
        reading, writing = posix.pipe()
        posix.set_blocking(writing, False)
        _signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        _signal.signal(_SIGURG, self._on_kick)  # its default is to be ignored, which would wake nobody
        _thread.start_new_thread(_wait_for_ever, (connection, request))
        _thread.start_new_thread(_wake_main_thread, (reading, _thread.get_ident()))

    def _on_kick(self, number: int, frame: object) -> None:
        """Interrupt a system call, which is all that is wanted, unless the hooks had to be put off."""
        if self._pending:
            self._on_sigterm(_SIGTERM, frame)

    def _on_sigterm(self, number: int, frame: object) -> None:
        if self._begun or posix.getpid() != self._pid:
            return  # of a child that user code forked: the hooks are the parent's
        self._pending = _within_a_write()
        if self._pending:
            return  # what a hook prints would be lost: the next kick comes back here
        self._begun = True
        loop = self._loop()
        if loop is not None and loop.is_running():
            # Within a coroutine: the loop cannot be entered again, so the hooks run beside that coroutine.
            loop.call_soon_threadsafe(self._begin_beside, loop)  # wakes it, unlike `create_task`
            return
        for hook in reversed(_hooks):
            self._run(hook, loop)
        self._end(number, frame)

    def _run(self, hook: "Callable[[], object]", loop: "AbstractEventLoop | None") -> None:
        try:
            result = hook()
            if hasattr(type(result), "__await__"):
                if loop is None:
                    import asyncio

                    loop = asyncio.new_event_loop()
                loop.run_until_complete(result)  # type: ignore[arg-type]
        except BaseException as raised:
            self._log(raised)

    def _begin_beside(self, loop: "AbstractEventLoop") -> None:
        self._task = loop.create_task(self._run_beside())

    async def _run_beside(self) -> None:
        for hook in reversed(_hooks):
            try:
                result = hook()
                if hasattr(type(result), "__await__"):
                    await result  # type: ignore[misc]
            except BaseException as raised:
                self._log(raised)
        self._end(_SIGTERM, None)

    def _log(self, raised: BaseException) -> None:
        frames = frames_of(raised.__traceback__, OWN_FRAMES)
        try:
            log_error(make_error(text_of(raised), type(raised).__name__, format_frames(frames)), self._sink)
        except Exception:
            pass  # the rest of the hooks matters more

    def _end(self, number: int, frame: object) -> None:
        """Leave without unwinding: in the middle of an invocation nothing is to be posted any more."""
        if callable(self._users_handler):
            try:
                self._users_handler(number, frame)
            except BaseException as raised:
                if not isinstance(raised, SystemExit):
                    self._log(raised)
        import atexit

        atexit._run_exitfuncs()
        self._flush()
        posix._exit(0)


def _register(address: "Address") -> "tuple[str, Connection]":
    """Register as an internal extension that wants no events; return its identifier and a connection of its own.

    Raises:
        LiteError: the platform cannot be reached, or does not want it.
    """
    body = b'{"events":[]}'
    connection = Connection(address)
    connection.send(
        (
            f"POST {address.prefix}{_EXTENSIONS}register HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Lambda-Extension-Name: {_NAME}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode("latin-1")
        + body
    )
    response = connection.receive()
    identifier = response.headers.get("lambda-extension-identifier")
    if response.status != 200 or not identifier:
        text = str(response.body[:200], "utf-8", "backslashreplace").strip()
        raise LiteError(f"it answered {response.status}: {text}")
    return identifier, connection


def _wait_for_ever(connection: Connection, request: bytes) -> None:
    """Ask for events that never come: init is complete only when every extension has asked."""
    try:
        connection.send(request)
        connection.receive()
    except LiteError:
        pass  # the Runtime API is gone; the loop notices that, too


def _wake_main_thread(reading: int, main_thread: int) -> None:
    while numbers := posix.read(reading, 512):
        for _ in range(_KICKS if _SIGTERM in numbers else 0):
            _signal.pthread_kill(main_thread, _SIGURG)
            time.sleep(0.005)


def _within_a_write() -> bool:
    """Whether the signal interrupted a write to standard output or error, whose buffers refuse another one then."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except RuntimeError:
            return True
        except Exception:
            pass  # closed, or somebody's own
    return False


def arm_if_wanted(
    address: "Address",
    sink: "LogSink",
    flush: "Callable[[], None]",
    loop: "Callable[[], AbstractEventLoop | None]",
) -> None:
    """Register for SIGTERM if there are hooks or a handler for it."""
    if _hooks or callable(_signal.getsignal(_SIGTERM)):
        Shutdown(sink, flush, loop).arm(address)


OWN_FRAMES += (Shutdown._run.__code__, Shutdown._run_beside.__code__)
