"""What every test relies on."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# Whoever starts the tests in the background has SIGINT ignored, and children would inherit that: Ctrl-C in tests of it
# would be without effect.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine is slow at times; that is no property of the code. Nothing is stored between runs, and under CI they
# all draw the same examples.
settings.register_profile(
    "steady",
    deadline=None,
    database=None,
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("steady")
