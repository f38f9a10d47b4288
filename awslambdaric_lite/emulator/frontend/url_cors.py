"""Cross-origin resource sharing of a function URL.

Source: docs lambda/latest/api/API_Cors.html and lambda/latest/dg/urls-configuration.html; the form of the headers is
that of responses seen from AWS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InvalidFunction
from ..http.exchange import RecordedRequest

METHODS = ("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE")
"""The methods that a function URL can allow."""
_LISTS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")


@dataclass(frozen=True)
class Cors:
    """Settings, named as in the Lambda API; `*` in a list allows all values.

    Raises:
        InvalidFunction: a setting is outside of Lambda's limits.
    """

    allow_origins: Sequence[str] = ()
    allow_methods: Sequence[str] = ()
    allow_headers: Sequence[str] = ()
    expose_headers: Sequence[str] = ()
    allow_credentials: bool = False
    max_age: int = 0
    """Seconds for which a browser may cache the response to a preflight request; 0 sends no such header."""

    def __post_init__(self) -> None:
        for name in _LISTS:
            if isinstance(getattr(self, name), str):
                raise InvalidFunction(f"{name} of CORS is text; give a list, e.g. ['*']")
        if not 0 <= self.max_age <= 86400:
            raise InvalidFunction(f"max_age {self.max_age} of CORS is out of range; Lambda takes 0 to 86400 s")

    def response_headers(self, request: RecordedRequest) -> list[tuple[str, str]]:
        """Return the headers that are added to the function's, even if it sent the same ones, as on AWS."""
        headers = self._origin_headers(request)
        if headers and self.expose_headers:
            headers.append(("Access-Control-Expose-Headers", ",".join(self.expose_headers)))
        return [("Vary", "Origin"), *headers]

    def preflight_headers(self, request: RecordedRequest) -> list[tuple[str, str]]:
        """Return the headers for a preflight request, without permissions for an origin that is not allowed."""
        headers = self._origin_headers(request)
        if headers and self.allow_headers:
            headers.append(("Access-Control-Allow-Headers", ",".join(self.allow_headers).lower()))
        if headers and self.allow_methods:
            headers.append(("Access-Control-Allow-Methods", ",".join(self.allow_methods)))
        if headers and self.max_age:
            headers.append(("Access-Control-Max-Age", str(self.max_age)))
        return [("Vary", "Origin"), *headers]

    def _origin_headers(self, request: RecordedRequest) -> list[tuple[str, str]]:
        """Return the headers for an allowed origin, else none."""
        origin = request.header("Origin")
        if origin is None or not {origin, "*"} & set(self.allow_origins):
            return []
        # Browsers refuse the wildcard where credentials are sent.
        anyone = "*" in self.allow_origins and not self.allow_credentials
        headers = [("Access-Control-Allow-Origin", "*" if anyone else origin)]
        if self.allow_credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return headers


def is_preflight(request: RecordedRequest) -> bool:
    """Return whether a request is a preflight request, not one for the function's response to OPTIONS."""
    needed = ("Origin", "Access-Control-Request-Method")
    return request.method == "OPTIONS" and all(request.header(name) is not None for name in needed)
