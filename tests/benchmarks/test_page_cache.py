"""Jobs that drop the page cache: what happens without the right to do that, and which there are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from awslambdaric_lite.bench import page_cache
from benchmarks.build_cache import Unavailable
from benchmarks.scenario import Scenario, require_dropping
from benchmarks.scenarios import FUNCTIONS, scenarios


def test_missing_right_skips_with_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel's file cannot be written, a job is skipped with the reason."""
    monkeypatch.setattr(page_cache, "_CONTROL", tmp_path)
    with pytest.raises(Unavailable, match=r"the page cache cannot be dropped: .* cannot be written: Is a directory"):
        require_dropping()


def test_every_function_has_start_with_dropped_cache() -> None:
    """The one-line handler and all applications have a cold start with a dropped cache, which disturbs other jobs."""
    jobs = [job for job in scenarios(quick=False) if job.disturbing]
    measures = {measure for job in jobs for measure in job.measures}
    assert measures == {f"spawn_to_next_dropped_{name}" for name in FUNCTIONS} | {"good_spawn_to_next_dropped"}
    assert not any(job.disturbing for job in scenarios(quick=True))
    some = next(job for job in jobs if isinstance(job, Scenario))
    assert not replace(some, drops_page_cache=False).disturbing
