"""Public names, and the assumptions of the runtime about CPython."""

from __future__ import annotations

import json
import os
import posix
import re
import subprocess
import sys
from pathlib import Path

import pytest

import awslambdaric_lite

from ..wire.doubles import ACCEPTED, ScriptedApi, event
from .child import PACKAGE, run_python


def test_public_names_resolve() -> None:
    """Every name in `__all__` exists, appears in `dir()`, and is the object that its module defines."""
    for name in awslambdaric_lite.__all__:
        assert getattr(awslambdaric_lite, name) is not None
        assert name in dir(awslambdaric_lite)
    from awslambdaric_lite._context import LambdaContext

    assert awslambdaric_lite.LambdaContext is LambdaContext
    assert awslambdaric_lite.__all__ == sorted(awslambdaric_lite.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """An unknown name raises the error that any module raises."""
    with pytest.raises(AttributeError, match=r"^module 'awslambdaric_lite' has no attribute 'nothing'$"):
        _ = awslambdaric_lite.nothing
    with pytest.raises(ImportError):
        exec("from awslambdaric_lite import nothing")


def test_importing_the_package_loads_nothing_else(tmp_path: Path) -> None:
    """Importing the package loads neither the runtime nor the tools nor `typing`."""
    code = "import sys; before = set(sys.modules); import awslambdaric_lite; print(*sorted(set(sys.modules) - before))"
    assert run_python(code, folder=tmp_path).stdout.split() == ["awslambdaric_lite"]


def test_a_name_loads_its_module_only(tmp_path: Path) -> None:
    """Using `LambdaContext` loads its module and no other."""
    code = (
        "import sys, time, posix; before = set(sys.modules); from awslambdaric_lite import LambdaContext;"
        " print(*sorted(set(sys.modules) - before))"
    )
    assert run_python(code, folder=tmp_path).stdout.split() == ["awslambdaric_lite", "awslambdaric_lite._context"]


def test_the_package_is_typed() -> None:
    """The package has the marker file that makes type checkers read its annotations."""
    assert (PACKAGE / "py.typed").is_file()


def test_the_types_are_public() -> None:
    """`awslambdaric_lite.types` has the names of its `__all__`, and a context has the attributes of `types.Context`."""
    from awslambdaric_lite import types

    for name in types.__all__:
        assert getattr(types, name) is not None
    context = awslambdaric_lite.LambdaContext("id-1")
    promised = [name for name in dir(types.Context) if not name.startswith("_")] + list(types.Context.__annotations__)
    for name in promised:
        assert hasattr(context, name), name


def test_the_environment_is_one_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    """`os.environ` reads and writes `posix.environ`, so the runtime may use that without importing `os`."""
    assert os.environ._data is posix.environ  # type: ignore[attr-defined]
    monkeypatch.setenv("AWSLAMBDARIC_LITE_TEST", "é")
    assert posix.environ[b"AWSLAMBDARIC_LITE_TEST"] == "é".encode()
    posix.environ[b"AWSLAMBDARIC_LITE_TEST"] = b"other"
    assert os.environ["AWSLAMBDARIC_LITE_TEST"] == "other"
    del posix.environ[b"AWSLAMBDARIC_LITE_TEST"]
    assert "AWSLAMBDARIC_LITE_TEST" not in os.environ
    monkeypatch.setenv("AWSLAMBDARIC_LITE_TEST", "")


def _printed() -> str:
    """Return the variable in a child process that inherits the C library's environment."""
    return subprocess.run(["printenv", "_X_AMZN_TRACE_ID"], stdout=subprocess.PIPE, text=True, check=False).stdout


def test_user_code_sees_the_trace_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trace id that the runtime sets is in `os.environ` and in the C library's environment."""
    from awslambdaric_lite._runtime import set_trace_id

    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    try:
        set_trace_id("Root=1-é")
        assert os.environ["_X_AMZN_TRACE_ID"] == "Root=1-é"
        assert _printed() == "Root=1-é\n"
    finally:
        set_trace_id(None)
    assert "_X_AMZN_TRACE_ID" not in os.environ
    assert _printed() == ""


CODEC_CHECK = """
import json, sys
{block}
from awslambdaric_lite._codec import Marshaller
from awslambdaric_lite._function_errors import Fault
marshaller = Marshaller("stdlib")
def outcome(call, *arguments):
    try:
        return repr(call(*arguments))
    except Fault as fault:
        return f"{{fault.error_type}}: {{fault.message}}"
circle = []
circle.append(circle)
texts = json.loads(sys.argv[1])
values = [{{"a": [1, 2.5, None, True, "\\u00e9\\ud800"]}}]
values += [float("nan"), {{1: b"x"}}, circle, {{1, 2}}, "x", 10**30, [], {{}}]
outcomes = [outcome(marshaller.unmarshal_request, text.encode()) for text in texts]
print(json.dumps(outcomes + [outcome(marshaller.marshal_response, value) for value in values]))
"""


def test_without_the_private_json_module_results_are_the_same(tmp_path: Path) -> None:
    """If `_json` is missing or has changed, `json` replaces it with the same values and the same errors."""
    texts = [
        '{"a": [1, 2.5e3, "\\ud800", true]}',
        "",
        "[1,",
        "NaN",
        '{"a" 1}',
        "1 2",
        "\ufeff1",
        "[" * 100_000,
        "18446744073709551616",
    ]
    outcomes = []
    for block in (
        "",
        "sys.modules['_json'] = None",
        "import _json; del _json.make_scanner",
        "import _json; _json.make_encoder = None",
        "import _json; _json.make_scanner = lambda: None",
    ):
        finished = run_python(CODEC_CHECK.format(block=block), json.dumps(texts), folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        # From Python 3.14 on, the text of a RecursionError says how much of the stack was used.
        outcomes.append(json.loads(re.sub(r"\(used \d+ kB\)", "(used)", finished.stdout)))
    for other in outcomes[1:]:
        assert other == outcomes[0]
    assert len(outcomes[0]) == len(texts) + 9


def test_without_the_private_socket_module_the_public_one_serves(tmp_path: Path) -> None:
    """A Python without `_socket` uses `socket` for an invocation with large bodies."""
    code = """
import socket, sys
sys.modules["_socket"] = None
from awslambdaric_lite import _connection
from awslambdaric_lite._client import LambdaRuntimeClient
from awslambdaric_lite._codec import Marshaller
from awslambdaric_lite._settings import read_address
assert _connection._socket is socket
client = LambdaRuntimeClient(read_address(sys.argv[1]), Marshaller(), print)
invocation = client.wait_next_invocation()
client.post_invocation_result(invocation.invoke_id, b"x" * 100000)
print(len(client.wait_next_invocation().take_body()))
"""
    with ScriptedApi(event("id-1"), ACCEPTED, event("id-2", b"y" * 300_000, chunked=True)) as api:
        finished = run_python(code, api.address, folder=tmp_path)
    assert finished.stdout == "300000\n", finished.stderr


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="other implementations use the public modules")
def test_cpython_has_the_private_modules() -> None:
    """The runtime uses CPython's private modules, which are faster than the public ones."""
    from awslambdaric_lite import _codec, _connection

    assert vars(_connection)["_socket"].__name__ == "_socket"
    assert type(_codec._scan).__module__ == "_json"
    assert type(_codec._new_encoder(_codec._quote_text)).__module__ == "_json"


def test_runtime_module_has_what_managed_instances_call() -> None:
    """The module `_runtime` implements the protocol `Runtime`, which mypy checks here, too."""
    from awslambdaric_lite import _runtime, _types

    runtime: _types.Runtime = _runtime
    for name in [*vars(_types.Runtime), *_types.Runtime.__annotations__]:
        assert name.startswith("_") or hasattr(runtime, name), name
