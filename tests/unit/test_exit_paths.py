"""Tests of `_runtime`: the exit status of each exception that ends the loop, and of exits in handlers."""

from __future__ import annotations

from typing import Any

import pytest

from awslambdaric_lite import _function_errors, _runtime
from awslambdaric_lite._codec import Marshaller

from .recording_sink import RecordingSink


@pytest.mark.parametrize(
    ("error", "statuses", "raised"),
    [
        (SystemExit(3), [3], True),
        (SystemExit(), [0], True),
        (SystemExit("text"), [1], True),
        (KeyboardInterrupt(), [130], False),
        (_function_errors.ConnectionLost("lost"), [1], False),
        (_function_errors.SettingError("malformed"), [1], False),
        (_function_errors.ForkedChild(), [1, 1], False),
        (ZeroDivisionError("of a tool"), [1], True),
        (GeneratorExit(), [1], True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exception_ends_the_runtime_with_its_status(
    error: BaseException,
    statuses: list[int],
    raised: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The time until the exit is limited with the status of the exception, which is printed or raised again."""
    seen: list[int] = []

    def fail(*_: object) -> None:
        raise error

    def limit(status: int) -> int:
        seen.append(status)
        return status

    monkeypatch.setattr(_runtime, "read_settings", fail)
    monkeypatch.setattr(_runtime, "_exit", limit)
    monkeypatch.setattr(_runtime, "_exit_at_once", seen.append)
    if raised:
        with pytest.raises(type(error)) as caught:
            _runtime.main(["runtime"])
        assert caught.value is error
    else:
        assert _runtime.main(["runtime"]) in (statuses[0], None)
    assert seen == statuses
    printed = isinstance(error, _function_errors.RuntimeFailure | _function_errors.ForkedChild)
    assert capsys.readouterr().err == (f"awslambdaric-lite: {error}\n" if printed else "")


class Client:
    """A client that records the errors that are posted."""

    marshaller = Marshaller()

    def __init__(self, *, finishing: bool, forked: bool) -> None:
        self.finishing = finishing
        self.forked = forked
        self.posted: list[str] = []

    def post_invocation_error(self, invoke_id: str, *_: object) -> None:
        """Record the request."""
        self.posted.append(invoke_id)


@pytest.mark.parametrize(
    ("error", "finishing", "forked", "posted", "raised"),
    [
        (SystemExit(3), False, False, True, True),
        (SystemExit(3), False, True, False, True),
        (SystemExit(3), True, False, False, True),
        (ValueError("x"), False, False, True, False),
        (ValueError("x"), False, True, True, False),
        (ValueError("x"), True, False, False, True),
        (_function_errors.Fault("Runtime.X", "x"), True, False, True, False),
        (_function_errors.Fault("Runtime.X", "x"), False, True, True, False),
    ],
)
def test_error_is_posted_unless_the_process_is_forked_or_finishing(
    error: BaseException, finishing: bool, forked: bool, posted: bool, raised: bool
) -> None:
    """An exit in a forked process, and an exception after the last reply, are raised again and not posted."""

    def handler(event: object, context: object) -> None:
        raise error

    client: Any = Client(finishing=finishing, forked=forked)
    arguments = (client, handler, "id-1", b"{}", "application/json", None, None, None, 0, None, RecordingSink())
    if raised:
        with pytest.raises(type(error)) as caught:
            _runtime.handle_event_request(*arguments)
        assert caught.value is error
    else:
        _runtime.handle_event_request(*arguments)
    assert client.posted == ["id-1"] * posted
    assert client.finishing == (finishing or (type(error) is SystemExit and posted))
