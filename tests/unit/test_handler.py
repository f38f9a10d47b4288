"""Tests of `_handler`: a handler's name leads to its callable or to an official error; actions run after imports."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import zipfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite._function_errors import Fault
from awslambdaric_lite._handler import after_import, load

FILES = {
    "good_app.py": "def handler(event, context): return event\nvalue = 3\nclass Kind:\n    pass\n",
    "bad_syntax.py": "def handler(event, context)\n    return event\n",
    "bad_nested_syntax.py": "import bad_syntax\n",
    "bad_indent.py": "def f():\nreturn 1\n",
    "bad_null.py": "x = 1\0\n",
    "bad_encoding.py": "# coding: nonsense\n",
    "raises_import.py": "raise ImportError('of my own')\n",
    "raises_import_empty.py": "raise ImportError\n",
    "needs_missing.py": "import missing_dependency.part\n",
    "from_missing.py": "from good_app import nothing\n",
    "raises_value.py": "raise ValueError('in init')\n",
    "raises_attribute.py": "raise AttributeError('in init')\n",
    "exits.py": "raise SystemExit(3)\n",
    "interrupts.py": "raise KeyboardInterrupt\n",
    "lazy.py": "def __getattr__(name):\n    if name == 'made':\n        return len\n    raise AttributeError(name)\n",
    "package_a/__init__.py": "def top(event, context): return 'top'\n",
    "package_a/inner/__init__.py": "",
    "package_a/inner/app.py": "def handler(event, context): return __name__\n",
    "namespace_a/app.py": "def handler(event, context): return __name__\n",
    "with-dash.py": "def handler(event, context): return 'dash'\n",
    "replaces.py": "import sys, types\nsys.modules['replaces'] = types.SimpleNamespace(handler=len)\n",
    "removes.py": "import sys\ndel sys.modules['removes']\n",
}
STEMS = {name.partition("/")[0].removesuffix(".py") for name in FILES} | {"watched_module", "watched_package", "zipped"}


@pytest.fixture(autouse=True)
def task_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put the test modules on the path, and remove them from `sys.modules` afterwards."""
    for name, source in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    meta_path = list(sys.meta_path)
    importlib.invalidate_caches()
    yield tmp_path
    forget()
    sys.meta_path[:] = meta_path


def forget() -> None:
    """Remove the test modules from `sys.modules`."""
    for name in list(sys.modules):
        if name.partition(".")[0] in STEMS:
            del sys.modules[name]


def official(handler: str) -> object:
    """Load a handler with the official client; return it, or the type, text and trace of the error."""
    from awslambdaric.bootstrap import _get_handler
    from awslambdaric.lambda_runtime_exception import FaultException

    try:
        return _get_handler(handler)
    except FaultException as fault:
        return fault.exception_type, fault.msg, fault.trace or []
    except BaseException as error:
        return type(error).__name__, str(error), []


def ours(handler: str) -> object:
    """Load a handler; return it, or the type, text and trace of the error."""
    try:
        return load(handler)
    except Fault as fault:
        return fault.error_type, fault.message, fault.trace
    except BaseException as error:
        return type(error).__name__, str(error), []


GOOD = {
    "good_app.handler": "handler",
    "good_app.value": None,
    "good_app.Kind": "Kind",
    "package_a.top": "top",
    "package_a.inner.app.handler": "handler",
    "package_a/inner/app.handler": "handler",
    "package_a/inner.app.handler": "handler",
    "namespace_a/app.handler": "handler",
    "with-dash.handler": "handler",
    "lazy.made": "len",
    "replaces.handler": "len",
}


@pytest.mark.parametrize("handler", GOOD)
def test_handler_is_found_by_name(handler: str) -> None:
    """A handler is any attribute of a module, package or namespace package, written with dots or slashes."""
    found = ours(handler)
    assert getattr(found, "__name__", None) == GOOD[handler]
    assert found is official(handler)


@pytest.mark.parametrize(
    "handler",
    [
        "",
        "app",
        ".",
        "..",
        ".handler",
        "good_app.",
        "good_app.nothing",
        "good_app.handler.deeper",
        "no_such_module.handler",
        "package_a.nothing.handler",
        "package_a/nothing.handler",
        "good_app/deeper.handler",
        ".good_app.handler",
        "..good_app.handler",
        "/good_app.handler",
        "./good_app.handler",
        "good_app..handler",
        "good_app/.handler",
        " good_app.handler",
        "good app.handler",
        "sys.exit",
        "sys.nothing.handler",
        "time.handler",
        "builtins.print",
        "bad_syntax.handler",
        "bad_nested_syntax.handler",
        "bad_indent.handler",
        "bad_encoding.handler",
        "raises_import.handler",
        "raises_import_empty.handler",
        "needs_missing.handler",
        "from_missing.handler",
        "raises_value.handler",
        "raises_attribute.handler",
        "exits.handler",
        "interrupts.handler",
        "lazy.other",
        "with\0nul.handler",
        "modül.handler",
    ],
)
def test_wrong_handler_gives_official_error(handler: str) -> None:
    """A wrong handler name gives the official client's error type, text and trace."""
    expected = official(handler)
    forget()
    assert ours(handler) == expected


