"""Settings of the property tests in this folder."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline, because a shared machine is slow at times; no database, because nothing is stored between runs.
quiet = settings(
    deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
