"""The compatible encoder: owns encoding the values that the fast encoders refuse, as the official client does.

Imports only C builtins; `_codec` loads it when a value needs it.

The rules are those of simplejson's encoder as the official client configures it, with the additions in the README: NaN
and the infinities become null, UUID becomes text, an Enum becomes its value. A function may convert all other values.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._types import Convert, Quote

_INFINITY = float("inf")


def encode(value: object, quote: "Quote", convert: "Convert | None" = None) -> bytes:
    """Encode a value as compact JSON; `quote` encodes ASCII text as a JSON string.

    `convert` returns another value for one that has no JSON form, as `default` of `json.dumps` does.

    Raises:
        TypeError: a part of the value has no JSON form.
        ValueError: the value contains itself, or bytes that are not UTF-8.
        RecursionError: the value is nested more deeply than the official client's encoder allows, which is C code.
        Exception: whatever `convert` raises.
    """
    out: list[str] = []
    put = out.append
    open_containers: list[tuple[Iterator[object], bool, list[object]]] = []  # iterator, is an object, marked values
    markers: set[int] = set()
    version = sys.version_info  # from Python 3.13 on, C code has its own limit; from 3.14 on, the stack's 8 MB
    limit = 30_000 if version >= (3, 14) else 10_000 if version >= (3, 13) else sys.getrecursionlimit()
    item = value
    while True:
        marked: list[object] = []
        while True:
            item = _unwrapped(item)
            if convert is not None:
                item = _decimal_converted(item, convert)
            rendered = _scalar(item, quote)
            if rendered is not None:
                put(rendered)
                markers.difference_update(map(id, marked))
                break
            if id(item) in markers:
                raise ValueError("Circular reference detected")
            if len(open_containers) + len(marked) >= limit:
                raise RecursionError("maximum recursion depth exceeded while encoding a JSON object")
            marked.append(item)
            markers.add(id(item))
            children = _children(item)
            if children is not None:
                iterator, is_object = children
                put("{" if is_object else "[")
                open_containers.append((iterator, is_object, marked))
                break
            if convert is None:
                raise TypeError(f"Object of type {type(item).__name__} is not JSON serializable")
            item = convert(item)
        while open_containers:
            iterator, is_object, marked = open_containers[-1]
            following = next(iterator, _END)
            if following is _END:
                open_containers.pop()
                markers.difference_update(map(id, marked))
                put("}" if is_object else "]")
                continue
            if out[-1] not in ("{", "["):
                put(",")
            if is_object:
                pair: tuple[object, object] = following  # type: ignore[assignment]
                put(_string(_key(pair[0]), quote))
                put(":")
                item = pair[1]
            else:
                item = following
            break
        else:
            return "".join(out).encode()


_END = object()


def _string(text: str, quote: "Quote") -> str:
    """Quote text; escape no non-ASCII characters except lone surrogates, which UTF-8 cannot encode."""
    if text.isascii():
        return quote(text)
    quoted = "".join(quote(char)[1:-1] if char < " " or char in '"\\' else char for char in text)
    return f'"{quoted.encode("utf-8", "backslashreplace").decode()}"'


def _float(number: float) -> str:
    number = float.__float__(number)  # a subclass may override comparisons
    return float.__repr__(number) if -_INFINITY < number < _INFINITY else "null"


def _unwrapped(item: object) -> object:
    """Return an enumeration member's value, but the member itself if its class derives from str or a number."""
    enum = sys.modules.get("enum")
    if enum is not None:
        while isinstance(item, enum.Enum) and not isinstance(item, str | bytes | int | float):
            item = item.value  # pyright: ignore[reportAttributeAccessIssue]
    return item


def _decimal_converted(item: object, convert: "Convert") -> object:
    """Convert a decimal, as `json.dumps(default=)` does; return other values, and one that `convert` refuses, as is."""
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(item, decimal.Decimal):
        try:
            return convert(item)
        except TypeError:
            pass  # this module encodes it
    return item


def has_json_form(item: object) -> bool:
    """Return whether this module encodes a value, or its items, without converting it."""
    item = _unwrapped(item)
    return _scalar(item, ascii) is not None or _children(item) is not None


def _scalar(item: object, quote: "Quote") -> "str | None":
    """Encode a scalar; return None for any other value."""
    if item is None:
        return "null"
    if item is True:
        return "true"
    if item is False:
        return "false"
    if isinstance(item, str):
        return _string(str.__str__(item), quote)
    if isinstance(item, bytes):
        return _string(str(item, "utf-8"), quote)
    if isinstance(item, int):
        return int.__repr__(item)
    if isinstance(item, float):
        return _float(item)
    loaded = sys.modules.get  # a class that was never imported has no instances
    decimal = loaded("decimal")
    if decimal is not None and isinstance(item, decimal.Decimal):
        return str(item) if item.is_finite() else "null"  # pyright: ignore[reportAttributeAccessIssue]
    uuid = loaded("uuid")
    if uuid is not None and isinstance(item, uuid.UUID):
        return _string(str(item), quote)
    raw_json = loaded("simplejson.raw_json")
    if raw_json is not None and isinstance(item, raw_json.RawJSON):
        return str.encode(item.encoded_json, "utf-8", "backslashreplace").decode()  # pyright: ignore
    return None


def _children(item: object) -> "tuple[Iterator[object], bool] | None":
    """Return a container's items, and whether they are key-value pairs; None for a value that is not a container.

    Raises:
        TypeError: `_asdict()` of the value returns something else than a dictionary.
    """
    as_dict = getattr(item, "_asdict", None)
    if callable(as_dict):
        try:
            fields = as_dict()
        except TypeError:
            pass
        else:
            if not isinstance(fields, dict):
                raise TypeError(f"_asdict() must return a dict, not {type(fields).__name__}")
            return iter(fields.items()), True
    if isinstance(item, list | tuple):
        return iter(item), False
    if isinstance(item, dict):
        return iter(item.items()), True
    return None


def _key(key: object) -> str:
    """Return an object's key as text.

    Raises:
        TypeError: the key has no text form.
    """
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bytes):
        return str(key, "utf-8")
    if isinstance(key, float):
        if key != key:
            return "NaN"
        return float.__repr__(key) if -_INFINITY < key < _INFINITY else ("Infinity" if key > 0 else "-Infinity")
    if key is True:
        return "true"
    if key is False:
        return "false"
    if key is None:
        return "null"
    if isinstance(key, int):
        return int.__repr__(key)
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")
