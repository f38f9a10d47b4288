"""The output of `serve`: plain lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..common.tables import escape_unprintable
from ..common.words import count
from .lines import plain_line, say
from .reports import report_fields

if TYPE_CHECKING:
    from ..emulator import Report


@dataclass(frozen=True)
class Served:
    """The served function and its addresses."""

    function_name: str
    handler: str
    endpoint_url: str
    url: str

    def lines(self) -> list[str]:
        """Return the lines that say how to call the function."""
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
    """The environments and the queue at a moment, and counts since the start."""

    environments: int = 0
    busy: int = 0
    queued: int = 0
    invocations: int = 0
    errors: int = 0
    throttles: int = 0


@dataclass(frozen=True)
class InvocationOutcome:
    """The outcome of one invocation; without a report it was not completed."""

    request_id: str
    cold: bool
    error_type: str | None
    report: Report | None


class Display:
    """A display of plain lines: the log, and what the log does not tell.

    Each method may raise OSError when nobody reads the output any longer.
    """

    def serving(self, served: Served) -> None:
        """Show the addresses; callers can connect now."""
        for line in served.lines():
            self.line(line)

    def line(self, line: str) -> None:
        """Show a line of the log."""
        plain_line(line, sys.stdout)

    def figures(self, figures: Figures) -> None:
        """Show current figures, where lines of the log do not get mixed with them."""

    def outcome(self, outcome: InvocationOutcome) -> None:
        """Show an outcome that the log does not tell."""
        if outcome.report is None:
            self.notice(f"No result: {outcome.error_type} RequestId: {outcome.request_id}", "red")

    def reloading(self, paths: Sequence[str]) -> None:
        """Show the files that changed, at most three of them by name."""
        named = ", ".join(map(escape_unprintable, paths[:3]))
        if len(paths) > 3:
            named += f" and {len(paths) - 3} more"
        self.notice(f"Changed: {named}; new invocations start afresh", "cyan")

    def notice(self, text: str, style: str) -> None:
        """Show a line that is not of the log; a terminal shows it in a style of rich."""
        self.line(text)

    def warning(self, text: str) -> None:
        """Show a warning."""
        say(f"warning: {text}")

    def stopped(self, lost: int) -> None:
        """Say how many asynchronous events are lost, after all environments were stopped."""
        self.close()
        if lost:
            self.warning(f"{count(lost, 'asynchronous event')} lost by stopping")

    def close(self) -> None:
        """Restore the terminal, whatever happened before."""


class JsonDisplay(Display):
    """A display of one object a line, each with `time` and `event`.

    Events are serving, log, invocation, reload, warning and stopped.
    """

    def serving(self, served: Served) -> None:
        self._print(
            "serving",
            functionName=served.function_name,
            handler=served.handler,
            endpointUrl=served.endpoint_url,
            functionUrl=served.url,
        )

    def line(self, line: str) -> None:
        self._print("log", line=line)

    def outcome(self, outcome: InvocationOutcome) -> None:
        self._print(
            "invocation",
            requestId=outcome.request_id,
            cold=outcome.cold,
            errorType=outcome.error_type,
            report=None if outcome.report is None else report_fields(outcome.report),
        )

    def reloading(self, paths: Sequence[str]) -> None:
        self._print("reload", paths=list(paths))

    def warning(self, text: str) -> None:
        self._print("warning", text=text)

    def stopped(self, lost: int) -> None:
        self._print("stopped", lostEvents=lost)

    def _print(self, event: str, **fields: Any) -> None:
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"time": time, "event": event, **fields}), flush=True)
