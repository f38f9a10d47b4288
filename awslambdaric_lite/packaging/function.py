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
from .archive import FAST, SMALLEST, Member, Sizes, check_names, check_output, write_zip, zipped_size
from .bytecode import choose_interpreter
from .content_check import check_content
from .errors import PackagingError
from .function_contents import FunctionContents
from .handler_check import check_handler, split_handler
from .packed_imports import ImportOptions, PackedImports, add_imports
from .selection import Selection
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
    `installer` the program, `build` the projects that may be built from source; `exclude` has patterns for files of the
    package, `include` for files that are packed in any case (see `source_tree.collect` for what is not),
    `without_platform_packages` excludes installed packages that managed runtimes have; `follow_links`
    packs files to which links lead out of `source`; the package must contain `handler`; `runtime` adds everything that
    `provided.*` needs except an interpreter; `interpreter` compiles the bytecode, by default one of this machine;
    without `bytecode` nothing is compiled, without `sources` bytecode replaces the modules' sources; `strip` removes
    symbols of binaries; `through_s3` skips the limit of direct uploads; `imports` asks for files that make the
    function's imports cheaper.
    """

    source: Path
    target: Target
    requirements: Path | None = None
    find_links: Path | None = None
    no_index: bool = False
    installer: str = "auto"
    build: BuildPolicy = BUILD_ALL
    exclude: Sequence[str] = ()
    include: Sequence[str] = ()
    without_platform_packages: bool = False
    follow_links: bool = False
    prune: bool = True
    handler: str | None = None
    runtime: bool = False
    interpreter: Path | None = None
    bytecode: bool = True
    sources: bool = True
    strip: bool = False
    through_s3: bool = False
    imports: ImportOptions = field(default_factory=ImportOptions)


@dataclass
class Packed:
    """The result of packing.

    `precompiled` is the number of bytecode files, `left_out` has the files and folders of the source that were left out
    without being excluded by the recipe, and why.
    """

    sizes: Sizes
    precompiled: int
    warnings: list[str] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)
    imports: PackedImports = field(default_factory=PackedImports)


def pack_function(recipe: Recipe, output: Path, progress: Progress) -> Packed:
    """Write a function's package; the same files and wheels give the same bytes.

    Raises:
        PackagingError: something cannot be packed, or exceeds Lambda's limits; an older output is unchanged.
    """
    check_output(output)
    if recipe.handler is not None:
        split_handler(recipe.handler)
    recipe.imports.check_target(recipe.target, recipe.source)
    selection = Selection(recipe.exclude, recipe.include)
    tree = collect(recipe.source, selection, output=output, follow_links=recipe.follow_links)
    interpreter = None
    if recipe.bytecode or recipe.imports.purpose is not None:
        interpreter = choose_interpreter(recipe.target.python, recipe.interpreter)
    purpose = recipe.imports.purpose or (None if recipe.sources else "replace sources with bytecode")
    if interpreter is None and purpose is not None:
        raise PackagingError(
            f"this machine has no Python {recipe.target.python} to {purpose}; install it, or name one with "
            "--interpreter"
        )
    with tempfile.TemporaryDirectory() as folder:
        package = FunctionContents(
            recipe.target,
            selection,
            without_platform_packages=recipe.without_platform_packages,
            warnings=tree.warnings,
        )
        installed = _installed(recipe, Path(folder, "requirements"), progress)
        package.add_installed(installed, tree.files, prune=recipe.prune)
        package.add_own(tree.files)
        if recipe.runtime:
            package.add_runtime()
        if not package.members:
            left_out = "".join(f"; {name} is left out ({reason})" for name, reason in [*tree.left_out.items()][:_NAMED])
            raise PackagingError(
                f"{recipe.source} has no files for a package; name the folder with the function's code{left_out}"
            )
        check_names(package.members)  # before bytecode is added, which has the names of its sources
        handler_source = None if recipe.handler is None else _check_handler(recipe.handler, package, tree.left_out)
        package.warnings += check_content(
            package.members,
            recipe.source,
            recipe.target,
            "provided" if recipe.runtime else "managed",
            unchecked=[name for name in package.members if selection.includes(name)],
            installed=package.installed,
        )
        if recipe.strip:
            progress.stage("stripping binaries")
            package.strip_binaries()
        if interpreter is not None and recipe.bytecode:
            progress.stage(f"compiling for Python {recipe.target.python}")
            package.add_bytecode(interpreter, needed=handler_source, sources=recipe.sources)
        elif recipe.bytecode:
            package.warnings.append(
                f"this machine has no Python {recipe.target.python}, so the bytecode is not precompiled "
                "and each cold start compiles; install it, or name one with --interpreter"
            )
        package.finish_records()
        imports = add_imports(package, recipe.imports, recipe.handler, interpreter, recipe.source, progress.stage)
        package.warn_of_unused_options()
        _fit_unpacked(package)
        sizes = _write(package, output, recipe, progress)
    return Packed(sizes, len(package.bytecode), package.warnings, tree.left_out, imports)


def _write(package: FunctionContents, output: Path, recipe: Recipe, progress: Progress) -> Sizes:
    """Write the archive; if it is too large for a direct upload, compress better, then leave out bytecode."""

    def accept(sizes: Sizes) -> None:
        if sizes.zipped > ZIPPED_LIMIT and not recipe.through_s3:
            raise _TooLarge(sizes.zipped)

    level = FAST
    while True:
        progress.stage(f"writing {len(package.members)} files")
        try:
            return write_zip(
                output,
                package.members.values(),
                level=level,
                progress=lambda name, done, total: progress.done(done, total),
                accept=accept,
            )
        except _TooLarge as error:
            limit = f"{format_size(ZIPPED_LIMIT)} zipped"
            if level != SMALLEST:
                level = SMALLEST
            elif not package.drop_bytecode(error.size - ZIPPED_LIMIT, zipped_size, limit):
                raise PackagingError(
                    f"the zip file has {format_size(error.size)}, Lambda allows {format_size(ZIPPED_LIMIT)} directly; "
                    "exclude files, or upload it through S3 with --s3"
                ) from None


class _TooLarge(Exception):
    """A zip file exceeds the limit; `size` is in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


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


def _check_handler(handler: str, package: FunctionContents, left_out: Mapping[str, str]) -> str | None:
    try:
        return check_handler(handler, package.members)
    except PackagingError as error:
        path = split_handler(handler)[0].replace(".", "/")
        for name, reason in left_out.items():
            if name == f"{path}.py" or (name.endswith("/") and f"{path}/".startswith(name)):
                raise PackagingError(
                    f"handler {handler}: {name} is left out ({reason}); use --include {name}"
                ) from None
        raise error


def _fit_unpacked(package: FunctionContents) -> None:
    """Drop bytecode if the unpacked package is too large, and refuse it if that does not suffice."""
    shares: Counter[str] = Counter()
    for name, member in package.members.items():
        shares[name.partition("/")[0]] += member.size()
    excess = shares.total() - UNPACKED_LIMIT
    limit = f"{format_size(UNPACKED_LIMIT)} unpacked"
    if excess > 0 and not package.drop_bytecode(excess, Member.size, limit):
        largest = ", ".join(f"{name} {format_size(size)}" for name, size in shares.most_common(_NAMED))
        raise PackagingError(
            f"the unpacked package has {format_size(shares.total())}, Lambda allows {format_size(UNPACKED_LIMIT)} with "
            f"its layers; the largest: {largest}; exclude files, or deploy a container image"
        )
