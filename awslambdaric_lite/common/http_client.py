"""HTTP requests of the tools to the outside, by urllib3."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit

import urllib3


def open_client(url: str) -> urllib3.PoolManager:
    """Return a client for an address, which uses the proxy that the environment names for it, as other tools do."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def cause_of(error: BaseException) -> str:
    """Return the first cause of an error on one line: urllib3 wraps the error of a try in that of all tries."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return cause_of(reason)
    text = " ".join(str(error).split())
    return text.rpartition(": ")[2] if isinstance(error, urllib3.exceptions.NewConnectionError) else text
