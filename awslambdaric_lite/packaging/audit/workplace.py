"""A copy of the package, laid out as on Lambda: importing its modules leaves no trace in the original.

The copy has the dates that the files would have on Lambda, so that the interpreter judges bytecode as it would there.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..bytecode import cache_path, compile_sources
from ..reading import copy_package
from .bytecode import importable_sources
from .platform_packages import PLATFORM_PACKAGES
from .subject import Subject, layer_roots

_OWN = "awslambdaric_lite"  # part of its layer, or next to the function


@dataclass(frozen=True)
class Workplace:
    """The folders of a copy: `content` is the copy itself, `path` goes to the front of `sys.path`."""

    folder: Path
    task_root: Path
    content: Path
    path: tuple[Path, ...]

    def shown(self, text: str) -> str:
        """Return a text with paths of the package in place of those of the copy."""
        for folder in (self.content, self.task_root, self.folder):
            text = text.replace(f"{folder}/", "")
        return text


@contextlib.contextmanager
def workplace(subject: Subject) -> Iterator[Workplace]:
    """Copy the package; remove the copy when the context ends.

    Raises:
        PackagingError: the package cannot be copied.
    """
    with tempfile.TemporaryDirectory(prefix="awslambdaric-lite-") as name:
        folder = Path(name).resolve()
        task_root = folder / "task"
        layers = [folder / f"layer{index}" for index in range(len(subject.layers))]
        task_root.mkdir()
        for layer, copy in zip(subject.layers, layers, strict=True):
            copy_package(layer, copy)
        content = folder / "layer" if subject.is_layer else task_root
        copy_package(subject.package, content)
        if subject.is_layer:
            layers.insert(0, content)
        in_layers = [layer / root for root in layer_roots(subject.target) for layer in layers]
        runtime = folder / "runtime"
        link_platform_packages(runtime)
        path = (task_root, *(each for each in in_layers if each.is_dir()), runtime)
        yield Workplace(folder, task_root, content, path)


def with_valid_bytecode(place: Workplace, subject: Subject, interpreter: Path) -> Workplace:
    """Copy the copy and compile every module in it, as `awslambdaric-lite pack` does.

    Raises:
        PackagingError: the interpreter cannot compile.
    """
    content = place.folder / "compiled"
    shutil.copytree(place.content, content, symlinks=True)
    sources = {name: (subject.package.read(name), str(content / name)) for name in importable_sources(subject)}
    for name, bytecode in compile_sources(sources, interpreter).bytecode.items():
        cached = content / cache_path(name, subject.target.python)
        cached.parent.mkdir(exist_ok=True)
        cached.unlink(missing_ok=True)
        cached.write_bytes(bytecode)
    task_root = place.task_root if subject.is_layer else content
    path = tuple(
        content / each.relative_to(place.content) if each.is_relative_to(place.content) else each for each in place.path
    )
    return Workplace(place.folder, task_root, content, path)


def environment(subject: Subject, place: Workplace, handler: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the process's variables: Lambda's without credentials, and the user's own.

    Source: the Lambda developer guide, "Defined runtime environment variables".
    """
    libraries = [place.task_root, place.task_root / "lib", place.content / "lib"]
    home = place.folder / "tmp"
    home.mkdir(exist_ok=True)
    return {
        "_HANDLER": handler,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",  # else boto3 waits for an instance's role
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{subject.target.python}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_LAMBDA_LOG_STREAM_NAME": "doctor",
        "AWS_REGION": "us-east-1",
        "HOME": str(home),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": str(place.task_root),
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(home),
        "TZ": ":UTC",
        **variables,
    }


def link_platform_packages(folder: Path) -> None:
    """Link the managed runtime's packages that this machine has; they are pure Python."""
    folder.mkdir()
    for package in (*PLATFORM_PACKAGES, _OWN):
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
