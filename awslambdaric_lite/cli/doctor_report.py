"""The report of an audit for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ..common.quotas import UNPACKED_LIMIT
from ..common.tables import Printer, Table
from ..common.words import count, format_size
from ..packaging.audit.findings import LEVELS
from ..packaging.audit.run import Audit
from ..packaging.flame import milliseconds
from ..packaging.import_tree import Imported
from ..packaging.targets import Target

_LARGEST = 8  # packages
_SHARE = 0.02  # of the time; imports that take less are left out
_DEPTH, _ROWS = 6, 24  # of the import tree
_NOUNS = ("error", "warning", "note")  # for each of the levels
_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def show(result: Audit, path: Path, target: Target, stream: TextIO) -> None:
    """Print sizes, imports and findings.

    Raises:
        ModuleNotFoundError: rich is not installed.
    """
    printer = Printer(stream)
    packed = "" if result.packed_size is None else f" ({format_size(result.packed_size)} packed)"
    kind = "layer" if result.is_layer else "function"
    printer.line(
        f"{path}: {kind}, {format_size(result.unpacked_size)} of {format_size(UNPACKED_LIMIT)}{packed}, "
        f"for Python {target.python} on {target.arch}"
    )
    sizes = Table("Size", ["package", "size", "share", "files"])
    for weight in result.weights[:_LARGEST]:
        sizes.rows.append([weight.path, format_size(weight.size), f"{100 * weight.share:.0f} %", str(weight.files)])
    imports = Table("Imports", ["module", "total", "itself"])
    if result.tree is not None:
        imports.rows.extend(_import_rows(result.tree))
    findings = Table("Findings", ["level", "code", "path", "message"], text_columns=4, row_styles=_STYLES)
    findings.rows.extend([each.level, each.code, each.path, each.message] for each in result.findings)
    for table in (sizes, imports, findings):
        if table.rows:
            printer.table(table)
    numbers = [sum(each.level == level for each in result.findings) for level in LEVELS]
    printer.line()
    printer.line(", ".join(count(number, noun) for number, noun in zip(numbers, _NOUNS, strict=True)))


def _import_rows(tree: Imported) -> Iterator[list[str]]:
    """Yield the imports that take most of the time, each below the module that imported it."""
    least = tree.total_us * _SHARE
    waiting = [(tree, 0)]
    shown = 0
    while waiting and shown < _ROWS:
        module, depth = waiting.pop()
        yield ["  " * depth + module.name, milliseconds(module.total_us), milliseconds(module.self_us)]
        shown += 1
        if depth < _DEPTH:
            below = [child for child in module.children if child.total_us >= least]
            waiting += [(child, depth + 1) for child in sorted(below, key=lambda child: child.total_us)]
