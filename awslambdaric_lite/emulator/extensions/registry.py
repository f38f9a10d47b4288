"""The extensions and their states, as the classic Extensions API keeps them. No I/O.

Names of states and errors, and their texts, are those of the Runtime API's open server.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

MAX_EXTENSIONS = 10
IDENTIFIER = "Lambda-Extension-Identifier"
INVOKE = "INVOKE"
SHUTDOWN = "SHUTDOWN"


class State(Enum):
    """The states, by the names that refusals and telemetry quote."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    EXITED = "Exited"
    LAUNCH_ERROR = "LaunchError"


class ExtensionRefused(Exception):
    """The API refuses a request with 403, this type and message."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


@dataclass(eq=False)
class Extension:
    """One extension; an internal one is part of the runtime process, an external one has its own."""

    name: str
    external: bool
    state: State = State.STARTED
    events: tuple[str, ...] = ()
    error_type: str | None = None
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))

    def register(self, events: Sequence[str]) -> None:
        """Subscribe to events.

        Raises:
            ExtensionRefused: the extension is registered already.
        """
        self._move({State.STARTED}, State.REGISTERED, State.REGISTERED, self.name)
        self.events = tuple(dict.fromkeys(events))

    def ask(self) -> None:
        """Record that the extension waits for its next event.

        Raises:
            ExtensionRefused: another request of it waits, or it has reported its exit.
        """
        self._move({State.REGISTERED, State.RUNNING}, State.READY, State.READY)

    def fail_init(self, error_type: str) -> None:
        """Record that the extension cannot start; only the first report counts.

        Raises:
            ExtensionRefused: the init of the extension is over.
        """
        if self.state is not State.INIT_ERROR:
            self._move({State.REGISTERED}, State.INIT_ERROR, State.INIT_ERROR)
            self.error_type = error_type

    def fail(self, error_type: str) -> None:
        """Record that the extension is about to exit; only the first report counts.

        Raises:
            ExtensionRefused: the extension is not registered.
        """
        if self.state is not State.EXIT_ERROR:
            # The open server names a target that is not the following state.
            self._move({State.REGISTERED, State.READY, State.RUNNING}, State.EXIT_ERROR, State.EXITED)
            self.error_type = error_type

    def _move(self, allowed: set[State], to: State, named: State, name: str | None = None) -> None:
        if self.state not in allowed:
            raise ExtensionRefused(
                "Extension.InvalidExtensionState",
                f"State transition from {self.state.value} to {named.value} failed for extension "
                f"{name or self.identifier}. Error: State transition is not allowed",
            )
        self.state = to


class ExtensionRegistry:
    """The extensions of an execution environment, from its init to its reset.

    `managed` is an environment with concurrent invocations, which no extension receives.
    """

    def __init__(self, *, managed: bool = False) -> None:
        self._managed = managed
        self._external: dict[str, Extension] = {}
        self._internal: dict[str, Extension] = {}
        self._closed = False

    def __iter__(self) -> Iterator[Extension]:
        """Return all extensions, the external ones first."""
        yield from self._external.values()
        yield from self._internal.values()

    def __len__(self) -> int:
        return len(self._external) + len(self._internal)

    def launch(self, name: str) -> Extension:
        """Add an external extension, whose process is about to start."""
        extension = self._external[name] = Extension(name, external=True)
        return extension

    @property
    def all_registered(self) -> bool:
        """Whether every external extension has registered, which the runtime waits for."""
        return all(extension.state is not State.STARTED for extension in self._external.values())

    def register(self, name: str, events: Sequence[str]) -> Extension:
        """Register an external extension by the name of its program; any other name is an internal extension.

        Raises:
            ExtensionRefused: the name, an event or the moment is wrong.
        """
        external = self._external.get(name)
        if events and external is None and self._managed:
            raise ExtensionRefused("Extension.InvalidEventType", "No events allowed for internal extensions")
        for event in events:
            _check_event(event, (SHUTDOWN,) if self._managed else (INVOKE, SHUTDOWN), internal=external is None)
        extension = external or self._new_internal(name)
        extension.register(events)
        if external is None:
            self._internal[name] = extension
        return extension

    def close(self) -> None:
        """Close the registration, because the runtime is up."""
        self._closed = True

    def find(self, identifier: str, unknown: str = f"Unknown {IDENTIFIER}") -> Extension:
        """Return the extension with an identifier, which replaces `{}` in `unknown`, the message of a refusal.

        Raises:
            ExtensionRefused: no extension has it.
        """
        for extension in self:
            if extension.identifier == identifier:
                return extension
        raise ExtensionRefused("Extension.UnknownExtensionIdentifier", unknown.format(identifier))

    def _new_internal(self, name: str) -> Extension:
        if self._closed:
            raise ExtensionRefused("Extension.RegistrationClosed", "Extension registration closed already")
        if len(self) >= MAX_EXTENSIONS:
            raise ExtensionRefused("Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached")
        if name in self._internal:
            raise ExtensionRefused("Extension.InvalidExtensionState", "Extension with this name already registered")
        return Extension(name, external=False)


def _check_event(event: str, known: Sequence[str], *, internal: bool) -> None:
    if event not in known:
        raise ExtensionRefused("Extension.InvalidEventType", f"{event}: ErrorInvalidEventType")
    if internal and event == SHUTDOWN:
        raise ExtensionRefused("Extension.InvalidEventType", f"{event}: ShutdownEventNotSupportedForInternalExtension")


def parse_identifier(header: str | None) -> str:
    """Return the identifier of a request, in its usual form.

    Raises:
        ExtensionRefused: the header is missing or invalid.
    """
    if not header:
        raise ExtensionRefused("Extension.MissingExtensionIdentifier", f"Missing {IDENTIFIER} header")
    try:
        return str(uuid.UUID(header))
    except ValueError:
        raise ExtensionRefused("Extension.InvalidExtensionIdentifier", f"Invalid {IDENTIFIER}") from None
