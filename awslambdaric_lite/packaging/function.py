"""A function's package: its own code, its requirements, their bytecode, and if wanted the runtime."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..common.words import format_size
from .archive import Member, Sizes, check_names, check_output, write_zip
from .bytecode import choose_interpreter
from .errors import PackagingError
from .function_contents import FunctionContents
from .handler_check import check_handler, split_handler
from .sizes import UNPACKED_LIMIT, ZIPPED_LIMIT
from .source_tree import collect
from .targets import Target
from .wheels import install_requirements

_NAMED = 3  # so many of the largest


class Progress(Protocol):
    """Who is told what happens."""

    def stage(self, text: str) -> None:
        """Something begins that takes a while."""

    def happening(self, text: str) -> None:
        """What is done at the moment."""

    def done(self, size: int, total: int) -> None:
        """So many bytes of the stage are done."""


@dataclass(frozen=True)
class Recipe:
    """What a function's package is made of.

    `requirements` is a file for pip, `find_links` and `no_index` say where its wheels come from; `exclude` has patterns
    for files of `source` (see `source_tree.collect`); `handler` is looked for if it is given; `runtime` puts in what
    `provided.*` needs but for an interpreter; `interpreter` makes the bytecode, one of this machine if it is None;
    `through_s3` lifts the limit for direct uploads.
    """

    source: Path
    target: Target
    requirements: Path | None = None
    find_links: Path | None = None
    no_index: bool = False
    exclude: Sequence[str] = ()
    prune: bool = True
    handler: str | None = None
    runtime: bool = False
    interpreter: Path | None = None
    through_s3: bool = False


@dataclass
class Packed:
    """What became of it; `precompiled` is the number of bytecode files."""

    sizes: Sizes
    precompiled: int
    warnings: list[str] = field(default_factory=list)


def pack_function(recipe: Recipe, output: Path, progress: Progress) -> Packed:
    """Write a function's package: the same bytes for the same files and wheels.

    Raises:
        PackagingError: something cannot be packed, or would not be taken by Lambda; an older output is unchanged.
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
        check_names(package.members)  # before there is bytecode, which is named after its source
        handler_source = None if recipe.handler is None else check_handler(recipe.handler, package.members)
        package.warn_of_shadows()
        precompiled = 0
        if interpreter is not None:
            progress.stage(f"compiling for Python {recipe.target.python}")
            precompiled = package.add_bytecode(interpreter, needed=handler_source)
        else:
            package.warnings.append(
                f"there is no Python {recipe.target.python} on this machine, so the bytecode is not precompiled "
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
            f"the unpacked package has {format_size(unpacked)}, Lambda takes {format_size(UNPACKED_LIMIT)} with its "
            f"layers; the largest: {largest}; exclude something, or deploy a container image"
        )


def _check_zipped(sizes: Sizes) -> None:
    if sizes.zipped > ZIPPED_LIMIT:
        raise PackagingError(
            f"the zip file has {format_size(sizes.zipped)}, Lambda takes {format_size(ZIPPED_LIMIT)} directly; "
            "leave something out, or upload it through S3 and say --s3"
        )
