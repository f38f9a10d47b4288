"""The state of each worker: owns the bytes of memory that the worker and the first process share."""

import mmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._client import Invocation

STARTING, POLLING, REFUSED, INIT_FAILED = range(4)
"""Before its first poll; polling; the Runtime API has refused its polls; its init failed and was reported."""

_SIZE = 512  # bytes: state, length of the text, text


class WorkerState:
    """State and current invocation of one worker."""

    __slots__ = ("_view",)

    def __init__(self, view: memoryview) -> None:
        self._view = view

    @property
    def state(self) -> int:
        """One of `STARTING`, `POLLING`, `REFUSED` and `INIT_FAILED`."""
        return self._view[0]

    @state.setter
    def state(self, state: int) -> None:
        self._view[0] = state

    def begin(self, invocation: "Invocation") -> None:
        """Store the ids of the invocation that the handler is about to receive."""
        text = f"{invocation.invoke_id}\n{invocation.invocation_id or ''}".encode()
        if len(text) <= _SIZE - 3:
            self._view[3 : 3 + len(text)] = text
            self._view[1:3] = len(text).to_bytes(2, "little")

    def end(self) -> None:
        """Clear the ids, because the invocation is answered."""
        self._view[1] = self._view[2] = 0

    def unanswered(self) -> "tuple[str, str | None] | None":
        """Return request id and Invocation-Id of the unanswered invocation, None without one."""
        length = int.from_bytes(self._view[1:3], "little")
        if not length:
            return None
        request_id, _, invocation_id = bytes(self._view[3 : 3 + length]).decode().partition("\n")
        return request_id, invocation_id or None


def create_worker_states(count: int) -> "list[WorkerState]":
    """Return states in memory that this process shares with the processes it forks later."""
    memory = memoryview(mmap.mmap(-1, count * _SIZE))
    return [WorkerState(memory[start : start + _SIZE]) for start in range(0, count * _SIZE, _SIZE)]
