"""`LocalProject`: the functions of a project as a synchronous object."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .config.project import Project
from .functions.limits import ACCOUNT_CONCURRENCY
from .functions.registry import FunctionEntry
from .local_function import LocalFunction
from .loop_thread import LoopThread, closed
from .project_service import ProjectService
from .results import InvokeResult


class LocalProject:
    """A project whose functions can be invoked inside a `with` block, from any thread.

    `on_log` gets a function's name and a line of its log, from another thread. `account_concurrency` is the limit of
    all functions together.

    Raises:
        InvalidFunction: the functions do not fit together, e.g. two have the same name.
    """

    def __init__(
        self,
        project: Project,
        *,
        on_log: Callable[[str, str], None] | None = None,
        account_concurrency: int = ACCOUNT_CONCURRENCY,
    ) -> None:
        self.project = project
        self._settings: dict[str, Any] = {"on_log": on_log, "account_concurrency": account_concurrency}
        self._loop = LoopThread("LocalProject")
        self._running: ProjectService | None = None
        ProjectService(project, **self._settings)  # raises
        for function in project.functions:
            for text in function.config.warnings:
                warnings.warn(f"{function.config.name}: {text}", stacklevel=2)

    def __enter__(self) -> LocalProject:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Prepare for invocations; the first one of a function starts its runtime."""
        if self._running is None:
            service = ProjectService(self.project, **self._settings)
            self._loop.start(service.start(), service.close)
            self._running = service

    def close(self) -> None:
        """Kill every process, remove every file and fail every invocation that still waits.

        Asynchronous events that are not complete are lost, with a `ResourceWarning`.
        """
        service, self._running = self._running, None
        if service is not None and (lost := self._loop.stop(service.close())):
            warnings.warn(f"{lost} asynchronous events were lost by closing", ResourceWarning, stacklevel=2)

    def function(self, name: str) -> LocalFunction:
        """Return a function, which has the methods of `LocalLambda` for invocations and environments.

        Raises:
            UnknownFunction: the project does not have it.
            LocalLambdaClosed: the project was not started, or closed meanwhile.
        """
        self._service.function(name)
        return _Function(self._loop, lambda: self._service.function(name))

    def invoke(self, name: str, event: object = None, **how: Any) -> InvokeResult:
        """Invoke a function and wait for its response; `how` has the arguments of `LocalLambda.invoke`.

        Raises:
            UnknownFunction: the project does not have it.
            FunctionUnavailable: the function cannot run here.
            EventTooLarge, LocalLambdaClosed, TooManyRequests, UnknownQualifier, TypeError: as `LocalLambda.invoke`.
        """
        return self.function(name).invoke(event, **how)

    @property
    def endpoint_url(self) -> str:
        """The URL for SDKs: `boto3.client("lambda", endpoint_url=...)`; its port is opened on first use."""
        return self._loop.do(self._service.open_endpoint)

    def url(self, name: str) -> str:
        """Return the URL of a function, with a trailing slash; its port is opened on first use.

        Raises:
            UnknownFunction: the project does not have it.
        """
        return self._loop.do(lambda: self._service.open_url(name))

    def api_url(self, logical_id: str) -> str:
        """Return the URL of an API, without a trailing slash; its port is opened on first use.

        Raises:
            EmulatorError: the project does not have that API.
        """
        return self._loop.do(lambda: self._service.open_api(logical_id))

    @property
    def _service(self) -> ProjectService:
        if self._running is None:
            raise closed("LocalProject")
        return self._running


class _Function(LocalFunction):
    """A function of a running project."""

    def __init__(self, loop: LoopThread, entry: Callable[[], FunctionEntry]) -> None:
        super().__init__(loop)
        self._find = entry

    @property
    def _entry(self) -> FunctionEntry:
        return self._find()
