"""HTTP requests in Lambda events: owns the formats of function URLs, HTTP and REST APIs and load balancers.

Path and query are percent-encoded in some events and decoded in others, and only some paths include the stage:

    integration     payload format   path                           query
    function URL    2.0              encoded                        encoded
    HTTP API        2.0              decoded, after a named stage   encoded
    HTTP API        1.0              decoded, after a named stage   decoded
    REST API                         encoded, without the stage     decoded
    load balancer                    encoded                        encoded

Behind a custom domain, the path of an HTTP API in format 1.0 and of a REST API begins with the base path of the mapping
instead; the path in format 2.0 has the stage there, too, and nothing has the base path.

Sources: the Lambda developer guide ("Lambda function URLs", "Using AWS Lambda with an Application Load Balancer"), the
API Gateway guide ("Working with AWS Lambda proxy integrations", payload formats 1.0 and 2.0).
"""

from base64 import b64decode, b64encode
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote_to_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Fields = list[tuple[str, str]]

FUNCTION_URL, HTTP_API, REST_API, LOAD_BALANCER = "function URL", "HTTP API", "REST API", "load balancer"
_TEXT_TYPES = ("application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded")
_TEXT_ENDINGS = ("+json", "+xml")
_UNRESERVED = "-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # RFC 3986, 2.3
_PATH = "/:@!$&'()*+,;=" + _UNRESERVED  # characters that clients leave as they are in paths (RFC 3986, `pchar`)
_QUERY = "".join(map(chr, range(0x21, 0x7F)))
_ENCODED_PATH = _QUERY.replace("?", "").replace("#", "")
_REPLACED = frozenset(("", "cookie", "content-length", "transfer-encoding"))
_NAME = frozenset("!#$%&'*+^`|" + _UNRESERVED) - {"_"}  # RFC 9110, 5.6.2; gateways read `x_a` as `x-a`