def test_module_with_nul_gives_official_error() -> None:
    """A module with NUL bytes gives the official client's error: SyntaxError or ValueError, by Python version."""
    expected = official("bad_null.handler")
    forget()
    assert ours("bad_null.handler") == expected


def test_fault_keeps_its_cause() -> None:
    """A Fault keeps the first exception as its cause, which hints are made from."""
    with pytest.raises(Fault) as caught:
        load("needs_missing.handler")
    cause = caught.value.__cause__
    assert isinstance(cause, ModuleNotFoundError)
    assert cause.name == "missing_dependency"


def test_loaded_module_is_reused() -> None:
    """The handler is read from a module that is already loaded."""
    module = types.ModuleType("good_app")
    module.handler = print  # type: ignore[attr-defined]
    sys.modules["good_app"] = module
    assert load("good_app.handler") is print


# after_import


def test_action_runs_after_import(task_root: Path) -> None:
    """The action runs once with the module, after the module's own code, and the import hook is removed."""
    (task_root / "watched_module.py").write_text("steps = ['executed']\n")
    finders = list(sys.meta_path)
    seen: list[list[str]] = []

    def action(module: types.ModuleType) -> None:
        module.steps.append("acted")
        seen.append(list(module.steps))

    after_import("watched_module", action)
    importlib.import_module("good_app")
    assert seen == []
    module = importlib.import_module("watched_module")
    assert seen == [["executed", "acted"]]
    assert sys.meta_path == finders
    importlib.reload(module)
    assert len(seen) == 1


def test_action_runs_immediately_for_loaded_module() -> None:
    """The action runs immediately if the module is already loaded, e.g. by a `sitecustomize`."""
    finders = list(sys.meta_path)
    seen: list[Any] = []
    after_import("sys", seen.append)
    assert seen == [sys]
    assert sys.meta_path == finders


def test_action_runs_after_package_is_complete(task_root: Path) -> None:
    """An action for a package runs when the package is complete, although its own modules import it earlier."""
    package = task_root / "watched_package"
    package.mkdir()
    (package / "__init__.py").write_text("from . import part\ndone = True\n")
    (package / "part.py").write_text("import watched_package\n")
    seen: list[bool] = []
    after_import("watched_package", lambda module: seen.append(module.done))
    importlib.import_module("watched_package.part")
    assert seen == [True]


def test_failed_import_runs_no_action(task_root: Path) -> None:
    """A module that raises runs no action, and a second import raises the same error."""
    (task_root / "watched_module.py").write_text("raise ValueError('mine')\n")
    seen: list[Any] = []
    after_import("watched_module", seen.append)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^mine$"):
            importlib.import_module("watched_module")
    assert seen == []


def test_missing_module_stays_missing() -> None:
    """A missing module raises the ordinary error and runs no action."""
    seen: list[Any] = []
    after_import("watched_module", seen.append)
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'watched_module'$"):
        importlib.import_module("watched_module")
    assert seen == []


def test_find_spec_runs_no_action(task_root: Path) -> None:
    """`importlib.util.find_spec` does not run the action; the import does."""
    (task_root / "watched_module.py").write_text("")
    seen: list[str] = []
    after_import("watched_module", lambda module: seen.append(module.__name__))
    assert importlib.util.find_spec("watched_module") is not None
    assert seen == []
    importlib.import_module("watched_module")
    assert seen == ["watched_module"]


class Finder:
    """A finder of user code for one module."""

    def __init__(self, spec: ModuleSpec) -> None:
        self.spec = spec

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return self.spec if name == self.spec.name else None


def test_module_without_loader_is_a_namespace(task_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module whose finder names no loader is imported as a namespace, without the action."""
    spec = ModuleSpec("watched_module", None, is_package=True)
    monkeypatch.setattr(sys, "meta_path", [Finder(spec)])
    seen: list[Any] = []
    after_import("watched_module", seen.append)
    assert importlib.import_module("watched_module").__spec__ is spec
    assert seen == []


def test_module_that_removes_finders_runs_no_action(task_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that removes all finders, those of the runtime too, is imported without the action."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    (task_root / "watched_module.py").write_text("import sys\nsys.meta_path.clear()\nvalue = 1\n")
    seen: list[Any] = []
    after_import("watched_module", seen.append)
    assert importlib.import_module("watched_module").value == 1
    assert (seen, sys.meta_path) == ([], [])


def test_zip_module_runs_action(task_root: Path) -> None:
    """An action runs for a module that is imported from a zip file."""
    with zipfile.ZipFile(task_root / "code.zip", "w") as archive:
        archive.writestr("zipped.py", "value = 1\n")
    sys.path.insert(0, str(task_root / "code.zip"))
    seen: list[int] = []
    after_import("zipped", lambda module: seen.append(module.value))
    importlib.import_module("zipped")
    assert seen == [1]


def test_two_actions_are_independent(task_root: Path) -> None:
    """Each action runs for its own module if one watched module imports another."""
    (task_root / "watched_module.py").write_text("import good_app\n")
    seen: list[str] = []
    for name in ("watched_module", "good_app"):
        after_import(name, lambda module: seen.append(module.__name__))
    importlib.import_module("watched_module")
    assert seen == ["good_app", "watched_module"]
