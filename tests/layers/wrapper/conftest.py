"""Wrapper layers, built once for each worker of the test run, and the interpreters to run them under."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.bytecode import find_interpreter
from awslambdaric_lite.packaging.reading import extract
from awslambdaric_lite.packaging.targets import PYTHON_VERSIONS, Target
from layers.wrapper import build
from layers.writing import write
from tests.layers.managed_image import Interpreter
from tests.layers.wheels import has_orjson, orjson_wheel

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"

Unpack = Callable[..., Path]


@pytest.fixture(scope="session")
def layer_of(tmp_path_factory: pytest.TempPathFactory) -> Unpack:
    """Return a function that builds and unpacks the layer for a version of Python, once: `layer_of("3.13", orjson=…)`.

    Without orjson it has the small form.
    """
    done: dict[tuple[str, bool], Path] = {}

    def layer_of(version: str, *, orjson: bool = False) -> Path:
        if (version, orjson) not in done:
            folder = tmp_path_factory.mktemp("layer")
            if orjson:
                (folder / "wheels").mkdir()
                orjson_wheel(folder / "wheels")
            target = Target.parse(version, platform.machine())
            layer = build([target], where="aws", interpreter=None, wheels=folder / "wheels", orjson=orjson)
            archive = write(layer, folder / "dist")[0]
            extract(archive, folder / "unpacked")
            done[version, orjson] = folder / "unpacked"
        return done[version, orjson]

    return layer_of


@pytest.fixture(params=PYTHON_VERSIONS)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """Return each interpreter of this machine whose version has a managed runtime."""
    found = find_interpreter(request.param)
    if found is None:
        pytest.skip(f"this machine has no Python {request.param}")
    return Interpreter(_base(found), request.param)


@pytest.fixture
def lazy() -> Interpreter:
    """Return the newest interpreter of this machine, if it has lazy imports."""
    version = PYTHON_VERSIONS[-1]
    found = find_interpreter(version)
    if found is None:
        pytest.skip(f"this machine has no Python {version}, which has lazy imports")
    return Interpreter(_base(found), version)


@pytest.fixture
def running() -> Interpreter:
    """Return the interpreter that runs the tests, with AWS's client installed."""
    found = Interpreter(_base(Path(sys.executable)), RUNNING)
    if not found.has_official_client:
        pytest.skip(f"awslambdaric is not installed for Python {RUNNING}")
    return found


@pytest.fixture
def forms(layer_of: Unpack) -> list[Path]:
    """Return the layers of the running interpreter: the small form, and the full one if orjson is installed."""
    return [layer_of(RUNNING), *([layer_of(RUNNING, orjson=True)] if has_orjson() else [])]


def _base(executable: Path) -> Path:
    """Return the interpreter behind a virtual environment, or behind a script that chooses one."""
    ask = "import sys; print(sys.base_prefix, '%d.%d' % sys.version_info[:2])"
    prefix, version = subprocess.run(
        [executable, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True
    ).stdout.rsplit(maxsplit=1)
    return Path(prefix, "bin", f"python{version}").resolve()
