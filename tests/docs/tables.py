"""Tables of the documentation that come from the code: settings, differences, findings, results of cases and faults.

`python -m tests.docs --write` puts them between the marks of the pages; a test fails where a page is out of date.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import ModuleType

from awslambdaric_lite.conformance.cases import ALL_CASES
from awslambdaric_lite.packaging import audit
from awslambdaric_lite.packaging.audit.findings import LEVELS
from tests.conformance.stored import StoredCase, StoredRun, read
from tests.contract.differences import ALIVE, DIFFERENCES, Side
from tests.docs.blocks import DOCS
from tests.faults import api_rows, process_rows
from tests.faults import stored as stored_faults
from tests.faults.row import VERDICTS, Outcome, Row, faults, lost, survives

_SETTINGS = {
    "PYTHON": "Interpreter that `bootstrap` starts. Default: `bin/python3` next to `bootstrap`, then `python3` on "
    "`PATH`. A package for Python 3.13 tries `python3.13` first and starts faster under that name.",
    "NEXT_WRAPPER": "Another wrapper script, which the layer's wrapper starts.",
    "PIPELINE": "Send a result and the request for the next event in one write.",
    "CODEC": "JSON encoder of results. `auto` uses orjson if its import costs almost nothing, and from the second "
    "result above 1 MB on.",
    "ENCODER": "Conversion of values that JSON lacks, see [below](#convert-results).",
    "ERROR_CHAIN": "Report the causes, notes and group members of exceptions, see [below](#report-causes-of-errors).",
    "APP": "Type of the handler. `auto` recognizes applications by the parameters of their call. `factory` calls the "
    "handler in init, without arguments, and uses the application that it returns.",
    "APP_STREAM": "Stream the responses of applications. Set it only if the function URL or REST API streams.",
    "APP_BASE_PATH": "Path at which clients see the application: the mapping of a custom domain, or a path of a load "
    "balancer or distribution. It becomes `root_path` or `SCRIPT_NAME`. Default: the stage of an API in AWS's domain.",
    "APP_EVENTS_PATH": "Path of the application to which events that are not HTTP requests are posted. Unset, they are "
    "refused.",
    "CANCEL_AT_DEADLINE": "Cancel coroutine handlers 0.25 s before the deadline.",
    "CONCURRENCY_MODE": "How invocations share a Managed Instance. `thread` needs a free-threaded Python.",
    "FORK": "Fork the workers of a Managed Instance after or before the handler is loaded. `auto` forks after it, "
    "unless that is unsafe.",
    "TIMEOUT_DUMP_MS": "Milliseconds before the deadline at which the stacks of all threads are logged.",
    "LAZY_IMPORTS": "Imports that wait until their name is used, from Python 3.15 on; see "
    "[Lazy imports](packing.md#lazy-imports).",
    "IMPORT_LIST": "File of the modules and lazy imports that init imports; see "
    "[Import lists](packing.md#import-lists).",
    "BUNDLE": "Import bundle, which contains the bytecode of the modules that the handler imports; see "
    "[Import bundles](packing.md#import-bundles).",
    "STALE_PYC": "Bytecode that is used although its source has another date. `installed` needs a proof from pip's "
    "`RECORD`; `all` trusts the recorded size.",
}
_NOT_A_CHOICE = {
    "PYTHON": "a path",
    "NEXT_WRAPPER": "a path",
    "APP_BASE_PATH": "unset, a path, e.g. `/shop`",
    "APP_EVENTS_PATH": "unset, a path, e.g. `/events`",
    "TIMEOUT_DUMP_MS": "unset, `1` to `999999999`",
    "LAZY_IMPORTS": "`off`, `all`, `installed`, the path of a file of patterns",
    "IMPORT_LIST": "unset, a path, which may be relative to the task root",
    "BUNDLE": "unset, a path, which may be relative to the task root",
}
_FURTHER = {"ENCODER": ", a function such as `app.convert`"}

_FINDINGS = {
    "empty": "The package has no files.",
    "permissions": "Lambda's user cannot read some files.",
    "compression": "Lambda cannot unpack some files, because they are neither stored nor deflated.",
    "layer-path": "A layer has its packages where Python does not look for them.",
    "layer-version": "The layer has packages for another Python version only.",
    "standard-library": "A module has the name of one of the standard library, which it hides.",
    "metadata-twice": "A package has the metadata of several versions.",
    "bootstrap": "`provided.*` cannot start `bootstrap`.",
    "secret": "A file looks like a secret, e.g. a private key or `.env`.",
    "tool-files": "Files that tools have left, e.g. `.git` or `__MACOSX`.",
    "bytecode-mismatch": "The bytecode belongs to another source and would run instead of the source in the package.",
    "bytecode-unusable": "A module has bytecode only, and the function's Python does not import it.",
    "bytecode-stale": "Python rejects the bytecode and compiles the source at each cold start.",
    "bytecode-version": "The bytecode is for another Python version; the source is compiled at each cold start.",
    "bytecode-missing": "A module has no bytecode; it is compiled at each cold start.",
    "bytecode-checked": "The bytecode has checked hashes; each cold start reads and hashes the source.",
    "bytecode-dated": "The bytecode is valid by its date, which packaging tools change easily.",
    "bytecode-unverified": "The hashes were not verified, because that Python version is not installed here.",
    "bytecode-idle": "Bytecode that Python never imports.",
    "bytecode-cost": "Measured import time with the package's bytecode and with valid bytecode.",
    "import-list": "Lines of the import list name nothing that can be imported.",
    "import-bundle": "The import bundle cannot be used, or has other code than the modules of the package.",
    "binary-architecture": "A binary is for another processor or operating system.",
    "binary-broken": "A binary is damaged or truncated.",
    "binary-glibc": "A binary needs a newer glibc than the runtime has.",
    "binary-libstdc++": "A binary needs a newer libstdc++ than the runtime has.",
    "binary-library": "A library that a binary needs is missing, or must be loaded first.",
    "binary-loader": "A program needs another dynamic loader than the runtime has.",
    "extension-version": "An extension module is for another Python version or platform.",
    "platform-package": "The managed runtime includes this package already.",
    "size-limit": "The package exceeds Lambda's limit for unpacked code.",
    "size-upload": "The zip file exceeds the limit for direct upload; upload it through S3.",
    "size-package": "One package is a tenth of Lambda's limit or more.",
    "handler-import": "Importing the handler fails.",
    "imports-unchecked": "The imports were not checked, or only in part; the message says why.",
    "imports-slow": "Imports that take long, with their times.",
    "imports-gain": "Measured import time as it is, with lazy imports, with an import bundle, and with both.",
    "imports-unused": "Imports that the given events never use, with their times.",
    "handler-event": "The handler fails with a given event.",
}


def settings_table() -> str:
    """Return the table of the variables that the runtime reads.

    Raises:
        ValueError: the code has a variable without a description here, or the other way round.
    """
    try:
        module = importlib.import_module("awslambdaric_lite._optional_settings")
    except ModuleNotFoundError:
        module = importlib.import_module("awslambdaric_lite._options")
    choices = _choices(module)
    _same("setting", _SETTINGS, [*choices, *_NOT_A_CHOICE])
    rows = []
    for name, description in _SETTINGS.items():
        values = _NOT_A_CHOICE.get(name) or ", ".join(f"`{value}`" for value in choices[name])
        values += _FURTHER.get(name, "")
        rows.append([f"`AWSLAMBDARIC_LITE_{name}`", values, description])
    return _table(["variable", "values, default first", "effect"], rows)


def _choices(module: ModuleType) -> dict[str, tuple[str, ...]]:
    """Return the allowed values by setting: the one table of the module that has them."""
    (found,) = [value for value in vars(module).values() if isinstance(value, dict) and "STALE_PYC" in value]
    return found


def differences_table() -> str:
    """Return the table of the differences that the contract tests demonstrate.

    Neighbours with one reason share a row, which shows what happens in the first of them.
    """
    rows = []
    for reason, group in groupby(DIFFERENCES, lambda each: (each.reason, each.configurations)):
        first, *others = group
        only = f" ({first.configurations[0]} only)" if len(first.configurations) == 1 else ""
        case = "; ".join(each.id for each in (first, *others)) + only
        rows.append([case, _side(first.official), _side(first.ours), f"{reason[0]}."])
    return _table(["cases", "awslambdaric, first case", "awslambdaric-lite, first case", "reason"], rows)


def _side(side: Side) -> str:
    """Describe what one client posts and logs, and how it exits."""
    parts = [f"`{post}`" for post in side.posts] or ["nothing posted"]
    parts += [f"logs `{text.strip()}`" for text in side.logged]
    if side.exit_code != ALIVE:
        code = side.exit_code
        parts.append(f"exits with {code}" if code >= 0 else f"killed by signal {-code}")
    return ", ".join(parts)


def findings_table() -> str:
    """Return the table of the codes that an audit reports.

    Raises:
        ValueError: the code has a finding without a description here, or the other way round.
    """
    levels = {code: ["error"] for code in _FINDINGS if code.startswith("binary-")} | _levels()
    levels["binary-library"] = list(LEVELS)
    _same("finding", _FINDINGS, levels)
    rows = [[f"`{code}`", ", ".join(levels[code]), description] for code, description in _FINDINGS.items()]
    return _table(["code", "level", "meaning"], rows)


def _levels() -> dict[str, list[str]]:
    """Return the levels of each code that stands as a constant in the sources of the audit."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(audit.__path__[0]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values: Sequence[ast.expr] = ()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                values = node.args
            elif isinstance(node, ast.Tuple) and len(node.elts) > 2:
                values = node.elts
            match values:
                case [ast.Constant(str(code)), ast.Constant(level), *_] if level in LEVELS and code not in LEVELS:
                    found[code] = sorted({*found.get(code, []), level}, key=LEVELS.index)
                case [ast.Constant(str(code)), ast.Name(), *_] if isinstance(node, ast.Call):
                    found[code] = ["error", "warning"]
    return found


