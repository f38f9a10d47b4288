"""Each fault at its moment, with this project's client and with the official one."""

from __future__ import annotations

import sys
from itertools import chain

import pytest

from tests.conformance.clients import OFFICIAL, OURS, Client
from tests.faults.row import HANG, POLLS_ON, Outcome, Row, faults, survives
from tests.faults.run import run_row
from tests.faults.stored import PYTHON, ROWS, outcome_of, read, runs_with

_BEGINNING = 40  # characters of a last line that do not depend on timing
_MORE_RUNS = 2  # of a row whose outcome is not stored: a busy machine may show one that the stored runs did not


def shape(outcome: Outcome, *, with_line: bool) -> tuple[object, ...]:
    """Return what is the same in each run of a row; how far a client gets before it hangs depends on the limit."""
    if outcome["status"] == HANG:
        return (HANG,)
    line = outcome["line"][:_BEGINNING] if with_line else ""
    return tuple(outcome["runs"]), outcome["replies"], outcome["init"], outcome["status"], line


def is_stored(outcome: Outcome, client: Client, row: Row, known: list[Outcome], *, with_line: bool) -> bool:
    """Return whether the outcome, or that of one more run, is one of the stored ones."""
    expected = {shape(each, with_line=with_line) for each in known}
    outcomes = chain([outcome], (outcome_of(client, row, known) for _ in range(_MORE_RUNS)))
    return any(shape(each, with_line=with_line) in expected for each in outcomes)


@pytest.mark.parametrize("row", [row for row in ROWS if runs_with(OURS, row)], ids=lambda row: row.id)
def test_our_client_doubles_and_loses_nothing(row: Row) -> None:
    """No event runs twice, no result is lost, nothing hangs, and the result is the stored one."""
    outcome = outcome_of(OURS, row)
    assert faults(row, outcome) == [], outcome
    stored = read()[OURS.name]
    if row.id in stored["rows"] and stored["python"] == PYTHON:
        assert is_stored(outcome, OURS, row, stored["rows"][row.id], with_line=True), outcome


@pytest.mark.clients
@pytest.mark.parametrize("row", [row for row in ROWS if runs_with(OFFICIAL, row)], ids=lambda row: row.id)
def test_official_client_has_its_stored_result(row: Row) -> None:
    """AWS's client for Python has a result that the documentation shows."""
    stored = read()[OFFICIAL.name]
    if (OFFICIAL.version, PYTHON) != (stored["version"], stored["python"]):
        pytest.skip(f"awslambdaric {OFFICIAL.version or 'is not installed'}; results are of {stored['version']}")
    known = stored["rows"][row.id]
    outcome = outcome_of(OFFICIAL, row, known)
    assert is_stored(outcome, OFFICIAL, row, known, with_line=False), outcome


def test_rows_are_distinct() -> None:
    """Each row has its own name, and the table has at least 120 rows."""
    assert len({row.id for row in ROWS}) == len(ROWS) >= 120


def test_advantages_of_the_official_client_have_reasons() -> None:
    """A row has a reason exactly if the official client handles all events in it and this project's does not."""
    ours, official = read()[OURS.name]["rows"], read()[OFFICIAL.name]["rows"]
    better = {
        row.id
        for row in ROWS
        if row.id in ours and survives(official.get(row.id, ours[row.id])[0]) and not survives(ours[row.id][0])
    }
    assert better == {row.id for row in ROWS if row.why}


RIGHT = Outcome(runs=[1, 1, 1, 1], replies="rrrr", init=False, status=POLLS_ON, line="")
WRONG: dict[str, tuple[dict[str, object], list[str]]] = {
    "nothing": ({}, []),
    "an event that runs twice": ({"runs": [1, 2, 1, 1]}, ["doubles"]),
    "a result that is missing": ({"replies": "r-rr"}, ["loses"]),
    "an error instead of a result": ({"replies": "rerr"}, ["loses"]),
    "the result of another event": ({"replies": "r!rr"}, ["loses"]),
    "a process that hangs": ({"runs": [1, 0, 0, 0], "replies": "r---", "status": HANG}, ["hangs"]),
    "a crash": ({"status": "killed by SIGSEGV"}, ["crashes"]),
    "an exit without a line": ({"status": "exits with 1"}, ["says nothing"]),
    "an exit with a line": ({"status": "exits with 1", "line": "reason"}, []),
    "an exit with success": ({"status": "exits with 0", "line": "reason"}, ["exits with success"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_verdict_names_the_fault(name: str) -> None:
    """The verdict names what a client does wrong."""
    changes, expected = WRONG[name]
    assert faults(Row("fault", "moment"), Outcome(**{**RIGHT, **changes})) == expected  # type: ignore[typeddict-item]


def test_process_that_hangs_is_killed() -> None:
    """A process that neither polls nor exits is killed after the limit."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    assert run_row(Row("fault", "moment"), command, 0.2)["status"] == HANG


def test_wrong_client_is_found() -> None:
    """A client whose handler cannot find the request id in its context loses results."""
    row = Row("fault", "moment")
    assert faults(row, run_row(row, [sys.executable, "-m", "tests.support.socket_runtime"])) == ["loses"]
