"""Tests of `_lifecycle.import_hints`: one helpful line for a handler that was not found."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from awslambdaric_lite._function_errors import Fault
from awslambdaric_lite._lifecycle.import_hints import hint


def import_error(handler: str, missing: str | None) -> Fault:
    """Return the fault of a module that cannot be imported because `missing` does not exist."""
    fault = Fault("Runtime.ImportModuleError", f"Unable to import module '{handler}'")
    fault.__cause__ = ModuleNotFoundError(f"No module named '{missing}'", name=missing)
    return fault


@pytest.fixture(autouse=True)
def task_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small task root first on the path."""
    (tmp_path / "lambda_function.py").touch()
    (tmp_path / "services").mkdir()
    (tmp_path / "notes.txt").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


@pytest.mark.parametrize(
    ("handler", "missing", "expected"),
    [
        ("lamda_function.handler", "lamda_function", "the task root has 'lambda_function': did you mean that?"),
        ("service/app.handler", "service", "the task root has 'services': did you mean that?"),
        ("zzz.handler", "zzz", None),
        ("note.handler", "note", None),
        ("lambda_function.handler", "requests", "'requests' is neither in the function's package, nor in a layer"),
        ("lambda_function.handler", "a.b", "'a.b' is neither in"),
        ("lambda_function.handler", None, None),
    ],
)
def test_hint_for_missing_module(handler: str, missing: str | None, expected: str | None) -> None:
    """The hint proposes a similar name from the task root, or says that a dependency is missing."""
    text = hint(import_error(handler, missing), handler)
    assert (text is None) if expected is None else (text is not None and text.startswith(expected))


def test_other_import_errors_get_no_hint() -> None:
    """An ImportError that the module itself raises gets no hint."""
    fault = Fault("Runtime.ImportModuleError", "x")
    fault.__cause__ = ImportError("mine")
    assert hint(fault, "lambda_function.handler") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("handle", "the module has 'handler': did you mean that?"), ("xyz", None), ("_private", None)],
)
def test_hint_for_missing_function(name: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint proposes a public callable with a similar name."""
    module = types.ModuleType("hinted.app")
    module.handler = print  # type: ignore[attr-defined]
    module.handles = 3  # type: ignore[attr-defined]
    module._privat = print  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hinted.app", module)
    for written in ("hinted.app", "hinted/app"):
        assert hint(Fault("Runtime.HandlerNotFound", ""), f"{written}.{name}") == expected


def test_malformed_name_is_explained() -> None:
    """The hint for a malformed handler name shows an example and the variable that sets it."""
    text = hint(Fault("Runtime.MalformedHandlerName", ""), "app")
    assert text is not None
    assert "app.handler" in text
    assert "_HANDLER" in text


@pytest.mark.parametrize("failed", [ValueError("x"), SystemExit(), Fault("Runtime.UserCodeSyntaxError", "")])
def test_other_errors_get_no_hint(failed: BaseException) -> None:
    """Errors other than a missing module, a missing function or a malformed name get no hint."""
    assert hint(failed, "lambda_function.handler") is None
