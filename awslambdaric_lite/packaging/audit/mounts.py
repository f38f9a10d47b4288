"""The places `/var/task` and `/opt` for a process that this one starts, in a private mount namespace."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...common.private_mounts import Mounter, find_mounter, succeeds
from ..hosts import OPT, TASK_ROOT

_SCRIPT = """
"$0" -t tmpfs tmpfs /var && "$1" /var/task && "$0" -o bind,ro "$2" /var/task || exit 125
[ -z "$3" ] || "$0" -o bind,ro "$3" /opt || exit 125
cd /var/task && shift 3 && exec "$@"
"""


@dataclass(frozen=True)
class Mounts:
    """The programs that make the places."""

    mounter: Mounter
    mkdir: str

    def prefix(self, task_root: Path, opt: Path | None) -> list[str]:
        """Return the command that runs another one with the folders, read-only, and in the first."""
        folders = [self.mkdir, str(task_root), "" if opt is None else str(opt)]
        return self.mounter.command(_SCRIPT, folders, [])


def mounts(needed: Iterable[Path], *, opt: bool) -> Mounts | None:
    """Return the mounts; None if this process may not mount, or if they would hide a folder that the imports need.

    Args:
        needed: paths that must stay visible.
        opt: whether `/opt` is mounted, too.
    """
    hidden = ["/var", *([OPT] if opt else [])]
    if any(path.is_relative_to(place) for path in needed for place in hidden) or (opt and not Path(OPT).is_dir()):
        return None
    mounter = find_mounter()
    return None if mounter is None else _found(mounter)


@functools.cache
def _found(mounter: Mounter) -> Mounts | None:
    mkdir = shutil.which("mkdir")
    if mkdir is None:
        return None
    found = Mounts(mounter, mkdir)
    return found if succeeds([*found.prefix(Path("/"), None), "test", "-d", TASK_ROOT]) else None
