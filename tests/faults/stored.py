"""The stored run of all rows with this project's client and with the official one."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

from tests.conformance.clients import OFFICIAL, OURS, Client
from tests.faults import api_rows, process_rows
from tests.faults.row import HANG, Outcome, Row
from tests.faults.run import LIMIT_S, SHORT_LIMIT_S, run_row
from tests.support import client_process

RESULTS = Path(__file__).with_name("results.json")
ROWS = (*api_rows.ROWS, *process_rows.ROWS)
CLIENTS = (OURS, OFFICIAL)
PYTHON = "{}.{}".format(*sys.version_info)
_COMMANDS = {OURS.name: client_process.LITE, OFFICIAL.name: client_process.OFFICIAL}
_REPETITIONS = 3

Outcomes = dict[str, list[Outcome]]
"""The outcomes by the row's id, each once, the most frequent first."""


class StoredRun(TypedDict):
    """The results of one client, whose log lines depend on the version of Python."""

    version: str
    python: str
    rows: Outcomes


def read() -> dict[str, StoredRun]:
    """Return the stored runs by the client's name."""
    stored: dict[str, StoredRun] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return stored


def write(stored: Mapping[str, StoredRun]) -> None:
    """Store runs, with a line for each row."""
    text = json.dumps(stored, ensure_ascii=False)
    RESULTS.write_text(text.replace('"rows": {', '"rows": {\n').replace("}], ", "}],\n") + "\n", encoding="utf-8")


def runs_with(client: Client, row: Row) -> bool:
    """Return whether a client has what a row needs: the official one does not stream."""
    return row.available and not (row.streams and client is OFFICIAL)


def outcome_of(client: Client, row: Row, known: list[Outcome] | None = None) -> Outcome:
    """Run a row with a client; the limit is short if it is known to hang."""
    hangs = bool(known) and all(outcome["status"] == HANG for outcome in known or ())
    return run_row(row, _COMMANDS[client.name], SHORT_LIMIT_S if hangs else LIMIT_S)


def outcomes_of(client: Client, rows: Sequence[Row], known: Outcomes, workers: int) -> Outcomes:
    """Run rows several times."""

    def outcomes(row: Row) -> list[Outcome]:
        found = [outcome_of(client, row, known.get(row.id)) for _ in range(_REPETITIONS)]
        counts = Counter(json.dumps(outcome) for outcome in found)
        return [json.loads(text) for text, _ in counts.most_common()]

    with ThreadPoolExecutor(workers) as executor:
        return dict(zip((row.id for row in rows), executor.map(outcomes, rows), strict=True))
