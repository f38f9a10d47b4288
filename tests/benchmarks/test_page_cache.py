"""The dropped page cache: what is written where, and what happens without the right to write it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from awslambdaric_lite.bench import page_cache as control
from benchmarks import page_cache
from benchmarks.build_cache import Unavailable
from benchmarks.loadgen import RunFailed
from benchmarks.scenario import Scenario
from benchmarks.scenarios import FUNCTIONS, scenarios


def test_pages_entries_and_inodes_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel drops pages, directory entries and inodes, after it has written all changed pages."""
    steps: list[str] = []
    file = tmp_path / "drop_caches"
    file.touch()
    monkeypatch.setattr(control, "_CONTROL", file)
    monkeypatch.setattr("os.sync", lambda: steps.append(f"sync before {file.read_text()!r}"))
    page_cache.require_right()
    page_cache.drop()
    assert steps == ["sync before ''"] and file.read_text() == "3"


def test_missing_right_skips_with_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file cannot be written, a job is skipped with the reason, and a run fails with it."""
    monkeypatch.setattr(control, "_CONTROL", tmp_path)
    with pytest.raises(Unavailable, match=r"dropped page cache: .*: Is a directory; run the command outside"):
        page_cache.require_right()
    monkeypatch.setattr("os.sync", lambda: None)
    with pytest.raises(RunFailed, match="the page cache cannot be dropped: Is a directory; run as root"):
        page_cache.drop()


def test_every_function_has_start_with_dropped_cache() -> None:
    """The one-line handler and all applications have a cold start with a dropped cache, which disturbs other jobs."""
    jobs = [job for job in scenarios(quick=False) if job.disturbing]
    measures = {measure for job in jobs for measure in job.measures}
    assert measures == {f"spawn_to_next_dropped_{name}" for name in FUNCTIONS} | {"good_spawn_to_next_dropped"}
    assert not any(job.disturbing for job in scenarios(quick=True))
    some = next(job for job in jobs if isinstance(job, Scenario))
    assert not replace(some, drops_page_cache=False).disturbing
