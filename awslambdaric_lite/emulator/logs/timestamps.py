"""Timestamps in the platform's format."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(timezone.utc)


def iso_time(moment: datetime) -> str:
    """Return a time in ISO 8601 with milliseconds and a `Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
