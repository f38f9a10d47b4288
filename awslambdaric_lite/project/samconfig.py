"""What `samconfig.toml` says about a template: the values of its parameters, and its file.

Source: the SAM developer guide, "AWS SAM CLI configuration file".
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common import toml_text
from .errors import InvalidProject
from .intrinsics import nearest

FILE = "samconfig.toml"
_PAIR = re.compile(r"ParameterKey=(?P<key>.*?),\s*ParameterValue=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True)
class SamConfig:
    """The settings of an environment of the file."""

    parameters: dict[str, str] = field(default_factory=dict)
    template: str | None = None
    stack_name: str | None = None
    region: str | None = None
    file: Path | None = None


def read_config(folder: Path, environment: str | None) -> SamConfig:
    """Read the file of a folder, if it has one.

    Raises:
        InvalidProject: the file is damaged, or does not have the environment that the user names.
    """
    file = folder / FILE
    if not file.is_file():
        if environment is not None:
            raise InvalidProject(f"{file} does not exist; write it, or omit --config-env {environment}")
        return SamConfig()
    try:
        document = toml_text.parse(file.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise InvalidProject(f"{file} is not TOML: {error}; correct it") from None
    environments = [name for name, value in document.items() if isinstance(value, dict)]
    if environment is not None and environment not in environments:
        raise InvalidProject(f"{file} has no environment {environment}{nearest(environment, environments)}")
    tables = document.get(environment or "default", {})
    settings: dict[str, Any] = {}
    for command in ("global", "deploy"):
        table = tables.get(command, {}) if isinstance(tables, dict) else {}
        settings |= table.get("parameters", {}) if isinstance(table, dict) else {}
    return SamConfig(
        parse_overrides(settings.get("parameter_overrides", ""), file),
        settings.get("template_file", settings.get("template")),
        settings.get("stack_name"),
        settings.get("region"),
        file,
    )


def parse_overrides(given: Any, file: Path) -> dict[str, str]:
    """Return parameters from `K=V K2="V 2"`, from `ParameterKey=K,ParameterValue=V`, or a list of such texts.

    Raises:
        InvalidProject: a part has neither form.
    """
    if isinstance(given, dict):
        return {key: str(value) for key, value in given.items()}
    try:
        parts = given if isinstance(given, list) else shlex.split(given)
        result = {}
        for part in parts:
            pair = _PAIR.fullmatch(part)
            key, equals, value = (pair["key"], "=", pair["value"]) if pair else part.partition("=")
            if not equals:
                raise ValueError(f"{part!r} is not KEY=VALUE")
            value = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
            result[key.strip()] = value
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidProject(f"{file}: parameter_overrides: {error}; write it e.g. as Stage=dev") from None
    return result
