"""An HTTP request as a caller describes it, which API Gateway, function URLs and load balancers turn into events.

Owns how callers write requests (paths with queries, headers, cookies, bodies) and the headers that AWS adds. The rules
of each integration are in its module.
"""

from __future__ import annotations

import base64
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict, TypeVar, get_type_hints
from urllib.parse import parse_qsl, quote, urlencode

from .shared import REGION, SOURCE_IP, Content, Event, Moment, When, as_json, hexadecimal

Headers = Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]]
Query = str | Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]
Cookies = str | Mapping[str, str] | Sequence[str]
Builder = TypeVar("Builder", bound=Callable[..., Event])

# The load balancer sends bodies of these types as text. HTTP APIs use the same list, so form data is base64.
_TEXT_TYPES = ("application/json", "application/javascript", "application/xml")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_DOCUMENTED = re.compile(r"^    \**(\w+): .*(?:\n {8}.*)*", re.MULTILINE)  # an entry of `Args`


class HeadFields(TypedDict, total=False):
    """The keyword parameters of `HttpRequest` that all builders share, which type checkers read."""

    query: Query | None
    headers: Headers | None
    cookies: Cookies | None
    source_ip: str
    user_agent: str | None
    region: str
    time: When


class HttpFields(HeadFields, total=False):
    """The same for builders whose events contain a body."""

    body: Content


@dataclass(frozen=True)
class HttpRequest:
    """A request of a client. Its method is upper case, its path percent-encoded and without the query.

    Args:
        method: HTTP method.
        path: path as in the URL, with or without a query.
        query: query parameters, added to those of the path. A raw string, a mapping of names to values or lists of
            values, or pairs.
        headers: request headers. A mapping of names to values or lists of values, or pairs.
        cookies: cookies, added to those of a Cookie header. A mapping, a list of `name=value`, or the text of a Cookie
            header.
        body: request body. An object is sent as JSON and labelled `application/json`, text is labelled `text/plain`
            and bytes are not labelled, unless the headers have a content type.
        source_ip: IP address of the client.
        user_agent: User-Agent header, unless the headers have one. Default: none.
        domain: host name of the request. Default: the host in the Host header, or a name as AWS assigns it.
        region: AWS region.
        time: time of the request. Default: now. An aware datetime, or seconds since the epoch.
    """

    method: str = "GET"
    path: str = "/"
    query: Query | None = None
    headers: Headers | None = None
    cookies: Cookies | None = None
    body: Content = None
    source_ip: str = SOURCE_IP
    user_agent: str | None = None
    domain: str | None = None
    region: str = REGION
    time: When = None
    moment: Moment = field(init=False)
    raw_query: str = field(init=False)  # percent-encoded
    lines: list[tuple[str, str]] = field(init=False)  # headers in the client's order and spelling
    content: str | bytes | None = field(init=False)

    def __post_init__(self) -> None:
        method, (path, _, in_path) = self.method, self.path.partition("?")
        if not method.replace("-", "").isalpha() or not method.isascii():
            raise ValueError(f"invalid HTTP method {method!r}; the order is method, path: 'GET', '/orders?page=2'")
        if not path.startswith("/"):
            raise ValueError(f"path {path!r} does not begin with /; write it as in the URL after the host")
        query = self.query if isinstance(self.query, str) else urlencode(self.query or {}, doseq=True)
        lines = _lines(self.headers)
        content, content_type = _content(self.body)
        vars(self).update(
            moment=Moment(self.time),
            method=method.upper(),
            path=quote(path, safe=_PRINTABLE),
            raw_query=quote("&".join(filter(None, (in_path, query))), safe=_PRINTABLE),
            lines=lines,
            content=content,
        )
        if cookies := self.cookies:
            if isinstance(cookies, Mapping):
                cookies = [f"{name}={value}" for name, value in cookies.items()]
            self.lines.append(("Cookie", cookies if isinstance(cookies, str) else "; ".join(cookies)))
        if content is not None:
            if content_type and self.header("content-type") is None:
                self.lines.append(("Content-Type", content_type))
            if self.header("content-length") is None:
                size = len(content.encode() if isinstance(content, str) else content)
                self.lines.append(("Content-Length", str(size)))

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((value for key, value in self.lines if key.lower() == name), None)

    @property
    def host(self) -> str | None:
        """The domain, or the host in the Host header without its port."""
        host = self.header("host")
        if self.domain or host is None:
            return self.domain
        return host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]

    @property
    def cookie_list(self) -> list[str]:
        """`name=value` of each cookie, from all Cookie headers."""
        lines = [value for key, value in self.lines if key.lower() == "cookie"]
        return [cookie.strip() for line in lines for cookie in line.split(";") if cookie.strip()]

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The decoded query parameters: all values of each name."""
        return grouped(parse_qsl(self.raw_query, keep_blank_values=True))

    def encoded_body(self) -> tuple[str | None, bool]:
        """Return the body of an event and whether it is base64.

        It is text if the content type is textual and the bytes are UTF-8.
        """
        if self.content is None:
            return None, False
        media_type = (self.header("content-type") or "").partition(";")[0].strip().lower()
        data = self.content.encode() if isinstance(self.content, str) else self.content
        if media_type.startswith("text/") or media_type in _TEXT_TYPES:
            try:
                return data.decode(), False
            except UnicodeDecodeError:
                pass
        return base64.b64encode(data).decode(), True

    def forwarded(self, domain: str, request_id: str) -> list[tuple[str, str]]:
        """Return the headers of the event: the client's, and those that AWS adds if the client sent none."""
        added = {
            "Host": domain,
            "User-Agent": self.user_agent,
            "X-Amzn-Trace-Id": f"Root=1-{self.moment.epoch_ms // 1000:08x}-{hexadecimal(request_id, 'trace', 24)}",
            "X-Forwarded-For": self.source_ip,
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        }
        return self.lines + [
            (name, value) for name, value in added.items() if value is not None and self.header(name.lower()) is None
        ]


