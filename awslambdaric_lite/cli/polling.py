"""The queues of a project: `serve` finds or creates them at an endpoint of SQS, and polls them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..emulator.config.project import Project, QueueSource
from ..emulator.errors import EmulatorError, InvalidSource, QueueUnavailable
from ..emulator.sources.plan import PolledSource, is_aws, plan_polling, sqs_endpoint
from ..emulator.sources.queues import QueueAddress, create_queues, find_queues, queue_name, sqs_client
from .errors import UsageError

if TYPE_CHECKING:
    from ..emulator.project_service import ProjectService
    from ..project.options import ProjectOptions

_RETRY_S = 2.0  # between attempts to find a queue whose endpoint does not answer

Note = Callable[[str], None]


class Polling:
    """Polling of the queues of a project, at the endpoint of the options or of this process's variables.

    Args:
        options: how the project is read; `options` then has the endpoint, and the addresses of the queues.
        poll_aws: logical ids of the sources that are polled at AWS.
        create: whether queues are created at the endpoint.

    Raises:
        UsageError: queues cannot be created, because no local endpoint is known.
    """

    def __init__(self, options: ProjectOptions, poll_aws: Sequence[str], *, create: bool) -> None:
        self._poll_aws = poll_aws
        self._create = create
        self._url = sqs_endpoint(os.environ, options.endpoints)
        self._is_local = not is_aws(self._url)
        if create and not self._is_local:
            raise UsageError("--create-resources needs a local endpoint; name it by --endpoint-url sqs=URL")
        if self._is_local and self._url is not None:
            options = dataclasses.replace(options, endpoints={**options.endpoints, "sqs": self._url})
        self.options = options
        self.warnings: list[str] = []
        self._clients: dict[str | None, Any] = {}
        self._addresses: dict[str, QueueAddress] = {}
        self._searches: list[asyncio.Task[None]] = []

    def connect(self, project: Project) -> bool:
        """Find or create the queues of the template; return whether functions have to be told their addresses."""
        if not project.queues or not self._is_local:
            return False
        try:
            self._addresses = self._look(project)
        except QueueUnavailable as error:
            self.warnings.append(f"{error}; trying again until it answers")
        given = self.options.resources
        found = {key: text for name, at in self._addresses.items() for key, text in _references(name, at).items()}
        self.options = dataclasses.replace(self.options, resources={**found, **given})
        return bool(found)

    def start(self, project: Project, service: ProjectService, note: Note) -> dict[str, str]:
        """Begin to poll; return by logical id why a source is not polled, an empty text if it is.

        Raises:
            UsageError: no source has a logical id of `--poll-aws`.
        """
        sources = [each for each in project.sources if isinstance(each, QueueSource)]
        states: dict[str, str] = {}
        try:
            plans = plan_polling(sources, os.environ, self.options.endpoints, self._poll_aws)
        except InvalidSource as error:
            raise UsageError(f"--poll-aws: {error}") from None
        for plan in plans:
            logical_id = plan.source.logical_id
            if plan.warning:
                self.warnings.append(plan.warning)
            states[logical_id] = plan.obstacle
            if plan.obstacle:
                continue
            address = self._addresses.get(plan.source.queue) if plan.endpoint_url == self._url else None
            if address is not None:
                states[logical_id] = self._poll(project, plan, address, service, note)
                continue
            states[logical_id] = "not polled yet: its queue is looked for"
            search = asyncio.get_running_loop().create_task(self._poll_later(project, plan, service, note))
            self._searches.append(search)
        return states

    async def close(self) -> None:
        """Stop to look for queues; the service closes the pollers."""
        for search in self._searches:
            search.cancel()
        await asyncio.gather(*self._searches, return_exceptions=True)

    def _poll(
        self, project: Project, plan: PolledSource, address: QueueAddress, service: ProjectService, note: Note
    ) -> str:
        """Start a poller; return why that is not possible, or an empty text."""
        try:
            service.poll(plan.source, address, self._client(project, plan.endpoint_url), note)
        except EmulatorError as error:
            self.warnings.append(str(error))
            return f"not polled: {error}"
        return ""

    async def _poll_later(self, project: Project, plan: PolledSource, service: ProjectService, note: Note) -> None:
        """Look for a queue until it is found, then poll it; each reason why it is not is shown once."""
        said = set(self.warnings)
        while True:
            texts: list[str] = []
            try:
                address = await asyncio.to_thread(self._look_for, project, plan, texts.append)
            except QueueUnavailable as error:
                texts.append(f"{error}; trying again until it answers")
                address = None
            if address is not None:
                if reason := self._poll(project, plan, address, service, note):
                    note(reason)
                elif said:
                    note(f"source {plan.source.logical_id} is polled now")
                return
            for text in texts:
                if text not in said:
                    said.add(text)
                    note(text)
            await asyncio.sleep(_RETRY_S)

    def _look(self, project: Project) -> dict[str, QueueAddress]:
        client = self._client(project, self._url)
        if self._create:
            return create_queues(project.queues, client)
        return find_queues({each.logical_id: each.name for each in project.queues}, client, self.warnings.append)

    def _look_for(self, project: Project, plan: PolledSource, note: Note) -> QueueAddress | None:
        key = plan.source.queue
        client = self._client(project, plan.endpoint_url)
        if self._create and plan.endpoint_url is not None and any(each.logical_id == key for each in project.queues):
            return create_queues(project.queues, client)[key]
        name = queue_name(key, project.queues)
        if name is None:
            raise QueueUnavailable(f"the queue {key} is not in the template")
        return find_queues({key: name}, client, note).get(key)

    def _client(self, project: Project, endpoint_url: str | None) -> Any:
        if endpoint_url not in self._clients:
            region = next((each.config.region for each in project.functions), self.options.chosen_region)
            self._clients[endpoint_url] = sqs_client(endpoint_url, region)
        return self._clients[endpoint_url]


def _references(logical_id: str, address: QueueAddress) -> dict[str, str]:
    """Return what `Ref` and `Fn::GetAtt` of a queue are."""
    return {
        logical_id: address.url,
        f"{logical_id}.Arn": address.arn,
        f"{logical_id}.QueueName": address.arn.rpartition(":")[2],
    }
