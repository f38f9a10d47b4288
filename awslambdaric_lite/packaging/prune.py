"""Files of installed packages that never run in a function.

Only files that are recognized by themselves are dropped: test folders that nothing else imports, stubs for type
checkers, and signatures of `RECORD`. The rest of the metadata stays because `importlib.metadata` reads it, licences
because they are required.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from .archive import Member

_SIGNATURES = {"RECORD.jws", "RECORD.p7s"}
_TEST_FOLDERS = {"test", "tests"}
_TEST_FILE = re.compile(r"test_\w+\.py|\w+_tests?\.py|tests\.py|conftest\.py")
_MENTIONS_TESTS = re.compile(rb"\btests?\b")
_DOTTED = re.compile(r"\w+(\.\w+)+")


def never_runs(installed: Mapping[str, Path], users: Mapping[str, Path]) -> set[str]:
    """Return the names of the installed files that can be dropped; the user's own files may import any of them.

    Raises:
        PackagingError: a file cannot be read.
    """
    texts = {name: Member(name, path).read() for name, path in {**installed, **users}.items() if name.endswith(".py")}
    unused = set(_unused_tests(installed, texts))
    # lazy_loader's attach_stub() reads the stubs of a package when it is imported.
    read_stubs = {name.partition("/")[0] for name, text in texts.items() if b"attach_stub" in text}
    for name in installed:
        path = PurePosixPath(name)
        if path.parent.name.endswith(".dist-info"):
            is_unused = path.name in _SIGNATURES
        elif path.suffix == ".pyi":
            is_unused = path.parts[0] not in read_stubs
        else:
            is_unused = path.name == "py.typed"
        if is_unused:
            unused.add(name)
    return unused


def only_runs_here(installed: Mapping[str, Path]) -> set[str]:
    """Return the names of files for this machine alone.

    These are commands for the Python that has installed them, bytecode of wheels, which is compiled again, and paths of
    local folders that packages were installed from.
    """
    found = set()
    for name, path in installed.items():
        if "/__pycache__/" in f"/{name}":
            found.add(name)
        elif name.startswith("bin/"):
            with path.open("rb") as file:
                first, second = file.readline(512), file.readline(512)
            # Where the path is long, a shell runs Python.
            if first.startswith(b"#!") and (b"python" in first or second.startswith(b"'''exec' ")):
                found.add(name)
        elif name.endswith(".dist-info/direct_url.json") and b'"file:' in path.read_bytes():
            found.add(name)
    return found


def _unused_tests(installed: Mapping[str, Path], texts: Mapping[str, bytes]) -> Iterator[str]:
    """Return the files in test folders that no other file imports; a folder stays if a folder that stays imports it."""
    by_folder: dict[str, list[str]] = {}
    for name in installed:
        if (folder := _test_folder(name)) is not None:
            by_folder.setdefault(folder, []).append(name)
    candidates = {
        folder: names
        for folder, names in by_folder.items()
        if any(_TEST_FILE.fullmatch(name.rpartition("/")[2]) for name in names)
    }
    in_tests = {name for names in candidates.values() for name in names}
    waiting = [name for name in texts if name not in in_tests and not name.endswith("conftest.py")]
    while waiting and candidates:
        name = waiting.pop()
        if _MENTIONS_TESTS.search(texts[name]):
            for folder in _imported_folders(name, texts[name], candidates):
                waiting += [each for each in candidates.pop(folder) if each in texts]
    for names in candidates.values():
        yield from names


def _test_folder(name: str) -> str | None:
    """Return the outermost test folder of a file."""
    folders = name.split("/")[:-1]
    for depth, folder in enumerate(folders, start=1):
        if folder in _TEST_FOLDERS:
            return "/".join(folders[:depth])
    return None


def parse_module(text: bytes) -> ast.Module | None:
    """Parse a source; return None if it is not written for the running version of Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imported_folders(name: str, text: bytes, folders: Iterable[str]) -> list[str]:
    """Return those of the folders that a source imports from."""
    tree = parse_module(text)
    if tree is None:  # it may import any module of its package
        return [folder for folder in folders if folder.partition("/")[0] == name.partition("/")[0]]
    modules = {f"{module}." for module in modules_named_in(tree, name.split("/")[:-1])}
    packages = {folder: folder.replace("/", ".") + "." for folder in folders}
    return [folder for folder, package in packages.items() if any(each.startswith(package) for each in modules)]


def modules_named_in(tree: ast.AST, package: list[str]) -> Iterator[str]:
    """Return the full names of a module's imports, and texts that could be names for `importlib`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*parent, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
            yield node.value
