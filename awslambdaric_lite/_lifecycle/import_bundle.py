"""The import bundle: owns serving an application's modules from one file of bytecode, with an index of modules.

Loaded in init if the setting BUNDLE names a file. `packaging.import_bundle` writes it: a first line, the number of the
Python that can read it, the index, and the code of each module. Each folder that the bundle covers has a path entry
finder, so that the order of `sys.path` decides, as without a bundle. The finder looks for modules in the index, then on
disk. The interpreter's own loaders get the code from the bundle, so that modules are as if they came from disk.

Modules of installed distributions are trusted, as bytecode with an unchecked hash is (PEP 552). The function's own
modules are compared with their files, because people edit those in a deployed package. Modules of the standard library
are used by exactly the build of Python that wrote the bundle.
"""

import _imp
import marshal
import sys

from .._report import notice
from .originals import in_task_root, posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._optional_settings import Options
    from .._types import LogSink

    Handler = Callable[[object, Any], object]
    Entry = tuple[int, int, int, int, int, "int | None"]
    Folder = dict[str, Entry]
    Folders = dict[str, Folder]
    Content = tuple[Folders, list[str]]
    Index = tuple[int, str, Content, str, Content]

SETTING = "AWSLAMBDARIC_LITE_BUNDLE"
CHECK_ALL = "_AWSLAMBDARIC_LITE_CHECK_BUNDLE"  # an internal variable, which the local Lambda sets
FIRST_LINE = b"awslambdaric-lite import bundle 1\n"
HEADER = len(FIRST_LINE) + 4 + 4 + 8  # the first line, bytecode number, size of the index, fingerprint of the index
FILES = "/__init__.py", ".py", "/__init__.pyc", ".pyc"  # the ends of file names; an entry begins with their number
_PRIME = 2**60 - 93
CURE = "write it again with awslambdaric-lite pack --bundle-imports"

_SOURCELESS = 2  # the first number of a file of bytecode in `FILES`
_CODE = type(notice.__code__)  # types.CodeType
_PART, _AHEAD = 1 << 17, 1 << 20  # bytes of one read, and of those that the kernel reads ahead
_FLAGS = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK  # a named pipe does not block

_external: "Any" = sys.modules["_frozen_importlib_external"]
_extensions = tuple(_imp.extension_suffixes())


def fingerprint(data: bytes) -> int:
    """Return a number of 60 bits that tells contents apart, on each version of Python the same.

    Unlike `_imp.source_hash`, whose algorithm changed with 3.11; other hash functions would have to be imported.
    """
    return int.from_bytes(data, "little") % _PRIME


def with_bundle(load: "Callable[[], Handler]", options: "Options", sink: "LogSink") -> "Callable[[], Handler]":
    """Return a function that loads the handler with a bundle."""
    check_all = posix.environ.pop(CHECK_ALL.encode(), None) is not None
    if check_all:
        posix.unsetenv(CHECK_ALL)

    def load_handler() -> "Handler":
        lazy = options["LAZY_IMPORTS"] != "off" and hasattr(sys, "set_lazy_imports")
        bundle = _open(options["BUNDLE"], sink, check_all=check_all, read_extensions=not lazy)
        try:
            return load()
        finally:
            if bundle is not None:
                bundle.release()

    return load_handler


def _open(value: str, sink: "LogSink", *, check_all: bool, read_extensions: bool) -> "_Bundle | None":
    """Serve modules from a bundle, whose path may be relative to the task root; log the reason if it cannot be used."""
    try:
        if not hasattr(_external, "_get_supported_file_loaders") or not hasattr(_external.FileFinder, "_get_spec"):
            raise ValueError("this version of Python imports in another way; remove the variable")
        bundle = _Bundle(in_task_root(value), sink, check_all=check_all, read_extensions=read_extensions)
        bundle.serve()
    except Exception as error:
        reason = f"the file cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        cure = "" if ";" in reason else f"; {CURE}"
        notice(sink, "", f"{SETTING}={value} is ignored: {reason}{cure}")
        return None
    return bundle