def conformance_table() -> str:
    """Return the table of the stored results of each case and client."""
    stored = read()
    for name, run in stored.items():
        _same(f"case of {name}", run["cases"], [case.id for case in ALL_CASES])
    return _results_table(stored, {name: run["cases"] for name, run in stored.items()})


def emulator_table() -> str:
    """Return the table of the stored results under AWS's emulator."""
    stored = read()
    return _results_table(stored, {name: run["emulator"] for name, run in stored.items()})


_SYMBOLS = {"passed": "✓", "failed": "✗", "not run": "○"}


def _results_table(stored: Mapping[str, StoredRun], results: Mapping[str, Mapping[str, StoredCase]]) -> str:
    header = ["case", "demand", *(f"{name} {run['version']}" for name, run in stored.items())]
    shown = [case for case in ALL_CASES if any(case.id in of_client for of_client in results.values())]
    rows = [
        [f"`{case.id}`", case.demand, *(_SYMBOLS[of_client[case.id]["outcome"]] for of_client in results.values())]
        for case in shown
    ]
    passed = [sum(case["outcome"] == "passed" for case in of_client.values()) for of_client in results.values()]
    return _table(header, [*rows, ["passed", f"of {len(shown)}", *map(str, passed)]])


def faults_summary() -> str:
    """Return the table of the numbers of rows with each verdict."""
    stored = stored_faults.read()
    wanted = {row.id: row for row in stored_faults.ROWS}
    for name, run in stored.items():
        needed = [
            row.id for row in wanted.values() if row.id in run["rows"] or not (row.streams or row.since > (3, 10))
        ]
        _same(f"row of {name}", run["rows"], needed)
    runs = [[(wanted[row], outcomes) for row, outcomes in run["rows"].items()] for run in stored.values()]

    rows = [["rows that were run", *(str(len(of_client)) for of_client in runs)]]
    handled = [sum(any(map(survives, outcomes)) for _, outcomes in of_client) for of_client in runs]
    rows.append(["the client handles all four events and polls on", *map(str, handled)])
    verdicts = [
        [{verdict for outcome in outcomes for verdict in faults(row, outcome)} for row, outcomes in of_client]
        for of_client in runs
    ]
    for verdict, meaning in VERDICTS.items():
        counts = (sum(verdict in found for found in of_client) for of_client in verdicts)
        rows.append([f"**{verdict}**: {meaning}", *map(str, counts)])
    return _table(["", *(f"{name} {run['version']}" for name, run in stored.items())], rows)


