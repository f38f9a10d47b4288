"""SnapStart: owns the hooks before the snapshot, the wait in `restore/next` and the hooks after the restore.

Loaded if `AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`. Hooks are those of the package `snapshot_restore_py`; a
function that has not imported it has none.
"""

import sys

from .._report import log_report, make_report
from .._runtime_errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._client import LambdaRuntimeClient
    from .._types import ErrorReport, LogSink

    Hook = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]

BEFORE_SNAPSHOT_FAILED, AFTER_RESTORE_FAILED = 64, 65  # exit codes of the official clients


def pass_through_snapshot(client: "LambdaRuntimeClient", sink: "LogSink", flush: "Callable[[], None]") -> None:
    """Prepare for the snapshot, wait until the environment is restored from it, and run the hooks after the restore.

    Raises:
        SystemExit: a hook or the wait failed; the error was posted.
        ApiError: the Runtime API refused the error.
    """
    failure = _attempt(sink, _until_restored, client, flush)
    if failure is not None:
        flush()
        client.post_init_error(failure, "Runtime.BeforeSnapshotError")
        raise SystemExit(BEFORE_SNAPSHOT_FAILED)
    random = sys.modules.get("random")
    if random is not None:
        random.seed()  # every environment that is restored from the snapshot has the same state
    failure = _attempt(sink, lambda: run_after_restore())
    if failure is not None:
        flush()
        client.post_error("restore/error", "Runtime.AfterRestoreError", failure)
        raise SystemExit(AFTER_RESTORE_FAILED)


def _until_restored(client: "LambdaRuntimeClient", flush: "Callable[[], None]") -> None:
    run_before_snapshot()
    flush()
    status, _, answer, _ = client.request("GET", "restore/next")
    if status != 200:
        raise ApiError("GET restore/next", status, answer)


def run_before_snapshot() -> None:
    """Run the hooks before the snapshot; tools replace this function and the next one, as in the official client."""
    hooks = _hooks("get_before_snapshot")
    while hooks:
        function, arguments, named = hooks.pop()  # registered last, run first; each once, as in the official client
        function(*arguments, **named)


def run_after_restore() -> None:
    """Run the hooks after the restore."""
    for function, arguments, named in _hooks("get_after_restore"):
        function(*arguments, **named)


def _hooks(getter: str) -> "list[Hook]":
    package = sys.modules.get("snapshot_restore_py")
    return getattr(package, getter)() if package is not None else []


def _attempt(sink: "LogSink", step: "Callable[..., None]", *arguments: object) -> "ErrorReport | None":
    """Run a step; if it raises anything, log and return the error."""
    try:
        step(*arguments)
        return None
    except BaseException as raised:
        report, _ = make_report(raised)
    log_report(report, sink)
    return report
