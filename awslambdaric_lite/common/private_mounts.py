"""Private mounts: the programs that execute another one in a mount namespace that only it and its children see."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

_LIMIT_S = 5.0
_TRIAL = '"$0" -o bind,ro "$1" "$1" && cd "$1" || exit; shift; exec "$@"'  # `cd` adds OLDPWD to the environment


@dataclass(frozen=True)
class Mounter:
    """`unshare` and `mount` of util-linux, and a command that removes the variables that the shell adds."""

    unshare: str
    mount: str
    clean: tuple[str, ...]

    def command(self, script: str, arguments: Sequence[str], command: Sequence[str]) -> list[str]:
        """Return the command line that runs a shell script with private mounts, and then a command.

        The script has the path of `mount` as `$0` and its arguments as `$1` and so on. It shifts them away and executes
        the rest, so that the command runs in the same process.
        """
        return [self.unshare, "-m", "/bin/sh", "-c", script, self.mount, *arguments, *self.clean, *command]


@functools.cache
def find_mounter() -> Mounter | None:
    """Return the programs after trying them; None if this process may not mount."""
    unshare, mount, env = (shutil.which(name) for name in ("unshare", "mount", "env"))
    if os.geteuid() != 0 or unshare is None or mount is None or env is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        trial = Mounter(unshare, mount, ()).command(_TRIAL, [folder], [env])
        try:
            done = subprocess.run(trial, env={}, capture_output=True, timeout=_LIMIT_S, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
    added = [line.partition("=")[0] for line in done.stdout.decode().splitlines()]  # of a shell such as bash
    return Mounter(unshare, mount, (env, *(word for name in added for word in ("-u", name))) if added else ())


def succeeds(command: Sequence[str]) -> bool:
    """Return whether a command exits with 0, within seconds."""
    try:
        return subprocess.run(command, capture_output=True, timeout=_LIMIT_S).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


reset_caches = find_mounter.cache_clear  # tests call this
