"""Events and results as JSON: owns parsing, and the choice of an encoder. No other module imports `_json`.

The standard library's C scanner parses all events, because orjson would turn integers beyond 64 bits into floats.
Results are the same JSON value with every encoder. orjson and `_json`'s C encoder encode the values for which they
agree with the official client; `_json.compatible` encodes the others and has the official error messages.
"""

# pyright: reportCallIssue=false, reportArgumentType=false

import marshal
import sys

from ._function_errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from ._types import Convert, Encode, Quote

LARGE = 1 << 20  # bytes of a response; above that, the speed of orjson outweighs its import

_WHITESPACE = " \t\n\r"
_BEFORE_JSON = _WHITESPACE + "\ufeff"
_SCALARS = frozenset((str, int, float, bool, type(None)))
_CONTAINERS = frozenset((dict, list, tuple))
_STR_ONLY = frozenset((str,))
_LOOKED_AT = 200  # containers
_FEW = 100  # items of a result that are checked for long text
_LONG = 64 << 10  # characters; longer text is copied only if necessary


# The exceptions of the C scanner. Up to CPython 3.11 it raises SystemError unless `json.decoder` is imported, where its
# exception class is.
_REFUSED = (StopIteration, ValueError, SystemError)


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # NaN and the infinities


_scan: "Callable[[str, int], tuple[object, int]]"
quote: "Quote"
try:
    import _json  # a private module, whose stub differs from what it accepts

    # The attributes that it reads of a decoder; a class would cost 0.2 % more instructions (guard).
    _namespace: "Callable[..., Any]" = type(sys.implementation)  # types.SimpleNamespace
    _decoder = _namespace(
        strict=True,
        object_hook=None,
        object_pairs_hook=None,
        array_hook=None,  # CPython 3.15
        parse_float=float,
        parse_int=int,
        parse_constant=_refuse_constant,
        memo={},
    )
    _scan = _json.make_scanner(_decoder)
    quote = _json.encode_basestring_ascii
    _quote_text = _json.encode_basestring

    def _new_encoder(quote_text: "Callable[[str], str]") -> "Callable[[object, int], tuple[str, ...]]":
        """Make the C encoder: it finds circles, refuses NaN, and writes compact separators and unescaped text."""
        return _json.make_encoder({}, None, quote_text, None, ":", ",", False, False, False)  # type: ignore[arg-type]

    _scan("0", 0)
    _new_encoder(_quote_text)("0", 0)
except (ImportError, AttributeError, TypeError):  # the private module is missing or has changed: use the public ones
    import json.encoder
    import json.scanner

    class _PublicContext(json.JSONDecoder):
        def __init__(self) -> None:
            super().__init__(parse_constant=_refuse_constant)

    _scan = _PublicContext().scan_once  # type: ignore[attr-defined]
    quote = json.encoder.encode_basestring_ascii
    _quote_text = json.encoder.encode_basestring

    def _new_encoder(quote_text: "Callable[[str], str]") -> "Callable[[object, int], tuple[str, ...]]":
        plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return lambda value, _level: (plain.encode(value),)


def loads(text: str) -> object:
    """Parse a JSON document, with or without a byte order mark.

    Raises:
        ValueError: it is not JSON; the text is the official client's.
        RecursionError: it is nested too deeply.
    """
    start = 0
    if text[:1] in _BEFORE_JSON:
        start = 1 if text[:1] == "\ufeff" else 0
        start = len(text) - len(text[start:].lstrip(_WHITESPACE))
    try:
        value, end = _scan(text, start)
        if end != len(text) and text[end:].strip(_WHITESPACE):
            raise ValueError  # `_json.error_details.explain()` says where
    except _REFUSED as error:
        from ._json.error_details import explain

        message = explain(text)
        if message is None and text.startswith("\xef\xbb\xbf"):  # a byte order mark that was encoded twice
            return loads(text[3:])
        raise ValueError(message or str(error)) from error
    except RecursionError as error:  # worded as in the official client's scanner
        raise RecursionError(str(error).replace("a unicode string", "a string")) from error
    return value


def parse_header(header: "str | None", name: str) -> "Any":
    """Parse a header that holds JSON; None without one.

    Raises:
        Fault: `Runtime.LambdaContextUnmarshalError`, with the standard library's words, as the official client.
    """
    if not header:
        return None
    try:
        value, end = _scan(header, 0)
        if end == len(header):
            return value
    except _REFUSED:
        pass
    try:
        import json

        return json.loads(header)
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {name} JSON: {error}") from error


def is_plain(value: object, *, sparing: bool = False) -> bool:
    """Return whether a value has no instances of subclasses, so that `_json`'s encoder may encode it.

    That encoder would write a namedtuple as an array. It refuses values without a JSON form.

    `marshal` refuses subclasses, too, with a quarter of the instructions for an API Gateway event, and a ninth of the
    time for 350,000 items (benchmark echo_5mb_structured). But it copies the value. Therefore this function checks the
    types of items if text is long or `sparing` is set, and if the value has few containers.
    """
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind not in _CONTAINERS:
        return False
    top: "Collection[object]" = value.values() if kind is dict else value  # type: ignore[attr-defined,assignment]
    if not sparing and len(top) < _FEW:
        for item in top:
            if type(item) is str and len(item) > _LONG:
                break
        else:
            return _is_marshalled(value)
    pending: "list[object]" = [value]
    for container in pending:
        items: "Collection[object]" = container  # type: ignore[assignment]
        if type(container) is dict:
            if not _STR_ONLY.issuperset(map(type, container)):
                return _is_marshalled(value)
            items = container.values()
        if not _SCALARS.issuperset(map(type, items)):
            for item in items:
                kind = type(item)
                if kind in _CONTAINERS:
                    pending.append(item)
                elif kind not in _SCALARS:
                    return False
            if len(pending) > _LOOKED_AT:
                return _is_marshalled(value)
    return True


