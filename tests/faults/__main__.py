"""`python -m tests.faults` runs all rows with both clients, and stores the results."""

from __future__ import annotations

import argparse

from tests.faults.row import faults
from tests.faults.stored import CLIENTS, PYTHON, RESULTS, ROWS, StoredRun, outcomes_of, read, runs_with, write


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("text", nargs="*", help="run only rows whose names contain a text, e.g. 'memory limit'")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="rows that run at a time (default: 2)")
    arguments = parser.parse_args()
    stored = read() if RESULTS.exists() else {}
    for client in CLIENTS:
        known = stored[client.name]["rows"] if client.name in stored else {}
        rows = [row for row in ROWS if runs_with(client, row)]
        wanted = [row for row in rows if not arguments.text or any(text in row.id for text in arguments.text)]
        found = known | outcomes_of(client, wanted, known, arguments.workers)
        for row in wanted:
            for outcome in found[row.id]:
                runs = " ".join(map(str, outcome["runs"]))
                verdicts = ", ".join(faults(row, outcome)) or "right"
                print(f"{client.name}: {row.id}: {verdicts}: {runs}, {outcome['status']}: {outcome['line']}")
        ordered = {row.id: found[row.id] for row in rows if row.id in found}
        stored[client.name] = StoredRun(version=client.version, python=PYTHON, rows=ordered)
        write(stored)


if __name__ == "__main__":
    main()
