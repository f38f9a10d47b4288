"""Delivery of telemetry to a subscriber: batches, attempts, losses, and freezes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from awslambdaric_lite.emulator.extensions import delivery
from awslambdaric_lite.emulator.extensions.delivery import Subscriber
from awslambdaric_lite.emulator.extensions.destinations import DeliveryFailed, TcpSender
from awslambdaric_lite.emulator.extensions.subscription import Destination, Subscription
from awslambdaric_lite.emulator.logs.stream import TelemetryRecord
from awslambdaric_lite.emulator.logs.timestamps import now

from .telemetry_listener import TelemetryListener
from .waiting import WAIT, until

ALL = ("platform", "function", "extension")


def record(text: str | dict[str, Any] = "hello", kind: str = "function") -> TelemetryRecord:
    """Return a record with the current time."""
    return TelemetryRecord(now(), kind, text)


def subscription(listener: TelemetryListener, timeout_s: float = 0.025, **changes: Any) -> Subscription:
    """Return a subscription that delivers to the listener."""
    settings: dict[str, Any] = {"types": ALL, "max_items": 1000, "max_bytes": 262_144, "as_text": False}
    return Subscription(destination=Destination(listener.port, listener.url), timeout_s=timeout_s, **settings | changes)


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine with a time limit."""
    asyncio.run(asyncio.wait_for(test, 3 * WAIT))


def test_batch_is_sent_after_timeout() -> None:
    """After the timeout all records are posted in order as one array to the subscribed path."""

    async def main() -> None:
        listener = TelemetryListener()
        subscriber = Subscriber("one", subscription(listener))
        for number in range(3):
            subscriber.add(record(str(number)))
        await until(lambda: bool(listener.batches))
        [batch] = listener.batches
        assert [(event["type"], event["record"]) for event in batch] == [("function", str(n)) for n in range(3)]
        assert batch[0]["time"].endswith("Z") and len(batch[0]["time"]) == 24
        assert listener.paths == ["/telemetry?from=test"]
        await subscriber.close()
        await listener.close()

    run(main())


@pytest.mark.parametrize(("text", "limit"), [("x", {"max_items": 1000}), ("x" * 1000, {"max_bytes": 262_144})])
def test_full_batch_is_sent_early(text: str, limit: dict[str, int]) -> None:
    """A batch that is full by count or size is sent before the timeout, and no record is lost or repeated."""

    async def main() -> None:
        listener = TelemetryListener()
        subscriber = Subscriber("one", subscription(listener, timeout_s=30.0, **limit))
        for number in range(1000):
            subscriber.add(record(f"{number} {text}"))
        await until(lambda: bool(listener.batches))
        await subscriber.flush(WAIT)
        numbers = [int(event["record"].split()[0]) for batch in listener.batches for event in batch]
        assert numbers == list(range(1000))
        assert len(listener.batches) == (1 if len(text) == 1 else 5)
        await subscriber.close()
        await listener.close()

    run(main())


def test_only_subscribed_types_are_sent() -> None:
    """Only records of the subscribed types are sent; the oldest schema has function records as strings."""

    async def main() -> None:
        listener = TelemetryListener()
        subscriber = Subscriber("one", subscription(listener, types=("platform", "function"), as_text=True))
        subscriber.add(record("no", "extension"))
        subscriber.add(record({"level": "INFO", "message": "ü"}))
        subscriber.add(record({"requestId": "id"}, "platform.start"))
        await subscriber.flush(WAIT)
        [batch] = listener.batches
        assert [event["record"] for event in batch] == ['{"level":"INFO","message":"ü"}', {"requestId": "id"}]
        await subscriber.close()
        await listener.close()

    run(main())


def test_rejected_batch_is_sent_again() -> None:
    """A batch is sent again after server errors."""

    async def main() -> None:
        listener = TelemetryListener()
        listener.statuses = [500, 503]
        subscriber = Subscriber("one", subscription(listener))
        subscriber.add(record("first"))
        subscriber.add(record("second"))
        await until(lambda: bool(listener.batches))
        assert listener.attempts == 3
        assert [event["record"] for event in listener.batches[0]] == ["first", "second"]
        await subscriber.close()
        await listener.close()

    run(main())


