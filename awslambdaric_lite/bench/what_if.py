"""What a function would gain: it runs as it is, with lazy imports, with a bundle of its imports, and with both.

The runs take turns, each in a fresh process; then the same with a page cache that is dropped before each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

from ..emulator import EmulatorError
from ..packaging.errors import PackagingError
from ..packaging.import_bundle import BUNDLE_VARIABLE, BundleSummary, write_bundle
from ..packaging.import_recording import (
    LAZY_VARIABLE,
    LIST_NAME,
    LIST_VARIABLE,
    list_text,
    listed_modules,
    record_imports,
)
from .contenders import Contender, TargetPython
from .errors import HandlerFailed
from .measures import COLD_START, COLD_START_DROPPED, WHAT_IF_MEASURES
from .page_cache import drop_page_cache, reason_to_keep
from .rounds import CHANGING, CHECKED, Comparison, Event, Progress, find_difference, run_function
from .run import Run, Runner

AS_IT_IS = "as it is"
LAZY = "lazy imports"
BUNDLE = "bundle"
BOTH = "both"

_NEARLY = 1.02  # of the shortest cold start
_LOG_SEPARATOR = "\t"  # of level, time, request id and text


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes:
        lazy: the value of AWSLAMBDARIC_LITE_LAZY_IMPORTS for the rows with lazy imports.
        invocations: warm ones of each run; None means that each event is sent once.
    """

    handler: str
    events: Sequence[Event]
    rounds: int
    invocations: int | None
    lazy: str
    timeout_s: float


@dataclass(frozen=True)
class Missing:
    """Why a row was not measured, in short and in full; `failed` if the function does not work there as it is."""

    short: str
    reason: str
    failed: bool = True


@dataclass
class WhatIf:
    """The rows: their runtimes, figures and problems.

    Attributes:
        tried: row to its runtime, as it is first; without the rows that are absent or could not be prepared.
        outcome: the figures of those that were measured.
        missing: row to the reason why it was not measured.
        cache_kept: why the page cache was not dropped, None if it was.
        entries: the import list that was recorded, None without lazy imports.
    """

    tried: dict[str, Contender]
    outcome: Comparison
    missing: dict[str, Missing] = field(default_factory=dict)
    cache_kept: str | None = None
    entries: list[str] | None = None
    bundle: BundleSummary | None = None

    def measured(self) -> dict[str, Contender]:
        """Return the rows that have figures."""
        return {row: runtime for row, runtime in self.tried.items() if row not in self.missing}

    def best(self) -> str:
        """Return the row with the shortest cold start; of rows that hardly differ the one with the fewest settings.

        A row whose difference from the function as it is may be chance is not better.
        """
        plain = self.tried[AS_IT_IS]
        ratios = {AS_IT_IS: 1.0}
        for row, runtime in self.measured().items():
            ratio = self.outcome.ratio(runtime, plain, COLD_START.name)
            if ratio is not None and ratio.high < 1:
                ratios[row] = ratio.value
        return next(row for row, ratio in ratios.items() if ratio <= min(ratios.values()) * _NEARLY)


def what_if(request: Request, interpreter: TargetPython, runner: Runner, folder: Path, progress: Progress) -> WhatIf:
    """Try and measure all rows; files that they need are written into `folder` and the runner's task root.

    Raises:
        HandlerFailed: the function fails as it is.
    """
    plain = interpreter.ours(request.handler)
    invocations = len(request.events) - 1 if request.invocations is None else request.invocations
    found = WhatIf({AS_IT_IS: plain}, Comparison(invocations))
    checked = max(len(request.events), CHECKED)
    progress.stage("running the function as it is", 1)
    as_it_is = run_function(runner, plain, request.events, checked)
    progress.step()
    _prepare(found, request, interpreter, runner, folder, progress)

    progress.stage("comparing the results", len(found.tried) - 1)
    for row in [*found.tried][1:]:
        _check(found, request, runner, as_it_is, row)
        progress.step()

    progress.stage("measuring", request.rounds * len(found.measured()))
    for number in range(1, request.rounds + 1):
        for row in found.measured():
            run = _run(found, request, runner, row, invocations, number)
            if run is not None:
                _keep(found, row, {each.name: run.figures.get(each.name) for each in WHAT_IF_MEASURES})
            progress.step()

    found.cache_kept = reason_to_keep()
    if found.cache_kept is None:
        progress.stage("measuring with a dropped page cache", request.rounds * len(found.measured()))
        for number in range(1, request.rounds + 1):
            for row in found.measured():
                drop_page_cache()
                run = _run(found, request, runner, row, 0, number)
                if run is not None:
                    _keep(found, row, {COLD_START_DROPPED.name: run.figures[COLD_START.name]})
                progress.step()
    return found


