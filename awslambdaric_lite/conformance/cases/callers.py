"""Cases at the Invoke API, whose caller is an SDK."""

from __future__ import annotations

from collections.abc import Sequence

from ...common.quotas import MAX_PAYLOAD
from .. import checks
from ..case import INIT, SHUT_DOWN, CallerCase, asked
from ..outcomes import contains, error, value

_LARGE = 5_000_000


CALLER_CASES: Sequence[CallerCase] = (
    CallerCase(
        "completion.own-response",
        "completion",
        "Each caller gets the response to its own event, from one process.",
        [(asked("count"), value(number)) for number in (1, 2, 3)],
    ),
    CallerCase(
        "lifecycle.init-error",
        "lifecycle",
        "The first caller gets the error of the init phase.",
        [(asked("echo", value=1), error(checks.ERROR, "failed in init"))],
        {INIT: "raise"},
    ),
    CallerCase(
        "lifecycle.exit",
        "lifecycle",
        "The caller of a function that exits with 3 gets `Runtime.ExitError`; a new process handles the next event.",
        [
            (asked("count"), value(1)),
            (asked("exit", code=3), error("ExitError", "Runtime exited with error: exit status 3")),
            (asked("count"), value(1)),
        ],
    ),
    CallerCase(
        "lifecycle.exit-0",
        "lifecycle",
        "The caller of a function that exits with 0 gets `Runtime.ExitError`.",
        [(asked("exit", code=0), error("ExitError", "Runtime exited without providing a reason"))],
    ),
    CallerCase(
        "lifecycle.timeout",
        "lifecycle",
        "The caller of a function that takes too long gets a timeout; a new process handles the next event.",
        [
            (asked("echo", value=1, sleep_ms=60_000), contains("Task timed out after 5.00 seconds")),
            (asked("count"), value(1)),
        ],
        timeout_s=5,
    ),
    CallerCase(
        "lifecycle.shutdown",
        "lifecycle",
        "The shutdown hook runs when the environment is shut down.",
        [(asked("echo", value=1), value(1))],
        {INIT: "shutdown"},
        logged=SHUT_DOWN,
    ),
    CallerCase(
        "limits.error",
        "limits",
        "The caller gets the handler's error as an error of the function.",
        [(asked("raise", message="é failed"), error(checks.ERROR, "é failed")), (asked("count"), value(2))],
    ),
    CallerCase(
        "limits.unserializable",
        "limits",
        "The caller gets an error for a result that cannot be serialized; the same process handles the next event.",
        [(asked("unserializable"), error()), (asked("count"), value(2))],
    ),
    CallerCase(
        "limits.largest-response",
        "limits",
        "A response of exactly the limit reaches the caller.",
        [(asked("size", bytes=MAX_PAYLOAD), value("x" * (MAX_PAYLOAD - 2)))],
    ),
    CallerCase(
        "limits.too-large",
        "limits",
        "A response of one byte more is an error of the function; the same process handles the next event.",
        [
            (asked("size", bytes=MAX_PAYLOAD + 1), error("ResponseSizeTooLarge", "exceeded maximum allowed payload")),
            (asked("count"), value(2)),
        ],
    ),
    CallerCase(
        "framing.large-event",
        "framing",
        "An event of 5 MB, which the API sends in chunks, arrives whole.",
        [(asked("echo", value="y" * _LARGE), value("y" * _LARGE)), (asked("echo", value=2), value(2))],
    ),
)
