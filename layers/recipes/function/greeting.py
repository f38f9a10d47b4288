"""The function that the recipes deploy: it greets, and names its Python and its runtime client."""

from __future__ import annotations

import sys
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Greet the person in the event."""
    client = "awslambdaric_lite" if "awslambdaric_lite" in sys.modules else "awslambdaric"
    return {
        "greeting": f"Hello, {event.get('name', 'world')}!",
        "python": sys.version.partition(" ")[0],
        "client": client,
    }
