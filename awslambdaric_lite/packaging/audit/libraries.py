"""The search path of the dynamic loader in a package (ld.so(8), and Lambda's `LD_LIBRARY_PATH`)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from enum import Enum

from ..elf import ElfFile
from .subject import Subject, folder_of

_ORIGIN = ("$ORIGIN", "${ORIGIN}")
_LAYER_FOLDERS = ("lib",)  # of `LD_LIBRARY_PATH`: /opt/lib
_FUNCTION_FOLDERS = ("", "lib")  # /var/task, /var/task/lib


class Found(Enum):
    """The place of a library."""

    ON_PATH = "where the loader looks"
    ELSEWHERE = "in the package, where the loader does not look"
    NOWHERE = "nowhere in the package"


class Libraries:
    """The shared libraries of a package and its layers."""

    def __init__(self, subject: Subject) -> None:
        self._names = set(subject.package.names())
        self._folders = _LAYER_FOLDERS if subject.is_layer else _FUNCTION_FOLDERS
        self._by_name: dict[str, list[str]] = {}
        for name in self._names:
            self._by_name.setdefault(posixpath.basename(name), []).append(name)
        self._of_layers = {
            posixpath.basename(name) for layer in subject.layers for name in layer.names() if folder_of(name) == "lib"
        }

    def find(self, library: str, elf: ElfFile, name: str) -> Found:
        """Look for a library that the file `name` needs."""
        if library in self._of_layers:
            return Found.ON_PATH
        for folder in (*self._folders, *self.run_path(elf, name)):
            if posixpath.normpath(posixpath.join(folder, library)) in self._names:
                return Found.ON_PATH
        return Found.ELSEWHERE if library in self._by_name else Found.NOWHERE

    def places(self, library: str) -> Iterable[str]:
        """Return every file of that name."""
        return self._by_name.get(library, ())

    @staticmethod
    def run_path(elf: ElfFile, name: str) -> list[str]:
        """Return the folders in the package that the file itself names; RUNPATH makes the loader ignore RPATH."""
        found = []
        for folder in elf.runpath or elf.rpath:
            for variable in _ORIGIN:
                if folder.startswith(variable):
                    inside = posixpath.normpath(posixpath.join(folder_of(name), folder[len(variable) :].lstrip("/")))
                    if not inside.startswith(".."):
                        found.append("" if inside == "." else inside)
                    break
        return found
