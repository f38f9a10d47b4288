"""Import lists and bundles of applications: made for one handler, event and interpreter, and kept in the task root.

They are what `awslambdaric-lite pack` puts into a package, so the runtime trusts the bundle as in a deployed function.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from awslambdaric_lite.common.files import write_whole
from awslambdaric_lite.emulator import EmulatorError
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.import_bundle import BUNDLE_VARIABLE, write_bundle
from awslambdaric_lite.packaging.import_recording import (
    LAZY_VARIABLE,
    LIST_VARIABLE,
    list_entries,
    list_text,
    listed_modules,
    record_imports,
)

from .build_cache import PROJECT, digest
from .interpreter import Interpreter
from .loadgen import RunFailed

_runtime: list[str] = []  # the digest of the package, which all files of a run have in their names


def with_import_files(
    environment: Mapping[str, str], root: Path, handler: str, event: bytes, python: Interpreter
) -> dict[str, str]:
    """Return variables with paths in the task root for the list and the bundle that they ask for.

    A file is made the first time: the list from the event, the bundle from the imports of the handler and the list.

    Raises:
        RunFailed: the handler fails, or its imports cannot be recorded.
    """
    found = dict(environment)
    if not _runtime:
        _runtime.append(digest(PROJECT / "awslambdaric_lite"))
    lazy = found.get(LAZY_VARIABLE, "off")
    start = root / f"{handler}-{lazy}-{_runtime[0]}"
    modules: list[str] = []
    try:
        if LIST_VARIABLE in found:
            path = start.with_name(f"{start.name}.txt")
            if not path.exists():
                given = {"task_root": root, "env": _settable(found), "timeout_s": 60}
                entries = record_imports(handler, [event], lazy=lazy, settings=given, interpreter=python.executable)
                write_whole(path, list_text(entries))
            found[LIST_VARIABLE] = str(path)
            modules = listed_modules(list_entries(path.read_bytes()))
        if BUNDLE_VARIABLE in found:
            path = start.with_name(f"{start.name}.bundle")
            if not path.exists():
                others = {name: value for name, value in found.items() if name != BUNDLE_VARIABLE}
                write_bundle(root, handler, python=python.executable, environment=others, path=path, modules=modules)
            found[BUNDLE_VARIABLE] = str(path)
    except (PackagingError, EmulatorError) as error:
        raise RunFailed(str(error)) from error
    return found


def _settable(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a function's configuration may set on AWS."""
    return {name: value for name, value in environment.items() if not name.startswith(("AWS", "LAMBDA_", "_"))}
