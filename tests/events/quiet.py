"""How the property tests of this folder draw examples."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A shared machine is slow at times, and nothing is stored between runs.
quiet = settings(
    deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
