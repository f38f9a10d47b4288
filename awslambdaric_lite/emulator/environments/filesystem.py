"""The content of `/tmp` and `/opt`: the scratch folder of an environment, and the function's layers.

If this process may mount (root with `unshare` and `mount` of util-linux), layers, and on demand the scratch folder, are
mounted for the processes only, unless the function needs a file that the mount would hide. Otherwise search paths and
`TMPDIR` replace the mounts. A mount executes two more programs, which delays a cold start.
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.function import FunctionConfig
from ..errors import InvalidFunction
from . import layers

TMP = Path("/tmp")
OPT = Path("/opt")
_PROBE_LIMIT_S = 5.0

# The layers are mounted first: their folder may be in the `/tmp` that the second mount hides.
_SCRIPT = r"""
[ -z "$1" ] || "$0" -o bind,ro "$1" /opt || exit
[ -z "$2" ] || "$0" -o bind "$2" /tmp || exit
shift 2
exec "$@"
"""


@dataclass(frozen=True)
class _Mounter:
    """The programs that execute another one with private mounts, in the same process."""

    unshare: str
    mount: str
    clean: tuple[str, ...]  # removes variables that the shell adds

    def command(self, command: Sequence[str], opt: Path | None, tmp: Path | None) -> list[str]:
        sources = ["" if source is None else str(source) for source in (opt, tmp)]
        return [self.unshare, "-m", "/bin/sh", "-c", _SCRIPT, self.mount, *sources, *self.clean, *command]


class Filesystem:
    """The folders of one environment's processes."""

    def __init__(
        self, scratch: Path, content: Path | None, mounter: _Mounter | None, *, mount_tmp: bool, mount_opt: bool
    ) -> None:
        self.scratch = scratch
        """The path of `tmp` for this process; the folder may not exist yet."""
        self.tmp = TMP if mount_tmp else scratch
        """The path of the environment's folder for its processes."""
        self._content = content
        self._mounter = mounter if mount_tmp or mount_opt else None
        self._opt_source = content if mount_opt else None
        self._tmp_source = scratch if mount_tmp else None

    @property
    def extension_programs(self) -> list[Path]:
        """The external extensions in the layers, as paths for this process."""
        return layers.extension_programs(self._content)

    def layer_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the search paths, extended by those of the layers."""
        if self._content is None:
            return {}
        return layers.layer_variables(self._content, OPT if self._opt_source else self._content, variables)

    def command(self, command: Sequence[str], variables: Mapping[str, str], cwd: Path) -> list[str]:
        """Return the command line that mounts the folders and executes a command, in the same process.

        Raises:
            OSError: the command cannot be executed, which the shell that mounts would not report.
        """
        if self._mounter is None:
            return list(command)
        program = _executable(command[0], variables.get("PATH", os.defpath), cwd)
        return self._mounter.command([program, *command[1:]], self._opt_source, self._tmp_source)

    def extension_command(self, program: Path) -> list[str]:
        """Return the command line of an external extension with the mounts of the runtime.

        Raises:
            OSError: it cannot be executed.
        """
        if self._mounter is None:
            return [str(program)]
        path = _executable(str(program), "", Path("/"))
        if self._opt_source is not None and program.is_relative_to(self._opt_source):
            path = str(OPT / program.relative_to(self._opt_source))
        return self._mounter.command([path], self._opt_source, self._tmp_source)


class Layout:
    """The files of a function: its layers, merged once, and a scratch folder for each environment.

    Raises:
        InvalidFunction: a layer is damaged, or a private `/tmp` is required and not possible.
        OSError: a layer cannot be read.
    """

    def __init__(self, function: FunctionConfig, folder: Path) -> None:
        self._folder = folder
        self._content = layers.merge(function.layers, folder / "opt")
        needed = [path for needed in _needed(function) for path in (needed, needed.resolve())]
        self._mounter = _mounter()
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

    def environment(self, number: int) -> Filesystem:
        """Return the folders of one environment."""
        return Filesystem(
            self._folder / f"tmp-{number}",
            self._content,
            self._mounter,
            mount_tmp=self._mount_tmp,
            mount_opt=self._mount_opt,
        )

    def _can_mount(self, place: Path, needed: Sequence[Path]) -> bool:
        return (
            self._mounter is not None
            and place.is_dir()
            and not place.is_symlink()
            and not any(path.is_relative_to(place) for path in needed)
        )


def _needed(function: FunctionConfig) -> Iterator[Path]:
    """Return the paths that a function's processes read: its code, its interpreter, its programs."""
    yield function.task_root
    command = function.command()
    program = function.task_root / (shutil.which(command[0], path=function.env.get("PATH")) or command[0])
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


@functools.cache
def _mounter() -> _Mounter | None:
    """Return the programs for mounts after trying them; None if this process may not mount."""
    unshare, mount, env = (shutil.which(name) for name in ("unshare", "mount", "env"))
    if os.geteuid() != 0 or unshare is None or mount is None or env is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        trial = _Mounter(unshare, mount, ()).command([env], Path(folder), Path(folder))
        try:
            done = subprocess.run(trial, env={}, capture_output=True, timeout=_PROBE_LIMIT_S, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
    added = [line.partition("=")[0] for line in done.stdout.decode().splitlines()]  # of a shell such as bash
    return _Mounter(unshare, mount, (env, *(word for name in added for word in ("-u", name))) if added else ())


reset_caches = _mounter.cache_clear  # tests call this
