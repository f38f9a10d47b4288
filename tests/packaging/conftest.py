"""The distributions, built once, and an environment with the wheel alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.client_process import PROJECT

_TOOLS = ("build", "hatchling")  # the build backend comes with the test extra, so that building needs no network
_LIMIT = 300  # seconds


@dataclass(frozen=True)
class Distributions:
    """The results of `python -m build`: the sdist, and the wheel built from it."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build sdist and wheel from the checkout."""
    missing = [name for name in _TOOLS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} missing for this interpreter: pip install -e '.[test]'")
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(PROJECT))
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def bare_environment(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of a virtual environment that holds the wheel and none of its dependencies."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    _run(*pip, "install", "--quiet", "--no-deps", "--no-index", str(distributions.wheel))
    return python.parent


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    assert result.returncode == 0, f"{' '.join(command)}:\n{result.stdout}{result.stderr}"
