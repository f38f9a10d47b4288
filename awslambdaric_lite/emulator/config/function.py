"""The settings of a function, checked once, and the command line that runs it."""

from __future__ import annotations

import math
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from ...common import quotas
from ...common.regions import ACCOUNT, is_region, make_arn, users_region
from ..errors import InvalidFunction, UnknownQualifier
from ..http.exchange import Framing
from ..logs.levels import ApplicationLevel, LogFormat, SystemLevel
from .checks import check_customer_variables, check_layers, check_logging, check_place, unapplied_variables
from .managed import managed_defaults

LATEST = "$LATEST"
PUBLISHED = (
    "$LATEST.PUBLISHED"  # source: "$LATEST.PUBLISHED version in Lambda Managed Instances" of the developer guide
)
_NO_LIMIT_S = 365 * 86400.0  # a deadline that a debugging session does not reach

# Source: the Lambda API reference, `CreateAlias` (a name that is all digits would look like a version).
_ALIAS = re.compile(r"(?!\d+$)[A-Za-z0-9_-]{1,128}")
_VERSION = re.compile(r"\$LATEST(\.PUBLISHED)?|[0-9]+")


@dataclass(frozen=True)
class ApiOptions:
    """Variants of the Runtime API, to test clients against each."""

    event_framing: Framing = "auto"
    """`auto` sends a length up to 2048 bytes and chunks above, as a Go server does; the others always do the same."""
    empty_headers: bool = False
    """Send client context, identity and trace headers even when empty, as Managed Instances do."""
    invocation_ids: bool = False
    """Send `Lambda-Runtime-Invocation-Id` with each attempt and refuse a stale reply with 410."""
    stream_bytes_per_s: float | None = 2 * 1024 * 1024
    """The rate at which a streamed response is received after the first 6 MiB; None sets no limit."""
    record_requests: bool = False
    """Keep every request with its body in `ExecutionEnvironment.requests`."""


