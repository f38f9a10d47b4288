"""A function with SnapStart: what is opened before the snapshot is closed for it, and opened anew after each restore.

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
_connection = uuid.uuid4()  # in the place of a connection, which no two environments may share


def close() -> None:
    """Hooks of this kind run last-registered first."""
    print("closed before the snapshot")


def reopen() -> None:
    """Hooks of this kind run in the order in which they were registered."""
    global _connection
    _connection = uuid.uuid4()
    print("opened anew after the restore")


register_before_snapshot(close)
register_after_restore(reopen)


def handler(event: JSON, context: Context) -> JSON:
    """Say which connection is used."""
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
