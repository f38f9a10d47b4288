"""When a signal becomes an exception, and when it waits."""

from __future__ import annotations

import signal

import pytest

from benchmarks.aws.interruptions import SIGNALS, Interruptions


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_the_first_signal_ends(number: signal.Signals, ending: type[BaseException]) -> None:
    """Ctrl-C as always, the others with the status that shells know."""
    with Interruptions(), pytest.raises(ending) as raised:
        signal.raise_signal(number)
    assert number == signal.SIGINT or raised.value.args == (128 + number,)


def test_a_call_under_way_is_finished_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The exception comes at the end of the block, even if the block is one in another, and only once."""
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
    assert "stopping after the call that is under way" in capsys.readouterr().err


def test_a_failing_call_does_not_swallow_the_signal() -> None:
    """The signal wins: the error is its context."""
    with Interruptions() as interruptions, pytest.raises(KeyboardInterrupt) as raised, interruptions.deferred():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("the service refuses")
    assert isinstance(raised.value.__context__, ValueError)


def test_nothing_follows_the_first_one(capsys: pytest.CaptureFixture[str]) -> None:
    """An impatient second Ctrl-C, in the deleting, says what goes on and changes nothing."""
    with Interruptions() as interruptions:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with interruptions.deferred():
            signal.raise_signal(signal.SIGTERM)
    assert capsys.readouterr().err.count("still deleting what was made") == 2


def test_held_from_the_start_of_the_deleting() -> None:
    """A first signal that comes when the deleting has begun is without effect."""
    with Interruptions() as interruptions:
        interruptions.hold()
        signal.raise_signal(signal.SIGINT)


def test_the_handlers_of_before_are_back() -> None:
    """Nothing of it is left."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruptions():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
