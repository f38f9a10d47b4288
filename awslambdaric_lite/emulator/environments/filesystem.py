"""The file system of an environment: its scratch folder, the function's layers, and the read-only task root.

If this process may mount (root with `unshare` and `mount` of util-linux), layers, the task root, and on demand the
scratch folder, are mounted for the processes only, unless the function needs a file that the mount would hide.
Otherwise search paths and `TMPDIR` replace the mounts, and the task root is writable. A mount executes two more
programs, which delays a cold start. A limit of the ephemeral storage is the size of a file system in memory.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...common.private_mounts import Mounter, find_mounter, succeeds
from ..config.function import FunctionConfig
from ..errors import InvalidFunction
from . import layers

TMP = Path("/tmp")
OPT = Path("/opt")

# A scratch folder in the read-only folder is mounted first, so that it stays writable. Layers are mounted before the
# `/tmp` that could hide their folder. The current folder becomes read-only when it is entered again.
_SCRIPT = r"""
if [ -n "$1" ]; then
  [ -z "$2" ] || "$0" -o bind "$2" "$2" || exit
  "$0" -o rbind,ro "$1" "$1" || exit
  cd "$1" || exit
fi
[ -z "$3" ] || "$0" -o bind,ro "$3" /opt || exit
[ -z "$4" ] || "$0" -o bind "$4" /tmp || exit
shift 4
exec "$@"
"""


@dataclass(frozen=True)
class _Mounts:
    """The folders that the processes of an environment see in other places or in another way; None for none."""

    read_only: Path | None = None
    writable: Path | None = None
    """A folder inside of the read-only one."""
    opt: Path | None = None
    tmp: Path | None = None


def _mounted(mounter: Mounter, command: Sequence[str], mounts: _Mounts) -> list[str]:
    """Return the command line that executes a command with the folders."""
    folders = (mounts.read_only, mounts.writable, mounts.opt, mounts.tmp)
    return mounter.command(_SCRIPT, ["" if source is None else str(source) for source in folders], command)


def can_protect(folder: Path) -> bool:
    """Return whether a folder can be mounted read-only."""
    mounter = find_mounter()
    if mounter is None or folder.resolve() == Path("/"):
        return False
    return succeeds(_mounted(mounter, ["true"], _Mounts(read_only=folder)))


class Filesystem:
    """The folders of one environment's processes."""

    def __init__(
        self,
        task_root: Path,
        scratch: Path,
        content: Path | None = None,
        mounter: Mounter | None = None,
        mounts: _Mounts = _Mounts(),
        size_mb: int | None = None,
    ) -> None:
        self.task_root = task_root
        """The folder with the function's code."""
        self.scratch = scratch
        """The path of `tmp` for this process; the folder may not exist yet."""
        self.tmp = scratch if mounts.tmp is None else TMP
        """The path of the environment's folder for its processes."""
        self._content = content
        self._mounter = None if mounts == _Mounts() else mounter
        self._mounts = mounts
        self._size_mb = size_mb

    @property
    def is_read_only(self) -> bool:
        """Whether the processes cannot write to the task root."""
        return self._mounts.read_only is not None

    def prepare(self) -> None:
        """Make the scratch folder, with its limit of size, unless it exists.

        Raises:
            OSError: it cannot be made.
        """
        if self.scratch.exists():
            return
        self.scratch.mkdir()
        if self._size_mb is not None:
            options = f"size={self._size_mb}m,mode=0755"
            if not succeeds(["mount", "-t", "tmpfs", "-o", options, "local-lambda", str(self.scratch)]):
                self.scratch.rmdir()
                raise OSError(errno.EPERM, "the ephemeral storage cannot be mounted", str(self.scratch))

    def close(self) -> None:
        """Unmount the scratch folder; its files are gone if its size was limited."""
        if self._size_mb is not None and self.scratch.exists():
            succeeds(["umount", "-l", str(self.scratch)])

    @property
    def extension_programs(self) -> list[Path]:
        """The external extensions in the layers, as paths for this process."""
        return layers.extension_programs(self._content)

    def layer_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the search paths, extended by those of the layers."""
        if self._content is None:
            return {}
        return layers.layer_variables(self._content, OPT if self._mounts.opt else self._content, variables)

    def command(self, command: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        """Return the command line that mounts the folders and executes a command, in the same process.

        Raises:
            OSError: the command cannot be executed, which the shell that mounts would not report.
        """
        in_layers = layers.find(self._content, command[0])
        program = command[0] if in_layers is None else str(in_layers)
        if self._mounter is None:
            return [program, *command[1:]]
        program = _executable(program, variables.get("PATH", os.defpath), self.task_root)
        return _mounted(self._mounter, [self._seen(program), *command[1:]], self._mounts)

    def extension_command(self, program: Path) -> list[str]:
        """Return the command line of an external extension with the mounts of the runtime.

        Raises:
            OSError: it cannot be executed.
        """
        if self._mounter is None:
            return [str(program)]
        return _mounted(self._mounter, [self._seen(_executable(str(program), "", Path("/")))], self._mounts)

    def in_opt(self, path: str) -> str:
        """Return a path in `/opt` as the processes have it, if the layers are not mounted there."""
        in_layers = layers.find(self._content, path)
        return path if in_layers is None else self._seen(str(in_layers))

    def _seen(self, path: str) -> str:
        """Return the path that the processes have of a file of this process."""
        if self._mounts.opt is not None and Path(path).is_relative_to(self._mounts.opt):
            return str(OPT / Path(path).relative_to(self._mounts.opt))
        return path


class Layout:
    """The files of a function: its code and its layers, unpacked once, and a scratch folder for each environment.

    Attributes:
        warnings: what differs from AWS here, because this process may not mount.

    Raises:
        InvalidFunction: the package or a layer is damaged, or a mount is required and not possible.
        OSError: a layer cannot be read.
    """

    def __init__(self, function: FunctionConfig, folder: Path) -> None:
        self._folder = folder
        self._root = function.task_root
        if not self._root.is_dir():
            self._root = folder / "task"
            layers.unpack(function.task_root, self._root, "task root")
        self._content = layers.merge(function.layers, folder / "opt")
        needed = [
            path for needed in _needed(function, self._root, self._content) for path in (needed, needed.resolve())
        ]
        self._mounter = find_mounter()
        self._mount_opt = self._content is not None and self._can_mount(OPT, needed)
        if self._content is not None and not self._mount_opt:
            needed.append(self._content.resolve())
        self._mount_tmp = function.private_tmp is not False and self._can_mount(TMP, needed)
        if function.private_tmp and not self._mount_tmp:
            inside = next((path for path in needed if path.is_relative_to(TMP)), None)
            reason = "this process may not mount"
            if self._mounter is not None and inside is not None:
                reason = f"{inside} is in it"
            raise InvalidFunction(f"private /tmp is not possible: {reason}; omit private_tmp to use TMPDIR only")
        self._mount_root = function.read_only is not False and can_protect(self._root)
        if function.read_only and not self._mount_root:
            raise InvalidFunction(
                "a read-only task root is not possible: this process may not mount it; run as root, or omit read_only"
            )
        self._size_mb = None if self._mounter is None else function.ephemeral_storage_mb
        self.warnings: list[str] = []
        if function.read_only is None and not self._mount_root:
            self.warnings.append(
                "the function can write to its task root, unlike on AWS: this process may not mount it; "
                "run as root, or hide this by --writable (read_only=False)"
            )
        if function.ephemeral_storage_mb != self._size_mb:
            self.warnings.append("the ephemeral storage has no limit, unlike on AWS: this process may not mount")

    def environment(self, number: int) -> Filesystem:
        """Return the folders of one environment."""
        scratch = self._folder / f"tmp-{number}"
        is_inside = self._mount_root and self._folder.resolve().is_relative_to(self._root.resolve())
        mounts = _Mounts(
            read_only=self._root if self._mount_root else None,
            writable=scratch if is_inside else None,
            opt=self._content if self._mount_opt else None,
            tmp=scratch if self._mount_tmp else None,
        )
        return Filesystem(self._root, scratch, self._content, self._mounter, mounts, self._size_mb)

    def _can_mount(self, place: Path, needed: Sequence[Path]) -> bool:
        return (
            self._mounter is not None
            and place.is_dir()
            and not place.is_symlink()
            and not any(path.is_relative_to(place) for path in needed)
        )


def _needed(function: FunctionConfig, task_root: Path, content: Path | None) -> Iterator[Path]:
    """Return the paths that a function's processes read: its code, its interpreter, its programs."""
    yield task_root
    command = function.command()
    program = task_root / (shutil.which(command[0], path=function.env.get("PATH")) or command[0])
    if layers.find(content, command[0]) is None:
        for path in (program, program.resolve()):
            yield path
            yield path.parent.parent  # the parent of `bin`, where an interpreter has its libraries
    yield from function.extensions
    for argument in command[1:]:
        if os.path.isabs(argument):
            yield Path(argument)
    if str(program) == sys.executable:
        yield from (Path(entry) for entry in (sys.base_prefix, *sys.path) if os.path.isabs(entry))
    for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH"):
        yield from (Path(entry) for entry in function.env.get(name, "").split(os.pathsep) if os.path.isabs(entry))


def _executable(name: str, path: str, cwd: Path) -> str:
    """Find a program as `subprocess` would, with the same errors."""
    candidates = [str(cwd / name)] if "/" in name else [os.path.join(folder, name) for folder in path.split(os.pathsep)]
    code = errno.ENOENT
    for candidate in candidates:
        if os.path.isfile(candidate):
            if os.access(candidate, os.X_OK):
                return candidate
            code = errno.EACCES
    raise OSError(code, os.strerror(code), name)
