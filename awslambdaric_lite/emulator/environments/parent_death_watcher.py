"""Sees to it that nothing outlives the local Lambda, however it ends.

A tiny shell waits on a pipe whose other end only this process holds. When that ends, by `close` or because this process
was killed, it kills the process groups it was told of and removes the scratch folder.
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
[ ! -e "$1" ] || rm -rf -- "$1"
"""


class ParentDeathWatcher:
    """Knows the process groups that are alive and the folder that holds their files."""

    def __init__(self, scratch: Path) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "local-lambda-guardian", str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            bufsize=0,
            start_new_session=True,  # a Ctrl-C at the terminal is not for it
        )

        self.pid = self._shell.pid

    def watch(self, group: int) -> None:
        """Kill this process group when everything ends."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """This process group is gone, and its number may be given to another."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """Let it do its work and wait for it."""
        assert self._shell.stdin is not None
        with contextlib.suppress(OSError):
            self._shell.stdin.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        assert self._shell.stdin is not None
        with contextlib.suppress(OSError):  # somebody killed it: there is nobody to tell
            self._shell.stdin.write(line.encode())
