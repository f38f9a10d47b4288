"""A function's package: its own code, its requirements, their bytecode, and the runtime on request."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..common.quotas import UNPACKED_LIMIT, ZIPPED_LIMIT
from ..common.words import format_size
from .archive import Member, Sizes, check_names, check_output, write_zip
from .bytecode import choose_interpreter
from .errors import PackagingError
from .function_contents import FunctionContents
from .handler_check import check_handler, split_handler
from .source_builds import BUILD_ALL, BuildPolicy
from .source_tree import collect
from .targets import Target
from .wheels import install_requirements

_NAMED = 3  # of the largest folders


class Progress(Protocol):
    """A display of the progress."""

    def stage(self, text: str) -> None:
        """Show that a stage begins."""

    def happening(self, text: str) -> None:
        """Show the current step."""

    def done(self, size: int, total: int) -> None:
        """Show that `size` of `total` bytes of the stage are done."""


@dataclass(frozen=True)
class Recipe:
    """The ingredients of a function's package.

    `requirements` is a file that declares dependencies, `find_links` and `no_index` choose the source of their wheels,
    `installer` the program, `build` the projects that may be built from source; `exclude` has
    patterns for files of `source` (see `source_tree.collect`); the package must contain `handler`; `runtime` adds
    everything that `provided.*` needs except an interpreter; `interpreter` compiles the bytecode, by default one of
    this machine; `through_s3` skips the limit of direct uploads.
    """

    source: Path
    target: Target
    requirements: Path | None = None
    find_links: Path | None = None
    no_index: bool = False
    installer: str = "auto"
    build: BuildPolicy = BUILD_ALL
    exclude: Sequence[str] = ()
    prune: bool = True
    handler: str | None = None
    runtime: bool = False
    interpreter: Path | None = None
    through_s3: bool = False


@dataclass
class Packed:
    """The result of packing; `precompiled` is the number of bytecode files."""

    sizes: Sizes
    precompiled: int
    warnings: list[str] = field(default_factory=list)


def pack_function(recipe: Recipe, output: Path, progress: Progress) -> Packed:
    """Write a function's package; the same files and wheels give the same bytes.

    Raises:
        PackagingError: something cannot be packed, or exceeds Lambda's limits; an older output is unchanged.
    """
    check_output(output)
    if recipe.handler is not None:
        split_handler(recipe.handler)
    tree = collect(recipe.source, exclude=recipe.exclude, output=output)
    interpreter = choose_interpreter(recipe.target.python, recipe.interpreter)
    with tempfile.TemporaryDirectory() as folder:
        package = FunctionContents(recipe.target, tree.warnings)
        installed = _installed(recipe, Path(folder, "requirements"), progress)
        package.add_installed(installed, tree.files, prune=recipe.prune)
        package.add_own(tree.files)
        if recipe.runtime:
            package.add_runtime()
        if not package.members:
            raise PackagingError(
                f"{recipe.source} has no files for a package; name the folder with the function's code"
            )
        check_names(package.members)  # before bytecode is added, which has the names of its sources
        handler_source = None if recipe.handler is None else check_handler(recipe.handler, package.members)
        package.warn_of_shadows()
        precompiled = 0
        if interpreter is not None:
            progress.stage(f"compiling for Python {recipe.target.python}")
            precompiled = package.add_bytecode(interpreter, needed=handler_source)
        else:
            package.warnings.append(
                f"this machine has no Python {recipe.target.python}, so the bytecode is not precompiled "
                "and each cold start compiles; install it, or name one with --interpreter"
            )
        _check_unpacked(package.members)
        progress.stage(f"writing {len(package.members)} files")
        sizes = write_zip(
            output,
            package.members.values(),
            progress=lambda name, done, total: progress.done(done, total),
            accept=None if recipe.through_s3 else _check_zipped,
        )
    return Packed(sizes, precompiled, package.warnings)


def _installed(recipe: Recipe, folder: Path, progress: Progress) -> dict[str, Path]:
    if recipe.requirements is None:
        return {}
    progress.stage(f"installing {recipe.requirements} for Python {recipe.target.python} on {recipe.target.arch}")
    install_requirements(
        recipe.requirements,
        folder,
        recipe.target,
        find_links=recipe.find_links,
        no_index=recipe.no_index,
        progress=progress.happening,
        installer=recipe.installer,
        build=recipe.build,
    )
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}


def _check_unpacked(members: Mapping[str, Member]) -> None:
    shares: Counter[str] = Counter()
    for name, member in members.items():
        shares[name.partition("/")[0]] += member.size()
    if (unpacked := shares.total()) > UNPACKED_LIMIT:
        largest = ", ".join(f"{name} {format_size(size)}" for name, size in shares.most_common(_NAMED))
        raise PackagingError(
            f"the unpacked package has {format_size(unpacked)}, Lambda allows {format_size(UNPACKED_LIMIT)} with its "
            f"layers; the largest: {largest}; exclude files, or deploy a container image"
        )


def _check_zipped(sizes: Sizes) -> None:
    if sizes.zipped > ZIPPED_LIMIT:
        raise PackagingError(
            f"the zip file has {format_size(sizes.zipped)}, Lambda allows {format_size(ZIPPED_LIMIT)} directly; "
            "exclude files, or upload it through S3 with --s3"
        )
