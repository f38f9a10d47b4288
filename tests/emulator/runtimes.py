"""Commands of runtimes other than this package's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"
SOCKET_RUNTIME = SUPPORT / "socket_runtime.py"
STREAMING_RUNTIME = [sys.executable, "-S", str(SUPPORT / "streaming_runtime.py")]
AWSLAMBDARIC = [sys.executable, "-m", "awslambdaric", "{handler}"]
needs_awslambdaric = pytest.mark.skipif(
    importlib.util.find_spec("awslambdaric") is None, reason="awslambdaric is not installed"
)
