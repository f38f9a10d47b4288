"""TOML text, also on Python 3.10, whose standard library has no parser."""

from __future__ import annotations

import importlib
from typing import Any

_PARSERS = (
    "tomllib",
    "tomli",
    "pip._vendor.tomli",
)  # the second belongs to the extra `local` on 3.10, the third comes with pip


def parse(text: str) -> dict[str, Any]:
    """Parse a TOML document.

    Raises:
        ValueError: the text is not TOML, or this Python has no parser.
    """
    for name in _PARSERS:
        try:
            parser = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        try:
            document: dict[str, Any] = parser.loads(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return document
    raise ValueError("this Python cannot parse TOML (pip install 'awslambdaric-lite[local]')")
