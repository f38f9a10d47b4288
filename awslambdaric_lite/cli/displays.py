"""The output of `serve`: plain lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

from ..common.tables import escape_unprintable
from ..common.words import count, shorten_list
from .lines import plain_line, say
from .reports import report_fields

if TYPE_CHECKING:
    from ..emulator import Report

_WIDEST = 24  # characters of a function's name, behind which lines are aligned


@dataclass(frozen=True)
class ServedFunction:
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

    def fields(self) -> dict[str, Any]:
        """Return the same for machines."""
        return {
            "functionName": self.function_name,
            "handler": self.handler,
            "endpointUrl": self.endpoint_url,
            "functionUrl": self.url,
        }


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


class Served(Protocol):
    """What is served, and the addresses."""

    def lines(self) -> list[str]:
        """Return the lines that say how to call it, a title first."""
        ...

    def fields(self) -> dict[str, Any]:
        """Return the same for machines."""
        ...


class Display:
    """A display of plain lines: the log, and what the log does not tell.

    In a project, methods get the name of the function. Each method may raise OSError when nobody reads the output any
    longer.
    """

    _width = 0  # of the names before lines

    def serving(self, served: Served) -> None:
        """Show the addresses; callers can connect now."""
        for line in served.lines():
            self.line(line)

    def align(self, names: Sequence[str]) -> None:
        """Take note of the names of functions that lines begin with."""
        self._width = min(max(map(len, names), default=0), _WIDEST)

    def line(self, line: str, function: str = "") -> None:
        """Show a line of the log."""
        plain_line(line, sys.stdout, self._prefix(function))

    def figures(self, figures: Figures, function: str = "") -> None:
        """Show current figures, where lines of the log do not get mixed with them."""

    def outcome(self, outcome: InvocationOutcome, function: str = "") -> None:
        """Show an outcome that the log does not tell."""
        if outcome.report is None:
            prefix = self._prefix(function)
            self.notice(f"{prefix}No result: {outcome.error_type} RequestId: {outcome.request_id}", "red")

    def reloading(self, paths: Sequence[str], functions: Sequence[str] = ()) -> None:
        """Show the files that changed, at most three of them by name."""
        named = shorten_list([escape_unprintable(path) for path in paths], 3)
        whose = f" of {shorten_list(functions, 3)}" if functions else ""
        self.notice(f"Changed: {named}; new invocations{whose} start afresh", "cyan")

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

    def _prefix(self, function: str) -> str:
        return f"{function:{self._width}} | " if function else ""


class JsonDisplay(Display):
    """A display of one object a line, each with `time` and `event`.

    Events are serving, log, invocation, reload, warning and stopped.
    """

    def serving(self, served: Served) -> None:
        self._print("serving", **served.fields())

    def line(self, line: str, function: str = "") -> None:
        self._print("log", **_of(function), line=line)

    def outcome(self, outcome: InvocationOutcome, function: str = "") -> None:
        self._print(
            "invocation",
            **_of(function),
            requestId=outcome.request_id,
            cold=outcome.cold,
            errorType=outcome.error_type,
            report=None if outcome.report is None else report_fields(outcome.report),
        )

    def reloading(self, paths: Sequence[str], functions: Sequence[str] = ()) -> None:
        self._print("reload", paths=list(paths), **({"functions": list(functions)} if functions else {}))

    def warning(self, text: str) -> None:
        self._print("warning", text=text)

    def stopped(self, lost: int) -> None:
        self._print("stopped", lostEvents=lost)

    def _print(self, event: str, **fields: Any) -> None:
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"time": time, "event": event, **fields}), flush=True)


def _of(function: str) -> dict[str, str]:
    return {"function": function} if function else {}