class HttpRequest:
    """A request, in whichever format the event has it.

    Attributes:
        integration: the kind of sender, one of the four.
        accepts_stream: whether that integration can stream responses.
        root_path: the decoded path at which the application is mounted; empty, or begins with `/`.
        path: the decoded path after `root_path`.
        raw_path: the whole percent-encoded path.
        query: the percent-encoded query.
        headers: names in lower case; repeated fields are repeated, cookies are in one field, and the content length is
            that of the body.
        client: address of the client, as the integration saw it; None for an event that is not from a client.
    """

    def __init__(self, event: "Any", base_path: "str | None" = None) -> None:
        """Read an event; `base_path` is the path of a custom domain's mapping, or another one below the stage.

        Raises:
            ValueError: the event is not an HTTP request, or a field has a value that no integration sends.
        """
        if not is_http(event):
            raise ValueError(_refusal(event))
        self.event: dict[str, Any] = event
        self.context: dict[str, Any] = event["requestContext"]
        self.client: str | None
        body = _text_of_scalar(event.get("body"), "body") or ""
        self.body = _decoded(body) if _flag(event, "isBase64Encoded") else bytes_of(body)
        if self.context.get("http") is not None:
            path, field = self._read_format_2(event, self.context)
        else:
            path, field = self._read_format_1(event, self.context)
        self.headers = _headers(event, field, self.body)
        found = dict(self.headers).get
        self.scheme, self.host, self.port = _server(
            found("host", ""), found("x-forwarded-proto", ""), found("x-forwarded-port", "")
        )
        if self.integration == LOAD_BALANCER:
            # Each proxy appends the address that it saw; the load balancer is the last.
            address = found("x-forwarded-for", "").rpartition(",")[2].strip()
            self.client = bytes_of(_host_and_port(address)[0]).decode()
        self.accepts_stream = self.integration in (FUNCTION_URL, REST_API)
        path = _encoded(path, _PATH if self.integration == HTTP_API else _ENCODED_PATH)
        root, rest = self._split(path if path.startswith("/") else f"/{path}", base_path)
        self.raw_path = root + rest
        self.root_path, self.path = unquote_to_bytes(root), unquote_to_bytes(rest)

    def _read_format_2(self, event: "dict[str, Any]", context: "dict[str, Any]") -> "tuple[str, str]":
        self.integration = HTTP_API if _is_http_api(event, context) else FUNCTION_URL
        self.method = _method(context["http"], "method", "requestContext.http.method")
        self.query = _encoded(_text_of_scalar(event.get("rawQueryString"), "rawQueryString") or "", _QUERY)
        self.client = _text_of_scalar(context["http"].get("sourceIp"), "requestContext.http.sourceIp") or ""
        return _text_of_scalar(event.get("rawPath") or context["http"].get("path"), "rawPath") or "/", "headers"

    def _read_format_1(self, event: "dict[str, Any]", context: "dict[str, Any]") -> "tuple[str, str]":
        self.integration = REST_API
        if context.get("elb") is not None:
            self.integration = LOAD_BALANCER
        elif event.get("version") == "1.0":
            self.integration = HTTP_API
        self.method = _method(event, "httpMethod", "httpMethod")
        field = "queryStringParameters"
        if event.get("multiValueQueryStringParameters"):
            field = "multiValueQueryStringParameters"
        pairs = [(name, _text_of_scalar(value, field, name)) for name, value in _pairs(event, field)]
        if self.integration != LOAD_BALANCER:  # which passes parameters on unchanged, encoded
            pairs = [(_quoted(name), None if value is None else _quoted(value)) for name, value in pairs]
        self.query = _encoded("&".join([name if value is None else f"{name}={value}" for name, value in pairs]), _QUERY)
        self.client = _text_of_scalar(_object(context, "identity").get("sourceIp"), "identity.sourceIp") or ""
        path = _text_of_scalar(event.get("path"), "path") or "/"
        return path, "multiValueHeaders" if event.get("multiValueHeaders") else "headers"

    def _split(self, path: str, base_path: "str | None") -> "tuple[str, str]":
        """Split an encoded path where the application is mounted: after the stage or the base path.

        Only API Gateway's own domains have the stage in their URLs, and only events of HTTP APIs have it in their path.
        """
        root = ""
        stage = self.context.get("stage")
        if isinstance(stage, str) and stage not in ("", "$default"):
            stage = "/" + _encoded(stage, _UNRESERVED)
            if self.integration == HTTP_API:
                root, path = _split_off(stage, path) or ("", path)
            elif self.integration == REST_API and self._has_own_domain():
                root = stage
        if base_path is not None:
            base_path = encoded_path(base_path).rstrip("/")
            mapped = self.integration == HTTP_API and not self._has_own_domain()
            if mapped:
                root = ""
            found = _split_off(base_path, path)
            if found:
                root, path = root + found[0], found[1]
            elif mapped and self.context.get("http") is not None:
                root = base_path
        return root, path

    def _has_own_domain(self) -> bool:
        return ".execute-api." in (_domain(self.context) or dict(self.headers).get("host", ""))

    def render(self, status: int, headers: "Fields", body: bytes) -> "dict[str, object]":
        """Return the response in the format of the integration, with all repeated headers and cookies."""
        text = _text(headers, body)
        answer: dict[str, object] = {
            "statusCode": status,
            "body": b64encode(body).decode() if text is None else text,
            "isBase64Encoded": text is None,
        }
        if self.context.get("http") is not None:
            cookies = [value for name, value in headers if name.lower() == "set-cookie"]
            answer["headers"] = _joined((name, value) for name, value in headers if name.lower() != "set-cookie")
            if cookies:
                answer["cookies"] = cookies
        elif self.integration == LOAD_BALANCER and self.event.get("multiValueHeaders") is None:
            answer["headers"] = _with_case_variants(headers)
        else:
            answer["multiValueHeaders"] = _gathered(headers)
        return answer


def is_http(event: "Any") -> bool:
    """Return whether an event is an HTTP request; requests to authorizers are not. A field that is null is missing."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(context, dict) or event.get("methodArn") or event.get("routeArn"):
        return False
    http = context.get("http")
    return "httpMethod" in event if http is None else isinstance(http, dict)


def is_websocket(event: "Any") -> bool:
    """Return whether an event is a message, a connect or a disconnect event of a WebSocket API."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    return isinstance(context, dict) and bool(context.get("connectionId") and context.get("eventType"))


