"""A private root for a process: the layout of Lambda's image, without Lambda, a container or root's password.

The process sees the host's `/usr` (with `/bin`, `/lib` and other links to it) and `/etc` read-only, an empty `/tmp`,
`/dev`, `/proc`, and the files of a test. The host's homes, its `/opt` and the checkout are hidden. The network is the
host's, so that the local Lambda on 127.0.0.1 is reached.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from awslambdaric_lite.packaging.elf_format import read_elf
from tests.support.client_process import GUARD

# The variables of Lambda's managed runtimes; see "Using Lambda environment variables" in the Lambda developer guide.
LAMBDA_VARIABLES: Mapping[str, str | None] = {
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "TMPDIR": None,
}
_SHARED = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc")
_LIVE = ("dev", "proc")


class PrivateRoot:
    """A root to fill; each `command()` gets separate mounts that disappear when its process exits.

    `folder` must not exist, or be empty. Paths inside are absolute, e.g. `/opt`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mounts: list[tuple[Path, str, bool]] = []
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        for name in _SHARED:
            source = Path("/", name)
            if source.is_symlink():
                (folder / name).symlink_to(os.readlink(source))
            elif source.is_dir():
                self.bind(source, f"/{name}")
        for name in _LIVE:
            (folder / name).mkdir()
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)

    def path(self, at: str) -> Path:
        """Return the test's path of the process's path `at`."""
        return self.folder / at.lstrip("/")

    def write(self, at: str, content: str | bytes, *, executable: bool = False) -> Path:
        """Write a file into the root."""
        target = self.path(at)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(0o755 if executable else 0o644)
        return target

    def copy(self, source: Path, at: str) -> Path:
        """Copy a file, or a folder with its content, into the root."""
        target = self.path(at)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)
        return target

    def bind(self, source: Path, at: str, *, writable: bool = False) -> None:
        """Mount a file or a folder of the host at a place, read-only unless `writable`."""
        target = self.path(at)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        self._mounts.append((source.resolve(), at, writable))

    def bind_loader(self, program: Path) -> None:
        """Mount the folder of a program's dynamic loader at its own path, if that is hidden; `/opt` must not be bound.

        The interpreters of Debian that `benchmarks.debian_python` fetches have one next to their libraries.
        """
        elf = read_elf(program.read_bytes())
        if elf is not None and elf.interpreter is not None:
            folder = Path(elf.interpreter).parent
            if folder.parts[1] not in _SHARED:
                self.bind(folder, str(folder))

    def command(
        self,
        command: Sequence[str],
        *,
        cwd: str = "/var/task",
        env: Mapping[str, str | None] | None = None,
        user: int | None = None,
    ) -> list[str]:
        """Return a command line that becomes `command` inside the root, in the same process.

        The environment is passed on, except `LAMBDA_VARIABLES` and the variables in `env`; None removes one.
        Everything in `/opt` and `/var` is read-only for the process. Another user (which needs root) can
        only write to `/tmp`.
        """
        shell, unshare, mount, chroot, environment = (_program(name) for name in _PROGRAMS)
        script = ["set -e"]
        self.path(cwd).mkdir(parents=True, exist_ok=True)
        for name in _LIVE:
            script.append(shlex.join([mount, "--rbind", f"/{name}", str(self.folder / name)]))
        for source, at, writable in self._mounts:
            options = "bind" if writable else "bind,ro"
            script.append(shlex.join([mount, "-o", options, str(source), str(self.path(at))]))
        for top in ("/opt", "/var"):
            if self.path(top).is_dir():
                place = str(self.path(top))
                script.append(shlex.join([mount, "--rbind", place, place]))
                script.append(shlex.join([mount, "-o", "remount,bind,ro", place]))
        words = [chroot]
        if user is not None:
            words.append(f"--userspec={user}:{user}")
        variables = {**LAMBDA_VARIABLES, "PWD": cwd, "OLDPWD": None, **(env or {})}
        words += [str(self.folder), environment, "-C", cwd]
        for name, value in variables.items():
            words += ["-u", name] if value is None else []
        words += [f"{name}={value}" for name, value in variables.items() if value is not None]
        script.append(f'exec {shlex.join(words)} "$@"')
        mapped = [] if os.geteuid() == 0 else ["-r"]
        return [unshare, "-m", *mapped, shell, "-c", "\n".join(script), shell, *command]


_PROGRAMS = ("sh", "unshare", "mount", "chroot", "env")


def _program(name: str) -> str:
    """Return an absolute path, which does not depend on the process's PATH."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not on this machine")
    return found


@functools.cache
def why_not() -> str | None:
    """Return why this machine allows no private root; None if it does, found by trying."""
    for name in _PROGRAMS:
        if shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is None:
            return f"no private root: this machine has no {name}"
    with tempfile.TemporaryDirectory() as folder:
        root = PrivateRoot(Path(folder, "root"))
        root.write("/opt/marker", "x")
        command = root.command(["/bin/sh", "-c", "test -f /opt/marker && ! touch /opt/other 2>/dev/null"], cwd="/")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=GUARD, check=False)
        except OSError as error:
            return f"no private root: {error}"
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return f"no private root: this machine does not let the tests have mounts and a root of their own ({said[-1]})"
    return None
