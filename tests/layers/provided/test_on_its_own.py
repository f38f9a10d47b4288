"""The layer, started as Lambda starts it: `/opt/bootstrap`, in a private root, as another user.

The local Lambda is outside of that root; only its address is known inside.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import InvokeResult, LocalLambda
from tests.layers.private_root import PrivateRoot, why_not
from tests.layers.provided.conftest import Unpacked
from tests.layers.provided.installations import HOST

FUNCTION = Path(__file__).with_name("function")
SITE_PACKAGES = f"/opt/python/lib/python{HOST.python}/site-packages"
LIBRARY = f"/opt/lib/python{HOST.python}"
USER = 993 if os.geteuid() == 0 else None  # the user of Lambda's functions; only root can become another user

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


@pytest.fixture
def root(tmp_path: Path, host_layer: Unpacked) -> PrivateRoot:
    root = PrivateRoot(tmp_path / "root")
    root.bind(host_layer.folder, "/opt")
    root.bind(FUNCTION, "/var/task")
    return root


def invoke(root: PrivateRoot, handler: str, env: Mapping[str, str | None] | None = None) -> InvokeResult:
    """Invoke the function once, without `LD_LIBRARY_PATH`, which the layer must not need."""
    command = root.command(["/opt/bootstrap"], env={"LD_LIBRARY_PATH": None, **(env or {})}, user=USER)
    with LocalLambda(
        f"app.{handler}", task_root=FUNCTION, runtime=command, timeout_s=60, init_timeout_s=60, private_tmp=False
    ) as function:
        return function.invoke({"name": "world"})


def answer(root: PrivateRoot, handler: str, env: Mapping[str, str | None] | None = None) -> Any:
    result = invoke(root, handler, env)
    assert result.error is None, result.logs
    return result.json()


def test_function_sees_lambdas_surroundings(root: PrivateRoot, host_layer: Unpacked) -> None:
    """A function sees the path, the variables and the folders that it sees on Lambda."""
    seen = answer(root, "look_around")
    zip_path = f"/opt/lib/python{HOST.python.replace('.', '')}.zip"
    assert seen["path"] == [
        *("/var/task", SITE_PACKAGES, "/opt/python", zip_path, LIBRARY, f"{LIBRARY}/lib-dynload"),
    ]
    assert seen["prefix"] == ["/opt"] * 3
    assert (seen["executable"], seen["argv"]) == (f"/opt/bin/python{HOST.python}", ["/opt/bootstrap"])
    assert seen["folder"] == "/var/task"
    assert seen["no_site"] == 1
    assert seen["names"] == ["exit", "help", "quit"]
    assert seen["variables"] == []
    assert seen["elsewhere"] == []
    if USER is not None:
        assert seen["user"] == [USER, USER]
        assert seen["writable"] == ["/tmp"]
    shared = sorted(path.name for path in (host_layer.folder / "lib").glob("libpython*"))
    assert seen["libpython"] == [f"/opt/lib/{name}" for name in shared]


def test_standard_library_works(root: PrivateRoot) -> None:
    """The extension modules that are often missing or broken can be used."""
    seen = answer(root, "use_the_library")
    triplet, zone = seen.pop("triplet"), seen.pop("zone")
    assert triplet.startswith("linux-") and zone[0].startswith("/")
    assert seen == {
        "asyncio": 42,
        "child": ["/opt", f"{LIBRARY}/json/__init__.pyc"],
        "compressed": [True, True, True],
        "ctypes": True,
        "decimal": ["2.10", True],
        "hash": "e3b0c442",
        "metadata": [],
        "mock": 42,
        "python3": ["/opt", f"{LIBRARY}/json/__init__.pyc"],
        "sqlite": 42,
        "threads": 42,
        "tls": True,
        "url": "example.com",
        "uuid": 36,
        "xml": "42",
    }


def test_an_error_shows_where_it_happened(root: PrivateRoot) -> None:
    """Frames of the standard library have file and line; the layer has no source lines."""
    result = invoke(root, "fail_in_the_library")
    payload = result.json()
    assert payload["errorType"] == "JSONDecodeError"
    assert payload["stackTrace"][0].startswith('  File "/var/task/app.py", line ')
    assert 'return json.loads("{")' in payload["stackTrace"][0]
    assert all(f'  File "{LIBRARY}/json/' in frame for frame in payload["stackTrace"][1:])
    assert "about to fail\n" in result.logs and "[ERROR] JSONDecodeError" in result.logs


def test_an_error_of_the_init_is_reported(root: PrivateRoot) -> None:
    """An error during init is reported to the Runtime API."""
    result = invoke(root, "there_is_none")
    assert result.json()["errorType"] == "Runtime.HandlerNotFound"
    assert "Handler 'there_is_none' missing on module 'app'" in result.logs


def test_orjson_is_the_runtimes_alone(root: PrivateRoot, host_layer: Unpacked) -> None:
    """The runtime uses orjson, and the function cannot import it."""
    if not host_layer.has_orjson:
        pytest.skip("orjson is not installed here, so that it could be packed")
    assert answer(root, "look_for_orjson", {"AWSLAMBDARIC_LITE_CODEC": "orjson"}) == {
        "importable": None,
        "private": True,
    }


def test_the_runtimes_own_names_can_be_imported(root: PrivateRoot) -> None:
    """A function can import the runtime's public names."""
    assert answer(root, "use_our_names") == ["StreamingResponse", "on_shutdown"]


