"""The audit: all checks on one package."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..hosts import Host
from ..import_tree import Imported
from ..reading import open_package
from ..targets import Target
from .binaries import check_binaries
from .bootstrap import check_bootstrap
from .bytecode import check_bytecode
from .findings import LEVELS, Finding
from .handler import check_handler
from .import_files import check_import_files
from .leftovers import check_leftovers
from .platform_packages import check_platform_packages
from .structure import check_structure
from .subject import Subject
from .weights import Weight, check_weights, weights

CONTENT_CHECKS = (check_structure, check_bootstrap, check_leftovers, check_binaries)
"""Checks of files that are in a package before bytecode is added."""

_CHECKS = (*CONTENT_CHECKS, check_bytecode, check_import_files, check_platform_packages, check_weights)


@dataclass(frozen=True)
class Audit:
    """The result: findings, errors first; weights of packages; the handler's imports if they were measured.

    Sizes are bytes; `packed_size` is None for a folder.
    """

    findings: list[Finding]
    weights: list[Weight]
    tree: Imported | None
    is_layer: bool
    unpacked_size: int
    packed_size: int | None


def audit(
    path: Path,
    target: Target,
    *,
    handler: str | None = None,
    layers: Sequence[Path] = (),
    host: Host = "managed",
    variables: Mapping[str, str] | None = None,
    events: Sequence[bytes] = (),
) -> Audit:
    """Audit a folder or a zip file, without changing anything in it.

    Args:
        path: the package, of a function or a layer.
        target: where it will run.
        handler: e.g. `app.handler`, which is imported: that runs the package's code; None: no import.
        layers: the function's layers.
        host: what runs the function.
        variables: environment variables that its code needs during the import.
        events: JSON texts with which the handler is run, to find imports that they never use.

    Raises:
        PackagingError: the package or a layer is unreadable or hostile, or the handler's name is wrong.
    """
    target = replace(target, is_provided=host == "provided")
    with contextlib.ExitStack() as stack:
        package = stack.enter_context(open_package(path))
        beside = [stack.enter_context(open_package(layer)) for layer in layers]
        subject = Subject(path, package, target, beside, host)
        findings = [finding for check in _CHECKS for finding in check(subject)]
        of_handler = check_handler(subject, handler, findings, variables or {}, events)
        findings += of_handler.findings
        return Audit(
            sorted(findings, key=lambda finding: (LEVELS.index(finding.level), finding.code, finding.path)),
            weights(subject),
            of_handler.tree,
            subject.is_layer,
            subject.unpacked_size,
            package.packed_size(),
        )
