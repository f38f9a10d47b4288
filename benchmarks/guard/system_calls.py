"""System calls of a warm invocation, traced by strace from the write of a response to the write of the next one."""

from __future__ import annotations

import re
import shutil
from collections import Counter

from ..build_cache import Unavailable
from ..loadgen import RunFailed
from .parts import lower_quartile
from .subject import Subject

_INVOCATIONS, _WARM = 60, 30
# `PID  name(`; strace shows an interrupted call again as `<... name resumed>`, which does not match.
_CALL = re.compile(r"^\d+\s+(?P<name>\w+)\((?P<arguments>.*)")
_ANSWER = '"POST /2018-06-01/runtime/invocat'


def count(subject: Subject) -> dict[str, tuple[float, str]]:
    """Count the calls of a warm invocation, the lower quartile of them.

    Raises:
        RunFailed: the runtime fails or responds wrongly.
        Unavailable: strace is missing, or is not allowed to trace.
    """
    strace = shutil.which("strace")
    if not strace:
        raise Unavailable("strace is not installed")
    trace = subject.loadgen.scratch / "strace.txt"
    trace.unlink(missing_ok=True)
    try:
        subject.run("hello", _INVOCATIONS, prefix=[strace, "-f", "-s", "40", "-o", trace])
    except RunFailed as reason:
        if "ptrace" in str(reason).lower():
            raise Unavailable(f"strace may not trace here: {reason}") from reason
        raise
    invocations = parse_invocations(trace.read_text(errors="replace").splitlines())
    if len(invocations) < _INVOCATIONS - 1:
        raise RunFailed(f"strace shows {len(invocations)} answers instead of {_INVOCATIONS}")
    warm = {len(calls): calls for calls in invocations[_WARM:]}
    by_name = Counter(warm[int(lower_quartile([len(calls) for calls in invocations[_WARM:]]))])
    return {
        "system_calls_warm": (sum(by_name.values()), ", ".join(f"{name} {by_name[name]}" for name in sorted(by_name)))
    }


def parse_invocations(lines: list[str]) -> list[tuple[str, ...]]:
    """Return the names of the calls between each response and the next."""
    found: list[list[str]] = []
    for match in filter(None, map(_CALL.match, lines)):
        if _ANSWER in match["arguments"]:
            found.append([])
        if found:
            found[-1].append(match["name"])
    return [tuple(calls) for calls in found[:-1]]  # the last invocation is incomplete
