"""What the function is: its settings, checked once, and the command line that runs it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from ...protocol.replies import MAX_PAYLOAD as MAX_PAYLOAD
from ..errors import InvalidFunction, UnknownQualifier
from ..http.exchange import Framing
from ..logs.levels import ApplicationLevel, LogFormat, SystemLevel
from .checks import check_customer_variables, check_layers, check_logging
from .managed import MAX_MEMORY_MB, managed_defaults

ACCOUNT = "012345678912"
LATEST = "$LATEST"
_NO_LIMIT_S = 365 * 86400.0  # a deadline for those who take their time

# Source: the Lambda API reference, `CreateAlias` (a name that is all digits would look like a version).
_ALIAS = re.compile(r"(?!\d+$)[A-Za-z0-9_-]{1,128}")
_VERSION = re.compile(r"\$LATEST|\d+")


@dataclass(frozen=True)
class ApiOptions:
    """Which of its variants the Runtime API shows, to test clients against each."""

    event_framing: Framing = "auto"
    """`auto` declares a length up to 2048 bytes and is chunked above, as a Go server does; or always one of the two."""
    empty_headers: bool = False
    """Send client context, identity and trace headers even when empty, as Managed Instances do."""
    invocation_ids: bool = False
    """Send `Lambda-Runtime-Invocation-Id` with each attempt and answer a stale one with 410."""
    stream_bytes_per_s: float | None = 2 * 1024 * 1024
    """How fast a streamed response is taken from the runtime after the first 6 MiB; None is as fast as it is read."""
    record_requests: bool = False
    """Keep every request in `ExecutionEnvironment.requests`, bodies included."""


@dataclass(frozen=True)
class FunctionConfig:
    """The settings of one function.

    Raises:
        InvalidFunction: a setting is outside of what Lambda takes.
    """

    handler: str
    task_root: Path = Path()
    name: str = "function"
    memory_mb: int = 128
    timeout_s: float = 3.0
    init_timeout_s: float = 10.0
    concurrency: int = 10
    """So many environments at most."""
    managed_concurrency: int | None = None
    """Run the function as Lambda Managed Instances do, with so many invocations at once in each environment
    (`PerExecutionEnvironmentMaxConcurrency`): logs are JSON, nothing is frozen, memory is 2048 MB and an init has 130 s
    unless set otherwise. None is an ordinary function, with one invocation at a time."""
    region: str = "us-east-1"
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Which version each alias stands for; the versions are known by that, too."""
    provisioned: int = 0
    """So many environments are started ahead and never scaled in."""
    idle_timeout_s: float = 300.0
    freeze: bool = True
    """Stop the processes (`SIGSTOP`) between invocations."""
    repeat_failed_init: bool = True
    """Repeat an init that failed or took too long inside of the invocation, on the function's time, as AWS does."""
    snap_start: bool = False
    """Let the runtime wait in `restore/next` when its init is done, and restore it for its first invocation."""
    runtime: Sequence[str] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_env: Sequence[str] = ()
    """Names of variables of this process that the function is to have, too, where they are set."""
    aws_credentials: bool = False
    """Let the function use the credentials of whoever runs it, in place of worthless ones."""
    enforce_memory: bool = True
    """Kill the processes when they have more than `memory_mb` resident."""
    private_tmp: bool | None = None
    """Mount each environment's own folder on `/tmp`, which costs a cold start some 4 ms; None: where that can be done,
    which is where this process may mount and nothing that the function needs lies there. `TMPDIR` is always set."""
    layers: Sequence[Path] = ()
    """Folders or zip files for `/opt`, later ones over earlier ones; their `extensions` are started, too."""
    log_format: LogFormat = "Text"
    log_level: ApplicationLevel | None = None
    """Of the function's own logs; as on AWS only with logs in JSON format, where it is INFO unless given."""
    system_log_level: SystemLevel | None = None
    """Of the platform's events, likewise."""
    telemetry_log_fd: bool = False
    """Hand the runtime a descriptor for its logs (`_LAMBDA_TELEMETRY_LOG_FD`), as managed runtimes have."""
    extensions: Sequence[Path] = ()
    """Programs of external extensions; each is known by the name of its file."""
    debug: bool = False
    """For a person with a debugger: nothing ever times out, there is one environment, never frozen, and its process has
    the standard input and the standard error (as its output, too) of this one, for `breakpoint()`."""
    api: ApiOptions = ApiOptions()

    def __post_init__(self) -> None:
        object.__setattr__(self, "task_root", Path(self.task_root).absolute())
        if self.managed_concurrency is not None:
            for name, value in managed_defaults(vars(self), {each.name: each.default for each in fields(self)}).items():
                object.__setattr__(self, name, value)
        if not self.handler:
            raise InvalidFunction("the handler is empty; give it as module.function, such as app.handler")
        if not self.task_root.is_dir():
            raise InvalidFunction(f"task root {self.task_root} is not a directory; give the folder of the function")
        if not 0 < self.timeout_s <= 900:
            raise InvalidFunction(f"timeout {self.timeout_s:g} s is out of range; Lambda takes up to 900 s")
        most_mb = 10240 if self.managed_concurrency is None else MAX_MEMORY_MB
        if not 128 <= self.memory_mb <= most_mb:
            raise InvalidFunction(f"memory {self.memory_mb} MB is out of range; Lambda takes 128 to {most_mb} MB")
        if self.concurrency < 1:
            raise InvalidFunction(f"concurrency {self.concurrency} is out of range; it is 1 or more")
        if not 0 <= self.provisioned <= self.concurrency:
            raise InvalidFunction(f"provisioned {self.provisioned} is out of range; it is 0 up to the concurrency")
        if self.idle_timeout_s <= 0:
            raise InvalidFunction(f"idle timeout {self.idle_timeout_s:g} s is out of range; it is above 0")
        for alias, version in self.aliases.items():
            if not _ALIAS.fullmatch(alias) or not _VERSION.fullmatch(version):
                raise InvalidFunction(f"alias {alias}={version} is no alias and version; write it such as live=3")
        if self.init_timeout_s <= 0:
            raise InvalidFunction(f"init timeout {self.init_timeout_s:g} s is out of range; it is above 0")
        if self.debug:
            limits = {"timeout_s": _NO_LIMIT_S, "init_timeout_s": _NO_LIMIT_S}
            alone = {"concurrency": 1, "provisioned": min(self.provisioned, 1), "freeze": False}
            for name, value in {**limits, **alone}.items():
                object.__setattr__(self, name, value)
        check_logging(self.log_format, self.log_level, self.system_log_level)
        object.__setattr__(self, "extensions", tuple(Path(program).absolute() for program in self.extensions))
        for program in self.extensions:
            if not program.is_file():
                raise InvalidFunction(f"extension {program} is not a file; give the path of an executable program")
        if len({program.name for program in self.extensions}) < len(self.extensions):
            raise InvalidFunction("two extensions have the same file name, which is how Lambda knows them; rename one")
        if self.runtime is not None and (isinstance(self.runtime, str) or not self.runtime):
            raise InvalidFunction("runtime is a list of arguments, such as ['python3', '-m', 'awslambdaric_lite']")
        check_customer_variables(self.env, self.pass_env)
        object.__setattr__(self, "layers", tuple(Path(layer).absolute() for layer in self.layers))
        check_layers(self.layers)

    @property
    def arn(self) -> str:
        """The ARN without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"

    @property
    def capacity(self) -> int:
        """How many invocations can run at once, in all environments."""
        return self.concurrency * (self.managed_concurrency or 1)

    def resolve(self, qualifier: str | None) -> tuple[str, str]:
        """The version that a qualifier stands for, and the ARN that an invocation with it shows.

        Raises:
            UnknownQualifier: there is no such version or alias.
        """
        if not qualifier:
            return LATEST, self.arn
        version = self.aliases.get(qualifier, qualifier)
        if version != LATEST and version not in self.aliases.values():
            raise UnknownQualifier(f"Function not found: {self.arn}:{qualifier}")
        return version, f"{self.arn}:{qualifier}"

    def command(self) -> list[str]:
        """The runtime's command line; `{handler}` in an argument stands for the handler."""
        if self.runtime is None:
            return default_runtime()
        return [argument.replace("{handler}", self.handler) for argument in self.runtime]


def default_runtime() -> list[str]:
    """This package's runtime on this interpreter, so that the packages of a virtual environment import."""
    package = Path(__file__).resolve().parents[2]
    if _importable_by_children(package.parent):
        return [sys.executable, "-m", package.name]
    # A plain checkout: only the path of the file finds it. PYTHONPATH would, too, but the handler would see it.
    return [sys.executable, str(package / "__main__.py")]


def _importable_by_children(folder: Path) -> bool:
    if folder.name in ("site-packages", "dist-packages"):
        return True
    for entry in sys.path:
        if not entry.endswith(("site-packages", "dist-packages")):
            continue
        try:
            links = [name for name in os.listdir(entry) if name.endswith(".pth") and "awslambdaric_lite" in name]
        except OSError:
            continue
        for link in links:
            if str(folder) in Path(entry, link).read_text(encoding="utf-8", errors="replace").splitlines():
                return True
    return False
