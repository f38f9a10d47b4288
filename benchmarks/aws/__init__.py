"""Cold starts on real AWS: deploys hello-world functions, measures them by their REPORT lines, and deletes everything.

`main` is the subcommand `python -m benchmarks aws`. It uses the suite's results and tables, not its runner.
"""

from __future__ import annotations


def main(arguments: list[str]) -> int:
    """Run `python -m benchmarks aws`; boto3 is imported then."""
    from .command import main as run

    return run(arguments)
