"""The results in the format of lambda-perf, so that its page and readers of its data can show them.

Source of the format: https://github.com/maxday/lambda-perf, `data/last.json` as `result-builder/app.js` makes it:
`metadata.generatedAt`, and in `runtimeData` for each function `r` its name, `p` the type of its package, `d` what the
page calls it, `i` its first ten init durations in ms, `m` its memory in MB, `a` its architecture, and the means `mu` of
the memory used in MB, `ad` of the duration and `acd` of the init duration in ms, all to three digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from statistics import fmean
from typing import Any

from awslambdaric_lite.common.json_text import compact

from .coldstarts import ColdStarts

_INITS_SHOWN = 10


def document(measured: Iterable[ColdStarts], generated_at: datetime) -> dict[str, Any]:
    """Return the document; functions without a cold start are left out."""
    moment = generated_at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    runtimes = [_runtime(function) for function in measured if function.reports]
    return {"metadata": {"generatedAt": moment}, "runtimeData": runtimes}


def _runtime(function: ColdStarts) -> dict[str, Any]:
    deployment = function.deployment
    inits = [round(1e3 * (report.init or 0.0), 3) for report in function.reports][:_INITS_SHOWN]
    return {
        "r": deployment.name,
        "p": "zip",
        "d": deployment.variant.title,
        "i": inits,
        "m": deployment.memory_mb,
        "a": deployment.variant.architecture,
        "mu": round(fmean(report.max_memory / 2**20 for report in function.reports), 3),
        "ad": round(fmean(1e3 * report.duration for report in function.reports), 3),
        "acd": round(fmean(inits), 3),
    }


def text(content: dict[str, Any]) -> str:
    """Return the document as lambda-perf stores it, on one line."""
    return compact(content) + "\n"
