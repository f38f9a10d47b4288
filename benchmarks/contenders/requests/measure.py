"""Times the making of requests alone: `measure.py EVENT` prints seconds for ASGI and for WSGI.

One line of JSON: `asgi` and `wsgi`, each a list of means over a hundred events, from the parsed event to the scope or
the environ that the application gets.
"""

from __future__ import annotations

import asyncio
import json
import sys
import timeit
from collections.abc import Callable
from typing import Any

from awslambdaric_lite._handlers import wsgi
from awslambdaric_lite._handlers.asgi import AsgiHandler
from awslambdaric_lite._handlers.http_request import HttpRequest


def main(event: str) -> None:
    """Measure."""
    with open(event, "rb") as file:
        value = json.load(file)
    loop: Any = asyncio  # no application is called
    asgi = AsgiHandler(print, loop, print)
    makers: dict[str, Callable[[], object]] = {
        "asgi": lambda: asgi._scope(HttpRequest(value), None),
        "wsgi": lambda: wsgi._environ(HttpRequest(value), None),
    }
    found = {name: [each / 100 for each in timeit.repeat(make, number=100)] for name, make in makers.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
