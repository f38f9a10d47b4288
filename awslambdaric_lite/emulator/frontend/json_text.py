"""JSON as the service takes it: UTF-8, and stricter than Python's reader."""

from __future__ import annotations

import json


def json_text(data: bytes) -> str:
    """Return JSON as text, unchanged.

    Raises:
        ValueError: it is not JSON, or not in UTF-8.
    """
    text = data.decode("utf-8")
    try:
        json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return text


def _refuse(constant: str) -> None:
    raise ValueError(f"Unrecognized token '{constant}'")
