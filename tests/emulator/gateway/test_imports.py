"""Who imports API Gateway."""

from __future__ import annotations

import subprocess
import sys

from ..waiting import WAIT


def test_one_function_does_not_import_the_gateway() -> None:
    """A single function, its Lambda API and its URL import no module of API Gateway."""
    modules = ("emulator", "emulator.frontend.invoke_api", "emulator.frontend.url", "cli.invoke", "cli.serve")
    code = "; ".join(
        [
            *(f"import awslambdaric_lite.{name}" for name in modules),
            "import sys",
            "print([name for name in sys.modules if '.gateway' in name])",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=WAIT, check=True)
    assert done.stdout.strip() == "[]"
