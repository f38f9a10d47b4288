"""Import bundles: one file with the bytecode of the modules that a handler imports, and an index of them.

The runtime's part, `_lifecycle.import_bundle`, describes the format.
"""

from __future__ import annotations

import marshal
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._lifecycle import import_bundle as served
from ..common.files import replacing
from .audit.platform_packages import PLATFORM_PACKAGES
from .audit.workplace import link_platform_packages
from .bytecode import HEADER_SIZE, PycHeader, compile_sources
from .distributions import listed_files
from .errors import PackagingError
from .handler_check import split_handler
from .hosts import TASK_ROOT, function_variables
from .import_tree import run_import

BUNDLE_NAME = "imports.bundle"
BUNDLE_VARIABLE = served.SETTING

_WORKER = Path(__file__).with_name("import_bundle_worker.py")
_TIMEOUT_S = 120


@dataclass(frozen=True)
class BundleSummary:
    """A written bundle: its modules and its bytes."""

    path: Path
    modules: int
    size: int


@dataclass(frozen=True)
class _Imported:
    """Files of modules, and those of extension modules, below the root and in the standard library of a build."""

    own: Sequence[str]
    extensions: Sequence[str]
    build: str
    library: str
    standard: Sequence[str]
    standard_extensions: Sequence[str]


@dataclass(frozen=True)
class _Module:
    """One module: its file below a folder, which is a source or bytecode, and its code by `marshal`."""

    file: str
    content: bytes
    code: bytes
    mtime: int | None
    """None for a module that is trusted."""


def write_bundle(
    root: Path,
    handler: str,
    *,
    python: str | Path = sys.executable,
    environment: Mapping[str, str] = {},
    path: Path | None = None,
    modules: Sequence[str] = (),
    mtime: int | None = None,
) -> BundleSummary:
    """Import a handler in another process, and write the bundle of its modules.

    Args:
        root: the task root. The bundle has its path relative to that of the file, so that both can be copied together.
        handler: e.g. `app.handler`.
        python: the interpreter that the bundle is for.
        environment: variables of the function.
        path: the file to write; by default `imports.bundle` in `root`.
        modules: further modules to import, after the handler.
        mtime: the date that the function's own files will have, in seconds since 1970; by default that of now.

    Raises:
        PackagingError: the handler cannot be imported, a module does not compile, or the file cannot be written; an
            older file stays.
    """
    root = root.resolve()
    path = root / BUNDLE_NAME if path is None else path
    python = Path(os.path.abspath(python) if "/" in str(python) else python)  # processes work in other folders
    imported = _imported_files(root, handler, python, environment, modules)
    magic, own, standard = _with_code(root, imported, python, mtime)
    content = _content(magic, os.path.relpath(root, path.parent.resolve()), imported, own, standard)
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise PackagingError(f"{path} cannot be written: {error.strerror}; name another file") from None
    return BundleSummary(path, len(own) + len(standard), len(content))


def _imported_files(
    root: Path, handler: str, python: Path, environment: Mapping[str, str], modules: Sequence[str]
) -> _Imported:
    """Return the files that the modules of a handler come from."""
    split_handler(handler)
    with tempfile.TemporaryDirectory(prefix="awslambdaric-lite-") as name:
        folder = Path(name).resolve()
        output, packages = folder / "files", folder / "packages"
        link_platform_packages(packages, ["awslambdaric_lite", *PLATFORM_PACKAGES])
        libraries = [str(root), f"{root}/lib", os.environ.get("LD_LIBRARY_PATH", "")]
        variables = {
            **function_variables(handler, task_root=str(root), home=folder),
            "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
            **environment,
        }
        customers = [root / each for each in variables.get("PYTHONPATH", "").split(":") if each]
        arguments = f"{str(root)!r}, {handler!r}, {list(modules)!r}, {str(output)!r}"
        statement = f"names = {{}}; exec(open({str(_WORKER)!r}).read(), names); names['collect']({arguments})"
        run = run_import(
            python,
            statement,
            environ=variables,
            path=[root, *customers, packages],
            sites=[root],
            timeout_s=_TIMEOUT_S,
        )
        if run.failure is not None:
            reason = str(run.failure).replace(f"{root}/", "")  # which may be a copy
            raise PackagingError(
                f"handler {handler} cannot be imported by {python}: {reason}; "
                "correct it, or name the variables and the interpreter that it needs"
            )
        return _Imported(*marshal.loads(output.read_bytes()))


