"""The command line: `python -m benchmarks aws --function-prefix NAME`."""

from __future__ import annotations

import argparse
import platform
import re
from collections.abc import Callable
from pathlib import Path

from .variants import ARCHITECTURES

_DESCRIPTION = """
Measure cold starts on AWS. The command deploys hello-world functions (managed Python; with the wrapper layer;
provided.al2023 with our layer; Rust), changes the configuration of each to make it start cold again, and reads the
REPORT lines. It deletes everything that it made, also on Ctrl-C. It uses the credentials of the AWS CLI and pays for a
few hundred invocations of some milliseconds.
"""
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,23}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a prefix; use a letter, then up to 23 letters, digits, _ or -"
        )
    return text


def _role(text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the ARN of a role, e.g. arn:aws:iam::123456789012:role/name")
    return text


def _number(smallest: int, largest: int, unit: str) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not smallest <= int(text) <= largest:
            raise argparse.ArgumentTypeError(f"{text!r} is out of range; {smallest} to {largest} {unit}")
        return int(text)

    return number


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    options = argparse.ArgumentParser(prog="python -m benchmarks aws", description=_DESCRIPTION)
    options.add_argument(
        "--function-prefix", required=True, type=_prefix, metavar="NAME", help="prefix of the names of all resources"
    )
    options.add_argument("--region", metavar="NAME", help="AWS region (default: the one of the AWS CLI)")
    options.add_argument("--endpoint-url", metavar="URL", help="endpoint of all services (default: AWS)")
    options.add_argument(
        "--role",
        type=_role,
        metavar="ARN",
        help="execution role of the functions (default: a new one, deleted afterwards)",
    )
    options.add_argument(
        "--runtime", default="python3.13", metavar="NAME", help="managed Python (default: %(default)s)"
    )
    here = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    options.add_argument(
        "--arch",
        choices=ARCHITECTURES,
        default=here,
        help="architecture of the functions (default: this machine's, %(default)s)",
    )
    options.add_argument(
        "--memory",
        action="append",
        type=_number(128, 10240, "MB"),
        metavar="MB",
        help="memory of the functions in MB (repeatable; default: 128)",
    )
    options.add_argument(
        "--samples",
        type=_number(1, 10000, "samples"),
        default=20,
        metavar="N",
        help="number of cold starts of each function (default: %(default)s)",
    )
    options.add_argument(
        "--warm",
        type=_number(0, 1000, "invocations"),
        default=2,
        metavar="N",
        help="number of warm invocations after each cold start (default: %(default)s)",
    )
    options.add_argument(
        "--log-format", choices=("Text", "JSON"), default="Text", help="log format of the functions (default: Text)"
    )
    options.add_argument("--layers", type=Path, metavar="DIR", help="folder with layers of `layers/build.py`")
    options.add_argument(
        "--rust", type=Path, metavar="FILE", help="compiled `bootstrap` of the Rust function (default: built by cargo)"
    )
    options.add_argument(
        "--variant", action="append", metavar="NAME", help="measure this variant only (repeatable), e.g. awslambdaric"
    )
    options.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="keep the raw samples")
    options.add_argument(
        "--lambda-perf", type=Path, metavar="FILE.json", help="also write the results in the format of lambda-perf"
    )
    options.add_argument("--keep", action="store_true", help="keep all resources; --clean deletes them later")
    options.add_argument("--dry-run", action="store_true", help="print the plan without calling AWS")
    options.add_argument(
        "--clean", action="store_true", help="delete resources that earlier runs with this prefix left"
    )
    return options