class _Recording(TypedDict):
    task_root: Path
    env: dict[str, str]
    aws_credentials: bool
    region: str
    timeout_s: float
    init_timeout_s: float


def _prepare(
    found: WhatIf, request: Request, interpreter: TargetPython, runner: Runner, folder: Path, progress: Progress
) -> None:
    """Record an import list and write a bundle, and add the rows that are possible with them."""
    function, root = runner.function, runner.function.task_root
    lazy: dict[str, str] = {}
    if not interpreter.has_lazy_imports:
        text = f"{interpreter.description} has no lazy imports; name Python 3.15 or later with --python"
        found.missing[LAZY] = Missing("needs Python 3.15", text, failed=False)
    else:
        progress.stage("recording the imports of the events")
        settings = _Recording(
            task_root=root,
            env=dict(function.env),
            aws_credentials=function.aws_credentials,
            region=function.region,
            timeout_s=request.timeout_s,
            init_timeout_s=request.timeout_s,
        )
        try:
            found.entries = record_imports(
                request.handler,
                [event.body for event in request.events],
                lazy=request.lazy,
                settings=settings,
                interpreter=Path(interpreter.executable),
            )
        except (PackagingError, EmulatorError) as error:
            found.missing[LAZY] = Missing("fails", str(error))
        else:
            lazy[LAZY_VARIABLE] = request.lazy
            if found.entries:
                listed = folder / LIST_NAME
                listed.write_text(list_text(found.entries), encoding="utf-8")
                lazy[LIST_VARIABLE] = str(listed)
            _try(found, LAZY, "with lazy imports", lazy)

    progress.stage("writing the bundle")
    try:
        found.bundle = write_bundle(
            root,
            request.handler,
            python=interpreter.executable,
            environment=function.env,
            modules=listed_modules(found.entries or ()),
        )
    except PackagingError as error:
        found.missing[BUNDLE] = Missing("fails", str(error))
    else:
        if not any(root.glob("*.dist-info")):
            found.outcome.notes.append(
                f"{BUNDLE}: the task root has no installed packages, so that the bundle has none; name what you deploy "
                "with --task-root, e.g. function.zip"
            )
        # Not a variable of the function: for those, every module of a bundle is checked, unlike in a deployed package.
        bundle = {BUNDLE_VARIABLE: str(found.bundle.path)}
        _try(found, BUNDLE, "with the bundle", bundle)
        if lazy:
            _try(found, BOTH, "with lazy imports and the bundle", {**lazy, **bundle})
    if BOTH not in found.tried:
        found.missing[BOTH] = Missing(f"needs {BUNDLE if lazy else LAZY}", "", failed=False)


def _try(found: WhatIf, row: str, name: str, variables: dict[str, str]) -> None:
    plain = found.tried[AS_IT_IS]
    found.tried[row] = replace(plain, label=f"{plain.label} {name}", variables=variables)


def _check(found: WhatIf, request: Request, runner: Runner, as_it_is: Run, row: str) -> None:
    run = _run(found, request, runner, row, len(as_it_is.results) - 1, 0)
    if run is None:
        return
    runtime = found.tried[row]
    for name in runtime.variables:
        lines = runner.output_lines(f"{name}=")
        found.outcome.notes += [f"{row}: {line.rpartition(_LOG_SEPARATOR)[2]}" for line in lines]
    difference, is_changing = find_difference(runner, request.events, (found.tried[AS_IT_IS], as_it_is), (runtime, run))
    if difference:
        found.missing[row] = Missing("other results", difference)
    if is_changing and CHANGING not in found.outcome.notes:
        found.outcome.notes.append(CHANGING)


def _run(found: WhatIf, request: Request, runner: Runner, row: str, warm: int, number: int) -> Run | None:
    """Run a row; None, with an entry in `missing`, if the function fails with it although it does not as it is."""
    runtime = found.tried[row]
    try:
        return run_function(runner, runtime, request.events, warm, number)
    except HandlerFailed as failure:
        if row == AS_IT_IS:
            raise
        found.missing[row] = Missing("fails", str(failure))
        return None


def _keep(found: WhatIf, row: str, figures: dict[str, float | None]) -> None:
    kept = found.outcome.figures.setdefault(found.tried[row].label, {})
    for name, figure in figures.items():
        if figure is not None:
            kept.setdefault(name, []).append(figure)