@dataclass(frozen=True)
class FunctionConfig:
    """The settings of one function.

    Raises:
        InvalidFunction: a setting is outside of Lambda's limits.
    """

    handler: str
    task_root: Path = Path()
    """A folder, or a zip file, which is unpacked as Lambda unpacks it."""
    name: str = "function"
    memory_mb: int = 128
    timeout_s: float = 3.0
    init_timeout_s: float = 10.0
    concurrency: int = 10
    """Maximum number of environments."""
    managed_concurrency: int | None = None
    """Run the function as Lambda Managed Instances do, with this number of concurrent invocations in each environment
    (`PerExecutionEnvironmentMaxConcurrency`): logs are JSON, environments are not frozen, memory is 2048 MB and an init
    has 130 s unless set otherwise. None is an ordinary function, with one invocation at a time."""
    region: str = field(default_factory=users_region)
    """Of variables, ARNs, events and domains. The default is `AWS_REGION`, then `AWS_DEFAULT_REGION` of this process,
    then us-east-1; an `AWS_REGION` in `env` takes precedence, so that the function sees one region."""
    account: str = ACCOUNT
    """The number of the AWS account in ARNs."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The version of each alias; these versions are known, too."""
    provisioned: int = 0
    """Number of provisioned environments, which are started first and never scaled in."""
    idle_timeout_s: float = 300.0
    freeze: bool = True
    """Stop the processes (`SIGSTOP`) between invocations."""
    repeat_failed_init: bool = True
    """Repeat an init that failed or timed out in the invoke phase, on the function's time, as AWS does."""
    snap_start: bool = False
    """Let the runtime wait in `restore/next` after its init, and restore it for its first invocation."""
    runtime: Sequence[str] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_env: Sequence[str] = ()
    """Names of variables of this process that the function gets, too, if they are set."""
    aws_credentials: bool = False
    """Pass the caller's AWS credentials to the function in place of placeholders."""
    enforce_memory: bool = True
    """Kill the processes when they have more than `memory_mb` resident."""
    private_tmp: bool | None = None
    """Mount a folder of each environment on `/tmp`, which makes a cold start slower. None does so if this process may
    mount and the function needs no file that would be hidden. `TMPDIR` is always set."""
    read_only: bool | None = False
    """Mount the task root read-only, as on AWS, which makes a cold start slower and writes no bytecode there. None does
    so if this process may mount."""
    ephemeral_storage_mb: int | None = None
    """Limit of the files in `/tmp`, 512 to 10240 MB on AWS, in memory; it needs the permission to mount. None sets no
    limit."""
    layers: Sequence[Path] = ()
    """Folders or zip files for `/opt`, later ones over earlier ones; their `extensions` are started, too."""
    log_format: LogFormat = "Text"
    log_level: ApplicationLevel | None = None
    """Minimum level of the function's logs, for JSON format only, as on AWS; the default is INFO."""
    system_log_level: SystemLevel | None = None
    """Minimum level of the platform's events, likewise."""
    telemetry_log_fd: bool = False
    """Give the runtime a descriptor for its logs (`_LAMBDA_TELEMETRY_LOG_FD`), as managed runtimes have."""
    extensions: Sequence[Path] = ()
    """Programs of external extensions; the name of an extension is the name of its file."""
    debug: bool = False
    """Disable timeouts and freezing, use one environment, and attach its process to the standard input and the standard
    error of this one, so that `breakpoint()` works."""
    api: ApiOptions = ApiOptions()

    def __post_init__(self) -> None:
        object.__setattr__(self, "task_root", Path(self.task_root).absolute())
        if self.managed_concurrency is not None:
            for name, value in managed_defaults(vars(self), {each.name: each.default for each in fields(self)}).items():
                object.__setattr__(self, name, value)
        if not self.handler:
            raise InvalidFunction("the handler is empty; give it as module.function, e.g. app.handler")
        if not self.task_root.is_dir() and not zipfile.is_zipfile(self.task_root):
            raise InvalidFunction(f"task root {self.task_root} is not a directory or a zip file; give the path of one")
        if not 0 < self.timeout_s < math.inf:
            raise InvalidFunction(f"timeout {self.timeout_s:g} s is out of range; it is above 0")
        if self.memory_mb < quotas.MIN_MEMORY_MB:
            raise InvalidFunction(
                f"memory {self.memory_mb} MB is out of range; Lambda takes {quotas.MIN_MEMORY_MB} MB and more"
            )
        if self.ephemeral_storage_mb is not None and self.ephemeral_storage_mb < quotas.MIN_EPHEMERAL_STORAGE_MB:
            raise InvalidFunction(
                f"ephemeral storage {self.ephemeral_storage_mb} MB is out of range; "
                f"Lambda takes {quotas.MIN_EPHEMERAL_STORAGE_MB} MB and more"
            )
        if self.concurrency < 1:
            raise InvalidFunction(f"concurrency {self.concurrency} is out of range; it is 1 or more")
        if not 0 <= self.provisioned <= self.concurrency:
            raise InvalidFunction(f"provisioned {self.provisioned} is out of range; it is 0 up to the concurrency")
        if self.idle_timeout_s <= 0:
            raise InvalidFunction(f"idle timeout {self.idle_timeout_s:g} s is out of range; it is above 0")
        for alias, version in self.aliases.items():
            if not _ALIAS.fullmatch(alias) or not _VERSION.fullmatch(version):
                raise InvalidFunction(f"alias {alias}={version} is not an alias with a version; write e.g. live=3")
            if version == PUBLISHED and self.managed_concurrency is None:
                raise InvalidFunction(f"alias {alias}={version} needs managed_concurrency; give another version")
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
            raise InvalidFunction("runtime must be a list of arguments, e.g. ['python3', '-m', 'awslambdaric_lite']")
        check_customer_variables(self.env, self.pass_env)
        if is_region(region := self.env.get("AWS_REGION", "")):
            object.__setattr__(self, "region", region)
        check_place(self.region, self.account)
        object.__setattr__(self, "layers", tuple(Path(layer).absolute() for layer in self.layers))
        check_layers(self.layers)

    @property
    def warnings(self) -> list[str]:
        """Return a text for each setting above AWS's quota, which AWS may have raised, and each without effect here."""
        managed = self.managed_concurrency is not None
        limits = (
            ("timeout", self.timeout_s, quotas.MAX_MANAGED_TIMEOUT_S if managed else quotas.MAX_TIMEOUT_S, "s"),
            ("memory", self.memory_mb, quotas.MAX_MANAGED_MEMORY_MB if managed else quotas.MAX_MEMORY_MB, "MB"),
            ("ephemeral storage", self.ephemeral_storage_mb or 0, quotas.MAX_EPHEMERAL_STORAGE_MB, "MB"),
        )
        above = [
            f"{name} {value:g} {unit} is above Lambda's quota of {limit} {unit}"
            for name, value, limit, unit in limits
            if value > limit and not self.debug
        ]
        return above + unapplied_variables(self)

    @property
    def arn(self) -> str:
        """The ARN without a qualifier."""
        return make_arn("lambda", self.region, self.account, f"function:{self.name}")

    @property
    def capacity(self) -> int:
        """The maximum number of concurrent invocations, in all environments."""
        return self.concurrency * (self.managed_concurrency or 1)

    @property
    def default_version(self) -> str:
        """The version that an invocation without a qualifier runs."""
        return LATEST if self.managed_concurrency is None else PUBLISHED

    def resolve(self, qualifier: str | None) -> tuple[str, str]:
        """Return the version of a qualifier, and the ARN of an invocation with it.

        Raises:
            UnknownQualifier: the function does not have that version or alias.
        """
        if not qualifier:
            return self.default_version, self.arn
        version = self.aliases.get(qualifier, qualifier)
        if version not in (LATEST, self.default_version, *self.aliases.values()):
            raise UnknownQualifier(f"Function not found: {self.arn}:{qualifier}; {self._how_to_know(qualifier)}")
        return version, f"{self.arn}:{qualifier}"

    def _how_to_know(self, qualifier: str) -> str:
        known = ", ".join(dict.fromkeys((LATEST, self.default_version, *self.aliases, *self.aliases.values())))
        if qualifier == PUBLISHED:
            return f"only Managed Instances (managed_concurrency, --managed-concurrency) have it; known: {known}"
        if not qualifier.isdecimal() and not _ALIAS.fullmatch(qualifier):
            return f"no alias can have this name; known: {known}"
        alias, version = ("NAME", qualifier) if qualifier.isdecimal() else (qualifier, "VERSION")
        return f"known: {known}; add it by --alias {alias}={version}, in Python by aliases={{'{alias}': '{version}'}}"

    def command(self) -> list[str]:
        """Return the runtime's command line, with the handler in the place of `{handler}`."""
        if self.runtime is None:
            return default_runtime()
        return [argument.replace("{handler}", self.handler) for argument in self.runtime]


def default_runtime() -> list[str]:
    """Return this package's runtime on this interpreter, so that the packages of a virtual environment import.

    Started by its path it is importable from a checkout, too, without a PYTHONPATH that the handler would see, and it
    processes the `.pth` files of the function, as managed runtimes do.
    """
    return [sys.executable, str(Path(__file__).resolve().parents[2] / "__main__.py")]
