"""What the first process knows of each worker: a few bytes of memory that both see."""

import mmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._client import Invocation

# The life of a worker, as far as it matters when it ends.
STARTING, POLLING, REFUSED, INIT_FAILED = range(4)
"""Before its first poll; after; the Runtime API has refused its polls; its init failed, which was reported."""

_SIZE = 512  # bytes: state, length of the text, text


class Slot:
    """State of one worker, and the invocation that it has in hand."""

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
        """Note the invocation that the handler is about to get."""
        text = f"{invocation.invoke_id}\n{invocation.invocation_id or ''}".encode()
        if len(text) <= _SIZE - 3:
            self._view[3 : 3 + len(text)] = text
            self._view[1:3] = len(text).to_bytes(2, "little")

    def end(self) -> None:
        """Note that it is answered."""
        self._view[1] = self._view[2] = 0

    def in_hand(self) -> "tuple[str, str | None] | None":
        """Return request id and Invocation-Id of what was not answered, None if everything was."""
        length = int.from_bytes(self._view[1:3], "little")
        if not length:
            return None
        request_id, _, invocation_id = bytes(self._view[3 : 3 + length]).decode().partition("\n")
        return request_id, invocation_id or None


def create_slots(count: int) -> "list[Slot]":
    """Return slots that this process and those it forks later have in common."""
    memory = memoryview(mmap.mmap(-1, count * _SIZE))
    return [Slot(memory[start : start + _SIZE]) for start in range(0, count * _SIZE, _SIZE)]