def _faults_table(shown: Sequence[Row]) -> str:
    stored = stored_faults.read()
    rows = []
    for row in shown:
        cells = [_outcomes(row, run["rows"].get(row.id, [])) for run in stored.values()]
        if row.why:
            cells[0] += f" (the process exits because {row.why})"
        rows.append([row.fault, row.moment, *cells])
    return _table(["fault", "moment", *stored], rows)


def _outcomes(row: Row, outcomes: Sequence[Outcome]) -> str:
    """Describe what a client did with a row: its outcomes, and the last line of the first of them."""
    if not outcomes:
        return "not run"
    texts: dict[str, None] = {}
    for outcome in outcomes:
        wrong = "".join(f"**{verdict}**, " for verdict in faults(row, outcome))
        runs = " ".join(map(str, outcome["runs"]))
        texts[f"{wrong}{runs}, {len(lost(row, outcome))} lost, {outcome['status']}"] = None
    line = outcomes[0]["line"].replace("`", "'")
    return " or ".join(texts) + (f": `{line}`" if line else "")


def _same(what: str, described: Iterable[str], existing: Iterable[str]) -> None:
    if wrong := set(described) ^ set(existing):
        raise ValueError(f"in the tables or stored results, or in the code, but not in both: {what} {sorted(wrong)}")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES = {
    "settings": (DOCS / "settings.md", settings_table),
    "differences": (DOCS / "differences.md", differences_table),
    "findings": (DOCS / "packing.md", findings_table),
    "conformance": (DOCS / "conformance.md", conformance_table),
    "emulator": (DOCS / "conformance.md", emulator_table),
    "faults-summary": (DOCS / "faults.md", faults_summary),
    "faults-api": (DOCS / "faults.md", lambda: _faults_table(api_rows.ROWS)),
    "faults-process": (DOCS / "faults.md", lambda: _faults_table(process_rows.ROWS)),
}


def with_table(name: str) -> str:
    """Return the text of a table's page with the table as the code gives it.

    Raises:
        ValueError: the page lacks the marks of the table.
    """
    path, table = TABLES[name]
    before, begin, rest = path.read_text(encoding="utf-8").partition(f"<!-- {name}: begin -->\n")
    _, end, after = rest.partition(f"<!-- {name}: end -->\n")
    if not begin or not end:
        raise ValueError(f"{path} has no lines <!-- {name}: begin --> and <!-- {name}: end -->")
    return f"{before}{begin}\n{table()}\n\n{end}{after}"
