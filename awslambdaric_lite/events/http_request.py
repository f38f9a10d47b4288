"""An HTTP request as the client sent it, which API Gateway, function URLs and load balancers map to events.

Owns how callers write requests (paths with queries, headers, cookies, bodies) and the headers that AWS's front ends
add; each front end's own rules are in its module.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from .shared import Moment, as_json, hexadecimal

Headers = Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]]
Query = str | Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]
Cookies = str | Mapping[str, str] | Sequence[str]

# What text stays text: the load balancer's documented list. HTTP APIs draw the same line, so form data is base64.
_TEXT_TYPES = ("application/json", "application/javascript", "application/xml")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True)
class HttpRequest:
    """A request: path and query as on the wire (percent-encoded), header lines in the client's order and spelling."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: str | bytes | None

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def cookies(self) -> list[str]:
        """`name=value` of each cookie, from all Cookie lines."""
        lines = [value for key, value in self.headers if key.lower() == "cookie"]
        return [cookie.strip() for line in lines for cookie in line.split(";") if cookie.strip()]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The decoded query parameters in order."""
        return parse_qsl(self.query, keep_blank_values=True)

    def encoded_body(self) -> tuple[str | None, bool]:
        """The body for an event, and whether it is base64: text only where the content type says so and it is UTF-8."""
        if self.body is None:
            return None, False
        media_type = (self.header("content-type") or "").partition(";")[0].strip().lower()
        data = self.body.encode() if isinstance(self.body, str) else self.body
        if media_type.startswith("text/") or media_type in _TEXT_TYPES:
            try:
                return data.decode(), False
            except UnicodeDecodeError:
                pass
        return base64.b64encode(data).decode(), True


def http_request(
    method: str, path: str, *, query: Query | None, headers: Headers | None, cookies: Cookies | None, body: object
) -> HttpRequest:
    """Read what a caller wrote.

    An object as the body is JSON, with that content type unless one is given; text without a content type gets
    `text/plain`; bytes stay unlabelled. The query is added to one in the path.

    Raises:
        ValueError: the method or the path is none.
    """
    if not method.replace("-", "").isalpha() or not method.isascii():
        raise ValueError(f"method {method!r} is no HTTP method; the order is method, path: 'GET', '/orders?page=2'")
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} does not begin with /; write it as in the URL after the host")
    path, _, in_path = path.partition("?")
    parts = [in_path, query if isinstance(query, str) else urlencode(query or {}, doseq=True)]
    lines = _lines(headers)
    if cookies:
        pairs = [f"{name}={value}" for name, value in cookies.items()] if isinstance(cookies, Mapping) else cookies
        lines.append(("Cookie", pairs if isinstance(pairs, str) else "; ".join(pairs)))
    content, content_type = _content(body)
    given = {name.lower() for name, _ in lines}
    if content is not None:
        if content_type and "content-type" not in given:
            lines.append(("Content-Type", content_type))
        if "content-length" not in given:
            lines.append(("Content-Length", str(len(content.encode() if isinstance(content, str) else content))))
    joined = "&".join(filter(None, parts))
    return HttpRequest(method.upper(), quote(path, safe=_PRINTABLE), quote(joined, safe=_PRINTABLE), lines, content)


def forwarded(
    request: HttpRequest, *, domain: str, source_ip: str, user_agent: str | None, moment: Moment, request_id: str
) -> list[tuple[str, str]]:
    """The header lines as a front end hands them on: with those that AWS adds, where the client sent none."""
    trace = f"Root=1-{moment.epoch_ms // 1000:08x}-{hexadecimal(request_id, 'trace', 24)}"
    added = {
        "Host": domain,
        "User-Agent": user_agent,
        "X-Amzn-Trace-Id": trace,
        "X-Forwarded-For": source_ip,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    return request.headers + [
        (name, value) for name, value in added.items() if value is not None and request.header(name.lower()) is None
    ]


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """All values of each name, in order."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def path_parameters(template: str, path: str) -> dict[str, str]:
    """What `{name}` and `{name+}` in a route's path stand for.

    Raises:
        ValueError: the path does not match.
    """
    found: dict[str, str] = {}
    wanted, given = template.split("/"), path.split("/")
    for index, segment in enumerate(wanted):
        rest = given[index:]
        if segment.startswith("{") and segment.endswith("+}") and any(rest):
            return {**found, segment[1:-2]: "/".join(rest)}
        if segment.startswith("{") and segment.endswith("}") and any(rest[:1]):
            found[segment[1:-1]] = rest[0]
        elif rest[:1] != [segment]:
            break
    else:
        if len(wanted) == len(given):
            return found
    raise ValueError(f"path {path!r} does not match {template!r}; give the path without the stage, or another route")


def _lines(headers: Headers | None) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, values in headers.items() if isinstance(headers, Mapping) else headers or ():
        for value in values if isinstance(values, list | tuple) else [values]:
            if not isinstance(name, str) or not isinstance(value, str):
                raise ValueError(f"header {name!r} has the value {value!r}; names and values are text")
            lines.append((name, value))
    return lines


def _content(body: object) -> tuple[str | bytes | None, str | None]:
    if body is None:
        return None, None
    if isinstance(body, bytes | bytearray):
        return bytes(body) or None, None
    if isinstance(body, str):
        return body or None, "text/plain; charset=utf-8"
    return as_json(body), "application/json"
