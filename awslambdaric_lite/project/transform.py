"""Transforms: includes of local files, `AWS::LanguageExtensions`, and SAM by the package aws-sam-translator.

The translator refuses local paths, and asks AWS for managed policies and for applications of its repository. So paths
are replaced by places in S3 before, and put back after it; it gets no policies; applications become nested stacks. Its
import takes seconds, so the result is kept in the user's cache.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import re
from pathlib import Path
from typing import Any

from ..common import json_text
from ..common.files import write_whole
from . import foreach
from .cache import cache_path, digest
from .documents import EXTRA, read_document
from .errors import InvalidProject, Problem
from .intrinsics import is_call
from .resource_types import properties_of
from .stack import Stack

_PACKAGE = "aws-sam-translator"
_SAM = "AWS::Serverless-2016-10-31"
_LANGUAGE = "AWS::LanguageExtensions"
_PREFIX = "AWS::Serverless::"
_FUNCTION = "AWS::Serverless::Function"
_KEPT = 50  # results in the cache
_FORM = 1  # of what the cache holds
_IDS = re.compile(r"with id \[(\w+)\]")
_PLACE = "local-path"  # the bucket of placeholders
_PATHS = {
    _FUNCTION: "CodeUri",
    "AWS::Serverless::Api": "DefinitionUri",
    "AWS::Serverless::HttpApi": "DefinitionUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}
_STACK = "AWS::CloudFormation::Stack"
_PARTS = ("template", "failures", "leftOut")


def apply_transforms(stack: Stack) -> None:
    """Replace the template of a stack by the one that CloudFormation would create.

    Raises:
        InvalidProject: a transform fails, or is missing.
    """
    transforms = stack.template.get("Transform", [])
    names = transforms if isinstance(transforms, list) else [transforms]
    try:
        template = _included(stack, stack.template)
        if _has_loop(template):
            if _LANGUAGE not in names:
                raise Problem(f"Fn::ForEach needs a transform; write Transform: [{_LANGUAGE}, …]")
            template = foreach.expand(stack, template)
    except Problem as error:
        raise InvalidProject(f"{stack.file}: {error}") from None
    for name in names:
        if isinstance(name, str) and name not in (_SAM, _LANGUAGE):
            stack.note("Transform", f"{name} runs at AWS only; its part of the template is left as it is")
    stack.template = template
    resources = stack.section("Resources")
    if any(_kind(each).startswith(_PREFIX) for each in resources.values()):
        if _SAM not in names:
            stack.note("Transform", f"AWS needs Transform: {_SAM} for resources of SAM; add it")
        stack.template = _translated(stack, template)


def _kind(resource: Any) -> str:
    return str(resource.get("Type", "")) if isinstance(resource, dict) else ""


def _has_loop(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key.startswith(foreach.PREFIX) or _has_loop(each) for key, each in value.items())
    return isinstance(value, list) and any(map(_has_loop, value))


def _included(stack: Stack, value: Any) -> Any:
    """Return a value in which local files have replaced `AWS::Include`."""
    if isinstance(value, list):
        return [_included(stack, each) for each in value]
    if not isinstance(value, dict):
        return value
    result = {key: _included(stack, each) for key, each in value.items() if key != "Fn::Transform"}
    macro = value.get("Fn::Transform")
    if macro is None:
        return result
    if not isinstance(macro, dict) or macro.get("Name") != "AWS::Include":
        name = macro.get("Name") if isinstance(macro, dict) else macro
        stack.note("Fn::Transform", f"{name} runs at AWS only; its place is left empty")
        return result
    location = stack.resolve(macro.get("Parameters", {}).get("Location"))
    if not isinstance(location, str) or location.startswith(("s3:", "https:", "http:")):
        stack.note("Fn::Transform", f"AWS::Include of {location} is left out; name a local file")
        return result
    file = stack.folder / location
    stack.shared.files.append(file)
    content = read_document(file)
    if not isinstance(content, dict):
        raise Problem(f"AWS::Include: {file} is not a mapping; correct it")
    return _included(stack, content) | result


def _translated(stack: Stack, template: dict[str, Any]) -> dict[str, Any]:
    try:
        version = importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise InvalidProject(f"{stack.file} needs aws-sam-translator; {EXTRA}") from None
    prepared, paths = _prepare(stack, template)
    values = stack.parameter_values() | {"AWS::StackName": stack.name, "AWS::AccountId": stack.account}
    name = digest(_FORM, version, prepared, values, stack.region)
    file = cache_path("templates", f"{name}.json")
    result = _read_cached(file)
    if result is None:
        stack.shared.options.say(f"transforming {stack.file}")
        result = _translate(stack, prepared, values)
        with contextlib.suppress(OSError):  # the next start takes longer
            write_whole(file, json_text.compact(result))
            _remove_old(file.parent)
    stack.failures = result["failures"]
    for logical_id, message in result["leftOut"].items():
        stack.note(logical_id, f"left out: {message}")
    return _with_paths(result["template"], paths)


def _read_cached(file: Path) -> dict[str, Any] | None:
    try:
        result = json_text.parse(file.read_bytes())
    except (OSError, ValueError):
        return None
    is_whole = isinstance(result, dict) and all(isinstance(result.get(key), dict) for key in _PARTS)
    return result if is_whole and isinstance(result["template"].get("Resources"), dict) else None


def _remove_old(folder: Path) -> None:
    """Remove the oldest results of a folder, which each change of a template would add to."""
    for file in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)[:-_KEPT]:
        file.unlink(missing_ok=True)


def _prepare(stack: Stack, template: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return the template for the translator, and the paths that placeholders have replaced."""
    prepared = json.loads(json_text.compact(template))
    paths: list[Any] = []

    def replace(properties: dict[str, Any], name: str) -> None:
        value = properties.get(name)
        if (isinstance(value, str) and not value.startswith("s3://")) or is_call(value):
            properties[name] = f"s3://{_PLACE}/{len(paths)}"
            paths.append(value)

    common = prepared.get("Globals", {})
    common = common.get("Function", {}) if isinstance(common, dict) else {}
    if isinstance(common, dict):
        replace(common, "CodeUri")
    for logical_id, resource in list(prepared["Resources"].items()):
        kind = _kind(resource)
        if kind == "AWS::Serverless::Application":
            prepared["Resources"][logical_id] = _as_stack(stack, logical_id, resource)
        elif kind.startswith(_PREFIX):
            properties = resource.setdefault("Properties", {})
            if isinstance(properties, dict) and kind in _PATHS:
                given = properties | (common if isinstance(common, dict) else {})
                if kind == _FUNCTION and not given.keys() & {"CodeUri", "InlineCode", "ImageUri"}:
                    if given.get("PackageType") != "Image":
                        properties["CodeUri"] = "."  # as `sam build` has it
                    else:
                        properties["ImageUri"] = _PLACE
                replace(properties, _PATHS[kind])
    return prepared, paths


