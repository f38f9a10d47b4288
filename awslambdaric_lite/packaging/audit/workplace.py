"""A copy of the package, laid out as on Lambda: importing its modules leaves no trace in the original.

The copy has the dates that the files would have on Lambda, so that the interpreter judges bytecode as it would there.
If this process may mount, the imports have it at `/var/task` and `/opt`, read-only as on Lambda.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..bytecode import cache_path, compile_sources
from ..hosts import OPT, TASK_ROOT, SearchPath, function_variables, search_path
from ..package import Package
from ..reading import copy_package, merge
from .bytecode import importable_sources
from .mounts import Mounts, mounts
from .platform_packages import PLATFORM_PACKAGES
from .subject import Subject

_OWN = "awslambdaric_lite"  # part of its layer, or next to the function


@dataclass(frozen=True)
class Workplace:
    """The folders of a copy, and where the imports see them.

    `content` is the copy itself, `opt` the function's layers, merged, and the layer that is audited.
    """

    folder: Path
    task_root: Path
    opt: Path | None
    content: Path
    runtime: Path
    mounts: Mounts | None

    @property
    def seen_task_root(self) -> str:
        """Return the path of the task root for the imports."""
        return str(self.task_root) if self.mounts is None else TASK_ROOT

    @property
    def seen_opt(self) -> str | None:
        """Return the path of the layers for the imports; None without layers."""
        return None if self.opt is None else str(self.opt) if self.mounts is None else OPT

    def prefix(self) -> list[str]:
        """Return the command that runs the interpreter with the mounts."""
        return [] if self.mounts is None else self.mounts.prefix(self.task_root, self.opt)

    def search_path(self, subject: Subject, variables: Mapping[str, str]) -> SearchPath:
        """Return the folders of `sys.path` before the standard library."""
        return search_path(
            subject.host,
            subject.target.python,
            variables,
            task_root=self.seen_task_root,
            opt=self.seen_opt,
            platform=[str(self.runtime)],
        )

    def shown(self, text: str) -> str:
        """Return a text with paths of the package in place of those of the copy."""
        for folder in (self.content, self.task_root, self.folder, *([TASK_ROOT, OPT] if self.mounts else [])):
            text = text.replace(f"{folder}/", "")
        return text


@contextlib.contextmanager
def workplace(subject: Subject, interpreter: Path) -> Iterator[Workplace]:
    """Copy the package; remove the copy when the context ends.

    Raises:
        PackagingError: the package cannot be copied.
    """
    with tempfile.TemporaryDirectory(prefix="awslambdaric-lite-") as name:
        folder = Path(name).resolve()
        task_root = folder / "task"
        task_root.mkdir()
        if not subject.is_layer:
            copy_package(subject.package, task_root)
        layers = [*subject.layers, *([subject.package] if subject.is_layer else [])]
        opt = _merged(layers, folder) if layers else None
        runtime = folder / "runtime"
        link_platform_packages(runtime, [_OWN, *(PLATFORM_PACKAGES if subject.host == "managed" else [])])
        needed = [folder, interpreter, interpreter.resolve(), *(each.resolve() for each in runtime.iterdir())]
        content = opt if subject.is_layer and opt is not None else task_root
        yield Workplace(folder, task_root, opt, content, runtime, mounts(needed, opt=opt is not None))


def _merged(layers: list[Package], folder: Path) -> Path:
    opt = folder / "opt"
    opt.mkdir()
    for index, layer in enumerate(layers):
        copy = folder / f"layer{index}"
        copy_package(layer, copy)
        merge(copy, opt, os.replace)
        shutil.rmtree(copy)
    return opt


def with_valid_bytecode(place: Workplace, subject: Subject, interpreter: Path) -> Workplace:
    """Copy the copy and compile every module in it, as `awslambdaric-lite pack` does.

    Raises:
        PackagingError: the interpreter cannot compile.
    """
    content = place.folder / "compiled"
    shutil.copytree(place.content, content, symlinks=True)
    seen = place.seen_opt if subject.is_layer else place.seen_task_root
    root = str(content) if place.mounts is None else seen
    sources = {name: (subject.package.read(name), f"{root}/{name}") for name in importable_sources(subject)}
    for name, bytecode in compile_sources(sources, interpreter).bytecode.items():
        cached = content / cache_path(name, subject.target.python)
        cached.parent.mkdir(exist_ok=True)
        cached.unlink(missing_ok=True)
        cached.write_bytes(bytecode)
    task_root, opt = (place.task_root, content) if subject.is_layer else (content, place.opt)
    return Workplace(place.folder, task_root, opt, content, place.runtime, place.mounts)


def environment(subject: Subject, place: Workplace, handler: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the process's variables: Lambda's without credentials, and the user's own."""
    libraries = [place.seen_task_root, f"{place.seen_task_root}/lib", f"{place.seen_opt or OPT}/lib"]
    home = place.folder / "tmp"
    home.mkdir(exist_ok=True)
    return {
        **function_variables(handler, task_root=place.seen_task_root, home=home),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{subject.target.python}",
        "LD_LIBRARY_PATH": ":".join(libraries),
        **variables,
    }


def link_platform_packages(folder: Path, names: Iterable[str]) -> None:
    """Link packages of the host that this machine has; they are pure Python."""
    folder.mkdir()
    for package in names:
        try:
            found = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            continue
        if found is None:
            continue
        for place in [*(found.submodule_search_locations or ()), *([found.origin] if found.origin else [])][:1]:
            source = Path(place)
            if source.exists():
                (folder / source.name).symlink_to(source.absolute())
