"""The Runtime API as Managed Instances has it: many invocations are under way, and a worker outlives a refusal.

Contract of the official client: `next` is asked for up to five times, 0.1, 0.2, 0.4 and 0.8 s apart; a reply that is
refused is logged and the loop goes on; an init error that is refused with 403 was reported by another worker.
"""

import time

from .._client import LambdaRuntimeClient
from .._runtime_errors import ApiError, ConnectionLost, ProtocolError
from .worker_state import INIT_FAILED, POLLING, REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._client import Invocation, _Reply
    from .._codec import Marshaller
    from .._types import Settings
    from .worker_state import Slot

_DELAYS = (0.1, 0.2, 0.4, 0.8)  # seconds


class ManagedClient(LambdaRuntimeClient):
    """One poller of several.

    Attributes:
        refused: the Runtime API has refused `next` for good.
    """

    def __init__(
        self,
        settings: "Settings",
        marshaller: "Marshaller",
        notice: "Callable[[str, str], None]",
        slot: "Slot",
        may_report: "Callable[[], bool]" = lambda: True,
    ) -> None:
        """`may_report()` is asked before an init error is posted."""
        super().__init__(settings.api, marshaller, notice, pipeline=settings.pipeline)
        self.refused = False
        self._slot = slot
        self._may_report = may_report

    def wait_next_invocation(self) -> "Invocation":
        """Wait for the next invocation, as long as it takes.

        Raises:
            ApiError: the Runtime API refused, five times in a row.
            ConnectionLost: it is gone.
            ProtocolError: it does not speak HTTP/1.1.
        """
        slot = self._slot
        slot.end()
        slot.state = POLLING
        for delay in (*_DELAYS, None):
            try:
                invocation = super().wait_next_invocation()
                break
            except (ApiError, ConnectionLost, ProtocolError) as refusal:
                if delay is None or isinstance(refusal, ProtocolError):
                    self.refused = True
                    slot.state = REFUSED
                    raise
                self._notice("", f"{refusal}; asking again in {delay} s")
                time.sleep(delay)
        slot.begin(invocation)
        return invocation

    def post_init_error(
        self, error_response_data: "dict[str, object]", error_type_override: "str | None" = None
    ) -> None:
        """Post an error of init, if no other worker has.

        Raises:
            ApiError: the Runtime API did not take it.
            ConnectionLost: the Runtime API is gone.
        """
        while not self._may_report():
            time.sleep(1)  # another worker reports its own; the first process ends this one then
        self._slot.state = INIT_FAILED
        try:
            super().post_init_error(error_response_data, error_type_override)
        except ApiError as refusal:
            if refusal.status != 403:
                raise

    def _post(self, reply: "_Reply") -> None:
        super()._post(reply)
        self._slot.end()

    def _read_status(self) -> None:
        """Read what the API says of the reply; make sure that it says something, for `next` does not tell here."""
        reply = self._reply
        try:
            super()._read_status()
            if reply is not None and not reply.answered and not reply.repeated:
                self._confirm(reply)
        except (ApiError, ConnectionLost) as refusal:
            assert reply is not None
            self._reply = None
            self._notice(reply.request_id, f"{refusal}; this result may be lost, the loop goes on")
