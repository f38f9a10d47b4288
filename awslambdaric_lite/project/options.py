"""The choices of a user that a project's files do not contain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.regions import ACCOUNT, users_region


@dataclass(frozen=True)
class ProjectOptions:
    """How a project is read."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values of the template's parameters; a name may also be that of an export, or a reference without its braces,
    e.g. `resolve:ssm:/orders/table`."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """Names, ARNs or queue URLs of resources by their logical ids, e.g. `Orders` or, in a nested stack, `Shop/Orders`;
    the value of one attribute by e.g. `Orders.StreamArn`."""
    layers: Mapping[str, Path] = field(default_factory=dict)
    """Folders and zip files by the ARNs of layers, with or without their versions."""
    runtimes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Command lines by Lambda's identifiers of runtimes, e.g. `nodejs22.x`."""
    only: Sequence[str] = ()
    """The functions that are served, by their names or logical ids; empty: all."""
    env_vars: Mapping[str, Any] = field(default_factory=dict)
    """The content of SAM's file of variables: objects by the names or logical ids of functions, and `Parameters`."""
    config_env: str | None = None
    """The environment of `samconfig.toml`; None is `default`, if the file has it."""
    region: str | None = None
    account: str = ACCOUNT
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Addresses of services by their names, e.g. `sqs`; functions get them as `AWS_ENDPOINT_URL_SQS`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `FunctionConfig` for every function that templates do not have, e.g. `aws_credentials` or `freeze`."""
    progress: Callable[[str], None] | None = None
    """Receives a line when something takes long: the first transform, the installation of requirements."""

    def say(self, text: str) -> None:
        """Tell what takes long."""
        if self.progress is not None:
            self.progress(text)

    @property
    def chosen_region(self) -> str:
        """The region of the project, unless a stack names its own."""
        return self.region or users_region()