def text_of(data: bytes) -> str:
    """Decode the bytes of a header: UTF-8, else Latin-1."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def bytes_of(text: str) -> bytes:
    """Encode text of an event in UTF-8; a lone surrogate, which has no encoding, becomes `?`."""
    return text.encode("utf-8", "replace")


def encoded_path(path: str) -> str:
    """Return an encoded path, with the characters encoded that clients should not have left as they are."""
    return _encoded(path, _ENCODED_PATH)


def _encoded(text: str, safe: str) -> str:
    """Percent-encode the characters that are not in `safe`; most texts have none."""
    return quote(bytes_of(text), safe) if text.strip(safe) else text


def _refusal(event: object) -> str:
    problem = "is not an HTTP request"
    if is_websocket(event):
        problem = "is from a WebSocket API and not an HTTP request, because each message is a separate invocation"
    elif isinstance(event, dict) and "method" in event and ("raw_path" in event or "path" in event):
        problem = "is a request through VPC Lattice, which is not supported"
    return (
        f"the event {problem}: invoke the application through a function URL, an HTTP API, a REST API or an "
        "Application Load Balancer, or set AWSLAMBDARIC_LITE_APP_EVENTS_PATH to the path of the application that "
        "receives other events (AWSLAMBDARIC_LITE_APP=handler calls it with the event itself)"
    )


def _is_http_api(event: "dict[str, Any]", context: "dict[str, Any]") -> bool:
    """Return whether an event in format 2.0 has what a function URL's never has, whatever its host name is."""
    domain, api_id = _domain(context), context.get("apiId")
    if ".execute-api." in domain or (domain and isinstance(api_id, str) and not domain.startswith(api_id)):
        return True
    for name in (event.get("routeKey"), context.get("routeKey"), context.get("stage")):
        if name not in (None, "", "$default"):
            return True
    return False


def _domain(context: "dict[str, Any]") -> str:
    domain = context.get("domainName")
    return domain if isinstance(domain, str) else ""


def _split_off(base: str, path: str) -> "tuple[str, str] | None":
    """Split an encoded path after its first segments, None if those are not the segments of `base`."""
    wanted, segments = base.split("/"), path.split("/")
    count = len(wanted)
    if list(map(unquote_to_bytes, segments[:count])) != list(map(unquote_to_bytes, wanted)):
        return None
    rest = "".join(f"/{segment}" for segment in segments[count:])
    return path[: len(path) - len(rest)], rest


def _headers(event: "dict[str, Any]", field: str, body: bytes) -> "Fields":
    """Return the headers of the request: valid names in lower case, one cookie field, the length of the body.

    Integrations leave the length out or state that of the encoded body, and the body is not chunked here.
    """
    headers: Fields = []
    cookies: list[str] = []
    length = bool(body)
    for line, value in _pairs(event, field):
        name = _field_name(line)
        text = value if isinstance(value, str) else _text_of_scalar(value, field, line)
        if text is None:
            continue
        if name not in _REPLACED:
            headers.append((name, text))
        elif name == "cookie" and text:
            cookies.append(text)
        elif name == "content-length":
            length = True
    # Some integrations send cookies in this list and in the header.
    cookies = [text for each in _list(event, "cookies") if (text := _text_of_scalar(each, "cookies"))] or cookies
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))
    if length:
        headers.append(("content-length", str(len(body))))
    return headers


@lru_cache(128)  # names repeat: benchmark request_wsgi_apigw, a seventh less
def _field_name(name: str) -> str:
    """Return the name of a header in lower case; nothing if it is invalid or can be mistaken for another one."""
    return name.lower() if _NAME.issuperset(name) else ""


