"""The first process of Managed Instances: forks the workers, replaces those that end, and ends them all.

Signals are blocked and waited for, never handled, so that none can be lost between looking and waiting.
"""

import posix
import signal
import time

from .parent_death import Lifeline, Once
from .worker_state import INIT_FAILED, POLLING, STARTING, Slot, create_slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETRIES = 3  # workers in one place that may end before their first poll, or refused, after the one before them
_FIRST_DELAY, _DOUBLINGS = 0.1, 5  # seconds before a worker is replaced: 0.1, 0.2 ... 3.2
_STEADY = 10.0  # seconds after which the end of a worker is no longer taken for a consequence of the one before
_GRACE = 0.4  # seconds that SIGTERM handlers of workers get; the platform gives the environment 0.3 to 0.5
_ENDING = (signal.SIGTERM, signal.SIGINT)
_WATCHED = (signal.SIGCHLD, *_ENDING)


class Place:
    """One of the N workers, whichever process that is now.

    Attributes:
        ended: how the last process in this place ended, in the platform's words; None in the first.
    """

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.ended: "str | None" = None
        self.due: "float | None" = 0.0
        self.started = 0.0
        self.in_a_row = 0
        self.in_vain = 0


class Supervisor:
    """Keeps N workers alive.

    Attributes:
        may_register: true for the first worker that asks: the platform takes one extension of a name,
        may_report: and one init error.
    """

    def __init__(self, count: int, log: "Callable[[str], None]") -> None:
        self._places = [Place(slot) for slot in create_slots(count)]
        self._alive: "dict[int, Place]" = {}
        self._lifeline = Lifeline()
        self.may_register = Once()
        self.may_report = Once()
        self._log = log

    def run(self) -> "Place | int":
        """Fork the workers and look after them. Returns in each worker its place, in the first process the status."""
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        self._on_child = signal.getsignal(signal.SIGCHLD)
        if self._on_child is signal.SIG_IGN:  # of user code: then the kernel would not tell how workers end
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        while True:
            for place in self._places:
                if place.due is not None and place.due <= time.monotonic() and self._fork(place):
                    return place
            number = self._wait()
            if number in _ENDING:
                return self._end(0 if number == signal.SIGTERM else 130)
            for pid, status in _ended():
                ended = self._alive.pop(pid, None)
                if ended is not None:
                    final = self._take_leave(ended, pid, posix.waitstatus_to_exitcode(status))
                    if final is not None:
                        return self._end(final)

    def _fork(self, place: Place) -> bool:
        """Start a process in a place; return whether this is it."""
        place.slot.state = STARTING
        place.started = time.monotonic()
        place.due = None
        try:
            pid = posix.fork()
        except OSError as error:  # no more processes or memory: it may be better in a moment
            self._log(f"A worker cannot be started: {error}")
            place.due = place.started + self._delay(place)
            return False
        if pid:
            self._alive[pid] = place
            return False
        self._lifeline.attach()
        if self._on_child is signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return True

    def _wait(self) -> int:
        """Wait for a signal, or until a place is to be filled again; return the number, or 0."""
        dues = [place.due for place in self._places if place.due is not None]
        if not dues:
            return signal.sigwait(_WATCHED)
        received = signal.sigtimedwait(_WATCHED, max(0.0, min(dues) - time.monotonic()))
        return received.si_signo if received is not None else 0

    def _take_leave(self, place: Place, pid: int, code: int) -> "int | None":
        """Decide what follows from the end of a worker; return the status if everything ends."""
        state = place.slot.state
        if state == INIT_FAILED:
            return code if code > 0 else 1
        place.ended = (
            f"signal: {(signal.strsignal(-code) or str(-code)).lower()}" if code < 0 else f"exit status {code}"
        )
        place.in_vain = 0 if state == POLLING else place.in_vain + 1
        if place.in_vain > RETRIES:
            when = "before its first poll" if state == STARTING else "because the Runtime API refuses it"
            self._log(f"Worker process {pid} ended {when} ({place.ended}), as {RETRIES} before it: giving up")
            return 1
        delay = self._delay(place)
        place.due = time.monotonic() + delay
        self._log(f"Worker process {pid} ended ({place.ended}); another takes its place in {delay:.1f} s")
        return None

    def _delay(self, place: Place) -> float:
        steady = time.monotonic() - place.started > _STEADY
        place.in_a_row = 0 if steady else min(place.in_a_row + 1, _DOUBLINGS + 1)
        return _FIRST_DELAY * 2.0 ** max(0, place.in_a_row - 1)

    def _end(self, status: int) -> int:
        """End all workers, those with a SIGTERM handler a moment later; return the status."""
        self._signal(signal.SIGTERM)
        end = time.monotonic() + _GRACE
        while self._alive and time.monotonic() < end:
            signal.sigtimedwait((signal.SIGCHLD,), 0.01)
            self._reap()
        self._signal(signal.SIGKILL)
        while self._alive:
            signal.sigtimedwait((signal.SIGCHLD,), 0.05)
            self._reap()
        return status

    def _reap(self) -> None:
        for pid, _ in _ended():
            self._alive.pop(pid, None)

    def _signal(self, number: int) -> None:
        for pid in self._alive:  # none of them is reaped meanwhile, so the ids are theirs
            posix.kill(pid, number)


def _ended() -> "Iterator[tuple[int, int]]":
    """Yield the children that have ended and their wait status; some may be of user code's making."""
    while True:
        try:
            pid, status = posix.waitpid(-1, posix.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, status
