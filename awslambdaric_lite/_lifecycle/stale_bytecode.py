"""Stale bytecode: owns accepting a `.pyc` whose source has another date but was installed together with it.

Packagers reset the times of files, so every `.pyc` of an installed package looks stale and each cold start compiles the
sources again. If one `RECORD` of pip lists the `.py` with the size and hash that the file has, and lists the `.pyc`,
too, the two were installed together. Loaded when the interpreter rejects the first `.pyc`.
"""

import marshal
import sys
from binascii import b2a_base64

try:
    from _sha2 import sha256  # avoids importing `hashlib`  # pyright: ignore[reportMissingImports]
except ImportError:
    try:
        from _sha256 import sha256  # up to CPython 3.11
    except ImportError:
        from hashlib import sha256

from .originals import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_HEADER = 16  # bytes of a .pyc: magic number, flags, time, size (PEP 552)

accepted: "list[str]" = []
"""The names of the modules whose bytecode was accepted."""

_codes: "dict[str, CodeType]" = {}  # path of a .pyc: its content, until the import machinery asks for it
_unmatched_sources: "dict[str, bytes]" = {}  # path of a .py that matches no RECORD: its content, until compiled
_roots: "dict[str, list[bytes]]" = {}  # folder: the content of each RECORD in it
_records: "dict[tuple[str, bytes], list[dict[bytes, bytes]]]" = {}  # root and top-level name: lines by path


def accept_stale_pyc(data: bytes, size: int, name: str, bytecode_path: str, *, trust_all: bool) -> bool:
    """Return whether a rejected `.pyc` belongs to its source, which has `size` bytes now."""
    if data[4:8] != b"\0\0\0\0" or int.from_bytes(data[12:16], "little") != size & 0xFFFFFFFF:
        return False
    source_path = _source_path(bytecode_path)
    if source_path is None or not (trust_all or _installed_together(source_path, bytecode_path, size)):
        return False
    try:
        code = marshal.loads(data[_HEADER:])
    except (EOFError, ValueError, TypeError):
        return False  # the file is damaged: the interpreter compiles the source
    rename = getattr(sys.modules.get("_imp"), "_fix_co_filename", None)
    if not hasattr(code, "co_filename") or rename is None:
        return False
    if not accepted:
        _prime_import_cache()
    rename(code, source_path)  # as the import machinery does
    _codes[bytecode_path] = code
    _unmatched_sources.pop(source_path, None)
    accepted.append(name)
    return True


def _source_path(bytecode_path: str) -> "str | None":
    """Return the path of the source of `…/__pycache__/name.cpython-313.pyc`."""
    folder, _, file = bytecode_path.rpartition("/")
    parent, _, cache = folder.rpartition("/")
    return f"{parent}/{file.partition('.')[0]}.py" if cache == "__pycache__" else None


def _installed_together(source_path: str, bytecode_path: str, size: int) -> bool:
    """Return whether one RECORD lists both files, and the source with its present hash."""
    for folder in sys.path:
        root = folder.rstrip("/")
        if root and source_path.startswith(f"{root}/"):
            begin = len(root) + 1
            source, bytecode = source_path[begin:].encode(), bytecode_path[begin:].encode()
            for lines in _records_of(root, source.partition(b"/")[0]):
                entry = lines.get(source)
                if entry is not None and bytecode in lines and _matches(entry, source_path, size):
                    return True
    return False


def _records_of(root: str, top: bytes) -> "list[dict[bytes, bytes]]":
    """Return the lines, by path, of each RECORD below a folder of `sys.path` that lists a top-level package or module.

    Several RECORD files do if packages share a namespace.
    """
    known = _records.get((root, top))
    if known is None:
        known = _records[root, top] = []
        begin = b"\n%b%b" % (top, b"," if top.endswith(b".py") else b"/")
        for content in _contents(root):
            if begin in content:
                lines = [line for line in content.split(b"\n") if b".py" in line]
                known.append({path: rest.rstrip(b"\r") for path, _, rest in [line.partition(b",") for line in lines]})
    return known


def is_recorded(root: str, top: str) -> bool:
    """Return whether a RECORD below a folder lists a top-level package or module."""
    begins = (f"\n{top}/".encode(), f"\n{top}.".encode())
    return any(begin in content for content in _contents(root.rstrip("/")) for begin in begins)


def _contents(root: str) -> "list[bytes]":
    found = _roots.get(root)
    if found is None:
        found = _roots[root] = []
        try:
            names = posix.listdir(root)
        except OSError:
            return found
        for name in names:
            if name.endswith(".dist-info"):
                content = _read(f"{root}/{name}/RECORD")
                if content is not None:
                    found.append(b"\n" + content)
    return found


def _matches(entry: bytes, source_path: str, size: int) -> bool:
    """Compare `sha256=…,size` with a file; keep the content of one that differs for the compiler."""
    recorded, _, recorded_size = entry.rpartition(b",")
    if recorded_size != b"%d" % size or not recorded.startswith(b"sha256="):
        return False
    source = _unmatched_sources.get(source_path) or _read(source_path)
    if source is None:
        return False
    openssl = sys.modules.get("_hashlib")  # if user code has imported it: several times faster
    hashed = sha256(source) if openssl is None else openssl.openssl_sha256(source)
    digest = b2a_base64(hashed.digest(), newline=False).rstrip(b"=").translate(_URL_SAFE)
    if len(source) == size and recorded == b"sha256=" + digest:
        return True
    _unmatched_sources[source_path] = source
    _prime_import_cache()
    return False


def _read(path: str) -> "bytes | None":
    try:
        with open(path, "rb", 0) as file:
            return file.read()
    except Exception:  # user code may have replaced `open`
        return None


_serving: "list[bool]" = []


def _prime_import_cache() -> None:
    """Make the import machinery use the files that were read here instead of reading them again."""
    if _serving:
        return
    _serving.append(True)
    external: Any = sys.modules["_frozen_importlib_external"]
    compile_bytecode = getattr(external, "_compile_bytecode", None)
    if compile_bytecode is None:
        return  # another version of Python: it reads the files again
    get_data = external.FileLoader.get_data

    def take_code(
        data: bytes, name: "str | None" = None, bytecode_path: "str | None" = None, source_path: "str | None" = None
    ) -> object:
        code = _codes.pop(bytecode_path, None) if bytecode_path is not None else None
        return compile_bytecode(data, name, bytecode_path, source_path) if code is None else code

    def take_source(self: object, path: str) -> bytes:
        source = _unmatched_sources.pop(path, None) if _unmatched_sources else None
        content: bytes = get_data(self, path) if source is None else source
        return content

    external._compile_bytecode = take_code
    external.FileLoader.get_data = take_source
