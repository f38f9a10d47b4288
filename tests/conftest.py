"""What every test relies on."""

from __future__ import annotations

import signal

# Whoever starts the tests in the background has SIGINT ignored, and children would inherit that: Ctrl-C in tests of it
# would be without effect.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
