"""Publishes layers: `python layers/publish.py ZIP… --region eu-central-1 --region us-east-1`, from a checkout.

The zip files are those of `layers/build.py`, with their manifests beside them; all are checked before anything is
sent. The layers' ARNs are on standard output. What a region has already is not published again, so that this can be
repeated. Exit codes: 0 done; 1 something was refused or failed; 2 wrong usage; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

INTERRUPTED = 130
ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":  # as a script: Python put this folder on the path, where its parent belongs
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
        print("publish.py: interrupted; run it again, what is there is not published twice", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="publish.py", description="Publish Lambda layers.", allow_abbrev=False)
    parser.add_argument("layers", nargs="+", type=Path, metavar="ZIP", help="a layer that layers/build.py has written")
    parser.add_argument(
        "--region", action="append", required=True, metavar="REGION", help="such as eu-central-1; repeatable"
    )
    parser.add_argument(
        "--layer-name-prefix",
        default=DEFAULT_PREFIX,
        metavar="NAME",
        help=f"what the layers' names begin with (default: {DEFAULT_PREFIX})",
    )
    parser.add_argument("--public", action="store_true", help="let every AWS account use them")
    parser.add_argument(
        "--bucket",
        metavar="NAME",
        help="an S3 bucket in the region for layers above 50 MB; {region} in it becomes the region's name",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, say what would be done, send nothing")
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of lines")
    parser.add_argument("--profile", metavar="NAME", help="of your AWS settings (default: as boto3 chooses)")
    parser.add_argument("--endpoint-url", metavar="URL", help="another service than AWS's, such as moto")
    return parser


def _publish(arguments: argparse.Namespace) -> int:
    layers = _layers(arguments.layers)
    if layers is None:
        return 1
    regions = list(dict.fromkeys(arguments.region))
    todo = publications(layers, regions, arguments.layer_name_prefix, arguments.bucket)
    if arguments.dry_run:
        run.check_regions(regions)
        report.tell_plan(todo, public=arguments.public, as_json=arguments.json)
        return 0
    clients = run.open_regions(todo, profile=arguments.profile, endpoint_url=arguments.endpoint_url)
    with report.shown(len(todo)) as advance:  # the bar is gone when something is printed
        outcomes = list(run.publish_all(todo, clients, public=arguments.public, advance=advance))
    return 0 if report.tell_outcomes(outcomes, as_json=arguments.json) else 1


def _layers(paths: Sequence[Path]) -> list[LayerFile] | None:
    """Read them all, so that everything that is wrong is said at once; None if something is."""
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
        # Threads would be waited for, and a request takes up to five minutes.
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
