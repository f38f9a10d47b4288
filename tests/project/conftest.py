"""Projects in temporary folders, with one cache for all tests, so that the translator runs once for each template."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator.config.project import Project
from awslambdaric_lite.project.options import ProjectOptions
from awslambdaric_lite.project.read import read_project

Read = Callable[..., Project]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cache of all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes files, by their names, and reads the project of their folder."""

    def write_and_read(files: dict[str, str], path: str | None = None, **options: Any) -> Project:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return read_project(tmp_path if path is None else tmp_path / path, ProjectOptions(**options))

    return write_and_read
