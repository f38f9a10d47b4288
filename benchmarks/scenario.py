"""One kind of run under the load generator: handler, event, number of invocations, and kept figures."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from awslambdaric_lite.bench.page_cache import drop_page_cache, reason_to_keep

from .build_cache import Unavailable
from .contenders import Contender
from .events import event_bytes, produced
from .groups import Limit
from .job import Bench, Samples
from .loadgen import CHUNKED_ABOVE, Run, RunFailed, require_namespace

Figures = dict[str, Any]
Value = Callable[[Figures], list[float]]
Right = Callable[[Any, Any], bool]
"""Takes a parsed response and a parsed event; returns whether the response is correct."""

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
"""The check of the responses by handler name, for all applications."""


def one(key: str) -> Value:
    """Take one figure of a run."""
    return lambda figures: [float(figures[key])]


def every(key: str) -> Value:
    """Take the figure of each counted invocation."""
    return lambda figures: [float(value) for value in figures[key]]


def total(*keys: str) -> Value:
    """Add up figures of a run."""
    return lambda figures: [sum(float(figures[key]) for key in keys)]


@dataclass(frozen=True)
class Scenario:
    """A job under the load generator.

    Attributes:
        handler: its name in the application's module; `handlers` has other names, by the first word of a client's name.
        kept: the measures, each with a function that takes it from the figures of a run.
        memory_mb: memory of the function whose CPU share limits the process from its first poll on.
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
    """Whether all contenders run in mount namespaces, because some need one."""
    drops_page_cache: bool = False
    """Whether each process starts with an empty page cache."""

    @property
    def disturbing(self) -> bool:
        """Return whether the job empties the page cache, which the job after it would have to fill."""
        return self.drops_page_cache

    @property
    def measures(self) -> Collection[str]:
        """Return the names of the measures."""
        return list(self.kept)

    def prepare(self, bench: Bench) -> None:
        """Build the application, and find control groups if they are needed.

        Raises:
            Unavailable: something cannot be built, or groups cannot be made.
        """
        bench.application(self.application)
        if self.memory_mb is not None:
            bench.groups()
        if self.namespace:
            require_namespace()
        if self.drops_page_cache:
            require_dropping()

    def suits(self, contender: Contender) -> bool:
        """Return whether the contender has the handler and can read the event."""
        client = contender.client
        has_handler = client.handlers is None or self.handler in client.handlers
        return has_handler and (client.chunked_events or len(event_bytes(self.event)) <= CHUNKED_ABOVE)

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the contender once, and check its responses.

        Raises:
            RunFailed: the contender failed or responded wrongly.
        """
        path, event = bench.event(self.event)
        application = bench.application(self.application)
        handler = self.handlers.get(contender.base.split("-")[0], self.handler)
        environment = bench.environment(contender, application, handler, self.event)
        with self._limit(bench) as limit:
            if self.drops_page_cache:
                drop_page_cache()
            run = bench.loadgen.run(
                contender.command(handler),
                environment,
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
            # Errors contain a request id and are small, so all are compared; equal other responses are compared once.
            key = (contender.name, self.name, hashlib.sha256(answer).hexdigest())
            if key not in bench.checked:
                self.check(contender, answer, is_error, event)
                bench.checked.add(key)

    def check(self, contender: Contender, answer: bytes, is_error: bool, event: Any) -> None:
        """Compare a response with the expected one.

        Raises:
            RunFailed: they differ.
        """
        try:
            value = json.loads(answer)
        except ValueError as error:
            raise RunFailed(f"{contender.name} did not respond to {self.name} in JSON: {answer[:200]!r}") from error
        if is_error != (self.handler == "fail") or not RIGHT[self.handler](value, event):
            raise RunFailed(f"{contender.name} responded to {self.name} wrongly: {answer[:200]!r}")


def require_dropping() -> None:
    """Check that the page cache can be dropped.

    Raises:
        Unavailable: it cannot; the message says why.
    """
    if reason := reason_to_keep():
        raise Unavailable(f"the page cache cannot be dropped: {reason}")
