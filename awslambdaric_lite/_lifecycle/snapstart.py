"""SnapStart: hooks before the snapshot, the wait in `restore/next`, hooks after the restore.

Loaded where `AWS_LAMBDA_INITIALIZATION_TYPE` says `snap-start`. Hooks are those of the package `snapshot_restore_py`;
who has not imported it has none.
"""

import sys

from .._report import OWN_FRAMES, format_frames, frames_of, log_error, make_error, text_of
from .._runtime_errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._client import LambdaRuntimeClient
    from .._report import ErrorResult
    from .._types import LogSink

    Hook = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]

BEFORE_SNAPSHOT_FAILED, AFTER_RESTORE_FAILED = 64, 65  # exit codes, as of the official clients


def pass_through_snapshot(client: "LambdaRuntimeClient", sink: "LogSink", flush: "Callable[[], None]") -> None:
    """Be ready for the snapshot, wait until the environment is restored from it, and go on.

    Raises:
        SystemExit: a hook failed, or the wait; the error was posted.
        ApiError: the error was refused.
    """
    failure = _failure_of(sink, _until_restored, client, flush)
    if failure is not None:
        flush()
        client.post_init_error(failure, "Runtime.BeforeSnapshotError")
        raise SystemExit(BEFORE_SNAPSHOT_FAILED)
    random = sys.modules.get("random")
    if random is not None:
        random.seed()  # every environment that is restored from the snapshot has the same state
    failure = _failure_of(sink, _run_after_restore)
    if failure is not None:
        flush()
        _post_restore_error(client, failure)
        raise SystemExit(AFTER_RESTORE_FAILED)


def _until_restored(client: "LambdaRuntimeClient", flush: "Callable[[], None]") -> None:
    hooks = _hooks("get_before_snapshot")
    while hooks:
        function, arguments, named = hooks.pop()  # registered last, run first; each once, as in the official client
        function(*arguments, **named)
    flush()
    request = f"GET {client._target}restore/next HTTP/1.1\r\n{client._common}\r\n"
    status, _, answer, _ = client._exchange(request.encode("latin-1"))
    if status != 200:
        raise ApiError("GET restore/next", status, answer)


def _run_after_restore() -> None:
    for function, arguments, named in _hooks("get_after_restore"):
        function(*arguments, **named)


def _hooks(getter: str) -> "list[Hook]":
    package = sys.modules.get("snapshot_restore_py")
    return getattr(package, getter)() if package is not None else []


def _failure_of(sink: "LogSink", step: "Callable[..., None]", *arguments: object) -> "ErrorResult | None":
    """Take a step; return what it raised, whatever that is, as an error that was logged."""
    try:
        step(*arguments)
        return None
    except BaseException as raised:
        frames = frames_of(raised.__traceback__, OWN_FRAMES)
        error = make_error(text_of(raised), type(raised).__name__, format_frames(frames))
    try:
        log_error(error, sink)
    except Exception:
        pass  # a log that cannot be written must not keep the error from being posted
    return error


def _post_restore_error(client: "LambdaRuntimeClient", error: "ErrorResult") -> None:
    body, _ = client.marshaller.marshal_response(error)
    head = (
        f"POST {client._target}restore/error HTTP/1.1\r\n{client._common}Content-Type: application/json\r\n"
        f"Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    status, _, answer, _ = client._exchange(head.encode("latin-1") + body)
    if status != 202:
        raise ApiError("POST restore/error", status, answer)


OWN_FRAMES += (_failure_of.__code__, _until_restored.__code__, _run_after_restore.__code__)
