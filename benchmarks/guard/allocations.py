"""Allocations of a warm invocation, counted by a preloaded library.

The interpreter allocates every object with malloc (PYTHONMALLOC), so that its own allocator hides nothing. Objects from
its free lists are not counted, as they cost no allocation in production either.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..build_cache import Unavailable, digest, run
from .parts import cold_and_warm
from .subject import Subject

SOURCE = Path(__file__).with_name("allocations.c")

_INVOCATIONS, _WARM = 120, 20


def count(subject: Subject) -> dict[str, tuple[float, str]]:
    """Count.

    Raises:
        RunFailed: the runtime fails or responds wrongly.
        Unavailable: a C compiler is missing, or the C library is not glibc.
    """
    counted = subject.loadgen.scratch / "allocations.txt"
    counted.unlink(missing_ok=True)
    variables = {
        "LD_PRELOAD": str(_library(subject.cache.build)),
        "GUARD_ALLOCATIONS": str(counted),
        "PYTHONMALLOC": "malloc",
    }
    subject.run("hello", _INVOCATIONS, variables=variables)
    if not counted.exists():
        raise Unavailable("the interpreter does not send through the C library's send()")
    parts = [float(line) for line in counted.read_text().split()]
    cold, warm = cold_and_warm(parts, _INVOCATIONS, _WARM)
    return {"allocations_warm": (warm, f"{cold:.0f} up to the first poll")}


def _library(build: Path) -> Path:
    target = build / f"allocations-{digest(SOURCE)}.so"
    if not target.exists():
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Unavailable("no C compiler (cc, gcc or clang) on PATH")
        fresh = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        flags = ["-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-Wl,--no-undefined"]
        run([compiler, *flags, "-o", fresh, SOURCE], SOURCE.name)
        fresh.rename(target)
    return target
