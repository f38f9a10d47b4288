"""Instructions, by callgrind, which executes every one of them itself: the same number on a busy machine.

It writes its counters and starts again from zero before each call of send(), so that one run shows every invocation by
itself, and the one in which the garbage collector runs does not count.
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
        RunFailed: the runtime does not do what it should.
        Unavailable: there is no valgrind, or it does not find the C library's send().
    """
    valgrind = shutil.which("valgrind")
    if not valgrind:
        raise Unavailable("valgrind is not installed")
    output = subject.loadgen.scratch / "callgrind"
    for old in output.parent.glob(f"{output.name}*"):
        old.unlink()
    # The process is killed in the end, and would leave the pipes of valgrind's debugger.
    options = ["--tool=callgrind", "--vgdb=no", "-q", "--dump-before=send", f"--callgrind-out-file={output}"]
    subject.run("hello", _INVOCATIONS, prefix=[*_without_randomness(), valgrind, *options])
    dumps = sorted(output.parent.glob(f"{output.name}.*"), key=lambda path: int(path.suffix[1:]))
    if not dumps:
        raise Unavailable("callgrind finds no call of the C library's send()")
    parts = [float(_totals(path)) for path in dumps]
    cold, warm = cold_and_warm(parts, _INVOCATIONS, _WARM)
    return {"instructions_cold": (cold, ""), "instructions_warm": (warm, "")}


def _without_randomness() -> list[str]:
    """Return the command that puts memory in the same places each time, where there is one."""
    setarch = shutil.which("setarch")
    return [setarch, "-R"] if setarch else []


def _totals(path: Path) -> int:
    match = _TOTAL.search(path.read_text(errors="replace"))
    if not match:
        raise Unavailable(f"callgrind left {path.name} without totals; is the disk full?")
    return int(match[1])