def test_lost_records_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is dropped after its last attempt, and the next one begins with `platform.logsDropped`."""
    monkeypatch.setattr(delivery, "PAUSES_S", (0.0, 0.01))

    async def main() -> None:
        listener = TelemetryListener()
        listener.statuses = [500] * 4
        subscriber = Subscriber("one", subscription(listener))
        sizes = 0
        for text in ("lost", "lost as well"):
            lost = record(text)
            sizes += len(lost.line())
            subscriber.add(lost)
            await subscriber.flush(WAIT)
        subscriber.add(record("arrives"))
        await subscriber.flush(WAIT)
        [[dropped, arrived]] = listener.batches
        assert dropped["type"] == "platform.logsDropped"
        assert dropped["record"] == {
            "reason": "could not send events: the listener answered 500",
            "droppedRecords": 2,
            "droppedBytes": sizes,
        }
        assert arrived["record"] == "arrives"
        subscriber.add(record("and so on"))
        await subscriber.flush(WAIT)
        assert len(listener.batches[1]) == 1
        await subscriber.close()
        await listener.close()

    run(main())


def test_slow_subscriber_loses_counted_records() -> None:
    """Batches above the buffer of a slow subscriber are dropped and reported with their number of records."""

    async def main() -> None:
        listener = TelemetryListener()
        listener.answering.clear()
        subscriber = Subscriber("one", subscription(listener, timeout_s=30.0))
        total = 20_000
        for number in range(total):
            subscriber.add(record(str(number)))
        listener.answering.set()
        await subscriber.flush(WAIT)
        subscriber.add(record("last"))
        await subscriber.flush(WAIT)
        events = [event for batch in listener.batches for event in batch]
        dropped = [event["record"] for event in events if event["type"] == "platform.logsDropped"]
        lost = sum(each["droppedRecords"] for each in dropped)
        assert lost > 0
        assert "slower than the logs production rate" in dropped[0]["reason"]
        assert len(events) - len(dropped) + lost == total + 1
        assert events[-1]["record"] == "last"
        await subscriber.close()
        await listener.close()

    run(main())


def test_freeze_suspends_delivery_and_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the environment is frozen nothing is sent, and the time limit of an attempt is suspended."""
    monkeypatch.setattr(delivery, "ATTEMPT_LIMIT_S", 0.5)

    async def main() -> None:
        listener = TelemetryListener()
        subscriber = Subscriber("one", subscription(listener))
        subscriber.add(record("while awake"))
        subscriber.pause()
        subscriber.add(record("while frozen"))
        await asyncio.sleep(0.1)
        assert listener.attempts == 0
        listener.answering.clear()
        subscriber.resume()
        await until(lambda: listener.attempts == 1)
        subscriber.pause()
        await asyncio.sleep(0.7)  # longer than the limit of an attempt
        listener.answering.set()
        subscriber.resume()
        await subscriber.flush(WAIT)
        assert listener.attempts == 1
        assert [event["record"] for event in listener.batches[0]] == ["while awake", "while frozen"]
        await subscriber.close()
        await listener.close()

    run(main())


def test_unresponsive_listener_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delivery to a listener that never responds ends after the last attempt."""
    monkeypatch.setattr(delivery, "ATTEMPT_LIMIT_S", 0.5)
    monkeypatch.setattr(delivery, "PAUSES_S", (0.0, 0.01))

    async def main() -> None:
        listener = TelemetryListener()
        listener.answering.clear()
        subscriber = Subscriber("one", subscription(listener))
        subscriber.add(record())
        await subscriber.flush(WAIT)
        assert (listener.attempts, listener.batches) == (2, [])
        await subscriber.close()
        await listener.close()

    run(main())


def test_tcp_sender_reconnects() -> None:
    """TCP delivery sends lines of JSON over one connection and reconnects after a disconnect."""

    async def main() -> None:
        connections: list[asyncio.StreamWriter] = []
        lines: list[dict[str, Any]] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(writer)
            while line := await reader.readline():
                lines.append(json.loads(line))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        sender = TcpSender(server.sockets[0].getsockname()[1])
        for text in ("a", "b"):
            await sender.send([record(text).line().encode()])
        await until(lambda: len(lines) == 2)
        assert ([line["record"] for line in lines], len(connections)) == (["a", "b"], 1)
        connections[0].close()
        await until(lambda: not sender.connected)
        await sender.send([record("c").line().encode(), record("d").line().encode()])
        await until(lambda: len(lines) == 4)
        assert ([line["record"] for line in lines[2:]], len(connections)) == (["c", "d"], 2)
        sender.close()
        connections[1].close()
        server.close()
        await server.wait_closed()
        with pytest.raises(DeliveryFailed):
            await sender.send([b"{}"])

    run(main())


def test_closed_port_loses_records() -> None:
    """Records for a closed port are dropped without an error."""

    async def main() -> None:
        listener = TelemetryListener()
        settings = subscription(listener)
        await listener.close()
        subscriber = Subscriber("one", settings)
        subscriber.add(record())
        await subscriber.flush(WAIT)
        await subscriber.close()

    run(main())
