"""JSON text: written without spaces, read more strictly than Python's reader does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def compact(value: object, *, ascii_only: bool = False) -> str:
    """Return a value as JSON text without spaces.

    Args:
        value: anything that `json.dumps` encodes.
        ascii_only: whether other characters than ASCII are escaped.

    Raises:
        TypeError: the value has no JSON form.
        ValueError: it contains itself.
    """
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))


def parse(
    text: str | bytes,
    *,
    parse_float: Callable[[str], Any] | None = None,
    parse_int: Callable[[str], Any] | None = None,
) -> Any:
    """Parse JSON text as RFC 8259 defines it: NaN and the infinities are refused.

    Args:
        text: a document; bytes are UTF-8.
        parse_float: what makes a value of a number with a fraction or an exponent.
        parse_int: what makes a value of any other number.

    Raises:
        ValueError: the text is not JSON, not UTF-8, or nested too deeply.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        return json.loads(text, parse_float=parse_float, parse_int=parse_int, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"Unrecognized token '{constant}'")
