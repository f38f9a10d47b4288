"""The regression guard: counts that do not depend on other load, compared with a checked-in budget.

`main` is the subcommand `python -m benchmarks guard`. Times are shown as ratios and never decide.
"""

from __future__ import annotations


def main(arguments: list[str]) -> int:
    """Run `python -m benchmarks guard`."""
    from .command import main as run

    return run(arguments)
