"""`awslambdaric-lite doctor`: the audit of a package, in tables or as JSON on standard output."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
from pathlib import Path

from ..common.tables import require_rich
from ..packaging.archive import check_output, write_text_file
from ..packaging.audit.findings import LEVELS
from ..packaging.audit.run import Audit, audit
from ..packaging.errors import PackagingError
from ..packaging.flame import flame_html, flame_svg
from ..packaging.hosts import HOSTS
from ..packaging.targets import ARCHITECTURES, Target
from .doctor_report import show
from .env_file import variable
from .errors import UsageError
from .events import read_event

HELP = """Audit a function's package or a layer: find bytecode that Lambda rejects, binaries that do not run there,
modules that the managed runtime has already, and large packages. With --handler the command imports the package's code
on this machine and measures that, also with lazy imports and with a bundle of the imports. The package is not changed.
The exit code is 1 if a finding has at least the --fail-on level: an error breaks the function, a warning slows its cold
start or may break it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("path", metavar="PATH", help="the package or the layer: a zip file or a folder")
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
        "--runs-on",
        choices=HOSTS,
        default="managed",
        help="what runs the function: a managed runtime, with or without the wrapper layer; provided.al2023 with this "
        "runtime's bootstrap; or an image of yours that starts `python -m awslambdaric_lite` (default: managed)",
    )
    parser.add_argument(
        "--fail-on", choices=LEVELS, default="error", help="lowest level that makes the exit code 1 (default: error)"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON instead of tables")

    imports = parser.add_argument_group("imports")
    imports.add_argument("--handler", metavar="M.F", help="measure the imports of this handler, e.g. app.handler")
    imports.add_argument(
        "--event",
        metavar="FILE",
        action="append",
        default=[],
        help="JSON file to run the handler with, or - for standard input: find the imports that the events never use "
        "(repeatable; needs --handler)",
    )
    imports.add_argument(
        "--layer", metavar="PATH", action="append", default=[], help="a layer of the function (repeatable)"
    )
    imports.add_argument(
        "--env",
        metavar="K=V",
        action="append",
        default=[],
        help="set an environment variable for the import and the events (repeatable)",
    )
    imports.add_argument(
        "--flame",
        metavar="FILE",
        help="draw the imports as a flame graph: an SVG, or an HTML page if FILE ends in .html",
    )


def run(arguments: argparse.Namespace) -> int:
    """Audit once.

    Raises:
        UsageError: the command line has to be changed; the message says how.
    """
    target = _target(arguments)
    path = Path(arguments.path)
    if not path.exists():
        raise UsageError(f"{path} does not exist; give the path of a zip file or a folder")
    if arguments.flame is not None and arguments.handler is None:
        raise UsageError("--flame draws the imports of a handler; name the handler with --handler")
    if arguments.handler is not None and not all(arguments.handler.rpartition(".")):
        raise UsageError(f"handler {arguments.handler!r} is not MODULE.FUNCTION; write e.g. app.handler")
    if arguments.event and arguments.handler is None:
        raise UsageError("--event is sent to the handler; name it with --handler, e.g. app.handler")
    if arguments.layer and arguments.runs_on == "image":
        raise UsageError("--layer does not go with --runs-on image: functions in images have no layers; omit one")
    variables = dict(variable(text) for text in arguments.env)
    events = [read_event(source) for source in arguments.event]
    if not arguments.json:
        require_rich()
    try:
        if arguments.flame is not None:
            check_output(Path(arguments.flame))
        result = audit(
            path,
            target,
            handler=arguments.handler,
            layers=[Path(layer) for layer in arguments.layer],
            host=arguments.runs_on,
            variables=variables,
            events=events,
        )
        if arguments.flame is not None:
            _draw(result, Path(arguments.flame), arguments.handler)  # pyright: ignore[reportArgumentType]
    except PackagingError as error:
        print(f"awslambdaric-lite doctor: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({"findings": [dataclasses.asdict(finding) for finding in result.findings]}, indent=2))
    else:
        show(result, path, target, sys.stdout)
    return 1 if any(finding.at_least(arguments.fail_on) for finding in result.findings) else 0


def _target(arguments: argparse.Namespace) -> Target:
    try:
        return Target.parse(arguments.python, arguments.arch)
    except PackagingError as error:
        raise UsageError(str(error)) from None


def _draw(result: Audit, output: Path, handler: str) -> None:
    if result.tree is None:
        print("awslambdaric-lite doctor: nothing was drawn, because nothing was imported", file=sys.stderr)
        return
    as_page = output.suffix.lower() in (".html", ".htm")
    title = f"Imports of {handler}"
    write_text_file(output, (flame_html if as_page else flame_svg)(result.tree, title=title))
