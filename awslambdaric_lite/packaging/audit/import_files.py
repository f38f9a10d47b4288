"""The files of a package that make imports cheaper: does its import list name modules that exist, and does its import
bundle fit the modules?

The runtime logs a line at each cold start for a module that it cannot import, and for a bundle that it cannot use. The
code of a bundle runs instead of a module of an installed distribution, and instead of a module of the function that has
the recorded size and date.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import posixpath
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..._lifecycle.import_bundle import CURE, FILES, FIRST_LINE, fingerprint
from ...common.words import count
from ..bytecode import MAGIC, find_interpreter, run_worker
from ..import_bundle import BUNDLE_NAME
from ..import_recording import LIST_NAME, is_entry, is_list, list_entries
from .findings import Finding, examples
from .platform_packages import PLATFORM_PACKAGES
from .subject import Subject

_RECORD = "record it again with awslambdaric-lite record-imports or pack --event"
_STANDARD = "import sys; print(*sys.stdlib_module_names, *sys.builtin_module_names)"
_WORKER = Path(__file__).with_name("import_bundle_worker.py")
_MODULE_FILE = re.compile(r"(?P<module>(?:.*/)?[^/.]+?)(/__init__)?(\.pyc?|(\.[\w-]+)*\.so)")
# Code that makes modules which have no file.
_MAKES_MODULES = re.compile(rb"\bsys\.modules\b|\bmeta_path\b|\b__path__\b|\bmodules\[")


def check_import_files(subject: Subject) -> Iterator[Finding]:
    """Yield findings for the import list and the import bundle of a function's package."""
    if subject.is_layer:
        return
    if LIST_NAME in subject.files and is_list(content := subject.package.read(LIST_NAME)):
        yield from _check_list(subject, content)
    if BUNDLE_NAME in subject.files:
        yield from _check_bundle(subject, subject.package.read(BUNDLE_NAME))


def _check_list(subject: Subject, content: bytes) -> Iterator[Finding]:
    entries = list_entries(content)
    wrong = [entry for entry in entries if not is_entry(entry)]
    if wrong:
        text = f"{count(len(wrong), 'line')} that are neither a module nor module:name; correct them"
        yield Finding("import-list", "warning", LIST_NAME, f"{text} ({examples(wrong)})")
    named = {entry.partition(":")[0].strip() for entry in entries if entry not in wrong}
    missing = _Modules(subject).missing(named)
    if missing:
        text = f"{count(len(missing), 'module')} that neither the package nor Python has; {_RECORD}"
        if not subject.layers:
            text += ", or name the layer that has them with --layer"
        yield Finding("import-list", "warning", LIST_NAME, f"{text} ({examples(missing)})")


def _check_bundle(subject: Subject, data: bytes) -> Iterator[Finding]:
    try:
        modules = modules_of_bundle(data, subject.target.python)
    except ValueError as error:
        text = f"the runtime does not use the bundle: {error}; {CURE}"
        yield Finding("import-bundle", "warning", BUNDLE_NAME, text)
        return
    old: list[str] = []
    changed: list[str] = []
    for name, (size, content, time) in modules.items():
        is_there = name in subject.files
        if is_there and subject.files[name] == size and fingerprint(subject.package.read(name)) == content:
            continue
        is_like_it = is_there and (subject.files[name], subject.package.mtime(name)) == (size, time)
        (old if time is None or is_like_it else changed).append(name)
    if old:
        text = f"{count(len(old), 'module')} with other code, which would run instead of the file in the package"
        yield Finding("import-bundle", "error", BUNDLE_NAME, f"{text}; {CURE} ({examples(old)})")
    if changed:
        text = f"{count(len(changed), 'module')} with other code; they are imported from disk"
        yield Finding("import-bundle", "warning", BUNDLE_NAME, f"{text}; {CURE} ({examples(changed)})")


def modules_of_bundle(data: bytes, python: str) -> dict[str, tuple[int, int, int | None]]:
    """Return sizes, fingerprints and times of the modules of the application in a bundle, by the names of their files.

    Raises:
        ValueError: a Python of this version cannot use it; the text says why.
    """
    begin = len(FIRST_LINE)
    known = MAGIC[python].to_bytes(2, "little") + b"\r\n"
    if data.startswith(FIRST_LINE) and data[begin : begin + 4] != known:
        raise ValueError(f"it is for another version than Python {python}")
    with tempfile.NamedTemporaryFile(prefix="awslambdaric-lite-") as file:
        # With the number of the Python that runs this, because the index does not depend on the version.
        file.write(data[:begin] + importlib.util.MAGIC_NUMBER + data[begin + 4 :])
        file.flush()
        options = ["--check-code"] if known == importlib.util.MAGIC_NUMBER else []
        output = run_worker(_WORKER, b"", Path(sys.executable), file.name, *options)
    try:
        answer = json.loads(output)
        if "error" in answer:
            raise ValueError(answer["error"])
        root, modules = answer["root"], answer["modules"]
        return {
            posixpath.normpath(f"{root}/{folder}/{name}{FILES[number]}"): (size, content, time)
            for folder, name, number, size, content, time in modules
        }
    except (LookupError, TypeError, json.JSONDecodeError):  # the process was killed, or the bundle has other values
        raise ValueError("it is damaged") from None


class _Modules:
    """The modules that a function can import, as far as files show, from any folder: code adds to `sys.path`."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._paths: dict[str, set[str]] = defaultdict(set)  # of modules and folders, by their last parts
        self._packages = [subject.package, *subject.layers]
        for name in (name for package in self._packages for name in package.names()):
            match = _MODULE_FILE.fullmatch(name)
            path = match["module"] if match else ""
            while path and path not in self._paths[last := path.rpartition("/")[2]]:
                self._paths[last].add(path)
                path = path.rpartition("/")[0]
        self._standard = _standard_modules(subject.target.python)

    def missing(self, modules: Iterable[str]) -> list[str]:
        """Return the modules that do not exist."""
        return sorted(module for module in modules if not self._exists(module))

    def _exists(self, module: str) -> bool:
        parts = module.split(".")
        if self._found(module) or self._is_of_host(parts[0]):
            return True
        if not self._found(parts[0]):
            return self._standard is None or self._subject.host == "image"
        parent = next(name for end in range(len(parts), 0, -1) if self._found(name := ".".join(parts[:end])))
        return any(self._makes_modules(path) for path in self._found(parent))

    def _found(self, module: str) -> list[str]:
        """Return the paths that a module may have."""
        path = module.replace(".", "/")
        return [each for each in self._paths.get(path.rpartition("/")[2], ()) if f"/{each}".endswith(f"/{path}")]

    def _is_of_host(self, top: str) -> bool:
        if top in (self._standard or ()):
            return True
        return self._subject.host == "managed" and (top in PLATFORM_PACKAGES or top == "awslambdaric_lite")

    def _makes_modules(self, path: str) -> bool:
        """Return whether a module may make further ones that have no file."""
        for package in self._packages:
            for name in (f"{path}.py", f"{path}/__init__.py"):
                if name in package.names():
                    return _MAKES_MODULES.search(package.read(name)) is not None
        return True  # an extension module, bytecode, or a folder without code


@functools.cache
def _standard_modules(version: str) -> frozenset[str] | None:
    """Return the modules of the standard library of a version of Python; None if this machine does not have it."""
    interpreter = find_interpreter(version)
    if interpreter is None:
        return None
    command = [str(interpreter), "-I", "-S", "-c", _STANDARD]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return frozenset(answer.stdout.split())