def test_coroutines_run(root: PrivateRoot) -> None:
    """A coroutine function returns its result."""
    assert answer(root, "answer_later") == "later"


def test_child_processes_start_no_runtime(root: PrivateRoot) -> None:
    """A child of `multiprocessing` imports its parent's script without starting the runtime."""
    assert answer(root, "work_in_a_child") == [False, 0]


def test_path_files_of_other_layers_are_read(tmp_path: Path, host_layer: Unpacked) -> None:
    """A `.pth` file of another layer is read."""
    root = PrivateRoot(tmp_path / "root")
    root.copy(host_layer.folder, "/opt")
    root.bind(FUNCTION, "/var/task")
    root.write("/opt/python/more.pth", "more\n")
    root.write("/opt/python/more/marker.py", "")
    assert answer(root, "show_path_file") is True


def test_a_wrapper_is_honoured(tmp_path: Path, root: PrivateRoot) -> None:
    """The program of `AWS_LAMBDA_EXEC_WRAPPER` starts the runtime."""
    root.write("/var/wrapper", '#!/bin/sh\nexport SET_BY_WRAPPER=yes\nexec "$@"\n', executable=True)
    seen = answer(root, "show_variable", {"AWS_LAMBDA_EXEC_WRAPPER": "/var/wrapper"})
    assert seen == ["yes", f"{SITE_PACKAGES}/awslambdaric_lite/start-{HOST.python}.pyc", 1]


def test_missing_wrapper_ends_the_environment(root: PrivateRoot) -> None:
    """A missing wrapper ends the environment with status 127."""
    result = invoke(root, "show_variable", {"AWS_LAMBDA_EXEC_WRAPPER": "/var/nothing"})
    assert "/var/nothing: does not exist\n" in result.logs
    assert result.json()["errorMessage"].endswith("exit status 127")


def test_manifest_marks_host_layers(host_layer: Unpacked) -> None:
    """The manifest of a layer for this machine has the target `host`."""
    assert host_layer.manifest["target"] == "host"
    assert (host_layer.manifest["python"], host_layer.manifest["arch"]) == (HOST.python, HOST.arch)


def test_nothing_of_the_host_is_in_it(host_layer: Unpacked) -> None:
    """The layer has no package of the host's site-packages, and no path of its home."""
    names = host_layer.manifest["files"]
    assert isinstance(names, dict)
    assert not [name for name in names if "-packages/" in name and "awslambdaric_lite" not in name]
    program = host_layer.folder / "bin" / f"python{HOST.python}"
    assert str(Path.home()).encode() not in program.read_bytes()
