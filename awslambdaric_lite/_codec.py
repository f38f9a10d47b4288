"""Events and results as JSON. The only module that touches `_json`; it imports nothing heavier.

Events are always read by the standard library's C scanner: orjson would turn integers beyond 64 bits into floats.
Results are the same JSON value whichever encoder ran. orjson and `_json`'s C encoder each take what they render as the
official client would; `_json.compatible` takes the rest and has the official error messages.
"""

import marshal
import sys

from ._function_errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from ._types import Encode, Quote

LARGE = 1 << 20  # bytes of a response from which on the encoder's speed outweighs the import of orjson

_WHITESPACE = " \t\n\r"
_BEFORE_JSON = _WHITESPACE + "\ufeff"
_SCALARS = frozenset((str, int, float, bool, type(None)))
_CONTAINERS = frozenset((dict, list, tuple))
_STR_ONLY = frozenset((str,))
_LOOKED_AT = 200  # containers
_FEW = 100  # items of a result, which are looked at for long text
_LONG = 64 << 10  # characters of text that are not to be copied without need


# What the C scanner raises. Up to CPython 3.11 it finds its own exception class only if `json.decoder` is imported, and
# fails with a SystemError otherwise.
_REFUSED = (StopIteration, ValueError, SystemError)


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # NaN and the infinities


_scan: "Callable[[str, int], tuple[object, int]]"
quote: "Quote"
try:
    import _json

    # What it reads of a decoder object. A class of our own would cost a cold start 0.03 ms.
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
        """Make the C encoder: circles are found, NaN is refused, separators are compact, text is not escaped."""
        return _json.make_encoder({}, None, quote_text, None, ":", ",", False, False, False)  # type: ignore[arg-type]

    _scan("0", 0)
    _new_encoder(_quote_text)("0", 0)
except (ImportError, AttributeError, TypeError):  # the private module is missing or has changed: use its public face
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
    """Whether a value holds no instance of a subclass, so that `_json`'s encoder renders it as it should.

    A namedtuple would come out as an array. What has no JSON form at all, the encoder refuses by itself.

    `marshal` is asked, which refuses subclasses, too: 21 instead of 77 thousand instructions for an API Gateway event,
    9 instead of 85 ms for 350,000 items (benchmark echo_5mb_structured). But it copies what it sees. Hence types are
    looked at one by one where text is long, or `sparing` asked for, as long as there are not many containers.
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
    """Bytes to events and results to bytes; method names are those of the official client's marshaller."""

    def __init__(self, codec: str = "auto") -> None:
        """`codec` is `auto`, `stdlib` or `orjson`, see `choose_encoder()`."""
        self._codec = codec
        self._quote = _quote_text
        self._plain_encoder = _new_encoder(self._quote)
        self._encode: "Encode" = self._encode_stdlib
        self._large_responses = 0
        self._largest = 0  # bytes of an event or result, of those above LARGE

    def unmarshal_request(
        self, request: "bytes | bytearray", content_type: "str | None" = "application/json"
    ) -> object:
        """Return the event: parsed if the content type is exactly `application/json`, else the bytes.

        Raises:
            Fault: `Runtime.UnmarshalError`.
        """
        if content_type != "application/json":
            return request if type(request) is bytes else bytes(request)
        try:
            text = str(request, "utf-8")
            if len(request) > LARGE:
                self._keep_blocks_of(len(request))
                if type(request) is bytearray:
                    request.clear()  # whoever refers to it, and CPython 3.10 does: it need not exist three times
            del request
            return loads(text)
        except (ValueError, RecursionError) as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error

    def marshal_response(self, response: object) -> "tuple[bytes, str]":
        """Return the body and content type of a result; `bytes` pass through.

        Raises:
            Fault: `Runtime.MarshalError`.
        """
        if isinstance(response, bytes):
            return response, "application/unknown"
        try:
            body = self._encode(response)
        except Exception as error:
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
        if len(body) > LARGE and self._codec != "settled":
            self._gain_speed(body)
        return body, "application/json"

    def _keep_blocks_of(self, size: int) -> None:
        """Make malloc keep blocks of up to `size` bytes and some more, for the next large event or result.

        glibc returns blocks above a limit to the kernel whenever they are freed, and what it gets anew comes page by
        page: half the time of an event of 5 MB (benchmark echo_5mb_plain, +stdlib). Freeing a larger block than ever
        before raises the limit to its size (mallopt(3), M_MMAP_THRESHOLD); as nobody writes to it, it takes no memory.
        """
        if size > self._largest:
            self._largest = size
            try:
                bytes(size + size // 4)
            except MemoryError:
                pass  # address space is limited

    def _gain_speed(self, body: bytes) -> None:
        """After a large response: others will follow, so that a faster encoder is worth its import."""
        self._keep_blocks_of(len(body))
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
        """Settle on an encoder, once the handler is loaded; return False if orjson was asked for and cannot be used.

        `auto` takes orjson where it costs next to nothing: it is loaded, or its own heavy imports are.
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

        encode = orjson_encoder(self._encode_stdlib, quote)
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
            except (TypeError, ValueError):
                # NaN, a circle, a set; the failed run left its markers behind.
                self._plain_encoder = _new_encoder(self._quote)
            except BaseException:
                self._plain_encoder = _new_encoder(self._quote)
                raise
        from ._json.compatible import encode

        return encode(value, quote)
