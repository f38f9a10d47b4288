"""What lazy imports and a bundle would gain, by a few imports of the handler, and which imports events never use."""

from __future__ import annotations

import contextlib
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...common.words import count, escape_controls
from ..errors import PackagingError
from ..import_bundle import BUNDLE_VARIABLE, write_bundle
from ..import_recording import LAZY_VARIABLE, LIST_NAME, LIST_VARIABLE, list_text, modules_in_use, record
from ..import_tree import Imported, ImportRun
from .findings import Finding
from .subject import Subject
from .workplace import Workplace, environment

LEAST_US = 50_000
"""Microseconds of a handler's imports from which on an estimate is worth its time."""

_TIMEOUT_S = 60.0  # of init and of each event
_SHOWN = 5  # imports that events never use
_LEAST_SHARE = 0.01  # of the time of all imports; less is not shown
_LAZY_SINCE = (3, 15)

# The runtime's own code reads the variables, as in init. A line in its log means that it ignores a setting.
_SETUP = """
import posix, sys
from awslambdaric_lite._lifecycle import chosen, import_bundle, import_list, lazy_imports
from awslambdaric_lite._optional_settings import Options
class Log:
    json_format, lines = False, []
    def log(self, text, frame_type=None):
        self.lines.append(text)
log = Log()
settings = type(sys.implementation)(handler={handler!r}, log_level=None, options=Options(posix.environ))
code = compile({statement!r}, "<doctor>", "exec")
def load():
    exec(code, {{"__name__": "doctor"}})
run = chosen.with_options(load, settings, None, log)
"""
_STATEMENT = "run()\nif log.lines: raise RuntimeError(log.lines[0])"


