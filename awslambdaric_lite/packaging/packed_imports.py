"""The import list and the import bundle of a package that will be written: its files are run from a copy."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..common.words import shorten_list
from .archive import write_tree
from .content_check import is_library
from .errors import PackagingError
from .function_contents import FunctionContents
from .import_bundle import BUNDLE_NAME, BundleSummary, write_bundle
from .import_recording import LIST_NAME, listed_modules, record_imports
from .targets import Target

_TIMEOUT_S = 60.0  # of init and of each event
_NAMED = 3  # binaries in a message


@dataclass(frozen=True)
class ImportOptions:
    """The wishes about imports: `events`, JSON texts, are sent to the handler for a list, `bundle` asks for a bundle.

    Imports are lazy as with AWSLAMBDARIC_LITE_LAZY_IMPORTS=`lazy`; the function has the environment `variables`.
    """

    events: Sequence[bytes] = ()
    lazy: str = "installed"
    variables: Mapping[str, str] = field(default_factory=dict)
    bundle: bool = False

    @property
    def purpose(self) -> str | None:
        """Return what the function is run for, None if it is not run."""
        return "run the events" if self.events else "import the handler" if self.bundle else None

    def check_target(self, target: Target, source: Path) -> None:
        """Check that a function can be run on this machine, if it has to be.

        Raises:
            PackagingError: it is for another kind of machine.
        """
        if self.purpose is None or target.is_of_this_machine:
            return
        text = f"this machine cannot {self.purpose} for Linux on {target.arch}; pack on a machine of that kind"
        raise PackagingError(f"{text}{self.list_from_elsewhere(source)}")

    def list_from_elsewhere(self, source: Path) -> str:
        """Return another cure for a function that cannot be run on this machine; a bundle needs such a machine."""
        if self.bundle:
            return ""
        return f", or put a list that record-imports wrote there into {source} as {LIST_NAME}, and omit --event"


@dataclass(frozen=True)
class PackedImports:
    """The result: the number of entries of the import list, None without a list and without events; and the bundle."""

    listed: int | None = None
    bundle: BundleSummary | None = None


def add_imports(
    package: FunctionContents,
    options: ImportOptions,
    handler: str | None,
    interpreter: Path | None,
    source: Path,
    stage: Callable[[str], None],
) -> PackedImports:
    """Add the import list and the import bundle to a package whose other files are final.

    Args:
        package: the files.
        options: what to add.
        handler: e.g. `app.handler`.
        interpreter: one of the package's version of Python; None if nothing has to be run.
        source: the folder of the function, which messages name.
        stage: called with the name of each stage.

    Raises:
        PackagingError: the function cannot be run, or fails; or the package has such a file already.
    """
    for wanted, name in ((options.events, LIST_NAME), (options.bundle, BUNDLE_NAME)):
        if wanted and name in package.members:
            raise PackagingError(
                f"the package has {name} already; remove or exclude it, or omit the option that adds it"
            )
    if options.purpose is None:
        return PackedImports(len(package.use_import_list()) or None)
    assert handler is not None and interpreter is not None
    with tempfile.TemporaryDirectory(prefix="awslambdaric-lite-") as folder:
        root = Path(folder, "function")
        write_tree(root, package.without_runtime())
        try:
            if options.events:
                stage("recording the imports of the events")
                package.add_import_list(_record(handler, root, options, interpreter))
            entries = package.use_import_list()
            bundle = None
            if options.bundle:
                stage("bundling the imports of the handler")
                modules = listed_modules(entries)
                bundle = write_bundle(root, handler, python=interpreter, environment=options.variables, modules=modules)
                package.add_import_bundle(bundle.path.read_bytes())
        except PackagingError as error:
            raise PackagingError(f"{error}{_about_binaries(package, options, source)}") from None
    return PackedImports(len(entries) if entries or options.events else None, bundle)


def _record(handler: str, root: Path, options: ImportOptions, interpreter: Path) -> list[str]:
    from ..emulator import EmulatorError

    settings = {
        "task_root": root,
        "env": options.variables,
        "timeout_s": _TIMEOUT_S,
        "init_timeout_s": _TIMEOUT_S,
    }
    try:
        return record_imports(handler, options.events, lazy=options.lazy, settings=settings, interpreter=interpreter)
    except EmulatorError as error:
        raise PackagingError(f"{handler} cannot be run to record its imports: {error}") from None


def _about_binaries(package: FunctionContents, options: ImportOptions, source: Path) -> str:
    """Return the cure for a package whose binaries may not run on this machine."""
    binaries = [name for name in sorted(package.members) if is_library(name)]
    if not binaries:
        return ""
    text = f"; if {shorten_list(binaries, _NAMED)} cannot run on this machine, pack on one of the function's kind"
    return f"{text}{options.list_from_elsewhere(source)}"