def _with_code(
    root: Path, imported: _Imported, python: Path, mtime: int | None
) -> tuple[bytes, list[_Module], list[_Module]]:
    """Return the bytecode number of an interpreter, and the modules below the root and of the standard library."""
    paths = {root / file: f"{TASK_ROOT}/{file}" for file in imported.own}
    paths |= {Path(imported.library, file): f"{imported.library}/{file}" for file in imported.standard}
    contents = {path: path.read_bytes() for path in paths}
    sources = {str(path): (contents[path], shown) for path, shown in paths.items() if path.suffix == ".py"}
    compiled = compile_sources(sources or {"": (b"", "")}, python)
    for name, reason in compiled.failures.items():
        raise PackagingError(f"{name} does not compile: {reason}; correct it")
    magic = next(iter(compiled.bytecode.values()))[:4]

    def module(path: Path, file: str, *, trusted: bool) -> _Module:
        bytecode = compiled.bytecode.get(str(path), contents[path])
        if bytecode[:4] != magic:
            raise PackagingError(f"{path} is bytecode of another Python than {python}; name that interpreter")
        PycHeader.parse(bytecode)
        time = None if trusted else int(path.stat().st_mtime) if mtime is None else mtime
        return _Module(file, contents[path], bytecode[HEADER_SIZE:], time)

    installed = _installed(root)
    own = [module(root / file, file, trusted=file in installed) for file in imported.own]
    standard = [module(Path(imported.library, file), file, trusted=True) for file in imported.standard]
    return magic, own, standard


def _installed(root: Path) -> set[str]:
    """Return the files of installed distributions, which may be below further folders of `sys.path`."""
    records = {path.relative_to(root).as_posix(): path for path in root.rglob("*.dist-info/RECORD")}
    listed = listed_files(records, lambda name: records[name].read_bytes())
    return {file for files in listed.values() for file in files}


def _content(
    magic: bytes, root: str, imported: _Imported, own: Sequence[_Module], standard: Sequence[_Module]
) -> bytes:
    """Return the bytes of a bundle; the same modules give the same bytes."""
    own_codes, standard_codes = (b"".join(module.code for module in modules) for modules in (own, standard))
    codes = own_codes + standard_codes
    begin = len(own_codes)
    own_content = _index(own, 0), list(imported.extensions)
    standard_content = _index(standard, begin), list(imported.standard_extensions)
    index = marshal.dumps((len(codes), begin, root, own_content, imported.build, standard_content), 2)
    sizes = len(index).to_bytes(4, "little") + served.fingerprint(index).to_bytes(8, "little")
    return served.FIRST_LINE + magic + sizes + index + codes


def _index(modules: Sequence[_Module], begin: int) -> dict[str, dict[str, served.Entry]]:
    folders: dict[str, dict[str, served.Entry]] = {}
    for module in modules:
        folder, name, number = _located(module.file)
        end = begin + len(module.code)
        content = served.fingerprint(module.content)
        folders.setdefault(folder, {})[name] = (number, begin, end, len(module.content), content, module.mtime)
        begin = end
    return folders


def _located(file: str) -> tuple[str, str, int]:
    """Return the folder that has a module, its name in there, and the number of the file's name."""
    for number, end in enumerate(served.FILES):
        if file.endswith(end):
            folder, _, name = file.removesuffix(end).rpartition("/")
            return folder, name, number
    raise AssertionError(file)
