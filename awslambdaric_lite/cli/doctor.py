"""`awslambdaric-lite doctor`: what is wrong with a package, in tables or as JSON on standard output."""

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
from ..packaging.targets import ARCHITECTURES, Target
from .doctor_report import show
from .env_file import variable
from .errors import UsageError

HELP = """Look into a function's package or a layer (a zip file, a tar file or a folder): bytecode that cold starts
reject, binaries that do not run, what the managed runtime has already, what is large, and with --handler what its
imports cost. Nothing is written there. With --handler, the package's own code runs on this machine. The exit code is 1
if there is a finding as grave as --fail-on says: an error breaks the function, a warning costs cold start."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("path", metavar="PATH", help="the package or the layer")
    running = ".".join(platform.python_version_tuple()[:2])
    parser.add_argument(
        "--python", metavar="X.Y", default=running, help=f"Lambda's version of Python (default: this one's, {running})"
    )
    parser.add_argument(
        "--arch", default="x86_64", help=f"the function's architecture: {' or '.join(ARCHITECTURES)} (default: x86_64)"
    )
    parser.add_argument(
        "--fail-on", choices=LEVELS, default="error", help="what makes the exit code 1 (default: error)"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    imports = parser.add_argument_group("imports")
    imports.add_argument("--handler", metavar="M.F", help="import this, such as app.handler, and measure it")
    imports.add_argument(
        "--layer", metavar="PATH", action="append", default=[], help="a layer that the function has; repeatable"
    )
    imports.add_argument(
        "--env", metavar="K=V", action="append", default=[], help="a variable that the code expects; repeatable"
    )
    imports.add_argument("--flame", metavar="FILE", help="draw the imports: an SVG, or an HTML page by its name")


def run(arguments: argparse.Namespace) -> int:
    """Audit once.

    Raises:
        UsageError: something on the command line cannot be used.
    """
    target = _target(arguments)
    path = Path(arguments.path)
    if not path.exists():
        raise UsageError(f"there is no {path}; give the path of a zip file, a tar file or a folder")
    if arguments.flame is not None and arguments.handler is None:
        raise UsageError("--flame draws the imports of a handler; name it with --handler")
    if arguments.handler is not None and not all(arguments.handler.rpartition(".")):
        raise UsageError(f"handler {arguments.handler!r} is not MODULE.FUNCTION; write it such as app.handler")
    variables = dict(variable(text) for text in arguments.env)
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
            variables=variables,
        )
        if arguments.flame is not None:
            _draw(result, Path(arguments.flame), arguments.handler)
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
