"""Cleanup after the local Lambda, even if it is killed.

A shell reads from a pipe whose other end only this process has. When the pipe is closed, by `close` or because this
process exited, the shell kills the registered process groups and removes the scratch folder.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

_SCRIPT = r"""
trap '' HUP INT TERM
groups=' '
while read -r verb group; do
  case $verb in
    +) groups="$groups$group " ;;
    -) left=' '
       for each in $groups; do [ "$each" = "$group" ] || left="$left$each "; done
       groups=$left ;;
  esac
done
for each in $groups; do kill -s KILL -- "-$each"; done
for each in "$1"/tmp-* "$1"/reload-*/tmp-* "$1"/function-*/tmp-* "$1"/function-*/reload-*/tmp-*; do
  [ ! -e "$each" ] || umount -l "$each" # of a limited ephemeral storage; any other fails
done
[ ! -e "$1" ] || rm -rf -- "$1"
"""


class ParentDeathWatcher:
    """Watcher that knows the running process groups and the folder of their files."""

    def __init__(self, scratch: Path) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "local-lambda-guardian", str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            bufsize=0,
            start_new_session=True,  # a Ctrl-C at the terminal must not stop it
        )

        self.pid = self._shell.pid

    def watch(self, group: int) -> None:
        """Register a process group for the cleanup."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """Unregister a process group that has exited, because its id may be used again."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """Close the pipe and wait until the shell has cleaned up."""
        assert self._shell.stdin is not None
        with contextlib.suppress(OSError):
            self._shell.stdin.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        assert self._shell.stdin is not None
        with contextlib.suppress(OSError):  # the shell was killed
            self._shell.stdin.write(line.encode())
