"""The supervisor of Managed Instances: owns the worker processes, from fork to exit.

The first process blocks signals and waits for them instead of handling them, so that none is lost before the wait.
"""

from .._lifecycle.originals import _signal, posix, time
from .parent_death import FirstProcessOnly, ParentDeathSignal
from .worker_state import INIT_FAILED, POLLING, STARTING, WorkerState, create_worker_states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETRIES = 3  # workers of one slot that may exit before their first poll, or refused, after the first one that did
FIRST_DELAY, _DOUBLINGS = 0.1, 5  # seconds before a worker is replaced: 0.1, 0.2 ... 3.2
_STABLE_AFTER_S = 10.0  # an exit after this time is not a consequence of the previous exit
GRACE = 0.4  # seconds for SIGTERM handlers of workers; the platform kills the environment after 0.3 to 0.5 s
_ENDING = (_signal.SIGTERM, _signal.SIGINT)
_WATCHED = (_signal.SIGCHLD, *_ENDING)


class WorkerSlot:
    """One of the N workers, and the processes that run it one after the other.

    Attributes:
        ended: how the previous process exited, in the platform's words; None in the first process.
    """

    def __init__(self, worker: WorkerState) -> None:
        self.worker = worker
        self.ended: str | None = None
        self.due: float | None = 0.0
        self.started = 0.0
        self.consecutive_exits = 0
        self.consecutive_failed_starts = 0


class Supervisor:
    """The N worker processes of a function.

    Attributes:
        may_register: true in the first process that asks, because the platform accepts one extension of a name.
        may_report: likewise, because it accepts one init error.
    """

    def __init__(self, count: int, log: "Callable[[str], None]") -> None:
        self._slots = [WorkerSlot(worker) for worker in create_worker_states(count)]
        self._running: dict[int, WorkerSlot] = {}
        self._parent_death = ParentDeathSignal()
        self.may_register = FirstProcessOnly()
        self.may_report = FirstProcessOnly()
        self._log = log

    def run(self) -> "WorkerSlot | int":
        """Fork workers and replace those that exit; return the slot in a worker, the status in the first process."""
        self._mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _WATCHED)
        self._on_child = _signal.getsignal(_signal.SIGCHLD)
        if self._on_child == _signal.SIG_IGN:  # the kernel then discards the exit status of workers
            _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        while True:
            for slot in self._slots:
                if slot.due is not None and slot.due <= time.monotonic() and self._fork(slot):
                    return slot
            number = self._wait()
            if number in _ENDING:
                return self._terminate(0 if number == _signal.SIGTERM else 130)
            for pid, status in _ended():
                ended = self._running.pop(pid, None)
                if ended is not None:
                    final = self._on_worker_exit(ended, pid, posix.waitstatus_to_exitcode(status))
                    if final is not None:
                        return self._terminate(final)

    def _fork(self, slot: WorkerSlot) -> bool:
        """Fork a process for a slot; return whether this is the new process."""
        slot.worker.state = STARTING
        slot.started = time.monotonic()
        slot.due = None
        try:
            pid = posix.fork()
        except OSError as error:  # the limit of processes or memory is reached, perhaps for a moment
            self._log(f"Cannot start a worker: {error}; retrying")
            slot.due = slot.started + self._delay(slot)
            return False
        if pid:
            self._running[pid] = slot
            return False
        self._parent_death.attach()
        if self._on_child == _signal.SIG_IGN:
            _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._mask)
        return True

    def _wait(self) -> int:
        """Wait for a signal, or until a worker is due to be replaced; return the signal's number, or 0."""
        dues = [slot.due for slot in self._slots if slot.due is not None]
        if not dues:
            return int(_signal.sigwait(_WATCHED))
        received = _signal.sigtimedwait(_WATCHED, max(0.0, min(dues) - time.monotonic()))
        return received.si_signo if received is not None else 0

    def _on_worker_exit(self, slot: WorkerSlot, pid: int, code: int) -> "int | None":
        """Schedule the replacement of a worker; return the exit status if the whole program ends instead."""
        state = slot.worker.state
        if state == INIT_FAILED:
            return code if code > 0 else 1
        name = _signal.strsignal(-code) or str(-code) if code < 0 else ""
        slot.ended = f"signal: {name.lower()}" if code < 0 else f"exit status {code}"
        slot.consecutive_failed_starts = 0 if state == POLLING else slot.consecutive_failed_starts + 1
        if slot.consecutive_failed_starts > RETRIES:
            when = "before its first poll" if state == STARTING else "because the Runtime API refuses it"
            self._log(f"Worker process {pid} exited {when} ({slot.ended}), like {RETRIES} before it; giving up")
            return 1
        delay = self._delay(slot)
        slot.due = time.monotonic() + delay
        self._log(f"Worker process {pid} exited ({slot.ended}); replacing it in {delay:.1f} s")
        return None

    def _delay(self, slot: WorkerSlot) -> float:
        stable = time.monotonic() - slot.started > _STABLE_AFTER_S
        slot.consecutive_exits = 0 if stable else min(slot.consecutive_exits + 1, _DOUBLINGS + 1)
        return FIRST_DELAY * 2.0 ** max(0, slot.consecutive_exits - 1)

    def _terminate(self, status: int) -> int:
        """Terminate all workers, and kill them after the grace period; return the status."""
        self._signal(_signal.SIGTERM)
        end = time.monotonic() + GRACE
        while self._running and time.monotonic() < end:
            _signal.sigtimedwait((_signal.SIGCHLD,), 0.01)
            self._reap()
        self._signal(_signal.SIGKILL)
        while self._running:
            _signal.sigtimedwait((_signal.SIGCHLD,), 0.05)
            self._reap()
        return status

    def _reap(self) -> None:
        for pid, _ in _ended():
            self._running.pop(pid, None)

    def _signal(self, number: int) -> None:
        for pid in self._running:  # only this thread reaps them, so no other process has these ids
            posix.kill(pid, number)


def _ended() -> "Iterator[tuple[int, int]]":
    """Yield the children that have exited and their wait status; user code may have started some of them."""
    while True:
        try:
            pid, status = posix.waitpid(-1, posix.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, status