def _is_marshalled(value: object) -> bool:
    try:
        marshal.dumps(value)  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


class Marshaller:
    """A converter of bytes to events and of results to bytes, with the method names of the official client's."""

    convert: "Convert | None" = None  # returns another value for one without a JSON form, as json.dumps(default=)

    def __init__(self, codec: str = "auto") -> None:
        """`codec` is `auto`, `stdlib` or `orjson`, see `choose_encoder()`."""
        self._codec = codec
        self._quote = _quote_text
        self._plain_encoder = _new_encoder(self._quote)
        self._encode: "Encode" = self._encode_stdlib
        self._large_responses = 0
        self._largest = 0  # bytes of an event or result, of those above LARGE

    def unmarshal_request(
        self, request: "bytes | bytearray | str", content_type: "str | None" = "application/json"
    ) -> object:
        """Return the event: parsed if the content type is exactly `application/json`, else the bytes.

        Raises:
            Fault: `Runtime.UnmarshalError`.
        """
        if content_type != "application/json":
            return request if type(request) is not bytearray else bytes(request)
        try:
            text = str(request, "utf-8")  # type: ignore[arg-type]
            if len(request) > LARGE:
                self._raise_mmap_threshold(len(request))
                if type(request) is bytearray:
                    request.clear()  # also for the frames that still refer to it in CPython 3.10
            request = b""
            return loads(text)
        except TypeError:  # a tool that replaced `handle_event_request` passes text
            return self.unmarshal_request(request.encode(), content_type)  # type: ignore[union-attr]
        except (ValueError, RecursionError) as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error

    def marshal_response(self, response: object) -> "tuple[bytes, str]":
        """Return the body and content type of a result; `bytes` pass through.

        Raises:
            Fault: `Runtime.MarshalError`.
        """
        if isinstance(response, bytes) and issubclass(type(response), bytes):  # `__class__` of an object may be false
            return response, "application/unknown"
        try:
            body = self._encode(response)
        except Exception as error:
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
        if len(body) > LARGE and self._codec != "settled":
            self._switch_to_orjson(body)
        return body, "application/json"

    def _raise_mmap_threshold(self, size: int) -> None:
        """Make malloc keep blocks of up to `size` bytes and some more, because another large event may follow.

        glibc returns freed blocks above a threshold to the kernel, and the kernel maps new ones page by page, which
        takes half the time of an event of 5 MB (benchmark echo_5mb_plain, +stdlib). Freeing a larger block raises the
        threshold to its size (mallopt(3), M_MMAP_THRESHOLD); it takes no memory, because nothing writes to it.
        """
        if size > self._largest:
            self._largest = size
            try:
                bytes(size + size // 4)
            except MemoryError:
                pass  # address space is limited

    def _switch_to_orjson(self, body: bytes) -> None:
        """Switch to a faster encoder after the second large response, because more will follow."""
        self._raise_mmap_threshold(len(body))
        if self._codec == "auto":
            self._large_responses += 1
            if self._large_responses < 2 or self._use_orjson():
                return
        from ._json.long_strings import holds_long_strings, long_quoter

        if holds_long_strings(body):
            self._quote = long_quoter(_quote_text)
            self._plain_encoder = _new_encoder(self._quote)
        self._codec = "settled"

    def choose_encoder(self) -> bool:
        """Choose an encoder after the handler is loaded; return False if orjson is set but cannot be imported.

        `auto` chooses orjson if its import is cheap: the function has imported it, or the modules that it imports.
        """
        modules = sys.modules
        if self._codec == "orjson":
            return self._use_orjson()
        cheap = "orjson" in modules or ("dataclasses" in modules and "json" in modules and "uuid" in modules)
        if self._codec == "auto" and cheap:
            self._use_orjson()
        return True

    def _use_orjson(self) -> bool:
        from ._json.with_orjson import orjson_encoder

        encode = orjson_encoder(self._encode_stdlib, quote, self)
        if encode is None:
            return False
        self._codec = "settled"
        self._encode = encode
        return True

    def _encode_stdlib(self, value: object) -> bytes:
        if is_plain(value, sparing=self._largest > 0):
            try:
                chunks = self._plain_encoder(value, 0)
                text = chunks[0] if len(chunks) == 1 else "".join(chunks)
                return text.encode("utf-8", "backslashreplace")  # a lone surrogate becomes \ud800, its JSON escape
            except BaseException as error:
                self._plain_encoder = _new_encoder(self._quote)  # the failed run left its markers in the old one
                if not isinstance(error, (TypeError, ValueError)):  # NaN, a circle or a set
                    raise
        from ._json.compatible import encode

        return encode(value, quote, self.convert)
