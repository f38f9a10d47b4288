"""The settings of `LocalLambda` for type checkers: those of `FunctionConfig`; paths may be text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from ..logs.levels import ApplicationLevel, LogFormat, SystemLevel
from .function import ApiOptions


class FunctionSettings(TypedDict, total=False):
    """The settings of a function except its handler and its name; `FunctionConfig` explains them."""

    task_root: str | Path
    memory_mb: int
    timeout_s: float
    init_timeout_s: float
    concurrency: int
    managed_concurrency: int | None
    region: str
    account: str
    aliases: Mapping[str, str]
    provisioned: int
    idle_timeout_s: float
    freeze: bool
    repeat_failed_init: bool
    snap_start: bool
    runtime: Sequence[str] | None
    env: Mapping[str, str]
    pass_env: Sequence[str]
    aws_credentials: bool
    enforce_memory: bool
    private_tmp: bool | None
    read_only: bool | None
    ephemeral_storage_mb: int | None
    layers: Sequence[str | Path]
    log_format: LogFormat
    log_level: ApplicationLevel | None
    system_log_level: SystemLevel | None
    telemetry_log_fd: bool
    extensions: Sequence[str | Path]
    debug: bool
    api: ApiOptions
