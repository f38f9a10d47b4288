"""The processes of one environment, and whether one of them has a certain connection.

Every process of this machine can connect to an environment's port. Linux tells which socket has the client's address,
and which processes have that socket open. Where this is not known, e.g. on other systems, a client is accepted.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .memory import descendants

Address = tuple[str, int]

# Source: linux/netlink.h, linux/inet_diag.h and sock_diag(7).
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_PORTS = struct.Struct("!HH")
_NO_COOKIE = b"\0\0\0\0" + b"\xff" * 8  # after the number of the interface
_REPLY = struct.Struct("=80xII")  # the user and the inode after header, state, ports, addresses, timers and queues


class Members:
    """Processes of an environment: those of its process groups, their descendants, and orphans with its variable.

    `leaders` returns the ids of the processes that the local Lambda started for the environment.
    """

    def __init__(self, leaders: Callable[[], Sequence[int]]) -> None:
        self.variable = ""
        """`NAME=value`, with which all processes of the environment start, and no process of another one."""
        self._leaders = leaders

    def have(self, client: Address, server: Address) -> bool | None:
        """Return whether one of the processes has the client's end of a connection, or None if that is not known."""
        found = _find_socket(client, server)
        if found is None:
            return None
        user, inode = found
        holders = [_has_socket(pid, inode) for pid in (os.getpid(), *self._family())]
        if True not in holders:
            holders += [_has_socket(pid, inode) for pid in self._others()]
        if True in holders:
            return True
        return None if None in holders or os.geteuid() not in (0, user) else False

    def _family(self) -> Iterator[int]:
        for leader in self._leaders():
            yield leader
            yield from descendants(leader)

    def _others(self) -> Iterator[int]:
        """Yield the processes that have left the family."""
        leaders = set(self._leaders())
        for name in filter(str.isdigit, os.listdir("/proc")):
            relatives = _relatives(int(name))
            if leaders.intersection(relatives) or self._is_orphan(int(name), relatives):
                yield int(name)

    def _is_orphan(self, pid: int, relatives: set[int]) -> bool:
        """Return whether a process has the variable, and did not get it from a process of another environment."""
        if self.variable not in _variables(pid):
            return False
        prefix = self.variable.partition("=")[0] + "="
        inherited = {each for relative in relatives for each in _variables(relative) if each.startswith(prefix)}
        return inherited <= {self.variable}


def _find_socket(client: Address, server: Address) -> tuple[int, int] | None:
    """Return the user and the inode of the client's socket; None if the kernel does not tell."""
    try:
        family = socket.AF_INET6 if ":" in client[0] else socket.AF_INET
        addresses = b"".join(socket.inet_pton(family, host).ljust(16, b"\0") for host in (client[0], server[0]))
        ports = _PORTS.pack(client[1], server[1])
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ports + addresses + _NO_COOKIE
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.send(_HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, 1, 1, 0) + body)
            reply = kernel.recv(8192)
    except (AttributeError, OSError):  # not Linux, or not allowed
        return None
    if len(reply) < _REPLY.size or _HEADER.unpack_from(reply)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    user, inode = _REPLY.unpack_from(reply)
    return (user, inode) if inode else None  # none is left of a process that has exited


def _has_socket(pid: int, inode: int) -> bool | None:
    """Return whether a process has a socket open; None if its descriptors cannot be read."""
    wanted = f"socket:[{inode}]"
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except PermissionError:
        return None
    except OSError:  # it has exited
        return False
    return any(_target(f"/proc/{pid}/fd/{each}") == wanted for each in descriptors)


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:  # the descriptor was closed
        return ""


def _relatives(pid: int) -> set[int]:
    """Return the ancestors of a process and the leader of its session."""
    found: set[int] = set()
    fields = _stat(pid)
    if fields:
        found.add(int(fields[3]))  # from the third field of proc_pid_stat(5) on
    while fields and (parent := int(fields[1])) > 1 and parent not in found:
        found.add(parent)
        fields = _stat(parent)
    return found


def _stat(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:  # it has exited
        return []


def _variables(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "surrogateescape").split("\0")
    except OSError:  # it has exited, or is another user's
        return []
