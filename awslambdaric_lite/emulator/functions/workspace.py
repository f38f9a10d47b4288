"""A temporary folder, and the watcher that removes it if this process is killed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from ..environments.parent_death_watcher import ParentDeathWatcher


class Workspace:
    """Temporary folder that is made on first use, or a `function-…` folder in another one, with the same watcher."""

    def __init__(self, whole: Workspace | None = None, name: str = "") -> None:
        self._whole = whole
        self._name = name
        self._folder: Path | None = None
        self._watcher: ParentDeathWatcher | None = None

    @property
    def folder(self) -> Path:
        """The path of the folder, which exists."""
        if self._folder is None:
            if self._whole is not None:
                folder = self._whole.folder / self._name
                folder.mkdir()
            else:
                folder = Path(tempfile.mkdtemp(prefix="local-lambda-"))
                with contextlib.suppress(OSError):  # without a shell no watcher runs, and close() has to clean up
                    self._watcher = ParentDeathWatcher(folder)
            self._folder = folder
        return self._folder

    @property
    def watcher(self) -> ParentDeathWatcher | None:
        """The watcher; None before the folder is used, or if none can be started."""
        return self._watcher if self._whole is None else self._whole.watcher

    def close(self) -> None:
        """Remove the folder, and stop the watcher of a whole one."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._watcher is not None:
            self._watcher.close()