def _pairs(event: "dict[str, Any]", field: str) -> "Iterable[tuple[str, Any]]":
    """Return names and values of a field; a name in a `multiValue…` field has a list of values."""
    pairs = _object(event, field).items()
    if field.startswith("multi"):
        return [(name, each) for name, value in pairs for each in (value if isinstance(value, list) else (value,))]
    return pairs


def _object(event: "dict[str, Any]", field: str) -> "dict[str, Any]":
    """Return a field that is an object; the console's test events have null in any field."""
    value = event.get(field)
    if value and not isinstance(value, dict):
        raise ValueError(f"{field} of the event must be an object, not {value!r:.100}")
    return value or {}


def _list(event: "dict[str, Any]", field: str) -> "list[Any]":
    value = event.get(field)
    if value and not isinstance(value, list):
        raise ValueError(f"{field} of the event must be a list, not {value!r:.100}")
    return value or []


def _flag(event: "dict[str, Any]", field: str) -> bool:
    value = event.get(field)
    if value and value is not True:
        raise ValueError(f"{field} of the event must be true or false, not {value!r:.100}")
    return bool(value)


def _text_of_scalar(value: object, field: str, name: "str | None" = None) -> "str | None":
    """Return text as it is, None for null, and another scalar as its JSON text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    part = "" if name is None else f"[{name!r}]"
    raise ValueError(f"{field}{part} of the event must be text, not {value!r:.100}")


def _method(event: "dict[str, Any]", key: str, field: str) -> str:
    value = event.get(key)
    if not value or not isinstance(value, str):
        raise ValueError(f"{field} of the event must be text, not {value!r:.100}")
    return value.upper()


def _decoded(body: str) -> bytes:
    try:
        return b64decode("".join(body.split()), validate=True)
    except ValueError as error:
        raise ValueError(f"body of the event is not base64, although isBase64Encoded is true: {error}") from None


def _quoted(text: str) -> str:
    return quote_plus(bytes_of(text)) if text.strip(_UNRESERVED) else text


@lru_cache(128)  # a tenth less in the same benchmark
def _server(host: str, forwarded_scheme: str, forwarded_port: str) -> "tuple[str, str, int]":
    """Return scheme, host and port of a request out of its headers."""
    host, port = _host_and_port(host)
    scheme = _first(forwarded_scheme).lower()
    scheme = scheme if scheme in ("http", "https") else "https"
    default = 80 if scheme == "http" else 443
    return scheme, bytes_of(host).decode() or "localhost", _port(port) or _port(_first(forwarded_port)) or default


def _host_and_port(text: str) -> "tuple[str, str]":
    """Split an address; IPv6 addresses have brackets if a port follows."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest[1:]
    if text.count(":") > 1:
        return text, ""
    host, _, port = text.partition(":")
    return host, port


def _port(text: str) -> "int | None":
    """Return a port number, None if it is not one (`²` is a digit, too, and clients may send 5,000 of them)."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    return number if 0 < number < 65536 else None


def _first(values: str) -> str:
    return values.partition(",")[0].strip()


def _text(headers: "Fields", body: bytes) -> "str | None":
    """Return the body as text, None if encoding the text would not return the same bytes."""
    fields = {name.lower(): value for name, value in headers}
    kind = fields.get("content-type", "").partition(";")[0].strip().lower()
    textual = kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(_TEXT_ENDINGS) or not body
    if "content-encoding" in fields or not textual:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _joined(headers: "Iterable[tuple[str, str]]") -> "dict[str, str]":
    joined: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _gathered(headers: "Fields") -> "dict[str, list[str]]":
    gathered: dict[str, list[str]] = {}
    for name, value in headers:
        gathered.setdefault(name.lower(), []).append(value)
    return gathered


def _with_case_variants(headers: "Fields") -> "dict[str, str]":
    """Return one value for each name: cookies get names that differ in case, other repeated values are joined."""
    fields = _joined((name, value) for name, value in headers if name.lower() != "set-cookie")
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    for number, cookie in enumerate(cookies):
        letters = [letter.upper() if number >> position & 1 else letter for position, letter in enumerate("setcookie")]
        fields["".join((*letters[:3], "-", *letters[3:]))] = cookie
    return fields
