"""Old names of the local Lambda, which warn for one release."""

from __future__ import annotations

from pathlib import Path

import pytest

from awslambdaric_lite.emulator import EmulatorError, LocalLambda


def test_cross_wire_warns_and_delivers_a_stale_reply(tmp_path: Path) -> None:
    """`cross_wire` warns with the new name and does what `deliver_stale_reply` does."""
    with (
        LocalLambda("app.handler", task_root=tmp_path) as function,
        pytest.warns(DeprecationWarning, match="deliver_stale_reply"),
        pytest.raises(EmulatorError, match="no invocation is running"),
    ):
        function.cross_wire()
