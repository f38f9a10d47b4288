"""Instructions, counted by callgrind, whose simulated processor gives the same number on a busy machine.

callgrind writes and resets its counters before each call of send(), so that one run shows each invocation separately,
and those with a run of the garbage collector can be left out.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ..build_cache import Unavailable
from .parts import cold_and_warm
from .subject import Subject

_INVOCATIONS, _WARM = 24, 12
_TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)


def count(subject: Subject) -> dict[str, tuple[float, str]]:
    """Count.

    Raises:
        RunFailed: the runtime fails or responds wrongly.
        Unavailable: valgrind is missing, or does not find the C library's send().
    """
    valgrind = shutil.which("valgrind")
    if not valgrind:
        raise Unavailable("valgrind is not installed")
    output = subject.loadgen.scratch / "callgrind"
    for old in output.parent.glob(f"{output.name}*"):
        old.unlink()
    # Without --vgdb=no the kill of the process would leave the pipes of valgrind's debugger.
    options = ["--tool=callgrind", "--vgdb=no", "-q", "--dump-before=send", f"--callgrind-out-file={output}"]
    subject.run("hello", _INVOCATIONS, prefix=[*_without_randomness(), valgrind, *options])
    dumps = sorted(output.parent.glob(f"{output.name}.*"), key=lambda path: int(path.suffix[1:]))
    if not dumps:
        raise Unavailable("callgrind finds no call of the C library's send()")
    parts = [float(_totals(path)) for path in dumps]
    cold, warm = cold_and_warm(parts, _INVOCATIONS, _WARM)
    return {"instructions_cold": (cold, ""), "instructions_warm": (warm, "")}


def _without_randomness() -> list[str]:
    """Return the command that disables address randomization, if it is installed."""
    setarch = shutil.which("setarch")
    return [setarch, "-R"] if setarch else []


def _totals(path: Path) -> int:
    match = _TOTAL.search(path.read_text(errors="replace"))
    if not match:
        raise Unavailable(f"callgrind left {path.name} without totals; is the disk full?")
    return int(match[1])
