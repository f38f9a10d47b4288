"""Shutdown of the execution environment: owns the hooks of `on_shutdown()`, SIGTERM and its registration.

The platform sends SIGTERM only if an extension is registered, so the runtime registers itself as one. Loaded in init,
and only if the function calls `on_shutdown()` or installs a handler for SIGTERM.
"""

import atexit
import sys

from .._connection import Connection
from .._report import log_report, make_report, notice, text_of
from .._runtime_errors import RuntimeFailure
from .._sinks import flush
from .exit_limit import limit_exit
from .originals import _signal, _thread, posix, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeVar

    from .._client import LambdaRuntimeClient
    from .._types import Address, LogSink

    Hook = TypeVar("Hook", bound=Callable[[], object])

_EXTENSIONS = "/2020-01-01/extension/"
_NAME = "awslambdaric-lite"
_SIGTERM, _SIGURG = int(_signal.SIGTERM), int(_signal.SIGURG)
_WAKE_UPS = 20  # times, 5 ms apart

_hooks: "list[Callable[[], object]]" = []
_armed: "list[Shutdown]" = []
_registered: "list[Connection]" = []  # open as long as the process runs, as the platform expects of an extension


def on_shutdown(hook: "Hook") -> "Hook":
    """Call `hook()` when the environment is shut down; return it, so that this can be a decorator.

    Hooks run on SIGTERM, the one registered last first, each once; a coroutine function runs on the event loop. The
    platform kills the environment 300 to 500 ms after SIGTERM. Call this while the handler's module is imported.

    Raises:
        RuntimeError: the handler is loaded, and the platform accepts no more registrations.
        TypeError: `hook` is not callable.
    """
    if not callable(hook):
        raise TypeError(f"on_shutdown takes a function, not {hook!r}")
    if _armed:
        raise RuntimeError("on_shutdown() was called too late: call it while the handler's module is imported")
    _hooks.append(hook)
    return hook


def has_hooks() -> bool:
    """Return whether code must run at shutdown: a hook, or a SIGTERM handler of user code."""
    return bool(_hooks) or callable(_signal.getsignal(_SIGTERM))


