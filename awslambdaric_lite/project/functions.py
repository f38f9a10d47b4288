"""Functions with their versions, aliases, URLs and settings, from the resources of a stack."""

from __future__ import annotations

import dataclasses
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..common.private_mounts import find_mounter
from ..common.quotas import MIN_EPHEMERAL_STORAGE_MB
from ..emulator.config.function import FunctionConfig
from ..emulator.config.project import Alias, Function, Url
from ..emulator.errors import InvalidFunction
from ..emulator.frontend.asynchronous import AsyncOptions
from ..emulator.frontend.url_cors import Cors
from .code import find_code, find_content, has_file, requirements_layer
from .errors import WRONG_FORM, InvalidProject, Problem, explain
from .intrinsics import as_text
from .resource_types import ALIAS, FUNCTION, LAYER, VERSION, properties_of
from .runtimes import choose_command
from .stack import Stack

LOCAL_LAYER = "LocalLayer"
"""The key of a layer that has a path instead of an ARN."""
_ARN = re.compile(r"arn:[\w-]+:lambda:[\w-]*:\d*:function:(?P<name>[\w-]+)(:(?P<qualifier>[\w$.-]+))?")
_PARTIAL = re.compile(r"(?:\d{12}:function:)?(?P<name>[\w-]+)(:(?P<qualifier>[\w$.-]+))?")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Source: the Lambda developer guide, "Packaging your layer content".
_LAYER_FOLDERS = ("bin", "extensions", "java", "lib", "nodejs", "python", "ruby")
_MACHINES = {"aarch64": "arm64", "arm64": "arm64"}


def names_function(text: Any) -> tuple[str, str | None] | None:
    """Return the name and the qualifier that a name, a partial ARN, an ARN or an integration's URI contains."""
    found = _ARN.search(str(text)) or _PARTIAL.fullmatch(str(text))
    return None if found is None else (found["name"], found["qualifier"])


def read_functions(stack: Stack) -> Iterator[Function]:
    """Yield the functions of a stack; what is wrong with one makes it unavailable."""
    for logical_id, text in stack.failures.items():
        yield _unavailable(stack, logical_id, logical_id, None, f"{text.rstrip('. ')}; correct it")
    for logical_id, properties in stack.of_type(FUNCTION):
        name, runtime = logical_id, None
        qualifiers: dict[str, Any] = {}
        try:
            name = stack.function_name(logical_id)
            runtime = stack.resolve(properties.get("Runtime"))
            qualifiers = _qualifiers(stack, name)
            yield _read(stack, logical_id, name, runtime, qualifiers)
        except (Problem, *WRONG_FORM) as error:  # also of settings, which are ValueErrors
            runtime = runtime if isinstance(runtime, str) else None
            function = _unavailable(stack, logical_id, name, runtime, explain(error))
            yield dataclasses.replace(function, **qualifiers)


def unavailable_text(stack: Stack, logical_id: str, text: str) -> str:
    """Return a text with the place of a resource."""
    return text if text.startswith(str(stack.file)) else f"{stack.file}: {stack.prefix}{logical_id}: {text}"


def _unavailable(stack: Stack, logical_id: str, name: str, runtime: str | None, text: str) -> Function:
    settings = {key: value for key, value in stack.shared.options.settings.items() if key != "env"}
    name = name if _NAME.fullmatch(name) else re.sub(r"[^\w-]", "-", name)[:64] or logical_id
    try:
        config = FunctionConfig("unavailable", stack.folder, name, region=stack.region, **settings)
    except InvalidFunction as error:
        raise InvalidProject(unavailable_text(stack, logical_id, str(error))) from None
    return Function(config, logical_id, runtime, unavailable=unavailable_text(stack, logical_id, text))


