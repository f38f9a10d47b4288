"""The end of the `__init__` in the layer's start file: a finder for the package's modules.

The modules of every start are constants of this code, all others are in `lazy.bin`: the interpreter finds and reads one
file faster than a dozen, and it compresses better.
"""

import sys as _sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    _Content = tuple[bytes | None, bytes | None]  # code, by marshal, or a source


class _Modules:
    """A finder and loader of the modules, for the entry `place` of the package's path, which is `lazy.bin`."""

    def __init__(self, package: str, place: str, make_spec: "Callable[..., ModuleSpec]") -> None:
        self._prefix = f"{package}."
        self._place = place
        self._folder = place.rpartition("/")[0]
        self._make_spec = make_spec
        self._first: dict[str, CodeType] = dict("modules that are executed at each start")  # type: ignore[arg-type]
        self._lazy = "names in lazy.bin"

    def find_spec(self, full_name: str, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        name = full_name.removeprefix(self._prefix)
        if name == full_name or (name not in self._first and name not in self._lazy):
            return None
        spec = self._make_spec(full_name, self, origin=self._path(name))
        spec.has_location = True
        if self.is_package(full_name):
            spec.submodule_search_locations = [self._place]
        return spec

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        return None

    def exec_module(self, module: "ModuleType") -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def execute_first(self, package: "dict[str, object]") -> None:
        """Execute the modules of every start, without the import system, which searches other places first."""
        for name, code in self._first.items():
            full_name = self._prefix + name
            module = type(_sys)(full_name)
            module.__package__ = self._prefix[:-1]
            module.__file__ = self._path(name)
            module.__loader__ = self  # type: ignore[assignment]
            module.__spec__ = self.find_spec(full_name)
            _sys.modules[full_name] = module
            exec(code, module.__dict__)
            package[name] = module

    def get_code(self, full_name: str) -> "CodeType":
        name = full_name.removeprefix(self._prefix)
        if name in self._first:
            return self._first[name]
        code, source = self._look_up(name)
        if code is not None:
            return _sys.modules["marshal"].loads(code)  # type: ignore[no-any-return]
        return compile(source or b"", self._path(name), "exec", dont_inherit=True)

    def get_source(self, full_name: str) -> "str | None":
        name = full_name.removeprefix(self._prefix)
        source = None if name in self._first else self._look_up(name)[1]
        return None if source is None else source.decode()

    def is_package(self, full_name: str) -> bool:
        inner = full_name.removeprefix(self._prefix) + "."
        return any(name.startswith(inner) for name in self._lazy)

    def _path(self, name: str) -> str:
        inner = "/__init__" if self.is_package(name) else ""
        return f"{self._folder}/{name.replace('.', '/')}{inner}.py"

    def _look_up(self, name: str) -> "_Content":
        with _sys.modules["_io"].open_code(self._place) as file:  # because user code may have replaced `open`
            return _sys.modules["marshal"].load(file)[name]  # type: ignore[no-any-return]


def _attach(package: str, path: "list[str]", make_spec: "Callable[..., ModuleSpec]") -> None:
    """Install the finder; it survives a cleared path importer cache."""
    place = f"{path[0]}/lazy.bin"
    finder = _Modules(package, place, make_spec)

    def recognise(entry: str) -> _Modules:
        if entry != place:
            raise ImportError(f"{entry} is not {place}")
        return finder

    path.insert(0, place)
    _sys.path_hooks.append(recognise)
    _sys.path_importer_cache[place] = finder
    finder.execute_first(vars(_sys.modules[package]))
