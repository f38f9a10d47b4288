"""HTTP requests in Lambda events: owns the formats of function URLs, HTTP and REST APIs and load balancers.

Sources: the Lambda developer guide ("Lambda function URLs", "Using AWS Lambda with an Application Load Balancer"), the
API Gateway guide ("Working with AWS Lambda proxy integrations", payload formats 1.0 and 2.0).
"""

from base64 import b64decode
from urllib.parse import unquote_to_bytes, urlencode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Fields = list[tuple[str, str]]

FUNCTION_URL, HTTP_API, REST_API, LOAD_BALANCER = "function URL", "HTTP API", "REST API", "load balancer"


class HttpRequest:
    """A request, in whichever format the event has it.

    Attributes:
        integration: the kind of sender, one of the four.
        raw_path: the percent-encoded path of the event; `path` is decoded.
        headers: names in lower case; repeated fields are repeated, cookies are in one field.
        client: address of the client, as the integration saw it.
    """

    def __init__(self, event: "dict[str, Any]") -> None:
        """Read an event.

        Raises:
            ValueError: the event is not an HTTP request.
        """
        context = event.get("requestContext") if isinstance(event, dict) else None
        if not isinstance(context, dict):
            raise ValueError(_NO_HTTP)
        self.event = event
        self.headers: Fields = []
        if "http" in context:
            self._read_format_2(event, context)
        elif "httpMethod" in event:
            self._read_format_1(event, context)
        else:
            raise ValueError(_NO_HTTP)
        self.path = unquote_to_bytes(self.raw_path)
        body = event.get("body") or ""
        self.body = b64decode(body) if event.get("isBase64Encoded") else body.encode()
        found = dict(self.headers)
        self.scheme = found.get("x-forwarded-proto", "https")
        host, _, port = found.get("host", "").partition(":")
        self.host = host or "localhost"
        port = port or found.get("x-forwarded-port", "")
        self.port = int(port) if port.isdigit() else 443
        self.accepts_stream = self.integration in (FUNCTION_URL, REST_API)

    def _read_format_2(self, event: "dict[str, Any]", context: "dict[str, Any]") -> None:
        self.integration = FUNCTION_URL if ".lambda-url." in context.get("domainName", "") else HTTP_API
        self.method: str = context["http"]["method"]
        self.raw_path: str = event.get("rawPath") or "/"
        self.query: str = event.get("rawQueryString") or ""
        self.client: str = context["http"].get("sourceIp", "")
        for name, value in (event.get("headers") or {}).items():
            self.headers.append((name.lower(), value))
        if event.get("cookies"):
            self.headers.append(("cookie", "; ".join(event["cookies"])))

    def _read_format_1(self, event: "dict[str, Any]", context: "dict[str, Any]") -> None:
        self.integration = LOAD_BALANCER if "elb" in context else REST_API
        self.method = event["httpMethod"]
        self.raw_path = event.get("path") or "/"
        self.headers = list(_pairs(event, "multiValueHeaders", "headers"))
        query = _pairs(event, "multiValueQueryStringParameters", "queryStringParameters", fold=False)
        if self.integration == LOAD_BALANCER:  # which passes parameters on unchanged, encoded
            self.query = "&".join(f"{name}={value}" for name, value in query)
            # Each proxy appends the address that it saw; the load balancer is the last.
            self.client = dict(self.headers).get("x-forwarded-for", "").rpartition(",")[2].strip()
        else:
            self.query = urlencode(list(query))
            self.client = (context.get("identity") or {}).get("sourceIp") or ""
            if event.get("version") == "1.0":
                self.integration = HTTP_API


_NO_HTTP = (
    "the event is not an HTTP request: invoke the application through a function URL, an HTTP API, a REST API or an "
    "Application Load Balancer (AWSLAMBDARIC_LITE_APP=handler calls it with the event itself)"
)


def _pairs(event: "dict[str, Any]", multi: str, single: str, *, fold: bool = True) -> "Iterable[tuple[str, str]]":
    """Yield names and values; the console's test events have null in either field."""
    values = event.get(multi)
    if values:
        for name, each in values.items():
            for value in each or ():
                yield (name.lower() if fold else name), value
    else:
        for name, value in (event.get(single) or {}).items():
            yield (name.lower() if fold else name), value