def read_index(descriptor: int) -> "tuple[bytes, int, Index]":
    """Return the header of an open bundle, the place of the code in it, and its index.

    The index is a tuple: the bytes of code of the application, its folder relative to that of the bundle, the content
    of that folder, a build of Python, and the content of the folder of its standard library. A content is a pair:
    folders with their modules, and files of extension modules. A module is a tuple: the number of the file's name in
    `FILES`, the begin and the end of its code, size and fingerprint of the file, and its time in seconds, which is None
    for modules that are trusted.

    Raises:
        OSError: the file cannot be read.
        ValueError: this Python cannot use it.
    """
    head = posix.pread(descriptor, HEADER, 0)
    begin = len(FIRST_LINE)
    if head[:begin] != FIRST_LINE:
        if head.startswith(FIRST_LINE[:-2]):
            raise ValueError("it has the format of another version of awslambdaric-lite")
        raise ValueError("it is not an import bundle")
    if head[begin : begin + 4] != _external.MAGIC_NUMBER:
        raise ValueError("it is for another version of Python")
    size = posix.fstat(descriptor).st_size
    place = HEADER + int.from_bytes(head[begin + 4 : begin + 8], "little")
    index = posix.pread(descriptor, place - HEADER, HEADER) if place <= size else b""
    if index and fingerprint(index) == int.from_bytes(head[begin + 8 :], "little"):
        codes_size, *content = marshal.loads(index)
        if size == place + codes_size:
            return head, place, tuple(content)
    raise ValueError("it is damaged")


def standard_library() -> str:
    """Return the folder of the standard library."""
    return str(sys.modules["encodings"].__path__[0].rpartition("/")[0])


class _Bundle:
    """An open bundle: the modules of folders, and their code.

    Raises:
        OSError: the file cannot be read.
        ValueError: it cannot be used; the text says why.
    """

    def __init__(self, path: str, sink: "LogSink", *, check_all: bool, read_extensions: bool) -> None:
        self.check_all = check_all
        self.found: dict[str, Entry] = {}  # path of a file: the module that a finder found, until it is loaded
        self._path = path
        self._sink = sink
        self._told = False
        # Parts of the file that were read last, and their places: of the application, and of the standard library.
        self._parts = [(0, b""), (0, b"")]
        self._part_size = _PART
        descriptor = posix.open(path, _FLAGS)
        try:
            self._head, self._begin, (own_size, root, own, build, standard) = read_index(descriptor)
            self._standard_begin = self._begin + own_size
            if sys.flags.optimize:
                raise ValueError("it has no bytecode for python -O; remove PYTHONOPTIMIZE, or the variable")
            self._root = _as_in_path(f"{path.rpartition('/')[0]}/{root}".removesuffix("/."))
            contents = [(self._root, own)]
            if build == sys.version:
                contents.append((standard_library(), standard))
            for place in (self._begin, self._standard_begin)[: len(contents)]:
                _read_ahead(descriptor, place)
        finally:
            posix.close(descriptor)
        self._folders: Folders = {}
        for root, (folders, extensions) in contents:
            self._folders.update({f"{root}/{name}" if name else root: each for name, each in folders.items()})
            for name in extensions if read_extensions else ():
                _read_ahead_file(f"{root}/{name}")

    def serve(self) -> None:
        """Let the import machinery ask this bundle about the folders that it covers."""
        hooks = sys.path_hooks
        known = ("zipimport", "_frozen_importlib_external")
        places = [place for place, hook in enumerate(hooks) if getattr(hook, "__module__", None) in known]
        hooks.insert(places[0] if places else len(hooks), self._finder_of)
        cache = sys.path_importer_cache
        for folder in self._folders:
            if type(cache.get(folder)) is _external.FileFinder:
                del cache[folder]
        for owner, kind in (
            (_external.SourceLoader, _external.SourceFileLoader),
            (_external.SourcelessFileLoader, _external.SourcelessFileLoader),
        ):
            owner.get_code = _GetCode(owner.__dict__["get_code"], kind, self)

    def release(self) -> None:
        """Free the memory of the last parts; modules that are imported later are read one by one."""
        self._parts, self._part_size = [(0, b""), (0, b"")], 0

    def report(self, path: str) -> None:
        """Log that a module differs, so that it is imported from disk; only once."""
        if not self._told:
            self._told = True
            text = f"{path} differs from {self._path}; modules that differ are imported from disk"
            notice(self._sink, "", f"{text}; {CURE}")

    def _finder_of(self, folder: str) -> "_Finder":
        modules = self._folders.get(folder)
        if modules is None:
            raise ImportError("the bundle does not cover this folder", path=folder)
        return _Finder(folder, modules, self, is_root=folder == self._root)

    def code_of(self, entry: "Entry", path: str) -> object:
        """Return the code of a module; None, with a line in the log, if it is damaged."""
        try:
            code = marshal.loads(self._read_code(self._begin + entry[1], self._begin + entry[2]))
            if entry[0] < _SOURCELESS:
                _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
            elif type(code) is not _CODE:
                raise TypeError
        except Exception:
            self.report(path)
            return None
        return code

    def _read_code(self, begin: int, end: int) -> memoryview:
        """Return bytes of the file. Init reads large parts of it, because modules are in the order of their imports."""
        which = begin >= self._standard_begin
        part_begin, part = self._parts[which]
        if begin < part_begin or end > part_begin + len(part):
            part_begin, size = begin, max(end - begin, self._part_size)
            descriptor = posix.open(self._path, _FLAGS)
            try:
                if posix.pread(descriptor, HEADER, 0) != self._head:
                    raise ValueError  # another file has replaced it
                part = posix.pread(descriptor, size, begin)
                if self._part_size:
                    self._parts[which] = part_begin, part
                    _read_ahead(descriptor, begin + size)
            finally:
                posix.close(descriptor)
        return memoryview(part)[begin - part_begin : end - part_begin]