def shows_request(builder: Builder) -> Builder:
    """Replace `**fields` by the parameters of `HttpRequest` in a builder's signature, type hints and docstring.

    Calls are not affected. A parameter that the builder documents keeps the builder's text.
    """
    own = inspect.signature(builder)
    method, path, *options, fields = own.parameters.values()
    hidden = ("body", "domain") if "HeadFields" in fields.annotation else ()
    shared = [
        parameter.replace(kind=parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(HttpRequest).parameters.values()
        if parameter.name not in own.parameters and parameter.name not in hidden
    ]
    vars(builder)["__signature__"] = own.replace(parameters=[method, path, *shared, *options])
    hints = get_type_hints(HttpRequest)
    del builder.__annotations__["fields"]
    builder.__annotations__.update({each.name: hints[each.name] for each in shared})
    if builder.__doc__ and HttpRequest.__doc__:  # Python has removed both under -OO
        text = inspect.cleandoc(builder.__doc__)
        documented = {entry[1]: entry[0] for entry in _DOCUMENTED.finditer(text)}
        entries = _DOCUMENTED.finditer(inspect.cleandoc(HttpRequest.__doc__))
        added = [entry[0] for entry in entries if entry[1] not in documented and entry[1] not in hidden]
        builder.__doc__ = text.replace(documented["fields"], "\n".join(added))
    return builder


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Collect all values of each name, in order."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def last_values(values: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the last value of each name."""
    return {name: found[-1] for name, found in values.items()}


def path_parameters(template: str, path: str) -> dict[str, str]:
    """Return the segments of a path that match `{name}` and `{name+}` in a route's template.

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


def _content(body: Content) -> tuple[str | bytes | None, str | None]:
    if body is None:
        return None, None
    if isinstance(body, bytes | bytearray):
        return bytes(body) or None, None
    if isinstance(body, str):
        return body or None, "text/plain; charset=utf-8"
    return as_json(body), "application/json"
