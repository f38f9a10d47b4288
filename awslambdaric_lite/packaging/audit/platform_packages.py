"""Packages that the managed runtime already has, and the size of their copies in the package.

Source: the Lambda developer guide, "Working with .zip file archives for Python Lambda functions" ("Runtime dependencies
in Python") and the contents of `/var/runtime` in AWS's images: Boto3 with what it depends on, and the runtime client
with what it depends on.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...common.words import format_size
from .findings import Finding
from .subject import Subject

PLATFORM_PACKAGES: dict[str, str] = {  # imported name: installed name
    "boto3": "boto3",
    "botocore": "botocore",
    "s3transfer": "s3transfer",
    "jmespath": "jmespath",
    "urllib3": "urllib3",
    "dateutil": "python-dateutil",
    "six": "six",
    "simplejson": "simplejson",
    "snapshot_restore_py": "snapshot-restore-py",
    "awslambdaric": "awslambdaric",
}


def check_platform_packages(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each; a packed copy fixes the version, which may be intended."""
    if subject.host != "managed":
        return
    sizes = dict.fromkeys(PLATFORM_PACKAGES, 0)
    paths: dict[str, str] = {}
    for name, size in subject.files.items():
        below = subject.module_name(name)
        if below is None:
            continue
        package = below.partition("/")[0].removesuffix(".py")
        if package in sizes and "." not in package:
            sizes[package] += size
            paths.setdefault(package, name[: len(name) - len(below)] + below.partition("/")[0])
    for package, path in sorted(paths.items()):
        yield Finding(
            "platform-package",
            "info",
            path,
            f"{PLATFORM_PACKAGES[package]} ({format_size(sizes[package])}) is in the managed runtimes already; "
            "exclude it unless you need this exact version",
        )
