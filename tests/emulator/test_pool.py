"""The pool of environments: scale-out, limit, queue, scale-in, versions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.errors import TooManyRequests, UnknownQualifier

from .environment_harness import HELD, answered, completed, running
from .waiting import Gate, alive, until

WriteHandler = Callable[[str], Path]


def test_sequential_invocations_share_environment(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Sequential invocations share one environment, even if they follow without a pause."""

    async def scenario() -> None:
        async with running(write_handler(HELD), socket_runtime) as function:
            pids = {(await function.invoke())[0]["pid"] for _ in range(20)}
            eager = [json.loads((await answered(function.submit())).payload)["pid"] for _ in range(20)]
            assert {*pids, *eager} == {function.host.pool.environments[0].pid}

    asyncio.run(scenario())


def test_concurrent_invocations_have_separate_environments(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """Fifty concurrent invocations have separate processes, ports, log streams and folders; one more is rejected."""

    async def scenario() -> None:
        gate = Gate(tmp_path)
        settings = {"concurrency": 50, "timeout_s": 60.0, "init_timeout_s": 60.0}
        async with running(write_handler(HELD), socket_runtime, **settings) as function:
            invocations = [function.submit({"gate": str(gate.path)}) for _ in range(50)]
            await function.held(50)
            with pytest.raises(TooManyRequests, match="all 50 execution environments"):
                await answered(function.submit())
            await gate.open_from_loop()
            seen = [json.loads((await answered(invocation)).payload) for invocation in invocations]
            for invocation in invocations:
                assert (await completed(invocation)).report.init_duration_ms is not None
            assert len({each["pid"] for each in seen}) == 50
            for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "TMPDIR"):
                assert len({each["env"][name] for each in seen}) == 50
            pids = [environment.pid for environment in function.host.pool.environments]
            assert sorted(each["pid"] for each in seen) == sorted(pid for pid in pids if pid)
        assert not [pid for pid in pids if pid and alive(pid)]

    asyncio.run(scenario())


def test_queued_invocations_run_within_limit(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A thousand queued invocations get matching responses within the concurrency limit."""

    async def scenario() -> None:
        async with running(write_handler(HELD), socket_runtime, concurrency=3, timeout_s=60.0) as function:
            invocations = [function.submit({"n": number}, queue=True) for number in range(1000)]
            await until(lambda: function.host.pool.queued == 997)
            assert function.host.pool.busy == 3
            for number, invocation in enumerate(invocations):
                assert json.loads((await answered(invocation)).payload)["event"] == {"n": number}
                await completed(invocation)
            assert len(function.host.pool.environments) == 3
            assert function.host.pool.queued == 0

    asyncio.run(scenario())


def test_queue_continues_after_crashes(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Queued invocations complete although every third one crashes its process."""
    source = "import os\ndef handler(event, context):\n    if event['n'] % 3 == 0: os._exit(1)\n    return event['n']"

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime, concurrency=2) as function:
            invocations = [function.submit({"n": number}, queue=True) for number in range(30)]
            for number, invocation in enumerate(invocations):
                answer = await answered(invocation)
                if number % 3:
                    assert json.loads(answer.payload) == number
                else:
                    assert answer.error_type == "Runtime.ExitError"

    asyncio.run(scenario())


def test_idle_environments_are_removed(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Process and folder of an idle environment are removed; the next invocation is a cold start."""

    async def scenario() -> None:
        async with running(write_handler(HELD), socket_runtime, idle_timeout_s=0.05) as function:
            seen, _ = await function.invoke()
            await until(lambda: not function.host.pool.environments)
            await until(lambda: not alive(seen["pid"]) and not Path(seen["env"]["TMPDIR"]).exists())
            again, completion = await function.invoke()
            assert again["pid"] != seen["pid"]
            assert completion.report.init_duration_ms is not None

    asyncio.run(scenario())


def test_provisioned_environments_are_never_removed(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """Provisioned environments start before the first invocation and are never scaled in."""

    async def scenario() -> None:
        gate = Gate(tmp_path)
        settings = {"provisioned": 2, "concurrency": 3, "idle_timeout_s": 0.05}
        async with running(write_handler(HELD), socket_runtime, **settings) as function:
            ahead = {environment.pid for environment in function.host.pool.environments}
            assert len(ahead) == 2 and None not in ahead
            invocations = [function.submit({"gate": str(gate.path)}) for _ in range(3)]
            await function.held(3)
            await gate.open_from_loop()
            seen = [json.loads((await answered(invocation)).payload) for invocation in invocations]
            kinds = {each["pid"]: each["env"]["AWS_LAMBDA_INITIALIZATION_TYPE"] for each in seen}
            assert {pid for pid, kind in kinds.items() if kind == "provisioned-concurrency"} == ahead
            assert sorted(kinds.values()) == ["on-demand", *["provisioned-concurrency"] * 2]
            assert sorted(invocation.cold for invocation in invocations) == [False, False, True]
            await until(lambda: len(function.host.pool.environments) == 2)
            assert {environment.pid for environment in function.host.pool.environments} == ahead

    asyncio.run(scenario())


def test_each_version_has_separate_environments(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Each version has separate environments; an alias shares those of its version."""

    async def scenario() -> None:
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

    asyncio.run(scenario())


def test_idle_environment_is_replaced_for_version(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """At the limit an environment is replaced for another version: an idle one immediately, a busy one later."""

    async def scenario() -> None:
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
            await gate.open_from_loop()
            await completed(held)
            seen = json.loads((await answered(waiting)).payload)
            assert seen["env"]["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
            await completed(waiting)

    asyncio.run(scenario())


def test_reload_starts_environment_for_queue(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """A reload starts a new environment for queued invocations while the old one completes its invocation."""

    async def scenario() -> None:
        gate = Gate(tmp_path)
        async with running(write_handler(HELD), socket_runtime, concurrency=1) as function:
            held = function.submit({"gate": str(gate.path)})
            await function.held()
            waiting = function.submit(queue=True)
            await until(lambda: function.host.pool.queued == 1)
            await function.host.reload()
            seen = json.loads((await answered(waiting)).payload)
            await completed(waiting)
            await gate.open_from_loop()
            old = json.loads((await answered(held)).payload)["pid"]
            assert seen["pid"] != old
            await until(lambda: not alive(old))
            assert [environment.pid for environment in function.host.pool.environments] == [seen["pid"]]

    asyncio.run(scenario())
