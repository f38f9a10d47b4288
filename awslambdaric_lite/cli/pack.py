"""`awslambdaric-lite pack`: writes a package; prints its path on standard output, its sizes on standard error."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path

from ..common.quotas import UNPACKED_LIMIT, ZIPPED_LIMIT
from ..common.words import count, format_size
from ..packaging.errors import PackagingError
from ..packaging.function import Packed, Recipe, pack_function
from ..packaging.installers import INSTALLERS
from ..packaging.requirement_sources import find_requirements, requirements_above
from ..packaging.source_builds import BuildPolicy
from ..packaging.targets import ARCHITECTURES, Target
from .errors import UsageError
from .progress import show_progress

HELP = """Write a function's deployment package: its code, its requirements as wheels for Lambda, and bytecode that
stays valid when Lambda unpacks it. The same input gives the same bytes. Prints the path; if something fails, an
existing file stays as it is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("source", metavar="SRC", help="folder with the function's code")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="zip file to write")
    running = ".".join(platform.python_version_tuple()[:2])
    parser.add_argument(
        "--python",
        metavar="X.Y",
        default=running,
        help=f"the function's version of Python (default: {running}, the one that runs this command)",
    )
    parser.add_argument(
        "--arch", default="x86_64", help=f"the function's architecture: {' or '.join(ARCHITECTURES)} (default: x86_64)"
    )
    parser.add_argument(
        "--handler", metavar="M.F", help="fail unless the package contains this handler, e.g. app.handler"
    )

    packages = parser.add_argument_group("requirements")
    which = packages.add_mutually_exclusive_group()
    which.add_argument(
        "--requirements",
        metavar="FILE",
        help="file that declares dependencies: requirements in pip's format, or a file named pylock.toml, uv.lock, "
        "poetry.lock, Pipfile.lock or pyproject.toml (default: the first of these in SRC)",
    )
    which.add_argument("--no-requirements", action="store_true", help="install no requirements")
    packages.add_argument("--find-links", metavar="DIR", help="folder with wheels, in addition to the index")
    packages.add_argument("--no-index", action="store_true", help="install from --find-links only")
    packages.add_argument(
        "--installer",
        choices=INSTALLERS,
        default="auto",
        help="program that installs the requirements (default: uv if it is installed, else pip)",
    )
    packages.add_argument(
        "--build",
        metavar="NAME",
        action="append",
        default=[],
        help="build only these projects from source, e.g. docopt, or none (repeatable; default: all without a wheel); "
        "their code gets no credentials from the environment",
    )
    packages.add_argument(
        "--no-prune",
        action="store_true",
        help="keep files of the requirements that never run: tests, type stubs, pip's records",
    )

    content = parser.add_argument_group("content")
    content.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="exclude files of SRC that match this name, or path if it contains a slash, e.g. docs/*.md (repeatable)",
    )
    content.add_argument(
        "--runtime",
        action="store_true",
        help="add bootstrap and this runtime, as provided.al2023 needs them; an interpreter is not added",
    )
    content.add_argument(
        "--interpreter",
        metavar="FILE",
        help="interpreter that compiles the bytecode (default: a Python of that version on this machine)",
    )
    content.add_argument(
        "--s3", action="store_true", help="skip the 50 MB direct-upload limit (upload through S3 instead)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Pack once.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    output = Path(arguments.output)
    try:
        recipe = _recipe(arguments)
        with show_progress(sys.stderr) as progress:
            packed = pack_function(recipe, output, progress)
    except PackagingError as error:
        print(f"awslambdaric-lite pack: {error}", file=sys.stderr)
        return 1
    is_without = recipe.requirements is None and not arguments.no_requirements
    if is_without and (above := requirements_above(recipe.source)) is not None:
        packed.warnings.append(
            f"{above} declares dependencies, which were not packed; name it with --requirements, "
            "or use --no-requirements"
        )
    _tell(packed, recipe.target)
    print(output)
    return 0


def _recipe(arguments: argparse.Namespace) -> Recipe:
    source = Path(arguments.source)
    try:
        target = replace(Target.parse(arguments.python, arguments.arch), is_provided=arguments.runtime)
    except PackagingError as error:
        raise UsageError(str(error)) from None
    try:
        build = BuildPolicy.parse(arguments.build)
    except PackagingError as error:
        raise UsageError(str(error)) from None
    if arguments.find_links is not None and not os.path.isdir(arguments.find_links):
        raise UsageError(f"--find-links {arguments.find_links} is not a folder; name a folder with wheels")
    return Recipe(
        source=source,
        target=target,
        requirements=_requirements(arguments, source),
        find_links=None if arguments.find_links is None else Path(arguments.find_links),
        no_index=arguments.no_index,
        installer=arguments.installer,
        build=build,
        exclude=arguments.exclude,
        prune=not arguments.no_prune,
        handler=arguments.handler,
        runtime=arguments.runtime,
        interpreter=None if arguments.interpreter is None else Path(arguments.interpreter),
        through_s3=arguments.s3,
    )


def _requirements(arguments: argparse.Namespace, source: Path) -> Path | None:
    if arguments.no_requirements:
        return None
    if arguments.requirements is not None:
        return Path(arguments.requirements)
    return find_requirements(source)


def _tell(packed: Packed, target: Target) -> None:
    sizes = packed.sizes
    lines = [
        *(f"warning: {warning}" for warning in packed.warnings),
        f"{count(sizes.files, 'file')} for Python {target.python} on {target.arch}, "
        f"{packed.precompiled} of them bytecode",
        f"  zipped    {format_size(sizes.zipped):>9} of {format_size(ZIPPED_LIMIT)} for a direct upload",
        f"  unpacked  {format_size(sizes.unpacked):>9} of {format_size(UNPACKED_LIMIT)}, which its layers share",
    ]
    print("\n".join(lines), file=sys.stderr)
