"""`serve` with a project: its functions, APIs, function URLs and sources, until a signal stops it."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..emulator.config.project import Function, Project
from ..emulator.errors import InvalidFunction, UnknownQualifier
from ..emulator.frontend.local_api import LocalApi
from ..emulator.functions.registry import FunctionEntry
from ..emulator.logs.recent import RecentLines
from ..emulator.project_service import ProjectService
from ..emulator.results import Invocation
from ..project.errors import InvalidProject
from ..project.read import read_project
from .displays import Display
from .errors import UsageError
from .lines import say
from .polling import Polling
from .project_options import read_options
from .served_project import ServedProject
from .serving import Observed, Serving, open_address

if TYPE_CHECKING:
    from ..emulator.watching import Sources

_MAX_PORT = 65535


@dataclass(frozen=True)
class Ports:
    """The address to listen on, the port of the Lambda API, and the first ones of function URLs and of APIs."""

    host: str
    port: int
    url_port: int
    api_port: int


def run(arguments: argparse.Namespace, path: Path | None, display: Display) -> None:
    """Read the project and serve it.

    Raises:
        UsageError: the project or the command line has to be changed; the message says how.
    """
    polling = Polling(read_options(arguments, say), arguments.poll_aws, create=arguments.create_resources)

    def read() -> Project:
        return read_project(path, polling.options)

    try:
        project = read()
    except InvalidProject as error:
        if path is None and " has no project" in str(error):
            raise UsageError(f"{error}, or give the HANDLER of one function, e.g. app.handler") from None
        raise
    if not project.functions:
        for text in project.notes:
            say(f"warning: {text}")
        raise UsageError(f"{path or project.folder} has no function that could be served; add one")
    if polling.connect(project):
        project = read()
    ports = Ports(arguments.host, arguments.port, arguments.url_port, arguments.api_port)
    watch = arguments.watch_ignore if arguments.watch else None

    async def serve() -> None:
        await ProjectServing(project, ports, display, polling, read, watch).run()

    asyncio.run(serve())


class ProjectServing(Serving):
    """A run of `serve` for a project; `read` reads it again, and `ignored` are patterns if its code is watched."""

    def __init__(
        self,
        project: Project,
        ports: Ports,
        display: Display,
        polling: Polling,
        read: Callable[[], Project],
        ignored: list[str] | None,
    ) -> None:
        super().__init__(display)
        self._project = project
        self._ports = ports
        self._polling = polling
        self._read = read
        self._ignored = ignored
        self._observed: dict[str, Observed] = {}
        self._logs: dict[str, RecentLines] = {}
        self._watched: list[_WatchedCode] = []
        self._contents: dict[Path, bytes] = {}  # of the project's own files
        self._failures: list[str] = []
        self._service = ProjectService(project, on_log=self._log, on_invocation=self._observe)
        display.align([each.config.name for each in project.functions])

    async def _serve(self) -> None:
        ports, project = self._ports, self._project
        for name in self._service.functions:
            self._logs[name] = RecentLines()
        endpoint_url = open_address("--port", self._open_endpoint)
        await self._service.start()
        with_urls = [each.config.name for each in project.functions if each.url is not None]
        urls = self._open(
            "--url-port", ports.url_port, {name: partial(self._service.open_url, name) for name in with_urls}
        )
        openers = {api.logical_id: partial(self._service.open_api, api.logical_id) for api in project.apis}
        apis = self._open("--api-port", ports.api_port, openers)
        self._helpers.append(asyncio.create_task(self._tick()))
        if self._ignored is not None:
            self._start_watching(self._ignored)
            await asyncio.sleep(0)  # it watches before the first line says that the project is served
        states = self._polling.start(project, self._service, self._warn)
        served = ServedProject(project, endpoint_url, urls, apis, states)
        self._tell(lambda: self._display.serving(served))
        warnings = [f"{each.config.name}: {text}" for each in project.functions for text in each.config.warnings]
        for text in (*project.notes, *self._failures, *warnings, *self._polling.warnings):
            self._warn(text)
        credentials = any(each.config.aws_credentials for each in project.functions)
        self._warn_of_open_host(ports.host, aws_credentials=credentials)
        await self._stop.wait()

    async def _close(self) -> int:
        await self._polling.close()
        lost = await self._service.close()
        for watched in self._watched:
            watched.sources.close()
        return lost

    def _open(self, option: str, first: int, openers: Mapping[str, Callable[[str, int], str]]) -> dict[str, str]:
        """Open ports, one after the other from the first one on; return the URLs that can be served, by their names."""
        urls: dict[str, str] = {}
        for position, (name, open_it) in enumerate(openers.items()):
            port = first + position if first else 0
            if port > _MAX_PORT:
                raise UsageError(f"{option} {first} leaves no port for {name}; choose a lower one")
            try:
                urls[name] = open_address(option, partial(open_it, self._ports.host, port))
            except (InvalidFunction, UnknownQualifier) as error:
                self._failures.append(f"{name} has no address: {error}")
        return urls

    def _open_endpoint(self) -> str:
        from ..emulator.sources.trigger import SourceTrigger

        trigger = SourceTrigger(self._project, self._service.submit)
        return self._service.open_endpoint(
            self._ports.host, self._ports.port, around=lambda api: LocalApi(api, self._logs, trigger)
        )

    # Changes

    def _start_watching(self, ignored: list[str]) -> None:
        from ..emulator.watching import Sources, changes

        for function, names in _by_code(self._project.functions):
            first, *others = function.sources or (function.config.task_root,)
            sources = Sources(first, [*others, *function.config.layers], ignored)
            watched = _WatchedCode(sources, names, bool(function.sources))
            for name in names:
                self._service.functions[name].host.on_activity = partial(watched.note_activity, name)
            self._watched.append(watched)
        self._contents = {file: file.read_bytes() for file in self._project.files if file.is_file()}
        roots = {*self._contents, *(root for watched in self._watched for root in watched.sources.roots)}
        work = self._watch(changes(sorted(roots), self._stop), self._changed)
        self._helpers.append(asyncio.create_task(work))

    def _changed(self, paths: list[Path]) -> None:
        for watched in self._watched:
            if counted := watched.sources.count(paths):
                self._code_changed(watched, counted)
        self._files_changed([path for path in paths if path in self._contents])

    def _code_changed(self, watched: _WatchedCode, paths: list[Path]) -> None:
        folder = self._project.folder.resolve()
        self._tell(lambda: self._display.reloading([os.path.relpath(path, folder) for path in paths], watched.names))
        new = asyncio.ensure_future(asyncio.to_thread(self._read)) if watched.is_packed else None
        for name in watched.names:
            self._reload(self._reload_function(name, new))

    async def _reload_function(self, name: str, new: asyncio.Future[Project] | None) -> None:
        config = None
        if new is not None:  # its requirements are installed again
            config = next((each.config for each in (await new).functions if each.config.name == name), None)
        await self._service.functions[name].host.reload(config)

    def _files_changed(self, paths: list[Path]) -> None:
        for path in paths:
            try:
                content = path.read_bytes()
            except OSError:
                continue  # it is being replaced
            if self._contents[path] != content:
                self._contents[path] = content
                self._warn(f"{path.name} has changed; restart `awslambdaric-lite serve` to apply it")

    # Output

    def _log(self, name: str, line: str) -> None:
        self._logs.setdefault(name, RecentLines()).add(line)
        self._tell(lambda: self._display.line(line, name))

    def _observe(self, name: str, invocation: Invocation) -> None:
        self._observed_function(name, self._service.functions[name]).observe(invocation)

    def _observed_function(self, name: str, entry: FunctionEntry) -> Observed:
        observed = self._observed.get(name)
        if observed is None or observed.entry is not entry:
            observed = self._observed[name] = Observed(self._tell, self._display, name)
            observed.entry = entry
        return observed

    def _show_figures(self) -> None:
        for name, entry in self._service.functions.items():
            self._observed_function(name, entry).show()


class _WatchedCode:
    """Code that functions share, which is used while one of them runs."""

    def __init__(self, sources: Sources, names: list[str], is_packed: bool) -> None:
        self.sources = sources
        self.names = names
        self.is_packed = is_packed
        self._running: set[str] = set()

    def note_activity(self, name: str, runs: bool) -> None:
        """Note that a function begins or ends to run."""
        before = bool(self._running)
        (self._running.add if runs else self._running.discard)(name)
        if before != bool(self._running):
            self.sources.on_activity(runs)


def _by_code(functions: tuple[Function, ...]) -> Iterator[tuple[Function, list[str]]]:
    """Yield the functions that run, one for each code, with the names of all that share it."""
    groups: dict[tuple[Path, ...], tuple[Function, list[str]]] = {}
    for each in functions:
        if not each.unavailable:
            code = (*(each.sources or (each.config.task_root,)), *each.config.layers)
            groups.setdefault(code, (each, []))[1].append(each.config.name)
    yield from groups.values()
