"""The guard's budget file, and its reading of the counters' output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.guard.budget import DEFAULT, Budget, Verdict
from benchmarks.guard.counts import by_name
from benchmarks.guard.parts import cold_and_warm, lower_quartile
from benchmarks.guard.system_calls import parse_invocations
from benchmarks.loadgen import RunFailed

BUILD = "CPython 3.13.0, GCC 12.2.0, glibc 2.36, x86_64"
CALLS, COLD = by_name()["system_calls_warm"], by_name()["instructions_cold"]


def budget() -> Budget:
    """Return a budget with a count and a count of a build."""
    made = Budget()
    made.update("3.13", BUILD, {"system_calls_warm": 2.0, "instructions_cold": 40_000_000.0})
    return made


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(1, Verdict.BETTER), (2, Verdict.KEPT), (3, Verdict.EXCEEDED)],
)
def test_exact_count_has_no_tolerance(measured: int, verdict: Verdict) -> None:
    """An exact count that is one above its budget exceeds it."""
    assert budget().verdict(CALLS, "3.13", BUILD, measured) is verdict
    assert budget().verdict(CALLS, "3.13", "another build", measured) is verdict


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.98, Verdict.BETTER), (0.991, Verdict.KEPT), (1.009, Verdict.KEPT), (1.011, Verdict.EXCEEDED)],
)
def test_instructions_have_tolerance(share: float, verdict: Verdict) -> None:
    """Instructions within the tolerance are equal to the budget."""
    assert budget().verdict(COLD, "3.13", BUILD, 40_000_000 * share) is verdict


def test_other_build_is_not_judged() -> None:
    """Instructions of another build of the interpreter are not judged, and an unknown version has no budget."""
    assert budget().verdict(COLD, "3.13", "another build", 1e12) is Verdict.OTHER_BUILD
    assert budget().verdict(COLD, "3.12", BUILD, 1e12) is Verdict.NO_BUDGET
    assert budget().verdict(CALLS, "3.12", BUILD, 1e12) is Verdict.NO_BUDGET


def test_saved_budget_reads_back(tmp_path: Path) -> None:
    """A saved budget has whole numbers and sorted versions, reads back equal, and leaves no other file."""
    path = tmp_path / "budget.json"
    made = budget()
    made.bands = {"spawn_to_next": 2.0}
    made.update("3.9", BUILD, {"modules_at_first_next": 39.0})
    made.save(path)

    assert Budget.load(path) == made
    written = json.loads(path.read_text())
    assert list(written["versions"]) == ["3.9", "3.13"]
    assert '"system_calls_warm": 2\n' in path.read_text() or '"system_calls_warm": 2,' in path.read_text()
    assert written["tools"]["instructions_cold"] == "valgrind --tool=callgrind"
    assert written["tolerances"]["instructions_cold"] == COLD.tolerance
    assert [each.name for each in tmp_path.iterdir()] == ["budget.json"]


def test_checked_in_budget_is_complete() -> None:
    """The checked-in budget has every count of every tested version of Python."""
    checked_in = Budget.load(DEFAULT)
    assert list(checked_in.versions) == ["3.10", "3.11", "3.12", "3.13"]
    for version, entry in checked_in.versions.items():
        for count in by_name().values():
            places = entry["builds"].values() if count.of_build else [entry["counts"]]
            assert places and all(count.name in place for place in places), (version, count.name)
    assert set(checked_in.bands) == {"spawn_to_next", "event_to_next"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2}', '{"format": 1, "versions": {"3.13": {"counts": {"blocks_kept": "0"}}}}'],
)
def test_malformed_budget_is_refused(tmp_path: Path, text: str) -> None:
    """A malformed budget is an error and not an empty budget."""
    path = tmp_path / "budget.json"
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"budget\.json is not a budget"):
        Budget.load(path)


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    """A budget that cannot be written is an error that names the file."""
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"cannot write .*budget\.json"):
        budget().save(tmp_path / "file" / "budget.json")


class TestParts:
    """Counts between sends become counts of invocations."""

    def test_one_send_is_one_invocation(self) -> None:
        """If response and poll are one send, each part is an invocation."""
        assert cold_and_warm([1000, 90, 80, 10, 10, 10, 50], 6, 2) == (1000, 10)

    def test_two_sends_are_one_invocation(self) -> None:
        """If response and poll are two sends, two parts are an invocation, also without the last poll."""
        assert cold_and_warm([1000, 7, 3, 7, 3, 7, 3, 7, 3], 4, 1) == (1000, 10)
        assert cold_and_warm([1000, 7, 3, 7, 3, 7, 3, 7], 4, 1) == (1000, 10)

    @pytest.mark.parametrize("parts", [[], [1000.0], [1000.0, 1, 1, 1, 1, 1]])
    def test_uneven_number_of_sends_fails(self, parts: list[float]) -> None:
        """A number of sends that invocations do not divide is an error."""
        with pytest.raises(RunFailed, match="sends for 4 invocations"):
            cold_and_warm(parts, 4, 1)

    def test_lower_quartile_ignores_outliers(self) -> None:
        """The lower quartile ignores one low invocation and all high ones."""
        assert lower_quartile([80, 81, 81, 80, 76, 80, 81, 120]) == 80


def test_strace_lines_become_invocations() -> None:
    """Calls are grouped from response to response; interrupted calls count once, and the incomplete last group is
    dropped.
    """
    lines = [
        '12  sendto(3, "GET /2018-06-01/runtime/invocati"..., 99, 0, NULL, 0) = 99',
        '12  sendto(3, "POST /2018-06-01/runtime/invocat"..., 351, 0, NULL, 0) = 351',
        "12  recvfrom(3,  <unfinished ...>",
        "13  getppid()                         = 1",
        '12  <... recvfrom resumed>"HTTP/1.1 202 Accepted"..., 65536, 0, NULL, NULL) = 561',
        "12  --- SIGCHLD {si_signo=SIGCHLD} ---",
        '12  sendto(3, "POST /2018-06-01/runtime/invocat"..., 351, 0, NULL, 0) = 351',
        "12  +++ killed by SIGKILL +++",
    ]
    assert parse_invocations(lines) == [("sendto", "recvfrom", "getppid")]