class _GetCode:
    """The method `get_code` of loaders of one class: another one for a module that was found in a bundle, once."""

    def __init__(self, method: "Any", kind: "Any", bundle: _Bundle) -> None:
        self._method = method
        self._kind = kind
        self._found = bundle.found

        def take_code(self: "Any", fullname: str) -> object:
            path: str = self.path
            entry = bundle.found.pop(path, None)
            code = None if entry is None else bundle.code_of(entry, path)
            return method.__get__(self)(fullname) if code is None else code

        for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
            setattr(take_code, name, getattr(method, name, None))
        self._take_code = take_code

    def __get__(self, loader: "Any", owner: "type | None" = None) -> object:
        """Return the method of a loader; the interpreter's own for classes and for modules on disk."""
        if type(loader) is self._kind and getattr(loader, "path", None) in self._found:
            return self._take_code.__get__(loader)
        return self._method.__get__(loader, owner)


class _Finder(_external.FileFinder):  # type: ignore[misc]
    """A finder for one folder, like the interpreter's own, with the modules that a bundle has of it."""

    def __init__(self, folder: str, modules: "Folder", bundle: _Bundle, *, is_root: bool) -> None:
        super().__init__(folder, *_external._get_supported_file_loaders())
        self._path_mtime: float
        self._stems: set[str] = set()  # the names of modules that the folder may have
        self._modules = modules
        self._bundle = bundle
        # Other files of the function's own folders can hide a module. Only the root has distributions to remove.
        self._is_listed = is_root or any(entry[5] is not None for entry in modules.values())

    def find_spec(self, fullname: str, target: object = None) -> object:
        """Find a module in the bundle if it is the one on disk, else on disk."""
        name = fullname.rpartition(".")[2]
        entry = self._modules.get(name)
        if entry is None:
            try:
                if posix.stat(self.path).st_mtime == self._path_mtime and name not in self._stems:
                    return None
            except OSError:
                pass
            return super().find_spec(fullname, target)
        if self._is_listed and self._is_hidden(name, entry):
            return super().find_spec(fullname, target)
        path = f"{self.path}/{name}{FILES[entry[0]]}"
        if (entry[5] is not None or self._bundle.check_all) and not self._is_unchanged(path, entry):
            self._bundle.report(path)
            self._bundle.found.pop(path, None)
            return super().find_spec(fullname, target)
        self._bundle.found[path] = entry
        kind = _external.SourceFileLoader if entry[0] < _SOURCELESS else _external.SourcelessFileLoader
        packages = None if entry[0] % 2 else [f"{self.path}/{name}"]
        spec = self._get_spec(kind, fullname, path, packages, target)
        if entry[0] < _SOURCELESS and sys.pycache_prefix is None:
            folder, file = (self.path, name) if packages is None else (packages[0], "__init__")
            spec.cached = f"{folder}/__pycache__/{file}.{sys.implementation.cache_tag}.pyc"
        return spec

    def _fill_cache(self) -> None:
        super()._fill_cache()
        self._stems = {name.partition(".")[0] for name in self._path_cache}

    def _is_hidden(self, name: str, entry: "Entry") -> bool:
        """Return whether the folder lacks the module, or has files that the interpreter may prefer."""
        if self._path_mtime == -1:
            try:
                self._path_mtime = posix.stat(self.path).st_mtime
            except OSError:
                return True
            self._fill_cache()
        cache = self._path_cache
        if entry[0] % 2 == 0:
            return name not in cache
        preferred = ("", *_extensions, *([".py"] if entry[0] > _SOURCELESS else []))
        return name + FILES[entry[0]] not in cache or any(name + end in cache for end in preferred)

    def _is_unchanged(self, path: str, entry: "Entry") -> bool:
        size, content, time = entry[3:]
        try:
            if not self._bundle.check_all:
                status = posix.stat(path)
                if status.st_size != size:
                    return False
                if int(status.st_mtime) == time:
                    return True
            data = _read(path)  # the date alone says nothing: packing and unpacking change it
        except OSError:
            return False
        return len(data) == size and fingerprint(data) == content


