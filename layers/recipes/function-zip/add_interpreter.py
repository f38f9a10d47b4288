"""Add the interpreter of a layer for provided.al2023 to a function's package, which then needs no layer.

`python layers/recipes/function-zip/add_interpreter.py FUNCTION.zip LAYER.zip`, after `awslambdaric-lite pack
--runtime`. The package is replaced if all succeeds. Exit codes: 0 done; 1 an error; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from awslambdaric_lite.common.quotas import UNPACKED_LIMIT, ZIPPED_LIMIT
from awslambdaric_lite.common.words import format_size
from awslambdaric_lite.packaging.archive import Member, Sizes, write_zip
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.reading import Package, open_package

_INTERPRETER = re.compile(r"bin/(python3\.\d+)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="add_interpreter.py", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "function",
        type=Path,
        metavar="FUNCTION.zip",
        help="package that `awslambdaric-lite pack --runtime` has written",
    )
    parser.add_argument(
        "layer", type=Path, metavar="LAYER.zip", help="layer that `layers/build.py provided` has written"
    )
    arguments = parser.parse_args(argv)
    try:
        with open_package(arguments.function) as function, open_package(arguments.layer) as layer:
            _check_runtime(function, arguments.function)
            program = _program(layer, arguments.layer)
            packed_name = _packed_name(program, function)
            members = [*_function_members(function, arguments.function, packed_name)]
            members += _interpreter_members(layer, program, packed_name)
            sizes = write_zip(arguments.function, members, accept=_check)
    except PackagingError as error:
        print(f"add_interpreter.py: {error}", file=sys.stderr)
        return 1
    written = f"{format_size(sizes.zipped)} zipped, {format_size(sizes.unpacked)} unpacked"
    print(f"{sizes.files} files, {written}", file=sys.stderr)
    return 0


def _check_runtime(function: Package, path: Path) -> None:
    if not {"bootstrap", "awslambdaric_lite/__main__.py"} <= set(function.names()):
        raise PackagingError(f"{path} has no bootstrap and runtime; make it with awslambdaric-lite pack --runtime")


def _program(layer: Package, path: Path) -> str:
    programs = [name for name in layer.names() if _INTERPRETER.fullmatch(name)]
    if len(programs) != 1:
        raise PackagingError(f"{path} has no interpreter in it; give a layer that layers/build.py provided has written")
    return programs[0]


def _packed_name(program: str, function: Package) -> str:
    """Return the name that `bootstrap` looks for first: with the version, if the function has a start file for it."""
    version = program.removeprefix("bin/python")
    return program if f"awslambdaric_lite/start-{version}.pyc" in function.names() else "bin/python3"


def _function_members(package: Package, path: Path, program: str) -> Iterator[Member]:
    names = package.names()
    if program in names:
        raise PackagingError(f"{path} has a {program} already; make it again with awslambdaric-lite pack --runtime")
    for name in names:
        yield _member(package, name, name)


def _interpreter_members(layer: Package, program: str, packed_name: str) -> Iterator[Member]:
    """Yield the interpreter and its libraries, without launcher and runtime."""
    yield _member(layer, program, packed_name)
    for name in layer.names():
        if name.startswith("lib/"):
            yield _member(layer, name, name)


def _member(package: Package, name: str, packed_name: str) -> Member:
    return Member(packed_name, package.read(name), executable=bool(package.mode(name) & 0o100))


def _check(sizes: Sizes) -> None:
    if sizes.unpacked > UNPACKED_LIMIT:
        limit = format_size(UNPACKED_LIMIT)
        raise PackagingError(
            f"together they have {format_size(sizes.unpacked)} unpacked, Lambda allows {limit}; exclude files"
        )
    if sizes.zipped > ZIPPED_LIMIT:
        note = "zipped exceeds the limit of direct uploads; upload through S3"
        print(f"{format_size(sizes.zipped)} {note}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
