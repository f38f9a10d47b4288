"""Hypothesis profiles: CI draws the same examples in every run, other runs draw new ones and print the seed."""

from __future__ import annotations

import os

from hypothesis import settings

_COMMON = settings(settings.get_profile("steady"), max_examples=200, derandomize=False)
settings.register_profile("ci", _COMMON, derandomize=True)
settings.register_profile("local", _COMMON)
settings.register_profile("thorough", _COMMON, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))
