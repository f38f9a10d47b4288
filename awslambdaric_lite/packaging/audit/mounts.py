"""The places `/var/task` and `/opt` for a process that this one starts, in a private mount namespace."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..hosts import OPT, TASK_ROOT

_LIMIT_S = 5.0
_SCRIPT = """
"$0" -t tmpfs tmpfs /var && "$1" /var/task && "$0" -o bind,ro "$2" /var/task || exit 125
[ -z "$3" ] || "$0" -o bind,ro "$3" /opt || exit 125
cd /var/task && shift 3 && exec "$@"
"""


@dataclass(frozen=True)
class Mounts:
    """The programs that make a mount namespace, and fill it."""

    unshare: str
    mount: str
    mkdir: str

    def prefix(self, task_root: Path, opt: Path | None) -> list[str]:
        """Return the command that runs another one with the folders, read-only, and in the first."""
        folders = [str(task_root), "" if opt is None else str(opt)]
        return [self.unshare, "-m", "/bin/sh", "-c", _SCRIPT, self.mount, self.mkdir, *folders]


def mounts(needed: Iterable[Path], *, opt: bool) -> Mounts | None:
    """Return the mounts; None if this process may not mount, or if they would hide a folder that the imports need.

    Args:
        needed: paths that must stay visible.
        opt: whether `/opt` is mounted, too.
    """
    hidden = ["/var", *([OPT] if opt else [])]
    if any(path.is_relative_to(place) for path in needed for place in hidden) or (opt and not Path(OPT).is_dir()):
        return None
    return _found()


@functools.cache
def _found() -> Mounts | None:
    unshare, mount, mkdir = (shutil.which(name) for name in ("unshare", "mount", "mkdir"))
    if unshare is None or mount is None or mkdir is None or os.geteuid() != 0:
        return None
    found = Mounts(unshare, mount, mkdir)
    trial = [*found.prefix(Path("/"), None), "test", "-d", TASK_ROOT]
    try:
        subprocess.run(trial, capture_output=True, timeout=_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found


reset_caches = _found.cache_clear  # tests call this
