"""`python -m tests.conformance` runs all cases with every client that can be built here, and stores the results."""

from __future__ import annotations

import argparse
import json

from benchmarks.build_cache import Unavailable
from tests.conformance.clients import CLIENTS
from tests.conformance.stored import RESULTS, StoredRun, all_results, emulator_results, read


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("client", nargs="*", help="run only clients whose names contain this text, e.g. go")
    wanted = parser.parse_args().client
    stored = read() if RESULTS.exists() else {}
    for client in CLIENTS:
        if wanted and not any(text in client.name for text in wanted):
            continue
        try:
            subject = client.subject()
        except Unavailable as reason:
            print(f"{client.name}: not run: {reason}")
            continue
        cases = all_results(subject)
        stored[client.name] = StoredRun(version=client.version, cases=cases, emulator=emulator_results(subject))
        print(f"{client.name}: {sum(case['outcome'] == 'passed' for case in cases.values())} of {len(cases)} passed")
        ordered = {each.name: stored[each.name] for each in CLIENTS if each.name in stored}
        RESULTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
