"""HTTP responses: `StreamingResponse`, which a handler returns to stream one, and the response of a web application.

Imports only C builtins.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping
    from typing import IO

    Chunk = bytes | bytearray | memoryview | str
    Body = Chunk | Iterable[Chunk] | AsyncIterable[Chunk] | IO[bytes]
    Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class StreamingResponse:
    """An HTTP response whose body is sent while it is produced, through function URLs and REST APIs that stream.

    A caller that invokes the function directly receives a prelude of JSON and eight NUL bytes, then the body.
    The names are those of Starlette's class.

    Attributes:
        body_iterator: the body: chunks of `bytes` or `str`, from any iterable, sync or async, or a binary file.
        headers: name and value pairs in order; a `set-cookie` among them is a cookie.
        cookies: values for `Set-Cookie`, one each.
        head_first: status and headers are sent before the first chunk of the body exists.
    """

    __slots__ = ("body_iterator", "cookies", "head_first", "headers", "status_code")

    def __init__(
        self,
        body: "Body",
        status_code: int = 200,
        headers: "Headers | None" = None,
        cookies: "Iterable[str] | None" = None,
        media_type: "str | None" = None,
        *,
        head_first: bool = False,
    ) -> None:
        """Describe the response; `media_type` is the content type, unless `headers` has one.

        Status and headers leave with the first chunk, so that an earlier error is an ordinary error. With `head_first`
        they leave before it, e.g. for a client that waits for the start of an event stream; every error then ends
        the stream.

        Raises:
            TypeError: the status or a header has the wrong type.
            ValueError: the status is not an HTTP status.
        """
        if type(status_code) is not int:  # an HTTPStatus is fine, a bool or a string is a mistake
            if isinstance(status_code, (bool, float)) or not hasattr(status_code, "__index__"):
                raise TypeError(f"status_code is an integer, not {status_code!r}")
            status_code = status_code.__index__()
        if not 100 <= status_code <= 599:
            raise ValueError(f"status_code {status_code} is not between 100 and 599")
        self.body_iterator = body
        self.status_code = status_code
        self.head_first = head_first
        self.headers: list[tuple[str, str]] = []
        self.cookies = [] if cookies is None else list(cookies)
        pairs: Iterable[tuple[object, object]] = headers or ()  # type: ignore[assignment]
        if hasattr(headers, "items"):
            pairs = headers.items()  # type: ignore[union-attr]
        for name, value in pairs:
            if not isinstance(name, str) or not isinstance(value, str):
                raise TypeError(f"header {name!r} is {value!r}: names and values are strings")
            if name.lower() == "set-cookie":
                self.cookies.append(value)
            else:
                self.headers.append((name, value))
        if media_type is not None and not any(name.lower() == "content-type" for name, _ in self.headers):
            self.headers.append(("content-type", media_type))

    def joined_headers(self) -> "dict[str, str]":
        """Return headers by lower-case name; repeated ones are joined, because the prelude has each name once."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            name = name.lower()
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined


class ApplicationResponse(StreamingResponse):
    """The response of a web application, which may go on after it, e.g. with background tasks.

    Attributes:
        finish: lets the application go on when the response was posted.
        result: the result of the invocation if the response is not `streamed`.
    """

    __slots__ = ("finish", "result", "streamed")

    def __init__(
        self,
        finish: "Callable[[], object]",
        result: object = None,
        *,
        body: "Body | None" = None,
        status_code: int = 200,
        headers: "Headers" = (),
        head_first: bool = False,
    ) -> None:
        """Describe a response with its `result`, or a streamed one with its `body`."""
        self.streamed = body is not None
        super().__init__(body or b"", status_code, headers, head_first=head_first)
        self.result = result
        self.finish = finish
