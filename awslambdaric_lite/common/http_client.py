"""HTTP requests of the tools to the outside, by urllib3."""

from __future__ import annotations

import urllib.request
from typing import Any
from urllib.parse import urlsplit

import urllib3


def open_client(url: str, *, proxy: str | None = None, **settings: Any) -> urllib3.PoolManager:
    """Return a client for an address, which uses the proxy that the environment names for it, as other tools do.

    Args:
        url: the address.
        proxy: another proxy than that of the environment.
        settings: settings of the connection as urllib3 names them, e.g. `ca_certs`.
    """
    parts = urlsplit(url)
    if not proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        proxy = urllib.request.getproxies().get(parts.scheme)
    return urllib3.ProxyManager(proxy, **settings) if proxy else urllib3.PoolManager(**settings)


def cause_of(error: BaseException) -> str:
    """Return the first cause of an error on one line: urllib3 wraps the error of a try in that of all tries."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return cause_of(reason)
    text = " ".join(str(error).split())
    return text.rpartition(": ")[2] if isinstance(error, urllib3.exceptions.NewConnectionError) else text
