"""Which environment takes which invocation: scale-out, the limit, the queue, scale-in, versions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.errors import TooManyRequests, UnknownQualifier

from .environment_harness import HELD, Gate, alive, answered, completed, running, until

WriteHandler = Callable[[str], Path]


def test_a_warm_environment_is_used_again(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """One invocation after another needs one environment, whoever asks how fast."""

    async def story() -> None:
        async with running(write_handler(HELD), socket_runtime) as function:
            pids = {(await function.invoke())[0]["pid"] for _ in range(20)}
            eager = [json.loads((await answered(function.submit())).payload)["pid"] for _ in range(20)]
            assert {*pids, *eager} == {function.host.pool.environments[0].pid}

    asyncio.run(story())


def test_fifty_at_once(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """Each has a process, a port, a log stream and a folder of its own; one more is one too many."""

    async def story() -> None:
        gate = Gate(tmp_path)
        settings = {"concurrency": 50, "timeout_s": 60.0, "init_timeout_s": 60.0}
        async with running(write_handler(HELD), socket_runtime, **settings) as function:
            invocations = [function.submit({"gate": str(gate.path)}) for _ in range(50)]
            await function.held(50)
            with pytest.raises(TooManyRequests, match="all 50 execution environments"):
                await answered(function.submit())
            await gate.open()
            seen = [json.loads((await answered(invocation)).payload) for invocation in invocations]
            for invocation in invocations:
                assert (await completed(invocation)).report.init_duration_ms is not None
            assert len({each["pid"] for each in seen}) == 50
            for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "TMPDIR"):
                assert len({each["env"][name] for each in seen}) == 50
            pids = [environment.pid for environment in function.host.pool.environments]
            assert sorted(each["pid"] for each in seen) == sorted(pid for pid in pids if pid)
        assert not [pid for pid in pids if pid and alive(pid)]

    asyncio.run(story())


def test_a_thousand_in_the_queue(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """None is lost, each gets its own answer, and the limit holds."""

    async def story() -> None:
        async with running(write_handler(HELD), socket_runtime, concurrency=3, timeout_s=60.0) as function:
            invocations = [function.submit({"n": number}, queue=True) for number in range(1000)]
            await until(lambda: function.host.pool.queued == 997)
            assert function.host.pool.busy == 3
            for number, invocation in enumerate(invocations):
                assert json.loads((await answered(invocation)).payload)["event"] == {"n": number}
                await completed(invocation)
            assert len(function.host.pool.environments) == 3
            assert function.host.pool.queued == 0

    asyncio.run(story())


def test_the_queue_outlives_crashes(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Every third invocation kills its process; all of them come to their ends."""
    source = "import os\ndef handler(event, context):\n    if event['n'] % 3 == 0: os._exit(1)\n    return event['n']"

    async def story() -> None:
        async with running(write_handler(source), socket_runtime, concurrency=2) as function:
            invocations = [function.submit({"n": number}, queue=True) for number in range(30)]
            for number, invocation in enumerate(invocations):
                answer = await answered(invocation)
                if number % 3:
                    assert json.loads(answer.payload) == number
                else:
                    assert answer.error_type == "Runtime.ExitError"

    asyncio.run(story())


