"""Search for inputs that break a target: `python -m tests.fuzz TARGET [SECONDS]`, with atheris.

What is found is written to `tests/fuzz/corpus/TARGET`, where the tests replay it; libFuzzer's report names the file.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

try:
    import atheris
except ModuleNotFoundError:
    sys.exit(
        "tests.fuzz needs atheris, which has wheels for Python 3.13 and older; install it with: pip install atheris"
    )

CORPUS = Path(__file__).with_name("corpus")


def main(name: str, seconds: str = "10") -> None:
    """Run one target; exit with another status than 0 if an input breaks it."""
    # Imports of the package are slow while atheris instruments them, so a target brings only its own.
    with atheris.instrument_imports(include=["awslambdaric_lite"]):
        target = find(name)
    seeds = CORPUS / name
    with tempfile.TemporaryDirectory(prefix="fuzz-") as found:
        limits = ["-seed=1", f"-max_total_time={seconds}", "-max_len=4096", "-timeout=30", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={seeds}/", found, str(seeds)], target)
        atheris.Fuzz()


def find(name: str) -> Callable[[bytes], None]:
    """Return the target with a name."""
    from . import runtime_targets, tool_targets

    targets = {**runtime_targets.TARGETS, **tool_targets.TARGETS}
    if name not in targets:
        sys.exit(f"there is no target {name!r}; use one of: {', '.join(targets)}")
    return targets[name]


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3 or not all(seconds.isdecimal() for seconds in sys.argv[2:]):
        sys.exit(__doc__)
    main(*sys.argv[1:])
