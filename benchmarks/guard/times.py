"""Times as ratios to the skeleton client on the same interpreter, with a remark beyond a wide band.

Other load on the machine makes times random, so none is a reason to fail.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

from ..contenders import python as python_clients
from ..loadgen import LoadGenerator
from .subject import Subject

BANDS = {"spawn_to_next": 2.0, "event_to_next": 2.5}
"""The bands of a new budget; on an idle machine both ratios are far below."""

_ROUNDS, _INVOCATIONS = 7, 300


def ratios(subject: Subject) -> dict[str, float]:
    """Return by measure the median of the runtime's times, divided by the median of the skeleton's, interleaved.

    Raises:
        RunFailed: one of the two fails or responds wrongly.
    """
    skeleton = python_clients.skeleton(subject.cache)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **skeleton.environment, "_HANDLER": "app.hello"}
    environment["LAMBDA_TASK_ROOT"] = str(subject.app)
    apart: LoadGenerator = replace(subject.loadgen, placement="apart")
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for _ in range(_ROUNDS):
        ours.append(replace(subject, loadgen=apart).run("hello", 1, counted=_INVOCATIONS).figures)
        run = apart.run(
            skeleton.command, environment, event=subject.event, cwd=subject.app, count=_INVOCATIONS, timeout=120
        )
        theirs.append(run.figures)
    return {
        "spawn_to_next": median(each["spawn_to_next"] for each in ours)
        / median(each["spawn_to_next"] for each in theirs),
        "event_to_next": median(value for each in ours for value in each["event_to_next"])
        / median(value for each in theirs for value in each["event_to_next"]),
    }
