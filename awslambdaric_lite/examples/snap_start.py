"""A function with SnapStart: hooks close a connection before the snapshot and reopen it after each restore.

Try it: `python -m awslambdaric_lite.examples.snap_start` (`pip install snapshot-restore-py`; managed runtimes have it).
"""

from __future__ import annotations

import sys
import uuid

from awslambdaric_lite.types import JSON, Context

try:
    from snapshot_restore_py import register_after_restore, register_before_snapshot
except ImportError:
    sys.exit("this example needs snapshot-restore-py; install it with: pip install snapshot-restore-py")

_HANDLER = "awslambdaric_lite.examples.snap_start.handler"
_connection = uuid.uuid4()  # simulates a connection, which environments must not share


def close() -> None:
    """Close the connection before the snapshot; the hook that was registered last runs first."""
    print("closed before the snapshot")


def reopen() -> None:
    """Open another connection after the restore; hooks run in the order of their registration."""
    global _connection
    _connection = uuid.uuid4()
    print("reopened after the restore")


register_before_snapshot(close)
register_after_restore(reopen)


def handler(event: JSON, context: Context) -> JSON:
    """Return the connection."""
    return {"connection": str(_connection)}


def main() -> None:
    """Invoke the function, restore its snapshot once more, and invoke it again."""
    from awslambdaric_lite.emulator import LocalLambda

    with LocalLambda(_HANDLER, snap_start=True, on_log=_show) as function:
        first = function.invoke().json()
        function.snapshot_restore()
        second = function.invoke().json()
    print(f"{first['connection']}, then {second['connection']}")


def _show(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
