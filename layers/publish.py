"""Publish layers: `python layers/publish.py ZIP… --region eu-central-1 --region us-east-1`, from a checkout.

The zip files are those of `layers/build.py`, with their manifests in the same folder; all are checked before anything
is sent. Standard output has the layers' ARNs. A layer that a region already has is not published again, so the command
can be repeated. Exit codes: 0 done; 1 something was refused or failed; 2 wrong usage; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

INTERRUPTED = 130
ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":  # as a script: Python put this folder on the path instead of its parent
    sys.path[0] = str(ROOT)

from awslambdaric_lite.packaging.errors import PackagingError  # noqa: E402
from layers.publishing import report, run  # noqa: E402
from layers.publishing.layer_file import LayerFile, read_layer_file  # noqa: E402
from layers.publishing.publication import DEFAULT_PREFIX, publications  # noqa: E402


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        return _publish(arguments)
    except PackagingError as error:
        print(f"publish.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("publish.py: interrupted; run it again: published layers are not published twice", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="publish.py", description="Publish Lambda layers.", allow_abbrev=False)
    parser.add_argument("layers", nargs="+", type=Path, metavar="ZIP", help="a layer that layers/build.py has written")
    parser.add_argument(
        "--region",
        action="append",
        required=True,
        metavar="REGION",
        help="region to publish to, e.g. eu-central-1; repeatable",
    )
    parser.add_argument(
        "--layer-name-prefix",
        default=DEFAULT_PREFIX,
        metavar="NAME",
        help=f"prefix of the layers' names (default: {DEFAULT_PREFIX})",
    )
    parser.add_argument("--public", action="store_true", help="allow every AWS account to use the layers")
    parser.add_argument(
        "--bucket",
        metavar="NAME",
        help="an S3 bucket in the region for layers above 50 MB; {region} in it becomes the region's name",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything and print the plan, without sending anything"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of lines")
    parser.add_argument("--profile", metavar="NAME", help="profile of your AWS settings (default: chosen by boto3)")
    parser.add_argument("--endpoint-url", metavar="URL", help="address of another service than AWS, e.g. moto")
    return parser


def _publish(arguments: argparse.Namespace) -> int:
    layers = _layers(arguments.layers)
    if layers is None:
        return 1
    regions = list(dict.fromkeys(arguments.region))
    todo = publications(layers, regions, arguments.layer_name_prefix, arguments.bucket)
    if arguments.dry_run:
        run.check_regions(regions)
        report.print_plan(todo, public=arguments.public, as_json=arguments.json)
        return 0
    clients = run.open_regions(todo, profile=arguments.profile, endpoint_url=arguments.endpoint_url)
    with report.progress_bar(len(todo)) as advance:  # the bar is removed before something is printed
        outcomes = list(run.publish_all(todo, clients, public=arguments.public, advance=advance))
    return 0 if report.print_outcomes(outcomes, as_json=arguments.json) else 1


def _layers(paths: Sequence[Path]) -> list[LayerFile] | None:
    """Read all layers, and print every error; return None if there was one."""
    layers = []
    good = True
    for path in dict.fromkeys(paths):
        try:
            layers.append(read_layer_file(path))
        except PackagingError as error:
            print(f"publish.py: {error}", file=sys.stderr)
            good = False
    return layers if good else None


if __name__ == "__main__":
    status = main()
    if status == INTERRUPTED:
        # Else the interpreter would wait for threads, and a request takes up to five minutes.
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
