"""How the property tests draw examples: under CI the same ones in every run, elsewhere new ones with a printed seed."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A shared machine is slow at times; that is no property of the code. Nothing is stored between runs: a failure prints
# the decorator, and without `derandomize` the seed, that reproduces it.
_COMMON = settings(
    deadline=None,
    database=None,
    print_blob=True,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("ci", _COMMON, derandomize=True)
settings.register_profile("local", _COMMON)
settings.register_profile("thorough", _COMMON, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))