def test_idle_environments_are_scaled_in_to_none(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Process and folder go after the idle time; the next invocation starts cold."""

    async def story() -> None:
        async with running(write_handler(HELD), socket_runtime, idle_timeout_s=0.05) as function:
            seen, _ = await function.invoke()
            await until(lambda: not function.host.pool.environments)
            await until(lambda: not alive(seen["pid"]) and not Path(seen["env"]["TMPDIR"]).exists())
            again, completion = await function.invoke()
            assert again["pid"] != seen["pid"]
            assert completion.report.init_duration_ms is not None

    asyncio.run(story())


def test_provisioned_environments_are_there_before_the_first_invocation(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """They are warm, know what they are, and are never scaled in; beyond them there are ordinary ones."""

    async def story() -> None:
        gate = Gate(tmp_path)
        settings = {"provisioned": 2, "concurrency": 3, "idle_timeout_s": 0.05}
        async with running(write_handler(HELD), socket_runtime, **settings) as function:
            ahead = {environment.pid for environment in function.host.pool.environments}
            assert len(ahead) == 2 and None not in ahead
            invocations = [function.submit({"gate": str(gate.path)}) for _ in range(3)]
            await function.held(3)
            await gate.open()
            seen = [json.loads((await answered(invocation)).payload) for invocation in invocations]
            kinds = {each["pid"]: each["env"]["AWS_LAMBDA_INITIALIZATION_TYPE"] for each in seen}
            assert {pid for pid, kind in kinds.items() if kind == "provisioned-concurrency"} == ahead
            assert sorted(kinds.values()) == ["on-demand", *["provisioned-concurrency"] * 2]
            assert sorted(invocation.cold for invocation in invocations) == [False, False, True]
            await until(lambda: len(function.host.pool.environments) == 2)
            assert {environment.pid for environment in function.host.pool.environments} == ahead

    asyncio.run(story())


def test_each_version_has_environments_of_its_own(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """An alias is its version; what the function sees is the version; unknown qualifiers are refused."""

    async def story() -> None:
        async with running(write_handler(HELD), socket_runtime, aliases={"live": "3", "next": "4"}) as function:
            pids: dict[str, int] = {}
            for qualifier, version in (("live", "3"), ("3", "3"), ("next", "4"), (None, "$LATEST"), ("live", "3")):
                seen, _ = await function.invoke(qualifier=qualifier)
                assert seen["env"]["AWS_LAMBDA_FUNCTION_VERSION"] == version
                assert f"[{version}]" in seen["env"]["AWS_LAMBDA_LOG_STREAM_NAME"]
                assert pids.setdefault(version, seen["pid"]) == seen["pid"]
            assert len(set(pids.values())) == len(function.host.pool.environments) == 3
            with pytest.raises(UnknownQualifier):
                function.submit(qualifier="5")

    asyncio.run(story())


def test_an_idle_environment_makes_room_for_another_version(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """At the limit: an idle one goes at once, a busy one after its invocation, for who waits."""

    async def story() -> None:
        gate = Gate(tmp_path)
        async with running(write_handler(HELD), socket_runtime, aliases={"live": "3"}, concurrency=1) as function:
            first, _ = await function.invoke()
            second, _ = await function.invoke(qualifier="live")
            assert second["env"]["AWS_LAMBDA_FUNCTION_VERSION"] == "3"
            await until(lambda: not alive(first["pid"]))
            held = function.submit({"gate": str(gate.path)}, qualifier="live")
            await function.held()
            with pytest.raises(TooManyRequests):
                await answered(function.submit())
            waiting = function.submit(queue=True)
            await until(lambda: function.host.pool.queued == 1)
            await gate.open()
            await completed(held)
            seen = json.loads((await answered(waiting)).payload)
            assert seen["env"]["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
            await completed(waiting)

    asyncio.run(story())


def test_a_reload_gives_those_who_wait_new_environments(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """Even while the only old one is busy, which finishes its invocation and goes."""

    async def story() -> None:
        gate = Gate(tmp_path)
        async with running(write_handler(HELD), socket_runtime, concurrency=1) as function:
            held = function.submit({"gate": str(gate.path)})
            await function.held()
            waiting = function.submit(queue=True)
            await until(lambda: function.host.pool.queued == 1)
            await function.host.reload()
            seen = json.loads((await answered(waiting)).payload)
            await completed(waiting)
            await gate.open()
            old = json.loads((await answered(held)).payload)["pid"]
            assert seen["pid"] != old
            await until(lambda: not alive(old))
            assert [environment.pid for environment in function.host.pool.environments] == [seen["pid"]]

    asyncio.run(story())
