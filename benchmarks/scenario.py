"""One kind of run under the load generator: a handler, an event, how many invocations, and what is kept of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .contenders import Contender
from .events import event_bytes, produced
from .groups import Limit
from .job import Bench, Samples
from .loadgen import CHUNKED_ABOVE, Run, RunFailed, require_namespace

Figures = dict[str, Any]
Value = Callable[[Figures], list[float]]
Right = Callable[[Any, Any], bool]
"""Whether an answer, parsed, is the right one to an event, parsed."""

HELLO = {"message": "hello"}
ITEM = {"id": 42, "page": "1"}
FAILURE = {"errorType": "ValueError", "errorMessage": "this invocation fails"}


def _is_item(answer: Any, _: Any) -> bool:
    if not isinstance(answer, dict) or answer.get("statusCode") != 200 or not isinstance(answer.get("body"), str):
        return False
    return bool(json.loads(answer["body"]) == ITEM)


RIGHT: Mapping[str, Right] = {
    "hello": lambda answer, _: bool(answer == HELLO),
    "echo": lambda answer, event: bool(answer == event),
    "fail": lambda answer, _: isinstance(answer, dict) and FAILURE.items() <= answer.items(),
    "produce": lambda answer, event: bool(answer == produced(event["size"])),
    "modules": lambda answer, _: type(answer) is int and answer > 0,
    "version": lambda answer, _: isinstance(answer, str) and answer[:1].isdigit(),
    "items": _is_item,
    "application": _is_item,
}
"""By handler, whatever application it belongs to."""


def one(key: str) -> Value:
    """Take one figure of a run."""
    return lambda figures: [float(figures[key])]


def every(key: str) -> Value:
    """Take the figure of each counted invocation."""
    return lambda figures: [float(value) for value in figures[key]]


def total(*keys: str) -> Value:
    """Add figures of a run up."""
    return lambda figures: [sum(float(figures[key]) for key in keys)]


@dataclass(frozen=True)
class Scenario:
    """A job under the load generator.

    Attributes:
        handler: what the application's module calls it; `handlers` names others, by the first word of a client's name.
        kept: the measures, and how each is taken from the figures of a run.
        memory_mb: size of the function whose share of a CPU the process has from its first poll on.
    """

    name: str
    suite: str
    handler: str
    event: str
    kept: Mapping[str, Value]
    contenders: tuple[str, ...]
    warmup: int = 0
    count: int = 0
    rest: bool = False
    runs_per_round: int = 1
    timeout: int = 60
    every: int = 1
    rehearsed: bool = True
    application: str = "app"
    handlers: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int | None = None
    namespace: bool = False
    """Whether everybody runs in a mount namespace of its own, for the sake of those that need one."""

    @property
    def measures(self) -> Collection[str]:
        """Return the names of what it measures."""
        return list(self.kept)

    def prepare(self, bench: Bench) -> None:
        """Build the application and find out about control groups, where they are needed.

        Raises:
            Unavailable: that is not possible here.
        """
        bench.application(self.application)
        if self.memory_mb is not None:
            bench.groups()
        if self.namespace:
            require_namespace()

    def suits(self, contender: Contender) -> bool:
        """Whether the contender has such a handler and reads such an event."""
        client = contender.client
        has_handler = client.handlers is None or self.handler in client.handlers
        return has_handler and (client.chunked_events or len(event_bytes(self.event)) <= CHUNKED_ABOVE)

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the contender once, and check what it answers.

        Raises:
            RunFailed: the contender failed or answered wrongly.
        """
        path, event = bench.event(self.event)
        application = bench.application(self.application)
        handler = self.handlers.get(contender.base.split("-")[0], self.handler)
        with self._limit(bench) as limit:
            run = bench.loadgen.run(
                contender.command(handler),
                bench.environment(contender, application, handler),
                event=path,
                cwd=application.root,
                warmup=self.warmup,
                count=self.count,
                rest=self.rest,
                timeout=self.timeout,
                limit=limit,
                opt=contender.client.opt,
                namespace=self.namespace,
            )
        self._check_answers(bench, contender, run, event)
        figures = {**run.figures, "first_answer": run.first}
        return {measure: value(figures) for measure, value in self.kept.items()}

    @contextlib.contextmanager
    def _limit(self, bench: Bench) -> Iterator[Limit | None]:
        if self.memory_mb is None:
            yield None
            return
        try:
            with bench.groups().limited(self.memory_mb) as limit:
                yield limit
        except OSError as error:
            raise RunFailed(f"control group: {error.strerror}") from error

    def _check_answers(self, bench: Bench, contender: Contender, run: Run, event: Any) -> None:
        for answer, is_error in ((run.first, run.figures["first_is_error"]), (run.last, run.figures["last_is_error"])):
            # Errors carry a request id and are small: always compared. Equal answers of the rest are compared once.
            key = (contender.name, self.name, hashlib.sha256(answer).hexdigest())
            if key not in bench.checked:
                self.check(contender, answer, is_error, event)
                bench.checked.add(key)

    def check(self, contender: Contender, answer: bytes, is_error: bool, event: Any) -> None:
        """Compare an answer with the expected one.

        Raises:
            RunFailed: it is another one.
        """
        try:
            value = json.loads(answer)
        except ValueError as error:
            raise RunFailed(f"{contender.name} answered no JSON to {self.name}: {answer[:200]!r}") from error
        if is_error != (self.handler == "fail") or not RIGHT[self.handler](value, event):
            raise RunFailed(f"{contender.name} answered {self.name} wrongly: {answer[:200]!r}")
