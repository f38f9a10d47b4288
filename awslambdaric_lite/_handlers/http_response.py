"""HTTP responses of web applications: owns the form that each integration takes, and the fields that it must not get.

Sources: as those of `http_request`; RFC 9110 for statuses without content and for fields of one connection.
"""

from base64 import b64encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Fields = list[tuple[str, str]]

_WITHOUT_CONTENT = (204, 205, 304)  # RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5
# RFC 9110, section 7.6.1: the front has its own connection to the caller.
_OF_CONNECTION = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
_TEXT_TYPES = (
    "",  # without a content type, a body that is UTF-8 is text
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/json-seq",
    "application/jsonl",
    "application/ndjson",
    "application/toml",
    "application/x-javascript",
    "application/x-json-stream",
    "application/x-jsonlines",
    "application/x-ndjson",
    "application/x-toml",
    "application/x-www-form-urlencoded",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
)
_TEXT_ENDINGS = ("+json", "+xml", "+yaml")


def has_no_content(method: str, status: int) -> bool:
    """Return whether the response must not have a body: some applications send one all the same."""
    return method == "HEAD" or status in _WITHOUT_CONTENT


def end_to_end(headers: "Iterable[tuple[str, str]]") -> "Fields":
    """Return the fields that are not of one connection only."""
    return [(name, value) for name, value in headers if name.lower() not in _OF_CONNECTION]


def format_2(status: int, headers: "Fields", body: bytes) -> "dict[str, object]":
    """Return a response in payload format 2.0, which has each name once and cookies in a separate field."""
    answer = _envelope(status, headers, body)
    answer["headers"] = _joined((name, value) for name, value in headers if name.lower() != "set-cookie")
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    if cookies:
        answer["cookies"] = cookies
    return answer


def format_1(status: int, headers: "Fields", body: bytes, *, single: bool = False) -> "dict[str, object]":
    """Return a response in payload format 1.0; a `single` value for each name is what some load balancers take."""
    answer = _envelope(status, headers, body)
    if single:
        answer["headers"] = _with_case_variants(headers)
    else:
        answer["multiValueHeaders"] = _gathered(headers)
    return answer


def _envelope(status: int, headers: "Fields", body: bytes) -> "dict[str, object]":
    text = _text(headers, body)
    return {
        "statusCode": status,
        "body": b64encode(body).decode() if text is None else text,
        "isBase64Encoded": text is None,
    }


def _text(headers: "Fields", body: bytes) -> "str | None":
    """Return the body as text, None if encoding the text would not return the same bytes."""
    fields = {name.lower(): value.strip().lower() for name, value in headers}
    kind = fields.get("content-type", "").partition(";")[0].strip()
    textual = kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(_TEXT_ENDINGS) or not body
    if fields.get("content-encoding", "") not in ("", "identity") or not textual:
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
