"""The private root for tests of layers: what a process can see in it, and what it cannot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.client_process import GUARD

from .private_root import PrivateRoot, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

LOOK = """
echo $$ "$KEPT" "$PWD" "$LAMBDA_TASK_ROOT" "${TMPDIR-none}" $(id -u)
ls -d /opt/* /var/* /home /root /work 2>/dev/null
for place in /opt /var/task /usr /etc; do touch $place/new 2>/dev/null && echo "can write $place"; done
touch /tmp/new && ls /tmp
"""


def look(root: PrivateRoot, user: int | None = None) -> tuple[int, list[str]]:
    """Start a shell in the root; return its process id and its output."""
    process = subprocess.Popen(
        root.command(["/bin/sh", "-c", LOOK], env={"KEPT": "changed"} if user else None, user=user),
        env={"PATH": os.defpath, "KEPT": "kept", "TMPDIR": "/elsewhere"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    said, _ = process.communicate(timeout=GUARD)
    return process.pid, said.splitlines()


def test_what_a_process_finds(tmp_path: Path) -> None:
    """A process keeps its id and variables, sees the function's folders read-only, and of the host only its system."""
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "inside").write_text("x")
    root = PrivateRoot(tmp_path / "root")
    root.copy(tmp_path / "layer", "/opt")
    root.bind(tmp_path / "layer", "/var/lang")
    root.write("/var/task/app.py", "")
    pid, said = look(root)
    assert said == [f"{pid} kept /var/task /var/task none 0", "/opt/inside", "/var/lang", "/var/task", "new"]
    assert sorted(path.name for path in (tmp_path / "layer").iterdir()) == ["inside"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_as_another_user(tmp_path: Path) -> None:
    """Another user in another root can write to `/tmp` only."""
    root = PrivateRoot(tmp_path / "root")
    pid, said = look(root, user=993)
    assert said[0] == f"{pid} changed /var/task /var/task none 993"
