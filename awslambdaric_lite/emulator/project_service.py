"""The functions of a project and their front ends in one event loop; `LocalProject` and `serve` use it.

A function has processes and files only once it is used, unless it has provisioned environments or published versions.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.regions import ACCOUNT, users_region
from .config.project import Function, Project, QueueSource, Url
from .errors import EmulatorError, InvalidFunction, UnknownFunction, UnknownQualifier
from .functions.limits import ACCOUNT_CONCURRENCY, AccountConcurrency
from .functions.records import Layers, ProjectFunction
from .functions.registry import Registry
from .functions.versions import AliasTarget
from .functions.workspace import Workspace
from .host import FunctionHost
from .logs.timestamps import now
from .results import Invocation
from .service import LOOPBACK, ClosingApplication, Listeners

if TYPE_CHECKING:
    from .sources.queue_poller import QueuePoller
    from .sources.queues import QueueAddress

# Where a process of this machine reaches a listener on every address.
_EVERY_ADDRESS = {"0.0.0.0": LOOPBACK, "[::]": "[::1]"}  # nosec B104


class ProjectService:
    """Service of a project from `start` to `close`; all calls come from the event loop in which it was started.

    `on_log` gets a function's name and a line of its log, `on_invocation` a name and each invocation of the function.
    `account_concurrency` is the limit of all functions together. The functions get the Lambda API's URL in
    `AWS_ENDPOINT_URL_LAMBDA`, unless they set that variable; call `open_endpoint` before `start` to choose its address.

    Raises:
        InvalidFunction: two functions have the same name, or a version or an alias cannot exist.
    """

    def __init__(
        self,
        project: Project,
        *,
        on_log: Callable[[str, str], None] | None = None,
        on_invocation: Callable[[str, Invocation], None] | None = None,
        account_concurrency: int = ACCOUNT_CONCURRENCY,
        allow_hosts: Sequence[str] = (),
    ) -> None:
        self.project = project
        first = project.functions[0].config if project.functions else None
        self.functions: Registry[ProjectFunction] = Registry(
            first.region if first is not None else users_region(), first.account if first is not None else ACCOUNT
        )
        self.account = AccountConcurrency(account_concurrency)
        self._on_log = on_log
        self._on_invocation = on_invocation
        self.workspace = Workspace()
        """The folder of all files."""
        self.created = now()
        self.layers = Layers(self.functions.region, self.functions.account)
        self._numbers = itertools.count()
        self.queue_arns: dict[str, str] = {}
        """The ARNs of polled queues, by what their sources call them."""
        self._pollers: dict[asyncio.Task[None], QueuePoller] = {}
        self._leaving: dict[asyncio.Task[None], ProjectFunction] = {}  # removed functions that complete invocations
        self._listeners = Listeners(
            [*allow_hosts, *(name for each in project.functions for name in each.config.allow_hosts)]
        )
        for function in project.functions:
            self.add(function)

    def number(self) -> int:
        """Return a number that no other file of the workspace has in its name."""
        return next(self._numbers)

    def add(self, described: Function) -> ProjectFunction:
        """Add a function; it can be invoked now.

        Raises:
            InvalidFunction: the name exists already.
        """
        name = described.config.name
        if name in self.functions:
            raise InvalidFunction(f"two functions have the name {name}; rename one")
        host = FunctionHost(
            described.config,
            None if self._on_log is None else partial(self._on_log, name),
            None if self._on_invocation is None else partial(self._on_invocation, name),
            workspace=Workspace(self.workspace, f"function-{self.number()}"),
            variables=self._variables,
            account=self.account,
            unavailable=described.unavailable,
        )
        for alias in described.aliases:
            host.versions.aliases[alias.name] = AliasTarget(alias.version, alias.weights, alias.provisioned)
        provisioned, reserved = sum(host.versions.provisioned.values()), described.reserved_concurrency
        if reserved is not None and reserved < provisioned:
            raise InvalidFunction(
                f"function {name} has {provisioned} provisioned environments and reserves a concurrency of {reserved}; "
                "raise the latter"
            )
        for layer in described.config.layers:
            self.layers.arn(Path(layer))
        entry = self.functions[name] = ProjectFunction(described, host)
        self.reserve(entry, reserved)
        return entry

    def remove(self, entry: ProjectFunction) -> None:
        """Remove a function; its invocations complete, its waiting events are lost."""
        name = entry.function.name
        del self.functions[name]
        self.account.reserved.pop(name, None)
        entry.host.unavailable = f"function {name} was deleted"

        async def finish() -> None:
            await entry.queue.close()
            await entry.host.finish()
            await entry.close()
            await self._listeners.close_one(entry)

        task = asyncio.get_running_loop().create_task(finish())
        self._leaving[task] = entry
        task.add_done_callback(lambda done: self._leaving.pop(task))

    def reserve(self, entry: ProjectFunction, reserved: int | None) -> None:
        """Change the reserved concurrency of a function; None reserves nothing."""
        name = entry.function.name
        self.account.reserved.pop(name, None)
        if reserved is not None:
            self.account.reserved[name] = reserved
        entry.host.pool.limited_by = "account" if reserved is None else "function"
        provisioned = sum(entry.host.versions.provisioned.values())
        entry.host.pool.set_limit(max(entry.function.concurrency, provisioned) if reserved is None else reserved)

    async def start(self) -> None:
        """Copy the code of published versions, and wait for the provisioned environments.

        A function for which that fails is unavailable; the others run.
        """
        await asyncio.gather(*(self._start(entry) for entry in self.functions.values()))

    async def _start(self, entry: ProjectFunction) -> None:
        host = entry.host
        if host.unavailable:
            return
        targets = (target for alias in entry.described.aliases for target in (alias.version, *alias.weights))
        named = (target for target in targets if target.isdecimal())
        try:
            for number in sorted({*entry.described.versions, *named}, key=int):
                await entry.publish(number)
            if host.versions.provisioned:
                await host.start()
        except (EmulatorError, OSError) as error:
            host.unavailable = f"function {entry.function.name} cannot run: {error}"
            host.note(host.unavailable)

    def poll(self, source: QueueSource, queue: QueueAddress, client: Any, note: Callable[[str], None]) -> QueuePoller:
        """Poll a queue until `close`; `client` is one of boto3 for SQS, and `note` receives lines for people.

        Raises:
            InvalidSource: AWS would refuse a setting or a filter.
            UnknownFunction: the project does not have the function of the source.
        """
        from .sources.queue_poller import QueuePoller

        timeout_s = self.function(source.function).function.timeout_s
        poller = QueuePoller(source, *queue, client, self.submit, note, function_timeout_s=timeout_s)
        self._pollers[asyncio.get_running_loop().create_task(poller.run())] = poller
        self.queue_arns[source.queue] = queue.arn
        return poller

    async def close(self) -> int:
        """Close everything; return the number of asynchronous events that are lost."""
        await asyncio.gather(*(poller.close() for poller in self._pollers.values()))
        await asyncio.gather(*self._pollers, return_exceptions=True)
        entries = (*self.functions.values(), *self._leaving.values())
        for task in list(self._leaving):
            task.cancel()
        lost = sum(await asyncio.gather(*(entry.close() for entry in entries)))
        await self._listeners.close()
        self.workspace.close()
        return lost

    def submit(self, name: str, qualifier: str | None, invocation: Invocation) -> None:
        """Run an invocation of a function; its futures receive the outcome (`SubmitTo`)."""
        try:
            host = self.function(name).host
            invocation.version, invocation.arn = host.versions.resolve(qualifier)
        except (UnknownFunction, UnknownQualifier) as error:
            invocation.abandon(error)
        else:
            host.submit(invocation)

    def function(self, name: str) -> ProjectFunction:
        """Return a function.

        Raises:
            UnknownFunction: the project does not have it.
        """
        if name not in self.functions:
            known = ", ".join(self.functions) or "none"
            raise UnknownFunction(f"the project has no function {name}; it has: {known}")
        return self.functions[name]

    def open_endpoint(
        self,
        address: str = LOOPBACK,
        port: int = 0,
        around: Callable[[ClosingApplication], ClosingApplication] = lambda api: api,
    ) -> str:
        """Open the Lambda API and return its URL; a second call returns the same URL.

        Args:
            address: address to listen on.
            port: 0 selects a free one.
            around: returns the application that serves the port, and leaves requests to the Lambda API.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
        """
        from .frontend.control_api import LambdaApi

        return self._listeners.open(self, lambda: around(LambdaApi(self)), address, port)

    def open_url(self, name: str, address: str = LOOPBACK, port: int = 0) -> str:
        """Open the URL of a function and return it; a second call returns the same URL.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
            UnknownFunction: the project does not have that function.
            UnknownQualifier: the URL's version or alias does not exist.
        """
        from .frontend.url import FunctionUrl

        entry = self.function(name)
        url = entry.described.url or Url()

        def application() -> FunctionUrl:
            return FunctionUrl(entry.host, invoke_mode=url.invoke_mode, qualifier=url.qualifier, cors=url.cors)

        return self._listeners.open(entry, application, address, port) + "/"

    def open_api(self, logical_id: str, address: str = LOOPBACK, port: int = 0) -> str:
        """Open an API and return the URL before its paths; a second call returns the same URL.

        Raises:
            AddressUnavailable: the address cannot be opened for listening.
            EmulatorError: the project does not have that API.
            InvalidFunction: two of its routes are alike, or one is malformed.
        """
        from .gateway.api import ApiGateway

        api = next((each for each in self.project.apis if each.logical_id == logical_id), None)
        if api is None:
            known = ", ".join(each.logical_id for each in self.project.apis) or "none"
            raise EmulatorError(f"the project has no API {logical_id}; it has: {known}")
        place = self.functions
        gateway = ApiGateway(api, self.submit, region=place.region, account=place.account)
        return self._listeners.open(("api", logical_id), lambda: gateway, address, port) + gateway.base_path

    def _variables(self) -> Mapping[str, str]:
        scheme, _, address = self.open_endpoint().partition("://")
        host, _, port = address.rpartition(":")
        return {"AWS_ENDPOINT_URL_LAMBDA": f"{scheme}://{_EVERY_ADDRESS.get(host, host)}:{port}"}
