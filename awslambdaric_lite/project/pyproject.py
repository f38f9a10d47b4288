"""Functions in `pyproject.toml`, `[tool.awslambdaric-lite.functions.NAME]`, as a template of CloudFormation.

`handler` is the only key that is needed. `task-root` is relative to the file; `runtime` is that of the running
interpreter by default; `layers` are folders and zip files; `url` is true or a table of `auth-type`, `invoke-mode` and
`cors`; `aliases` are versions by the names of aliases, e.g. `{live = 3}`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..common import toml_text
from .errors import InvalidProject
from .functions import LOCAL_LAYER
from .intrinsics import nearest
from .resource_types import ALIAS, FUNCTION
from .runtimes import RUNNING

_TABLE = "tool.awslambdaric-lite.functions"
_KEYS: dict[str, type | tuple[type, ...]] = {
    "handler": str,
    "task-root": str,
    "runtime": str,
    "timeout": (int, float),
    "memory": int,
    "ephemeral-storage": int,
    "env": dict,
    "layers": list,
    "url": (bool, dict),
    "aliases": dict,
    "reserved-concurrency": int,
}
_URL_KEYS = {"auth-type": "AuthType", "invoke-mode": "InvokeMode", "cors": "Cors"}
_WORDS = {str: "text", int: "a whole number", dict: "a table", list: "a list"}


def read_functions_table(file: Path) -> dict[str, Any] | None:
    """Return a template with the functions of a file, None if it has none.

    Raises:
        InvalidProject: the file cannot be read, or a key is unknown or has a value of another type.
    """
    try:
        value: Any = toml_text.parse(file.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise InvalidProject(f"{file} is not TOML: {error}; correct it") from None
    for key in _TABLE.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        raise InvalidProject(f"{file}: {_TABLE} has no functions; write [{_TABLE}.NAME]")
    resources: dict[str, Any] = {}
    for name, table in value.items():
        resources |= _resources(f"{file}: {_TABLE}.{name}", name, table)
    return {"Resources": resources}


def _resources(place: str, name: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InvalidProject(f"{place} is not a table; write [{_TABLE}.NAME] with a handler in it")
    for key, value in table.items():
        kind = _KEYS.get(key)
        if kind is None:
            raise InvalidProject(f"{place} has an unknown key {key}{nearest(key, _KEYS)}; keys: {', '.join(_KEYS)}")
        if not isinstance(value, kind) or (isinstance(value, bool) and key != "url"):
            words = "true or a table" if key == "url" else _WORDS.get(kind, "a number")  # type: ignore[arg-type]
            raise InvalidProject(f"{place}: {key} is not {words}; correct it")
    properties = {
        "FunctionName": name,
        "Runtime": table.get("runtime", RUNNING),
        "Handler": table.get("handler"),
        "Code": table.get("task-root", "."),
        "Timeout": table.get("timeout"),
        "MemorySize": table.get("memory"),
        "EphemeralStorage": {"Size": table.get("ephemeral-storage", 512)},
        "Environment": {"Variables": table.get("env", {})},
        "Layers": [{LOCAL_LAYER: layer} for layer in table.get("layers", [])],
        "ReservedConcurrentExecutions": table.get("reserved-concurrency"),
    }
    resources: dict[str, Any] = {name: {"Type": FUNCTION, "Properties": properties}}
    if table.get("url"):
        given = table["url"] if isinstance(table["url"], dict) else {}
        for key in given:
            if key not in _URL_KEYS:
                raise InvalidProject(f"{place}.url has an unknown key {key}{nearest(key, _URL_KEYS)}")
        settings = {_URL_KEYS[key]: value for key, value in given.items()}
        if isinstance(settings.get("Cors"), dict):
            settings["Cors"] = {_camel(key): value for key, value in settings["Cors"].items()}
        resources[f"{name}.url"] = {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": name, **settings}}
    for alias, version in table.get("aliases", {}).items():
        if isinstance(version, dict | list | float | bool):
            raise InvalidProject(f"{place}.aliases: the version of {alias} is not a number; write e.g. {alias} = 3")
        resources[f"{name}.aliases.{alias}"] = {
            "Type": ALIAS,
            "Properties": {"FunctionName": name, "Name": alias, "FunctionVersion": str(version)},
        }
    return resources


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in key.split("-"))
