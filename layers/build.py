"""Build layers: `python layers/build.py wrapper` or `provided`, from a checkout.

Each layer is a zip file with a manifest and a bill of materials. Standard output has their paths, standard error their
sizes and notes. Exit codes: 0 done; 1 something is missing, and nothing was written;
2 wrong usage; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":  # as a script: Python put this folder on the path instead of its parent
    sys.path[0] = str(ROOT)

from awslambdaric_lite.common.words import format_size  # noqa: E402
from awslambdaric_lite.packaging.archive import Sizes  # noqa: E402
from awslambdaric_lite.packaging.errors import PackagingError  # noqa: E402
from awslambdaric_lite.packaging.targets import ARCHITECTURES, PYTHON_VERSIONS, Target, host_target  # noqa: E402

if TYPE_CHECKING:
    from layers.layer import Layer


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        for layer in _layers(arguments):
            _write(layer, arguments.output)
    except PackagingError as error:
        print(f"build.py {arguments.kind}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build.py", description="Build Lambda layers.", allow_abbrev=False)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    wrapper = kinds.add_parser(
        "wrapper",
        help="for managed python3.x: AWS_LAMBDA_EXEC_WRAPPER=/opt/awslambdaric-lite",
        description="Build the layer for managed runtimes, where AWS_LAMBDA_EXEC_WRAPPER=/opt/awslambdaric-lite.",
        allow_abbrev=False,
    )
    _add_common(wrapper, every="one layer for every managed version of Python")
    provided = kinds.add_parser(
        "provided",
        help="for provided.al2023: interpreter, standard library, runtime",
        description="Build the layer for provided.al2023: interpreter, standard library, runtime.",
        allow_abbrev=False,
    )
    _add_common(provided, every="a layer for each version of Python")
    provided.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="GROUP",
        help="also pack a group that no function needs, e.g. tkinter; repeatable",
    )
    return parser


def _add_common(parser: argparse.ArgumentParser, *, every: str) -> None:
    versions = parser.add_mutually_exclusive_group()
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    versions.add_argument(
        "--python",
        action="append",
        metavar="X.Y",
        help=f"version of Python, {PYTHON_VERSIONS[0]} to {PYTHON_VERSIONS[-1]}; repeatable (default: {running})",
    )
    versions.add_argument("--all", action="store_true", help=every)
    parser.add_argument("--arch", metavar="ARCH", help=f"{' or '.join(ARCHITECTURES)} (default: x86_64, or the host's)")
    parser.add_argument(
        "--target",
        choices=["aws", "host"],
        default="aws",
        help="host: pack this machine's own files, for tests on it; such a layer is never published (default: aws)",
    )
    parser.add_argument(
        "--interpreter",
        type=Path,
        metavar="FILE|DIR",
        help="interpreter to use (default: one of this machine, or a download)",
    )
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="folder with orjson's wheels (default: the package index)"
    )
    parser.add_argument("--no-orjson", action="store_true", help="exclude orjson")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("dist"), metavar="DIR", help="folder to write to (default: dist)"
    )


def _layers(arguments: argparse.Namespace) -> Iterator[Layer]:
    """Build the requested layers, one after the other.

    Raises:
        PackagingError: something is missing, or options contradict each other.
    """
    from layers import provided, wrapper

    targets = _targets(arguments)
    if arguments.interpreter is not None and len(targets) > 1:
        raise PackagingError("--interpreter has one version of Python; build one version at a time")
    if arguments.interpreter is not None and not arguments.interpreter.exists():
        raise PackagingError(f"the interpreter {arguments.interpreter} does not exist; check --interpreter")
    if arguments.wheels is not None and not arguments.wheels.is_dir():
        raise PackagingError(f"{arguments.wheels} is not a folder; name one with wheels in it with --wheels")
    orjson = not arguments.no_orjson
    if arguments.kind == "wrapper":
        for group in [targets] if arguments.all else [[target] for target in targets]:
            yield wrapper.build(
                group,
                where=arguments.target,
                interpreter=arguments.interpreter,
                wheels=arguments.wheels,
                orjson=orjson,
            )
        return
    for target in targets:
        yield provided.build(
            target,
            where=arguments.target,
            interpreter=arguments.interpreter,
            keep=arguments.keep,
            wheels=arguments.wheels,
            orjson=orjson,
        )


def _targets(arguments: argparse.Namespace) -> list[Target]:
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    arch = arguments.arch or (host_target().arch if arguments.target == "host" else "x86_64")
    versions = PYTHON_VERSIONS if arguments.all else arguments.python or [running]
    targets = [Target.parse(version, arch) for version in dict.fromkeys(versions)]
    if arguments.target == "host" and targets[0].arch != host_target().arch:
        raise PackagingError(f"this machine is not {arch}; --target host packs its own files, so omit --arch")
    return targets


def _write(layer: Layer, folder: Path) -> None:
    from layers.writing import write

    sizes: list[Sizes] = []
    for path in write(layer, folder, accept=sizes.append):
        print(path)
    for line in [*_size_notes(layer, sizes[0]), *layer.notes]:
        print(f"{layer.name}: {line}", file=sys.stderr)


def _size_notes(layer: Layer, sizes: Sizes) -> list[str]:
    """Return notes about the size."""
    from layers.provided.budget import check_size

    if len(layer.targets) > 1:
        return [f"zipped: {format_size(sizes.zipped)}, for {len(layer.targets)} versions of Python"]
    with_orjson = any(component.name == "orjson" for component in layer.components)
    variant = "any" if layer.kind == "provided" else f"with{'' if with_orjson else 'out'} orjson"
    return check_size(layer.kind, variant, {"zipped": sizes.zipped, "unpacked": sizes.unpacked})


if __name__ == "__main__":
    sys.exit(main())