@dataclass(frozen=True)
class GainCheck:
    """The check of one handler in one copy of its package.

    Attributes:
        statement: what imports the handler.
        variables: those of the function.
        run: runs a setup and a statement with further variables.
        runs: the number of imports with each setting.
    """

    subject: Subject
    place: Workplace
    interpreter: Path
    handler: str
    statement: str
    variables: Mapping[str, str]
    run: Callable[[str, str, Mapping[str, str]], ImportRun]
    runs: int

    def findings(self, tree: Imported, events: Sequence[bytes]) -> Iterator[Finding]:
        """Yield which modules of the tree no event needs, and an estimate of what settings would gain.

        The tree is measured in the same copy, so that both have the same bytecode.
        """
        lazy: dict[str, str] = {}
        if tuple(map(int, self.subject.target.python.split("."))) >= _LAZY_SINCE:
            lazy[LAZY_VARIABLE] = "all"
        if events:
            found = list(self._with_events(tree, events, lazy))
            yield from found
            if any(each.code == "handler-event" for each in found):
                return
        if tree.total_us >= LEAST_US:
            yield from self._estimate(lazy, bool(events))

    def _with_events(self, tree: Imported, events: Sequence[bytes], lazy: dict[str, str]) -> Iterator[Finding]:
        from ...emulator import EmulatorError

        try:
            needed = self._needed(events, lazy)
        except (PackagingError, EmulatorError) as error:
            yield Finding("handler-event", "warning", ".", escape_controls(self.place.shown(str(error))))
            return
        if needed is None:
            text = "this function does not show which imports the events never use; name --python 3.15 to see them"
            yield Finding("imports-unused", "info", ".", text)
        else:
            yield from unused_imports(tree, needed, len(events), all_kinds=bool(lazy))

    def _needed(self, events: Sequence[bytes], lazy: dict[str, str]) -> frozenset[str] | None:
        """Return the modules that init and events need, None if they cannot be told from others.

        With lazy imports, `lazy` gets an import list, too.

        Raises:
            PackagingError: the handler fails with an event.
            EmulatorError: the function cannot be run.
        """
        settings = self._settings()
        if not lazy:
            with contextlib.suppress(PackagingError):  # some functions fail only because modules are deferred
                return modules_in_use(self.handler, events, settings=settings, interpreter=self.interpreter)
        mode = lazy.get(LAZY_VARIABLE, "off")
        recording = record(self.handler, events, lazy=mode, settings=settings, interpreter=self.interpreter)
        if not lazy:
            return None
        if recording.entries:
            listed = self.place.folder / LIST_NAME
            listed.write_text(list_text(recording.entries), encoding="utf-8")
            lazy[LIST_VARIABLE] = str(listed)
        return recording.modules

    def _estimate(self, lazy: Mapping[str, str], with_events: bool) -> Iterator[Finding]:
        variants: dict[str, Mapping[str, str]] = {"": {}}
        if lazy:
            variants["with lazy imports"] = lazy
        bundle = self._bundle()
        if bundle:
            variants["with a bundle"] = bundle
        if lazy and bundle:
            variants["with both"] = {**lazy, **bundle}
        setup = _SETUP.format(handler=self.handler, statement=self.statement)
        times: dict[str, list[float]] = {name: [] for name in variants}
        for _ in range(self.runs):  # interleaved, so that background load slows all down
            for name in [*times]:
                seconds = self.run(setup, _STATEMENT, variants[name]).cpu_seconds
                if seconds is None:
                    del times[name]
                else:
                    times[name].append(seconds * 1e3)
        plain = times.pop("", None)
        if not plain or not times:
            return
        cure = "; add --event FILE to count the imports that events need" if lazy and not with_events else ""
        told = ", ".join(f"about {statistics.median(each):.0f} ms {name}" for name, each in times.items())
        yield Finding(
            "imports-gain",
            "info",
            ".",
            f"importing {self.handler} takes about {statistics.median(plain):.0f} ms of CPU time as it is, {told} "
            f"(on this machine, medians of {count(self.runs, 'run')}){cure}; measure cold starts with "
            f"`awslambdaric-lite bench {self.handler} --what-if`",
        )

    def _bundle(self) -> dict[str, str]:
        """Write a bundle into the copy; return the variables that use it, none if that is impossible."""
        if self.subject.is_layer:
            return {}
        try:
            written = write_bundle(
                self.place.task_root, self.handler, python=self.interpreter, environment=self._settings()["env"]
            )
        except PackagingError:  # e.g. a package that needs to be at /var/task
            return {}
        return {BUNDLE_VARIABLE: f"{self.place.seen_task_root}/{written.path.name}"}

    def _settings(self) -> dict[str, Any]:
        """Return the settings of a local Lambda that runs the copy where it is."""
        place = replace(self.place, mounts=None)
        variables = environment(self.subject, place, self.handler, self.variables)
        folders = place.search_path(self.subject, self.variables).folders[1:]
        paths = {"PYTHONPATH": ":".join(folders), "LD_LIBRARY_PATH": variables["LD_LIBRARY_PATH"]}
        return {
            "task_root": place.task_root,
            "env": {**self.variables, **paths},
            "timeout_s": _TIMEOUT_S,
            "init_timeout_s": _TIMEOUT_S,
        }


def unused_imports(
    tree: Imported, needed: Collection[str], events: int, *, all_kinds: bool = True
) -> Iterator[Finding]:
    """Yield a finding about the modules of a tree that are not needed, if they take time.

    Unless `all_kinds`, modules may be among the needed ones only because of a `from` import, or of their kind.
    """
    times: Counter[tuple[str, str]] = Counter()
    waiting = [(child, tree.name) for child in tree.children]
    while waiting:
        module, importer = waiting.pop()
        if module.name in needed:
            waiting += [(child, module.name) for child in module.children]
            continue
        top = module.name.partition(".")[0]
        name = module.name if top in needed else top
        times[name, importer] += sum(each.self_us for each in module.walk() if each.name not in needed)
    costly = [(pair, us) for pair, us in times.most_common(_SHOWN) if us >= max(tree.total_us * _LEAST_SHARE, 1000)]
    if costly:
        told = ", ".join(
            f"{escape_controls(name)} about {us / 1000:.0f} ms (imported by {escape_controls(importer)})"
            for (name, importer), us in costly
        )
        cure = ", or use lazy imports" if all_kinds else "; --python 3.15 also shows unused names of `from` imports"
        yield Finding(
            "imports-unused",
            "info",
            ".",
            f"{'the event never uses' if events == 1 else f'the {events} events never use'} {told}, of "
            f"{tree.total_us / 1000:.0f} ms for all imports; import them where they are used{cure}",
        )
