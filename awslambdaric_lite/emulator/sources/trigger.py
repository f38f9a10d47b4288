"""An event by hand for the function of a source, and what the source would make of the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ...common import json_text
from ...common.words import shorten_list
from ..config.project import OtherSource, Project, QueueSource
from ..frontend.requests import new_trace_id
from ..results import Invocation, SubmitTo
from .batches import failed_ids
from .patterns import compile_filters

_NAMED = 20  # sources in a message


class SourceTrigger:
    """Trigger of the sources of a project; an instance is called with a name and an event."""

    def __init__(self, project: Project, submit: SubmitTo) -> None:
        self._sources = project.sources
        self._submit = submit

    async def __call__(self, name: str, event: bytes) -> dict[str, Any]:
        """Invoke the function of a source; return what happened.

        Args:
            name: the logical id of the source, or the name of a function with one source.
            event: JSON; of a queue the batch, whose messages have to match the source's filters.

        Raises:
            LookupError: no source has this name, or several have.
        """
        source = self._find(name)
        outcome: dict[str, Any] = {
            "source": source.logical_id,
            "function": source.function,
            "requestId": None,
            "payload": None,
            "error": None,
            "items": None,
            "failedItems": None,
            "note": "",
        }
        read = None
        if isinstance(source, QueueSource) and (records := _records(event)) is not None:
            matching = _matching(source, records)
            if len(matching) < len(records):
                outcome["note"] = f"{len(records) - len(matching)} of {len(records)} messages do not match the filters"
                event = json_text.compact({"Records": matching}, ascii_only=True).encode()
            outcome["items"] = len(matching)
            if not matching:
                outcome["note"] = outcome["note"] or "the batch has no messages"
                return outcome
            if source.report_batch_item_failures:
                sent = {str(record.get("messageId")) for record in matching}
                read = lambda payload: failed_ids(payload, sent)  # noqa: E731 -- one of several readers
        qualifier = source.qualifier if isinstance(source, QueueSource) else None
        await self._invoke(source, qualifier, event, outcome, read)
        return outcome

    async def _invoke(
        self,
        source: QueueSource | OtherSource,
        qualifier: str | None,
        event: bytes,
        outcome: dict[str, Any],
        read_failed: Callable[[bytes], set[str]] | None,
    ) -> None:
        invocation = Invocation(event, trace_id=new_trace_id())
        self._submit(source.function, qualifier, invocation)
        result = await asyncio.wrap_future(invocation.answered)
        outcome["requestId"] = invocation.request_id
        try:
            outcome["payload"] = json_text.parse(result.payload)
        except ValueError:
            outcome["payload"] = result.payload.decode("utf-8", "replace")
        if result.error is not None:
            named = outcome["payload"].get("errorType") if isinstance(outcome["payload"], dict) else None
            outcome["error"] = str(named or result.error_type)
        elif read_failed is not None:
            try:
                outcome["failedItems"] = sorted(read_failed(result.payload))
            except ValueError as error:
                outcome["error"] = f"the whole batch has failed: {error}"

    def _find(self, name: str) -> QueueSource | OtherSource:
        of_name = [each for each in self._sources if each.logical_id == name]
        found = of_name or [each for each in self._sources if each.function == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise LookupError(f"{name} has several sources; choose one of: {_ids(found)}")
        known = _ids(self._sources)
        raise LookupError(f"no source and no function with one source has the name {name}; sources: {known}")


def _ids(sources: Sequence[QueueSource | OtherSource]) -> str:
    return shorten_list([each.logical_id for each in sources], _NAMED) or "none"


def _records(event: bytes) -> list[dict[str, Any]] | None:
    """Return the messages of a batch; None for an event that is not one."""
    value = json_text.parse(event.decode("utf-8-sig"))
    records = value.get("Records") if isinstance(value, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        return None
    return records


def _matching(source: QueueSource, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    patterns = compile_filters(source.filters)
    return [record for record in records if not patterns or any(pattern.matches(record) for pattern in patterns)]
