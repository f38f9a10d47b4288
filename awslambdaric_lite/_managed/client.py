"""The client of the Runtime API on Managed Instances: owns retries, because a worker survives a refusal.

Contract of the official client: a poll is retried four times, after 0.1, 0.2, 0.4 and 0.8 s; a refused reply is logged
and the loop continues; an init error that is refused with 403 was reported by another worker.
"""

from .._client import LambdaRuntimeClient
from .._lifecycle.originals import time
from .._runtime_errors import ApiError, ConnectionLost, ProtocolError
from .worker_state import INIT_FAILED, POLLING, REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._client import Invocation, Reply
    from .._codec import Marshaller
    from .._types import ErrorReport, Settings
    from .worker_state import WorkerState

DELAYS = (0.1, 0.2, 0.4, 0.8)  # seconds


class ManagedClient(LambdaRuntimeClient):
    """The client of one worker or one thread.

    Attributes:
        refused: the Runtime API has refused the last retry of a poll.
    """

    def __init__(
        self,
        settings: "Settings",
        marshaller: "Marshaller",
        report: "Callable[[str, str], None]",
        worker: "WorkerState",
        may_report: "Callable[[], bool]" = lambda: True,
    ) -> None:
        """`may_report()` returns whether this worker may post its init error."""
        super().__init__(settings.api, marshaller, report, pipeline=settings.pipeline)
        self.refused = False
        self._worker = worker
        self._may_report = may_report

    def wait_next_invocation(self) -> "Invocation":
        """Wait for the next invocation without a time limit.

        Raises:
            ApiError: the Runtime API refused the poll and all retries.
            ConnectionLost: the Runtime API cannot be reached any more.
            ProtocolError: the response is not HTTP/1.1.
        """
        worker = self._worker
        worker.end()
        worker.state = POLLING
        for delay in (*DELAYS, None):
            try:
                invocation = super().wait_next_invocation()
                break
            except (ApiError, ConnectionLost, ProtocolError) as refusal:
                if delay is None or isinstance(refusal, ProtocolError):
                    self.refused = True
                    worker.state = REFUSED
                    raise
                self.report("", f"{refusal}; retrying in {delay} s")
                time.sleep(delay)
        if invocation.invoke_id:  # else nothing can answer it
            worker.begin(invocation)
        return invocation

    def post_init_error(self, error_response_data: "ErrorReport", error_type_override: "str | None" = None) -> None:
        """Post an error of init unless another worker has posted one.

        Raises:
            ApiError: the Runtime API refused the error.
            ConnectionLost: the Runtime API cannot be reached any more.
        """
        while not self._may_report():
            time.sleep(1)  # another worker reports its error; the first process then terminates this worker
        self._worker.state = INIT_FAILED
        try:
            super().post_init_error(error_response_data, error_type_override)
        except ApiError as refusal:
            if refusal.status != 403:
                raise

    def post_reply(self, reply: "Reply") -> None:
        super().post_reply(reply)
        self._worker.end()

    def _read_status(self) -> None:
        """Read the status of the reply, after a repetition if needed, because the next poll does not show a loss."""
        reply = self.reply
        try:
            super()._read_status()
            if reply is not None and not reply.answered and not reply.repeated:
                self._confirm(reply)
        except (ApiError, ConnectionLost) as refusal:
            assert reply is not None
            self.reply = None
            self.report(reply.request_id, f"{refusal}; the result may be lost; continuing")