def _read(stack: Stack, logical_id: str, name: str, runtime: Any, qualifiers: dict[str, Any]) -> Function:
    options = stack.shared.options
    resource = stack.section("Resources")[logical_id]
    properties = {key: stack.resolve(properties_of(resource).get(key)) for key in _PROPERTIES}
    if not _NAME.fullmatch(name):
        raise Problem(f"the name {name!r} is not one that Lambda takes; use up to 64 letters, digits, - and _")
    if properties["PackageType"] == "Image":
        raise Problem("it is a container image, which cannot run here; run the image, or use a runtime's identifier")
    if not isinstance(runtime, str) or not runtime:
        find_code(stack, resource, "")  # which says so if it is an image
        raise Problem("it has no Runtime; add one, e.g. python3.13")
    handler = properties["Handler"]
    if not isinstance(handler, str) or not handler:
        if not runtime.startswith("provided"):
            raise Problem("it has no Handler; add one, e.g. app.handler")
        handler = "bootstrap"
    code = find_code(stack, resource, runtime)
    layers = _layers(stack, logical_id, properties["Layers"] or [])
    command = choose_command(runtime, code, layers, options)
    if runtime.startswith("python"):
        _check_handler(stack, logical_id, handler, code)
        if code.is_dir() and (added := requirements_layer(code, runtime, options)) is not None:
            layers.append(added)
            stack.shared.files.append(code / "requirements.txt")
    _note_architecture(stack, logical_id, properties["Architectures"])
    logging = properties["LoggingConfig"] or {}
    storage = int(_mapping(properties, "EphemeralStorage").get("Size", MIN_EPHEMERAL_STORAGE_MB))
    settings: dict[str, Any] = {
        "memory_mb": _number(properties, "MemorySize", 128),
        "timeout_s": float(_number(properties, "Timeout", 3)),
        "region": stack.region,
        "account": stack.account,
        "env": _variables(stack, logical_id, name, _mapping(_mapping(properties, "Environment"), "Variables")),
        "layers": layers,
        "runtime": command,
        "snap_start": bool(qualifiers["versions"])
        and _mapping(properties, "SnapStart").get("ApplyOn") == "PublishedVersions",
        "log_format": logging.get("LogFormat", "Text"),
        "log_level": logging.get("ApplicationLogLevel"),
        "system_log_level": logging.get("SystemLogLevel"),
    }
    if storage > MIN_EPHEMERAL_STORAGE_MB:
        if find_mounter() is not None:
            settings["ephemeral_storage_mb"] = storage
        else:
            stack.note(logical_id, "EphemeralStorage has no limit here, because this process may not mount")
    given = options.settings.get("env", {})
    merged = {**settings, **options.settings, "env": {**settings["env"], **given}}
    reserved = properties["ReservedConcurrentExecutions"]
    return Function(
        FunctionConfig(handler, code, name, **merged),
        logical_id,
        runtime,
        reserved_concurrency=None if reserved is None else _number(properties, "ReservedConcurrentExecutions", 0),
        asynchronous=_asynchronous(stack, name),
        **qualifiers,
    )


_PROPERTIES = (
    "Architectures",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "ReservedConcurrentExecutions",
    "SnapStart",
    "Timeout",
)


def _mapping(properties: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = properties.get(name)
    if value is not None and not isinstance(value, dict):
        raise Problem(f"{name} is not a mapping; check its indentation")
    return value or {}


def _number(properties: Mapping[str, Any], name: str, default: int) -> int:
    value = properties.get(name)
    try:
        return default if value is None else int(as_text(value))
    except (ValueError, Problem):
        raise Problem(f"{name} {value!r} is not a whole number; correct it") from None


def _variables(stack: Stack, logical_id: str, name: str, declared: Mapping[str, Any]) -> dict[str, str]:
    options = stack.shared.options
    variables = {
        f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}": url for service, url in options.endpoints.items()
    }
    for key, value in declared.items():
        try:
            variables[key] = as_text(value)
        except Problem as error:
            raise Problem(f"environment variable {key}: {error}; write text") from None
    for group in ("Parameters", name, logical_id, f"{stack.prefix}{logical_id}"):
        given = options.env_vars.get(group, {})
        for key, value in given.items():
            variables[key] = "" if value is None else as_text(value)
    return variables


def _layers(stack: Stack, logical_id: str, wanted: Any) -> list[Path]:
    layers: list[Path] = []
    known = {each.layer_arn(layer): (each, layer) for each in stack.shared.stacks for layer, _ in each.of_type(LAYER)}
    given = stack.shared.options.layers
    for each in wanted if isinstance(wanted, list) else [wanted]:
        if isinstance(each, dict) and LOCAL_LAYER in each:
            layers.append(stack.folder / each[LOCAL_LAYER])
            continue
        arn = str(each)
        path = given.get(arn) or given.get(arn.rpartition(":")[0])
        if path is not None:
            layers.append(Path(path))
        elif arn in known:
            owner, layer = known[arn]
            try:
                content = find_content(owner, owner.section("Resources")[layer], "Content")
                layers.append(content)
                if content.is_dir() and not any((content / folder).is_dir() for folder in _LAYER_FOLDERS):
                    owner.note(layer, f"{content} has no folder that a layer has, e.g. python; build it: sam build")
            except Problem as error:
                owner.note(layer, f"the layer is left out: {error}")
        else:
            stack.note(logical_id, f"layer {arn} is left out; give its content by --layer {arn}=DIR_OR_ZIP")
    return layers


def _check_handler(stack: Stack, logical_id: str, handler: str, code: Path) -> None:
    module, dot, _ = handler.rpartition(".")
    path = module.replace(".", "/")
    if not dot:
        raise Problem(f"handler {handler!r} is not MODULE.FUNCTION; write it e.g. as app.handler")
    names = [f"{path}.py", f"{path}.pyc", f"{path}/__init__.py", f"{path}/__init__.pyc"]
    if not has_file(code, names):
        stack.note(logical_id, f"handler {handler}: {code} has no {path}.py; correct Handler or the path of the code")


