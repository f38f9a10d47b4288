"""How the platform writes points in time."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(timezone.utc)


def iso_time(moment: datetime) -> str:
    """ISO 8601 with milliseconds and a `Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
