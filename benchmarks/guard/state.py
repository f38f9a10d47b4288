"""Counts that the function itself returns: loaded modules, and blocks of memory that stay in use."""

from __future__ import annotations

import json
from typing import Any

from .subject import Subject

# CPython 3.10 allocates caches for code that has run 1024 times; before that an additional block is not a leak.
_SETTLED, _MORE = 1500, 1000


def count(subject: Subject) -> dict[str, tuple[float, str]]:
    """Count modules at the first event, and the blocks that an invocation leaves behind, to a tenth of a block.

    Raises:
        RunFailed: the runtime fails or responds wrongly.
    """
    few, many = (
        subject.run("look", invocations, variables={"GUARD_LAST": str(invocations)})
        for invocations in (_SETTLED, _SETTLED + _MORE)
    )
    first: dict[str, Any] = json.loads(few.first)
    modules = set(first["modules"]) - {"app"}
    ours = sum(name.partition(".")[0] == "awslambdaric_lite" for name in modules)
    before, after = (json.loads(run.last)["blocks"] for run in (few, many))
    return {
        "modules_at_first_next": (len(modules), f"{ours} of them ours"),
        # The interpreter's caches vary by some ten blocks; a leak is a block in every invocation.
        "blocks_kept": (max(0.0, round((after - before) / _MORE, 1)), f"{before} are in use"),
    }