def _as_stack(stack: Stack, logical_id: str, resource: dict[str, Any]) -> dict[str, Any]:
    """Return a nested application as a nested stack."""
    properties = properties_of(resource)
    location = properties.get("Location")
    if isinstance(location, dict) and not is_call(location):
        stack.note(logical_id, "an application of AWS's repository is left out; name a local template as its Location")
        location = None
    nested = {"TemplateURL": location, "Parameters": properties.get("Parameters", {})}
    condition = {"Condition": resource["Condition"]} if "Condition" in resource else {}
    return {"Type": _STACK, "Properties": nested, **condition}


def _translate(stack: Stack, prepared: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Run the translator; resources that it refuses are left out, and it runs again."""
    try:
        from samtranslator.model.exceptions import InvalidDocumentException
        from samtranslator.parser.parser import Parser
        from samtranslator.translator.translator import Translator
    except ImportError as error:
        raise InvalidProject(f"{stack.file}: aws-sam-translator cannot be imported ({error}); {EXTRA}") from None

    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)  # its warnings are for those who work on it
    functions: dict[str, str] = {}
    others: dict[str, str] = {}
    while True:
        copy = json.loads(json.dumps(prepared))
        try:
            session: Any = _Session(stack.region)
            translator = Translator({}, Parser(), boto_session=session)
            try:
                template = translator.translate(copy, dict(values), get_managed_policy_map=dict)
            finally:
                translator.metrics.publish()  # else it warns that it has not; nothing is sent
            return {"template": json.loads(json.dumps(template)), "failures": functions, "leftOut": others}
        except InvalidDocumentException as error:
            refused: dict[str, str] = {}
            for cause in error.causes:
                found = _resources_of(cause, prepared["Resources"])
                if not found:
                    raise InvalidProject(f"{stack.file}: {cause.message} Correct it.") from None
                refused |= dict.fromkeys(found, cause.message)
            for logical_id, message in refused.items():
                if (event := _remove_event(prepared["Resources"], logical_id, message)) is not None:
                    others[f"{logical_id}.{event}"] = message
                    continue
                kind = _kind(prepared["Resources"].pop(logical_id))
                (functions if kind == _FUNCTION else others)[logical_id] = message
            if not prepared["Resources"]:
                return {"template": {"Resources": {}}, "failures": functions, "leftOut": others}
        except Exception as error:  # the translator does not check everything that it uses
            reason = f"{type(error).__name__}: {error}"
            raise InvalidProject(f"{stack.file}: SAM's translator fails: {reason}; correct the template") from error


def _resources_of(cause: Any, resources: dict[str, Any]) -> list[str]:
    """Return the resources of the template that an error of the translator is about."""
    ours = [logical_id for logical_id, resource in resources.items() if _kind(resource).startswith(_PREFIX)]
    event = getattr(cause, "_event_id", None)
    if having := [each for each in ours if event in (properties_of(resources[each]).get("Events") or {})]:
        return having
    named = getattr(cause, "_logical_id", event)
    if not isinstance(named, str):
        return []
    if named in resources:
        return [named]
    return sorted((each for each in ours if named.startswith(each)), key=len)[-1:]  # whose event makes it, e.g.


def _remove_event(resources: dict[str, Any], logical_id: str, message: str) -> str | None:
    """Remove the event that a message is about from its function; return the event's id, None if it has no such."""
    events = properties_of(resources[logical_id]).get("Events")
    if not isinstance(events, dict):
        return None
    for found in _IDS.findall(message):
        for event in (found, found.removeprefix(logical_id)):
            if event in events:
                del events[event]
                return str(event)
    return None


class _Session:
    """What the translator asks of a session of boto3, without a search for settings or credentials."""

    def __init__(self, region: str) -> None:
        self.region_name = region


def _with_paths(template: dict[str, Any], paths: list[Any]) -> dict[str, Any]:
    """Put the local paths back: `Code`, `Content` and bodies are then strings or intrinsic functions."""
    for resource in template["Resources"].values():
        properties = properties_of(resource)
        for name, value in properties.items():
            if isinstance(value, dict) and _PLACE in (value.get("S3Bucket"), value.get("Bucket")):
                properties[name] = paths[int(value["S3Key" if "S3Key" in value else "Key"])]
            elif isinstance(value, dict) and value.get("ImageUri") == _PLACE:
                properties[name] = {"ImageUri": ""}
    return template
