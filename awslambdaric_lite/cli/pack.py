"""`awslambdaric-lite pack`: writes a package; prints its path on standard output, its sizes on standard error."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..common.quotas import UNPACKED_LIMIT, ZIPPED_LIMIT
from ..common.words import count, escape_controls, format_size, shorten_list
from ..packaging.audit.platform_packages import PLATFORM_PACKAGES
from ..packaging.errors import PackagingError
from ..packaging.function import Packed, Recipe, pack_function
from ..packaging.hosts import TASK_ROOT
from ..packaging.import_bundle import BUNDLE_NAME, BUNDLE_VARIABLE
from ..packaging.import_recording import LIST_NAME, LIST_VARIABLE
from ..packaging.installers import INSTALLERS
from ..packaging.packed_imports import ImportOptions
from ..packaging.requirement_sources import find_requirements, requirements_above
from ..packaging.source_builds import BuildPolicy
from ..packaging.targets import ARCHITECTURES, Target
from .env_file import variable
from .errors import UsageError
from .events import read_event
from .lazy_mode import DEFAULT_MODE, LAZY_HELP, lazy_mode
from .lines import say
from .progress import show_progress

HELP = """Write a function's deployment package: its code, its requirements as wheels for Lambda, and bytecode that
stays valid when Lambda unpacks it. The same input gives the same bytes. Prints the path; if something fails, an
existing file stays as it is."""

_NAMED = 10  # files and folders in the line about what was left out


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
        help="keep files of the requirements that never run: tests and type stubs",
    )

    content = parser.add_argument_group("content")
    content.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="exclude files of SRC and of the requirements: a pattern as in .gitignore, relative to the package, e.g. "
        "'*.md', tests/ or botocore/data/ec2 (repeatable)",
    )
    content.add_argument(
        "--include",
        metavar="PATTERN",
        action="append",
        default=[],
        help="pack files that would be left out or refused: those of tools, secrets, and files that --exclude, "
        ".lambdaignore or .gitignore name (repeatable)",
    )
    content.add_argument(
        "--without-platform-packages",
        action="store_true",
        help="exclude installed packages that the managed Python runtimes have: "
        + ", ".join(sorted(PLATFORM_PACKAGES.values())),
    )
    content.add_argument(
        "--follow-links",
        action="store_true",
        help="pack the files and folders outside of SRC that links in SRC lead to (default: refuse such links)",
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
        "--no-bytecode", action="store_true", help="add no bytecode, so that each cold start compiles its modules"
    )
    content.add_argument(
        "--no-sources",
        action="store_true",
        help="replace the sources of modules by their bytecode: smaller, but stack traces show no lines of code",
    )
    content.add_argument(
        "--strip",
        action="store_true",
        help="remove symbols for debuggers from binaries (needs the program strip or llvm-strip)",
    )
    content.add_argument(
        "--s3", action="store_true", help="skip the 50 MB direct-upload limit (upload through S3 instead)"
    )

    imports = parser.add_argument_group(
        "imports", "What the packed function imports when it runs on this machine, so that its cold starts do less."
    )
    imports.add_argument(
        "--event",
        metavar="FILE",
        action="append",
        default=[],
        help="JSON file, or - for standard input: send it to the packed function and add an import list "
        f"({LIST_NAME}) of what its events import after init, which init then imports (repeatable; needs --handler)",
    )
    imports.add_argument(
        "--bundle-imports",
        action="store_true",
        help=f"add an import bundle ({BUNDLE_NAME}): the bytecode of the modules that the import of the handler loads, "
        "and of those in the import list, in one file, also with --no-bytecode (needs --handler)",
    )
    imports.add_argument("--lazy", metavar="MODE", help=f"with --event: {LAZY_HELP}")
    imports.add_argument(
        "--env",
        metavar="K=V",
        action="append",
        default=[],
        help="with --event and --bundle-imports: set an environment variable of the function (repeatable)",
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
        say(f"awslambdaric-lite pack: {error}")
        return 1
    is_without = recipe.requirements is None and not arguments.no_requirements
    if is_without and (above := requirements_above(recipe.source)) is not None:
        packed.warnings.append(
            f"{above} declares dependencies, which were not packed; name it with --requirements, "
            "or use --no-requirements"
        )
    _tell(packed, recipe.target)
    if sys.stdout.isatty():
        say(str(output), sys.stdout)
    else:
        print(output)  # exactly, for scripts
    return 0


def _recipe(arguments: argparse.Namespace) -> Recipe:
    source = Path(arguments.source)
    if arguments.runtime and arguments.without_platform_packages:
        raise UsageError("--runtime is for provided.*, which has none of --without-platform-packages; use one of them")
    _check_imports(arguments)
    runs = bool(arguments.event) or arguments.bundle_imports
    if arguments.no_bytecode and (arguments.no_sources or (arguments.interpreter is not None and not runs)):
        other = "--no-sources" if arguments.no_sources else "--interpreter"
        raise UsageError(f"--no-bytecode compiles nothing, but {other} needs bytecode; use one of them")
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
        include=arguments.include,
        without_platform_packages=arguments.without_platform_packages,
        follow_links=arguments.follow_links,
        prune=not arguments.no_prune,
        handler=arguments.handler,
        runtime=arguments.runtime,
        interpreter=None if arguments.interpreter is None else Path(arguments.interpreter),
        bytecode=not arguments.no_bytecode,
        sources=not arguments.no_sources,
        strip=arguments.strip,
        through_s3=arguments.s3,
        imports=ImportOptions(
            events=[read_event(path) for path in arguments.event],
            lazy=lazy_mode(arguments.lazy or DEFAULT_MODE),
            variables=dict(variable(text) for text in arguments.env),
            bundle=arguments.bundle_imports,
        ),
    )


def _check_imports(arguments: argparse.Namespace) -> None:
    runs = "--event" if arguments.event else "--bundle-imports" if arguments.bundle_imports else None
    if runs is not None and arguments.handler is None:
        raise UsageError(f"{runs} needs the handler; name it with --handler, e.g. app.handler")
    if arguments.lazy is not None and not arguments.event:
        raise UsageError("--lazy is for the function that --event runs; add --event FILE, or omit it")
    if arguments.env and runs is None:
        raise UsageError("--env is for the function that --event and --bundle-imports run; add one, or omit it")


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
        *([f"left out: {_left_out(packed.left_out)}; --include PATTERN packs them"] if packed.left_out else []),
        f"{count(sizes.files, 'file')} for Python {target.python} on {target.arch}, "
        f"{packed.precompiled} of them bytecode",
        f"  zipped    {format_size(sizes.zipped):>9} of {format_size(ZIPPED_LIMIT)} for a direct upload",
        f"  unpacked  {format_size(sizes.unpacked):>9} of {format_size(UNPACKED_LIMIT)}, which its layers share",
    ]
    listed, bundle = packed.imports.listed, packed.imports.bundle
    if listed == 0:
        lines.append(f"  the events import nothing after init, so that no {LIST_NAME} is needed")
    elif listed is not None:
        entries = count(listed, "entry", "entries")
        lines.append(f"  {LIST_NAME} has {entries}; {_named_by(target, LIST_VARIABLE, LIST_NAME)}")
    if bundle is not None:
        content = f"{count(bundle.modules, 'module')}, {format_size(bundle.size)}"
        lines.append(f"  {BUNDLE_NAME} has {content}; {_named_by(target, BUNDLE_VARIABLE, BUNDLE_NAME)}")
    for line in lines:
        say(line)


def _named_by(target: Target, variable: str, file: str) -> str:
    """Return how the runtime gets to know a file of the package."""
    if target.is_provided:
        return "bootstrap names it to the runtime"
    return f"set {variable}={TASK_ROOT}/{file} to use it, with the wrapper layer or in an image"


def _left_out(names: Mapping[str, str]) -> str:
    """Return names with their reasons: `.git/, .venv/ (of tools); a, b, c and 2 more (named in .gitignore)`."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in names.items():
        by_reason.setdefault(reason, []).append(escape_controls(name))
    return "; ".join(f"{shorten_list(some, _NAMED)} ({reason})" for reason, some in by_reason.items())