def _note_architecture(stack: Stack, logical_id: str, architectures: Any) -> None:
    wanted = (architectures or ["x86_64"])[0] if isinstance(architectures, list | None) else architectures
    here = _MACHINES.get(platform.machine(), "x86_64")
    if wanted != here:
        stack.note(logical_id, f"Architectures is {wanted}, this machine is {here}: binaries in the code may not run")


def _qualifiers(stack: Stack, name: str) -> dict[str, Any]:
    """Return the versions, the aliases and the URL of a function, from all stacks."""
    versions: list[str] = []
    aliases: list[Alias] = []
    for each in stack.shared.stacks:
        for logical_id, properties in each.of_type(VERSION):
            if _is_of(each, logical_id, properties.get("FunctionName"), name):
                versions.append(each.version_number(logical_id))
        for logical_id, properties in each.of_type(ALIAS):
            if not _is_of(each, logical_id, properties.get("FunctionName"), name):
                continue
            resolved = each.resolve({key: properties.get(key) for key in ("Name", "FunctionVersion", "RoutingConfig")})
            routing = _mapping(resolved, "RoutingConfig").get("AdditionalVersionWeights") or []
            weights = {as_text(one["FunctionVersion"]): float(one["FunctionWeight"]) for one in routing}
            provisioned = each.resolve(properties.get("ProvisionedConcurrencyConfig")) or {}
            alias = Alias(
                as_text(resolved["Name"]),
                as_text(resolved["FunctionVersion"]).rpartition(":")[2],
                weights,
                int(provisioned.get("ProvisionedConcurrentExecutions", 0)),
            )
            aliases.append(alias)
            versions += [version for version in (alias.version, *weights) if version.isdecimal()]
    return {"versions": tuple(dict.fromkeys(versions)), "aliases": tuple(aliases), "url": _url(stack, name)}


def _is_of(stack: Stack, logical_id: str, function: Any, name: str) -> bool:
    """Return whether a property names a function; one that cannot be resolved names none."""
    try:
        found = names_function(stack.resolve(function))
    except Problem as error:
        stack.note(logical_id, str(error))
        return False
    return found is not None and found[0] == name


def _url(stack: Stack, name: str) -> Url | None:
    found: Url | None = None
    for each in stack.shared.stacks:
        for logical_id, properties in each.of_type("AWS::Lambda::Url"):
            if not _is_of(each, logical_id, properties.get("TargetFunctionArn"), name):
                continue
            if found is not None:
                each.note(logical_id, f"{name} has another URL, which is served; this one is left out")
                continue
            values = {key: each.resolve(value) for key, value in properties.items()}
            target = names_function(values["TargetFunctionArn"])
            qualifier = values.get("Qualifier") or (None if target is None else target[1])
            try:
                cors = make_cors(values.get("Cors"))
            except InvalidFunction as error:
                each.note(logical_id, f"Cors is left out: {error}")
                cors = None
            found = Url(values.get("InvokeMode", "BUFFERED"), cors, qualifier, values.get("AuthType", "NONE"))
    return found


def make_cors(settings: Any) -> Cors | None:
    """Return CORS settings from a mapping with AWS's names, whatever the case of their first letter.

    Raises:
        InvalidFunction: a setting is outside of AWS's limits.
    """
    if not isinstance(settings, dict) or not settings:
        return None
    values = {key[:1].upper() + key[1:]: value for key, value in settings.items()}

    def texts(name: str) -> list[str]:
        value = values.get(name) or []
        return [str(each) for each in value] if isinstance(value, list) else str(value).split(",")

    return Cors(
        allow_origins=texts("AllowOrigins"),
        allow_methods=texts("AllowMethods"),
        allow_headers=texts("AllowHeaders"),
        expose_headers=texts("ExposeHeaders"),
        allow_credentials=str(values.get("AllowCredentials", False)).lower() == "true",
        max_age=int(values.get("MaxAge") or 0),
    )


def _asynchronous(stack: Stack, name: str) -> AsyncOptions:
    for each in stack.shared.stacks:
        for logical_id, properties in each.of_type("AWS::Lambda::EventInvokeConfig"):
            if _is_of(each, logical_id, properties.get("FunctionName"), name):
                if properties.get("DestinationConfig"):
                    each.note(logical_id, "its destinations are left out; only retries and age have an effect")
                values = each.resolve({key: properties.get(key) for key in _ASYNCHRONOUS})
                return AsyncOptions(
                    _number(values, "MaximumRetryAttempts", 2),
                    float(_number(values, "MaximumEventAgeInSeconds", 21600)),
                )
    return AsyncOptions()


_ASYNCHRONOUS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
