"""Which processes an environment's port serves: its own, in whatever group they are, and no others."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.environments import members
from awslambdaric_lite.emulator.environments.members import Members

from .environment_harness import running
from .waiting import WAIT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not tell whose it is")

PING = "GET /2018-06-01/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
ASK = f"""
import socket, sys
host, _, port = sys.argv[1].rpartition(":")
family = socket.AF_INET6 if ":" in host else socket.AF_INET
with socket.socket(family) as client:
    client.settimeout({WAIT})
    client.connect((host, int(port)))
    client.sendall({PING!r}.encode())
    print(client.recv(65536).decode().splitlines()[0])
"""
HANDLER = """
import os, subprocess, sys
ASK = {ask!r}
def handler(event, context):
    if isinstance(event, dict):
        return os.environ["AWS_LAMBDA_RUNTIME_API"]
    address, how = event
    env = dict(os.environ)
    if how == "forged variable":
        env["AWS_LAMBDA_RUNTIME_API"] = address
    if how == "no variables":
        env = {{}}
    command = [sys.executable, "-c", ASK, address]
    if how == "orphan":
        command = ["/bin/sh", "-c", '"$@" & exit', "sh", *command]
    session = how in ("session", "orphan", "forged variable")
    done = subprocess.run(command, env=env, start_new_session=session, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()
"""
WAYS = ["child", "session", "orphan", "no variables", "forged variable"]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_environment_serves_its_own_processes_only(
    write_handler: Callable[..., Path],
    socket_runtime: list[str],
    caplog: pytest.LogCaptureFixture,
    how: str,
    host: str,
) -> None:
    """A process gets an answer from the port of the same environment, and 403 from that of another one."""
    caplog.set_level(logging.WARNING)

    async def scenario() -> None:
        root = write_handler(HANDLER.format(ask=ASK))
        start = functools.partial(running, root, socket_runtime, freeze=False)
        async with start() as first, start() as second:
            own, _ = await first.invoke()
            other, _ = await second.invoke()
            own, other = (f"{host}:{address.rpartition(':')[2]}" for address in (own, other))
            status, _ = await first.invoke([other, how])
            assert status == "HTTP/1.1 403 Forbidden"
            assert caplog.messages == [
                f"{other.replace(host, '127.0.0.1')} refused a process that is not one of this environment"
            ]
            if how != "forged variable":
                status, _ = await first.invoke([own, how])
                assert status == "HTTP/1.1 200 OK"
            assert len(caplog.messages) == 1
            assert (await second.invoke())[0].endswith(other.rpartition(":")[2])

    asyncio.run(scenario())


def test_process_of_another_program_is_refused(write_handler: Callable[..., Path], socket_runtime: list[str]) -> None:
    """A process that no environment started gets 403 on each request of its connection."""

    async def scenario() -> None:
        root = write_handler(HANDLER.format(ask=ASK))
        async with running(root, socket_runtime, freeze=False) as function:
            address, _ = await function.invoke()
            ask = [sys.executable, "-c", ASK, address]
            asking = await asyncio.create_subprocess_exec(*ask, stdout=subprocess.PIPE)
            output, _ = await asyncio.wait_for(asking.communicate(), WAIT)
            assert output == b"HTTP/1.1 403 Forbidden\n"

    asyncio.run(scenario())


@pytest.fixture
def connection() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection of this process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def test_client_is_looked_for_once_for_a_connection(
    write_handler: Callable[..., Path], socket_runtime: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for a client's process costs nothing for further requests of its connection."""
    found: list[object] = []
    original = members._find_socket

    def find(*addresses: tuple[str, int]) -> tuple[int, int] | None:
        found.append(addresses)
        return original(*addresses)

    monkeypatch.setattr(members, "_find_socket", find)

    async def scenario() -> None:
        root = write_handler("def handler(event, context): return event\n")
        async with running(root, socket_runtime) as function:
            for number in range(5):
                await function.invoke(number)
            assert len(found) == 1

    asyncio.run(scenario())


def test_own_process_and_unknown_clients_are_accepted(connection: tuple[socket.socket, socket.socket]) -> None:
    """The local Lambda's own process is accepted; of a socket that is not there nothing is known."""
    client, server = connection
    group = Members(lambda: [])
    assert group.have(client.getsockname(), server.getsockname()) is True
    assert group.have(("127.0.0.1", 1), ("127.0.0.1", 1)) is None
    client.close()
    assert group.have(server.getpeername(), server.getsockname()) is None  # its process may have exited
    server.close()


@pytest.mark.parametrize("missing", ["netlink", "proc"])
def test_client_is_accepted_where_nothing_is_known(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Without the kernel's table of sockets, or without rights to read other processes, a client is accepted."""
    client, server = connection
    if missing == "netlink":
        monkeypatch.delattr(socket, "AF_NETLINK")
    else:

        def refuse(path: str) -> list[str]:
            raise PermissionError(path)

        monkeypatch.setattr(os, "listdir", refuse)
        monkeypatch.setattr(Members, "_others", lambda self: [])
    with client, server:
        assert Members(lambda: [os.getpid()]).have(client.getsockname(), server.getsockname()) is None
