"""Whether a request names this machine, and whether it comes from a web page of another origin.

A browser lets a page read what its own host name serves, and the owner of a name can point it at this machine. So a
request has to name a host that nobody can point elsewhere, or one that the user allows.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable

from .exchange import RecordedRequest

Address = tuple[str, int]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Of this machine in /etc/hosts, and of the sandbox in AWS's documentation.
_LOOPBACK_NAMES = {
    *("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"),
    *("sandbox", "sandbox.localdomain"),
}
_SUFFIXES = (
    *(".localhost", ".test", ".example", ".invalid"),  # reserved; source: RFC 6761
    ".internal",  # reserved by ICANN, and Docker's name of the host
    *(".on.aws", ".amazonaws.com", ".api.aws"),  # AWS's own
)
_AUTHORITY = re.compile(r"(\[[^\]@/]*\]|[^:\[\]@/]*)(?::[0-9]*)?")
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_NUMBERS = re.compile(r"[0-9a-fx]*(?:\.[0-9a-fx]*)*")
_SAME_ORIGIN = (None, "same-origin", "none")  # of Sec-Fetch-Site; "none" is a user who typed the address


def canonical_host(host: str) -> str | None:
    """Return a host name in lower case, or an address in its usual form; None for text that is neither."""
    host = host.lower().removesuffix(".")
    address = _address(host)
    if address is not None:
        return str(address)
    return host if _NAME.fullmatch(host) else None


class AllowedHosts:
    """Hosts that requests to one listener may name: this machine's, those that are safe, and `names`."""

    def __init__(self, listening: str, names: Iterable[str]) -> None:
        self._names = {canonical_host(name) for name in (listening, *names)} - {None}

    def refusal(self, request: RecordedRequest, authority: str | None, local: str) -> str | None:
        """Return the reason why a request is refused, or None.

        `authority` is that of a request target in absolute form, and `local` this machine's address of the connection.
        """
        for named in (request.header("Host"), authority):
            if named and not self._is_allowed(named, local):  # no browser sends a request that names no host
                shown = named.encode("ascii", "backslashreplace").decode()[:255]
                host = shown.partition(":")[0] if shown.count(":") < 2 else shown
                return (
                    f"host {shown!r} is not a name of this machine; if it is, allow it with --allow-host {host} "
                    f"or LocalLambda(allow_hosts=[{host!r}])\n"
                )
        return None

    def _is_allowed(self, named: str, local: str) -> bool:
        parts = _AUTHORITY.fullmatch(named)
        host = None if parts is None else canonical_host(parts[1])
        if host is None:
            return False
        address = _address(host)
        if address is not None:
            return address.is_loopback or host in self._names or host == canonical_host(local)
        return host in _LOOPBACK_NAMES or host.endswith(_SUFFIXES) or host in self._names


class Gate:
    """Gate for the requests of one connection; `is_foreign` gets the addresses of both ends, once."""

    def __init__(self, hosts: AllowedHosts, is_foreign: Callable[[Address, Address], bool]) -> None:
        self._hosts = hosts
        self._is_foreign = is_foreign
        self._refuses_all: bool | None = None  # not known yet

    def refusal(
        self, request: RecordedRequest, authority: str | None, client: Address, server: Address
    ) -> tuple[int, str] | None:
        """Return status and text for a request that is refused, or None."""
        if (reason := self._hosts.refusal(request, authority, str(server[0]))) is not None:
            return 421, reason
        if self._refuses_all is None:
            self._refuses_all = self._is_foreign(client, server)
        return (403, "this process is not one of this environment\n") if self._refuses_all else None


def foreign_origin(request: RecordedRequest) -> str | None:
    """Return the reason why a request of a web page of another origin is refused, or None for any other request."""
    origin, site = request.header("Origin"), request.header("Sec-Fetch-Site")
    own = origin is None or _without_scheme(origin) == _without_default_port((request.header("Host") or "").lower())
    if own and site in _SAME_ORIGIN:
        return None
    shown = (origin or "another origin").encode("ascii", "backslashreplace").decode()[:255]
    return f"a web page of {shown} cannot call this API; it can call the function URL, e.g. with --cors-origin\n"


def _without_scheme(origin: str) -> str | None:
    scheme, found, authority = origin.lower().partition("://")
    return _without_default_port(authority) if found and scheme in ("http", "https") else None


def _without_default_port(authority: str) -> str:
    return authority.removesuffix(":80").removesuffix(":443")


def _address(host: str) -> _Address | None:
    """Return an address, also one in an odd notation that resolvers take, e.g. `127.1` or `0x7f.1`."""
    try:
        if _NUMBERS.fullmatch(host) and host[:1].isdigit():
            return ipaddress.IPv4Address(socket.inet_aton(host))
        address = ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]").partition("%")[0])
    except (ValueError, OSError):
        return None
    return address.ipv4_mapped or address