_Finder.__name__ = _Finder.__qualname__ = "FileFinder"
_Finder.__module__ = _external.FileFinder.__module__


def _as_in_path(root: str) -> str:
    """Return a folder as `sys.path` writes it.

    Raises:
        OSError: the folder does not exist.
        ValueError: it is not in `sys.path`.
    """
    if root in sys.path:
        return root
    status = posix.stat(root)
    for folder in sys.path:
        try:
            other = posix.stat(folder)
        except (OSError, ValueError, TypeError):
            continue
        if (other.st_dev, other.st_ino) == (status.st_dev, status.st_ino):
            return folder
    raise ValueError(f"it is for the folder {root}, which is not in sys.path")


def _read_ahead(descriptor: int, begin: int, size: int = _AHEAD) -> None:
    """Let the kernel read a part of a file, where it can, while modules are executed; a size of 0 is all that follows.

    Without it, 1.1 of the time of an import with a dropped page cache (boto3 and a client, 3.13).
    """
    try:
        posix.posix_fadvise(descriptor, begin, size, posix.POSIX_FADV_WILLNEED)
    except (AttributeError, OSError):
        pass


def _read_ahead_file(path: str) -> None:
    try:
        descriptor = posix.open(path, _FLAGS)
    except OSError:
        return
    _read_ahead(descriptor, 0, 0)
    posix.close(descriptor)


def _read(path: str) -> bytes:
    descriptor = posix.open(path, _FLAGS)
    try:
        size = posix.fstat(descriptor).st_size
        data: bytes = posix.read(descriptor, size)
        while len(data) < size and (more := posix.read(descriptor, size - len(data))):
            data += more
        return data
    finally:
        posix.close(descriptor)
