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

from .._connection import Connection
from .._report import OWN_FRAMES, format_frames, frames_of, log_error, make_error, notice, text_of
from .._runtime_errors import RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeVar

    from .._types import Address, LogSink

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
        self._users_handler: "Any" = None
        self._mask: "set[int]" = set()
        self._begun = False
        self._pending = False
        self._writing = -1

    def arm(self, address: "Address") -> None:
        """Ask the platform for SIGTERM, and be ready for it. If it refuses, the function runs on without."""
        _armed.append(self)
        self._be_woken_up()
        if _hooks:
            self._users_handler = _signal.signal(_SIGTERM, self._on_sigterm)
            posix.register_at_fork(
                before=self._hold_back, after_in_parent=self._let_through, after_in_child=self._leave_to_parent
            )
        try:
            identifier, connection = _register(address)
        except RuntimeFailure as refusal:
            notice(self._sink, "", f"No shutdown hooks, for the platform takes no extension: {refusal}")
            return
        head = f"GET {address.prefix}{_EXTENSIONS}event/next HTTP/1.1\r\nHost: {address.netloc}\r\n"
        request = f"{head}Lambda-Extension-Identifier: {identifier}\r\n\r\n".encode("latin-1")
        _thread.start_new_thread(_wait_for_ever, (connection, request))

    def _be_woken_up(self) -> None:
        """See to it that SIGTERM is looked at at once.

        One that arrives just before the main thread blocks in `recv` would be looked at with the next event only, which
        never comes. The kernel's end of it is seen by a thread, which wakes the main thread up.
        """
        reading, self._writing = posix.pipe()
        posix.set_blocking(self._writing, False)
        users_descriptor = _signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        if users_descriptor != -1:  # of an event loop, say, which would miss its signals
            _signal.set_wakeup_fd(users_descriptor)
        _signal.signal(_SIGURG, self._on_kick)  # its default is to be ignored, which would wake nobody
        _thread.start_new_thread(_wake_main_thread, (reading, _thread.get_ident()))

    def _hold_back(self) -> None:
        """Block SIGTERM while the process is forked: a new child forgets signals that its parent has a handler for."""
        self._mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_SIGTERM,))

    def _let_through(self) -> None:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._mask)

    def _leave_to_parent(self) -> None:
        """In a forked child SIGTERM does what it would do without hooks: `multiprocessing` ends children with it."""
        if _signal.getsignal(_SIGTERM) == self._on_sigterm:
            _signal.signal(_SIGTERM, _signal.SIG_DFL if self._users_handler is None else self._users_handler)
            _signal.set_wakeup_fd(-1)
        self._let_through()

    def _on_kick(self, number: int, frame: object) -> None:
        """Interrupt a system call, which is all that is wanted, unless the hooks had to be put off."""
        if self._pending:
            self._on_sigterm(_SIGTERM, frame)

    def _on_sigterm(self, number: int, frame: object) -> None:
        if self._begun:
            return
        again = self._pending
        self._pending = _within_a_write()
        if self._pending:  # what a hook prints would be lost: a kick comes back here
            if not again:
                posix.write(self._writing, bytes((_SIGTERM,)))  # an event loop may have taken the signal to itself
            return
        self._begun = True
        self._run(list(_hooks))

    def _run(self, left: "list[Callable[[], object]]") -> None:
        """Run the hooks that are left, the last one first, and end."""
        loop = self._loop()
        while left:
            awaitable = self._call(left.pop())
            if awaitable is None:
                continue
            if loop is not None and loop.is_running():
                # Within a coroutine: the loop cannot be entered again, so this hook runs beside that coroutine.
                loop.call_soon_threadsafe(self._await_beside, loop, awaitable, left)  # wakes it, unlike `create_task`
                return
            if loop is None:
                import asyncio

                loop = asyncio.new_event_loop()
            loop.run_until_complete(self._settle(awaitable))
        self._end()

    def _call(self, hook: "Callable[[], object]") -> "Awaitable[object] | None":
        """Call a hook; return what is still to be awaited."""
        try:
            result = hook()
        except BaseException as raised:
            self._log(raised)
            return None
        return result if hasattr(type(result), "__await__") else None  # type: ignore[return-value]

    def _await_beside(
        self, loop: "AbstractEventLoop", awaitable: "Awaitable[object]", left: "list[Callable[[], object]]"
    ) -> None:
        self._task = loop.create_task(self._settle(awaitable))
        self._task.add_done_callback(lambda _: self._run(left))

    async def _settle(self, awaitable: "Awaitable[object]") -> None:
        try:
            await awaitable
        except BaseException as raised:
            self._log(raised)

    def _log(self, raised: BaseException) -> None:
        frames = frames_of(raised.__traceback__, OWN_FRAMES)
        try:
            log_error(make_error(text_of(raised), type(raised).__name__, format_frames(frames)), self._sink)
        except Exception:
            pass  # the rest of the hooks matters more

    def _end(self) -> None:
        """Leave without unwinding: in the middle of an invocation nothing is to be posted any more."""
        if callable(self._users_handler):
            try:
                self._users_handler(_SIGTERM, None)
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
        RuntimeFailure: the platform cannot be reached, or does not want it.
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
    status, headers, answer, _ = connection.receive()
    identifier = headers.get("lambda-extension-identifier")
    if status != 200 or not identifier:
        text = str(answer[:200], "utf-8", "backslashreplace").strip()
        raise RuntimeFailure(f"it answered {status}: {text}")
    return identifier, connection


def _wait_for_ever(connection: Connection, request: bytes) -> None:
    """Ask for events that never come: init is complete only when every extension has asked."""
    try:
        connection.send(request)
        connection.receive()
    except RuntimeFailure:
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


OWN_FRAMES += (Shutdown._call.__code__, Shutdown._settle.__code__)
