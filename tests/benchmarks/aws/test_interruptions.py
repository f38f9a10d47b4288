"""Signals that become exceptions at safe moments."""

from __future__ import annotations

import signal

import pytest

from benchmarks.aws.interruptions import SIGNALS, Interruptions


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_first_signal_raises_its_exception(number: signal.Signals, ending: type[BaseException]) -> None:
    """SIGINT raises KeyboardInterrupt, and other signals raise SystemExit with the shell's status."""
    with Interruptions(), pytest.raises(ending) as raised:
        signal.raise_signal(number)
    assert number == signal.SIGINT or raised.value.args == (128 + number,)


def test_signal_waits_for_current_call(capsys: pytest.CaptureFixture[str]) -> None:
    """The exception is raised once, when the outermost block of a call has ended."""
    done = []
    with Interruptions() as interruptions, pytest.raises(KeyboardInterrupt):
        with interruptions.deferred():
            with interruptions.deferred():
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                done.append("the call")
            done.append("what belongs to it")
        done.append("not this")
    assert done == ["the call", "what belongs to it"]
    assert "stopping after the current call" in capsys.readouterr().err


def test_failed_call_keeps_signal() -> None:
    """A signal during a call that fails is raised, with the error of the call as its context."""
    with Interruptions() as interruptions, pytest.raises(KeyboardInterrupt) as raised, interruptions.deferred():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("the service refuses")
    assert isinstance(raised.value.__context__, ValueError)


def test_second_signal_is_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    """A second Ctrl-C during deletion prints that deletion continues, and raises nothing."""
    with Interruptions() as interruptions:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with interruptions.deferred():
            signal.raise_signal(signal.SIGTERM)
    assert capsys.readouterr().err.count("still deleting resources") == 2


def test_held_signal_is_ignored() -> None:
    """A first signal that arrives during deletion raises nothing."""
    with Interruptions() as interruptions:
        interruptions.hold()
        signal.raise_signal(signal.SIGINT)


def test_previous_handlers_are_restored() -> None:
    """After the block the signals have their previous handlers."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruptions():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