class Shutdown:
    """The shutdown of this process: runs the hooks at SIGTERM and exits."""

    def __init__(self, sink: "LogSink", loop: "Callable[[], AbstractEventLoop | None]") -> None:
        """`loop` returns the event loop of coroutine handlers, None without one."""
        self._sink = sink
        self._loop = loop
        self._users_handler: Any = None
        self._mask: set[int] = set()
        self._begun = False
        self._pending = False
        self._writing = -1
        self._users_descriptor = -1  # for wake-ups, e.g. of an event loop
        self._users_copy = -1  # another descriptor of the same file; the user's number may soon belong to another file

    def arm(self, client: "LambdaRuntimeClient | None") -> None:
        """Handle SIGTERM from now on; `client` polls in this thread, None if other threads poll."""
        _armed.append(self)
        self._start_wake_up()
        if client is not None:
            exchange = client._exchange

            def take_wake_up_and_exchange(*arguments: "Any", **named: "Any") -> "Any":
                self._take_wake_up()
                return exchange(*arguments, **named)

            client._exchange = take_wake_up_and_exchange  # type: ignore[method-assign]
        if _hooks:
            self._users_handler = _signal.signal(_SIGTERM, self._on_sigterm)
        posix.register_at_fork(
            before=self._block_before_fork,
            after_in_parent=self._unblock_in_parent,
            after_in_child=self._disarm_in_child,
        )

    def _start_wake_up(self) -> None:
        """Make the main thread handle SIGTERM as soon as it arrives.

        The main thread would handle a SIGTERM that arrives just before it blocks in `recv` with the next event only,
        which never comes. CPython writes each signal to a pipe; a thread reads it and interrupts the main thread.
        """
        reading, self._writing = posix.pipe()
        posix.set_blocking(self._writing, False)
        self._take_wake_up()
        _signal.signal(_SIGURG, self._on_wake_up)  # ignored by default, which would interrupt nothing
        try:
            _thread.start_new_thread(self._wake_main_thread, (reading, _thread.get_ident()))
        except RuntimeError:
            pass  # no thread can be started: a SIGTERM that arrives at that moment is handled with the next event

    def _take_wake_up(self) -> None:
        """Let CPython write signals to our pipe, even if user code has set another descriptor since the last call.

        The thread that reads our pipe forwards the signals to that descriptor, e.g. of an event loop.
        """
        if self._writing < 0:
            return  # a forked child, which has no such thread
        try:
            descriptor: int = _signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
            if descriptor == self._writing:
                return
            self._users_descriptor = -1  # until its file can be reached
            if descriptor != -1:
                if self._users_copy < 0:
                    self._users_copy = posix.dup(descriptor)
                else:
                    posix.dup2(descriptor, self._users_copy, False)
                self._users_descriptor = descriptor
        except (OSError, ValueError):
            pass  # user code closed the descriptors of the process

    def _wake_main_thread(self, reading: int, main_thread: int) -> None:
        try:
            while numbers := posix.read(reading, 512):
                if self._users_descriptor >= 0:
                    try:
                        posix.write(self._users_copy, numbers)
                    except OSError:
                        pass  # it is full or nobody reads it, as CPython would find
                for _ in range(_WAKE_UPS if _SIGTERM in numbers else 0):
                    _signal.pthread_kill(main_thread, _SIGURG)
                    time.sleep(0.005)
        except OSError:
            pass  # user code closed the pipe

    def _block_before_fork(self) -> None:
        """Block SIGTERM while the process forks, because a new child drops signals that Python has yet to handle."""
        self._mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_SIGTERM,))

    def _unblock_in_parent(self) -> None:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._mask)

    def _disarm_in_child(self) -> None:
        """Restore SIGTERM in a forked child, because `multiprocessing` terminates children with it."""
        if _signal.getsignal(_SIGTERM) == self._on_sigterm:
            _signal.signal(_SIGTERM, _signal.SIG_DFL if self._users_handler is None else self._users_handler)
        descriptor = _signal.set_wakeup_fd(-1)
        if descriptor == self._writing:
            descriptor = self._users_descriptor
        self._writing = -1  # the pipe is the parent's
        try:
            _signal.set_wakeup_fd(descriptor)
        except (OSError, ValueError):
            pass  # user code has closed it
        self._unblock_in_parent()

    def _on_wake_up(self, number: int, frame: object) -> None:
        """Interrupt a system call; if the hooks were postponed, run them."""
        if self._pending:
            self._on_sigterm(_SIGTERM, frame)

    def _on_sigterm(self, number: int, frame: object) -> None:
        if self._begun:
            return
        again = self._pending
        self._pending = _within_a_write()
        if self._pending:  # the output of a hook would be lost: the next wake-up runs the hooks
            if not again:
                posix.write(self._writing, bytes((_SIGTERM,)))  # an event loop may have replaced the wake-up pipe
            return
        self._begun = True
        limit_exit(1)
        self._run(list(_hooks))

    def _run(self, left: "list[Callable[[], object]]") -> None:
        """Run the remaining hooks, the last one first, and exit."""
        loop = self._loop()
        while left:
            awaitable = self._call(left.pop())
            if awaitable is None:
                continue
            if loop is not None and loop.is_running():
                # The signal interrupted a coroutine: the loop cannot be entered again, and `create_task` would not wake
                # it up.
                loop.call_soon_threadsafe(self._run_on_busy_loop, loop, awaitable, left)
                return
            if loop is None:
                import asyncio

                loop = asyncio.new_event_loop()
            loop.run_until_complete(self._run_to_completion(awaitable))
        self._exit()

    def _call(self, hook: "Callable[[], object]") -> "Awaitable[object] | None":
        """Call a hook; return its awaitable, None for a plain function."""
        try:
            result = hook()
            return result if hasattr(type(result), "__await__") else None  # type: ignore[return-value]
        except BaseException as raised:
            self._log(raised)
            return None

    def _run_on_busy_loop(
        self, loop: "AbstractEventLoop", awaitable: "Awaitable[object]", left: "list[Callable[[], object]]"
    ) -> None:
        self._task = loop.create_task(self._run_to_completion(awaitable))
        self._task.add_done_callback(lambda _: self._run(left))

    async def _run_to_completion(self, awaitable: "Awaitable[object]") -> None:
        try:
            await awaitable
        except BaseException as raised:
            self._log(raised)

    def _log(self, raised: BaseException) -> None:
        log_report(make_report(raised)[0], self._sink)

    def _exit(self) -> None:
        """Exit without unwinding, because nothing may be posted for an interrupted invocation."""
        if callable(self._users_handler):
            try:
                self._users_handler(_SIGTERM, None)
            except BaseException as raised:
                if not issubclass(type(raised), SystemExit):
                    self._log(raised)
        getattr(atexit, "_run_exitfuncs", int)()
        flush()
        posix._exit(0)


def register(address: "Address", sink: "LogSink") -> None:
    """Register as an internal extension without events, so that the platform sends SIGTERM.

    The extension then asks for its next event, because init is complete only when every extension has asked. The
    platform never responds. If it refuses the registration, the function runs without hooks.
    """
    body = b'{"events":[]}'
    head = f"Host: {address.netloc}\r\nLambda-Extension-Name: {_NAME}\r\nContent-Type: application/json\r\n"
    request = f"POST {address.prefix}{_EXTENSIONS}register HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    try:
        connection = Connection(address)
        connection.send(request.encode("latin-1") + body)
        status, headers, answer, _ = connection.receive()
        identifier = headers.get("lambda-extension-identifier")
        if status != 200 or not identifier:
            text = str(answer[:200], "utf-8", "backslashreplace").strip()
            raise RuntimeFailure(f"status {status}: {text}")
        head = f"GET {address.prefix}{_EXTENSIONS}event/next HTTP/1.1\r\nHost: {address.netloc}\r\n"
        connection.send(f"{head}Lambda-Extension-Identifier: {identifier}\r\n\r\n".encode("latin-1"))
        _registered.append(connection)
    except RuntimeFailure as refusal:
        notice(sink, "", f"Shutdown hooks disabled: extension registration failed: {refusal}")


def _within_a_write() -> bool:
    """Return whether the signal interrupted a write to stdout or stderr, whose buffers then refuse another write."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except RuntimeError as error:
            if "reentrant call" in text_of(error):
                return True
        except BaseException:
            pass  # closed, or an object of user code
    return False


def arm_if_wanted(
    address: "Address",
    sink: "LogSink",
    loop: "Callable[[], AbstractEventLoop | None]",
    client: "LambdaRuntimeClient | None" = None,
) -> None:
    """Register for SIGTERM if code has to run at shutdown."""
    if has_hooks():
        Shutdown(sink, loop).arm(client)
        register(address, sink)
