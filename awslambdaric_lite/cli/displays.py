"""How `serve` tells what it does: plain lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

from .lines import plain_line
from .reports import report_fields

if TYPE_CHECKING:
    from ..emulator import Report


@dataclass(frozen=True)
class Served:
    """What is served, and where."""

    function_name: str
    handler: str
    endpoint_url: str
    url: str

    def lines(self) -> list[str]:
        """How to call it."""
        path = f"2015-03-31/functions/{self.function_name}/invocations"
        return [
            f"Serving {self.handler} as {self.function_name} until Ctrl-C",
            f"  Lambda API    {self.endpoint_url}",
            f"  function URL  {self.url}",
            "Call it with",
            f"  aws lambda invoke --endpoint-url {self.endpoint_url} --function-name {self.function_name} "
            "--cli-binary-format raw-in-base64-out --payload '{}' /dev/stdout",
            f'  boto3.client("lambda", endpoint_url="{self.endpoint_url}")'
            f'.invoke(FunctionName="{self.function_name}", Payload=b"{{}}")',
            f"  curl {self.endpoint_url}/{path} -d '{{}}'",
            f"  curl {self.url}",
        ]


@dataclass(frozen=True)
class Figures:
    """What goes on at a moment, and what has gone on since the start."""

    environments: int
    busy: int
    queued: int
    invocations: int
    errors: int
    throttles: int


@dataclass(frozen=True)
class Outcome:
    """What became of one invocation; without a report it did not come to an end."""

    request_id: str
    cold: bool
    error_type: str | None
    report: Report | None


class Display(Protocol):
    """What `serve` has to tell. Each method may raise OSError when nobody reads any longer."""

    def serving(self, served: Served) -> None:
        """Callers may come."""

    def line(self, line: str) -> None:
        """A line of log."""

    def figures(self, figures: Figures) -> None:
        """What goes on now, which may be what went on before."""

    def outcome(self, outcome: Outcome) -> None:
        """An invocation is complete, or never will be."""

    def reloading(self, paths: Sequence[str]) -> None:
        """These files have changed."""

    def warning(self, text: str) -> None:
        """Something that the user should know."""

    def stopped(self, lost: int) -> None:
        """Nothing runs any more; so many asynchronous events are lost by that."""

    def close(self) -> None:
        """The last call, in any case."""


class PlainDisplay:
    """The log, line by line, and what else there is to say between the lines."""

    def serving(self, served: Served) -> None:
        for line in served.lines():
            self.line(line)

    def line(self, line: str) -> None:
        plain_line(line, sys.stdout)

    def figures(self, figures: Figures) -> None:
        """Nothing: they would be between any two lines."""

    def outcome(self, outcome: Outcome) -> None:
        """Only what the log does not tell."""
        if outcome.report is None:
            self.line(f"No result: {outcome.error_type} RequestId: {outcome.request_id}")

    def reloading(self, paths: Sequence[str]) -> None:
        self.line(reload_line(paths))

    def warning(self, text: str) -> None:
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def stopped(self, lost: int) -> None:
        if lost:
            self.warning(f"{lost} asynchronous events were lost by stopping")

    def close(self) -> None:
        """Nothing is left to do."""


class JsonDisplay:
    """One object a line, each with `time` and `event`: serving, log, invocation, reload, warning, stopped."""

    def serving(self, served: Served) -> None:
        self._tell(
            "serving",
            functionName=served.function_name,
            handler=served.handler,
            endpointUrl=served.endpoint_url,
            functionUrl=served.url,
        )

    def line(self, line: str) -> None:
        self._tell("log", line=line)

    def figures(self, figures: Figures) -> None:
        """Nothing: they follow from the other events."""

    def outcome(self, outcome: Outcome) -> None:
        self._tell(
            "invocation",
            requestId=outcome.request_id,
            cold=outcome.cold,
            errorType=outcome.error_type,
            report=None if outcome.report is None else report_fields(outcome.report),
        )

    def reloading(self, paths: Sequence[str]) -> None:
        self._tell("reload", paths=list(paths))

    def warning(self, text: str) -> None:
        self._tell("warning", text=text)

    def stopped(self, lost: int) -> None:
        self._tell("stopped", lostEvents=lost)

    def close(self) -> None:
        """Nothing is left to do."""

    def _tell(self, event: str, **fields: Any) -> None:
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"time": time, "event": event, **fields}), flush=True)


def reload_line(paths: Sequence[str]) -> str:
    """Which files changed, but not all of many."""
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return f"Changed: {named}; new invocations start afresh"
