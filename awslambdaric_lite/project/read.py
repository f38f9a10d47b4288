"""Reading a project: which file describes it, its stacks, and what they contain."""

from __future__ import annotations

import dataclasses
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..common.words import count, shorten_list
from ..emulator.config.project import Function, Project
from .apis import read_apis
from .assembly import read_assembly
from .circles import circle_of
from .code import find_content
from .documents import read_document
from .errors import InvalidProject, Problem
from .functions import read_functions, unavailable_text
from .intrinsics import nearest
from .options import ProjectOptions
from .pyproject import read_functions_table
from .resource_types import FUNCTION
from .samconfig import SamConfig, read_config
from .shared import Shared
from .sources import read_queues, read_sources
from .stack import Stack
from .transform import apply_transforms

_TEMPLATES = ("template.yaml", "template.yml", "template.json")
_BUILD = Path(".aws-sam", "build", "template.yaml")
_NESTED = "AWS::CloudFormation::Stack"
_DEEPEST = 5  # nested stacks
_SERVED = re.compile(
    r"AWS::(Lambda|SQS|IAM|Logs|ApiGateway|ApiGatewayV2|CDK|CodeDeploy)::.*|AWS::CloudFormation::(Stack|WaitCondition.*)"
    r"|AWS::(Events::Rule|Scheduler::Schedule|SNS::Subscription)"
)
_TYPE = re.compile(r"(AWS|Alexa|Custom|\w+)::[\w:@-]+(::MODULE)?")
_KNOWN = (FUNCTION, "AWS::Serverless::Function", "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::SQS::Queue")
_NAMED = 5  # types in a note


def read_project(path: Path | None, options: ProjectOptions) -> Project:
    """Read a project.

    Args:
        path: a template, a cloud assembly, or a folder that has one of them; None is the current folder.
        options: the user's choices.

    Raises:
        InvalidProject: no file describes a project, or one cannot be read; the text names the file and the cure.
    """
    place = Path.cwd() if path is None else path.absolute()
    if not place.exists():
        raise InvalidProject(f"{path} does not exist; name a template, a folder with one, or the folder cdk.out")
    for group, variables in options.env_vars.items():
        if not isinstance(variables, dict):
            example = f'{{"{group}": {{"TABLE": "orders"}}}}'
            raise InvalidProject(f"the variables of {group} are not a JSON object; write e.g. {example}")
    shared = Shared(options)
    try:
        folder = _load(shared, place)
        return _project(shared, folder)
    except Problem as error:
        raise InvalidProject(f"{place}: {error}") from None


def _load(shared: Shared, place: Path) -> Path:
    """Load the stacks of a project; return its folder."""
    if place.is_file() and place.name == "manifest.json":
        place = place.parent
    if place.is_dir():
        config = read_config(place, shared.options.config_env)
        found = _find(shared, place, config)
    else:
        config = read_config(place.parent, shared.options.config_env)
        found = place
    if config.file is not None:
        shared.files.append(config.file)
    if found.is_dir():
        _load_assembly(shared, found)
        return place
    folder = place if place.is_dir() else place.parent
    if found.name == "pyproject.toml":
        template = read_functions_table(found)
        if template is None:
            raise InvalidProject(f"{found} has no functions; write [tool.awslambdaric-lite.functions.NAME]")
        shared.files.append(found)
        Stack(shared, found, template, _stack_name(folder.name), account=shared.options.account)
        return folder
    _load_template(shared, found, config, folder)
    return folder


def _find(shared: Shared, folder: Path, config: SamConfig) -> Path:
    """Return the file that describes the project of a folder, or the folder of its cloud assembly."""
    if (folder / "manifest.json").is_file():
        return folder
    if config.template is not None:
        named = folder / config.template
        if not named.is_file():
            raise InvalidProject(f"{config.file}: template_file {named} does not exist; correct it")
        return named
    build = folder / _BUILD
    for name in _TEMPLATES:
        template = folder / name
        if not template.is_file():
            continue
        if build.is_file():
            if build.stat().st_mtime_ns >= template.stat().st_mtime_ns:
                shared.files.append(template)
                return build
            shared.notes.append(f"{build} is older than {template}, which is used; build it anew with: sam build")
        return template
    if build.is_file():
        return build
    if (folder / "pyproject.toml").is_file() and read_functions_table(folder / "pyproject.toml") is not None:
        return folder / "pyproject.toml"
    if (folder / "cdk.out" / "manifest.json").is_file():
        return folder / "cdk.out"
    raise InvalidProject(
        f"{folder} has no project: no template.yaml, no template.yml, no cdk.out, and no "
        "[tool.awslambdaric-lite.functions] in pyproject.toml; write one, or name it"
    )


def _load_template(shared: Shared, file: Path, config: SamConfig, folder: Path) -> None:
    options = shared.options
    if options.region is None and config.region is not None:
        options = dataclasses.replace(options, region=config.region)
        shared.options = options
    template = _read_template(shared, file)
    given = {**config.parameters, **options.parameters}
    stack = Stack(shared, file, template, _stack_name(config.stack_name or folder.name), given=given)
    _expand(shared, stack)


def _load_assembly(shared: Shared, folder: Path) -> None:
    assembly = read_assembly(folder)
    if not assembly:
        raise InvalidProject(f"{folder / 'manifest.json'} has no stacks; run cdk synth")
    shared.files.append(folder / "manifest.json")
    for each in assembly:
        template = _read_template(shared, each.file)
        region = shared.options.region or each.region
        given = shared.options.parameters
        stack = Stack(shared, each.file, template, each.name, given=given, region=region, account=each.account)
        stack.assets = each.assets
        _expand(shared, stack)


def _read_template(shared: Shared, file: Path) -> dict[str, Any]:
    shared.files.append(file)
    template = read_document(file)
    if not isinstance(template, dict):
        raise InvalidProject(f"{file} is not a template; it begins with Resources, Transform and the like")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise InvalidProject(f"{file} has no Resources, so it is not a template; add them")
    complete = {}
    for logical_id, resource in resources.items():
        if logical_id.startswith("Fn::") or (isinstance(resource, dict) and isinstance(resource.get("Type"), str)):
            complete[logical_id] = resource
        else:
            shared.notes.append(f"{file}: {logical_id}: it has no Type, so it is left out; add one, e.g. {_KNOWN[1]}")
    if not complete:
        raise InvalidProject(f"{file} is not a template: no resource has a Type; add it, e.g. {_KNOWN[1]}")
    return {**template, "Resources": complete}


def _expand(shared: Shared, stack: Stack) -> None:
    """Apply the transforms of a stack, and load its nested stacks."""
    stack.check_parameters()
    apply_transforms(stack)
    depth = stack.prefix.count("/")
    for logical_id, properties in stack.of_type(_NESTED):
        if properties.get("TemplateURL") is None:
            continue  # an application of AWS's repository
        try:
            if depth >= _DEEPEST:
                raise Problem(f"it is nested more than {_DEEPEST} levels deep; nest it less")
            file = find_content(stack, stack.section("Resources")[logical_id], "TemplateURL")
        except Problem as error:
            stack.note(logical_id, f"the nested stack is left out: {error}")
            continue
        nested = Stack(
            shared,
            file,
            _read_template(shared, file),
            logical_id,
            given=properties.get("Parameters") or {},
            parent=stack,
            logical_id=logical_id,
            region=stack.region,
            account=stack.account,
        )
        nested.assets = stack.assets
        stack.nested[logical_id] = nested
        _expand(shared, nested)


def _stack_name(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-")
    return name if name[:1].isalpha() else f"local-{name}".strip("-")


def _note_unused_options(shared: Shared) -> None:
    """Note the options that name nothing of the project."""
    parameters = {name for stack in shared.stacks for name in stack.section("Parameters")}
    for name in shared.options.parameters:
        if name not in parameters | shared.used:
            shared.notes.append(f"parameter {name} has no effect: no template has it{nearest(name, parameters)}")
    resources = {stack.prefix + logical_id for stack in shared.stacks for logical_id in stack.section("Resources")}
    for name in shared.options.resources:
        if (logical_id := name.partition(".")[0]) not in resources:
            text = f"resource {name} has no effect: no template has it{nearest(logical_id, resources)}"
            shared.notes.append(text)


def _project(shared: Shared, folder: Path) -> Project:
    functions = _functions(shared)
    names = {each.config.name for each in functions}
    unknown = dict(shared.unknown)  # of what follows, placeholders have no effect: authorizers, keys, other targets
    apis = tuple(api for stack in shared.stacks for api in read_apis(stack, names))
    queues = tuple(queue for stack in shared.stacks for queue in read_queues(stack))
    sources = tuple(source for stack in shared.stacks for source in read_sources(stack, names))
    if shared.options.only:
        functions = _only(shared, functions)
        names = {each.config.name for each in functions}
        sources = tuple(each for each in sources if each.function in names)
        apis = tuple(
            dataclasses.replace(api, routes=tuple(each for each in api.routes if each.function in {*names, None}))
            for api in apis
            if any(route.function in names for route in api.routes)
        )
    for stack in shared.stacks:
        _note_others(stack)
    _note_unused_variables(shared, functions)
    _note_unused_options(shared)
    if unknown:
        known = [f"{value} ({cure})" for cure, value in unknown.items()]
        shared.notes.append(
            f"placeholders for {count(len(known), 'value')} that only a deployment knows: {'; '.join(known)}"
        )
    files = tuple(dict.fromkeys(file.resolve() for file in shared.files))
    return Project(folder, functions, apis, queues, sources, tuple(shared.notes), files)


def _functions(shared: Shared) -> tuple[Function, ...]:
    found: dict[str, Function] = {}
    for stack in shared.stacks:
        circles = circle_of(stack)
        for function in read_functions(stack):
            name = function.config.name
            if (circle := circles.get(function.logical_id)) is not None:
                text = f"references make a circle: {circle}; remove one of them"
                text = unavailable_text(stack, function.logical_id, text)
                function = dataclasses.replace(function, unavailable=text)
            if function.unavailable and function.unavailable not in shared.notes:
                shared.notes.append(function.unavailable)
            if name in found:
                first = found[name].logical_id
                stack.note(function.logical_id, f"its name {name} belongs to {first}; it is left out; rename one")
                continue
            found[name] = function
    return tuple(found.values())


def _only(shared: Shared, functions: tuple[Function, ...]) -> tuple[Function, ...]:
    names = {each.config.name for each in functions} | {each.logical_id for each in functions}
    for name in shared.options.only:
        if name not in names:
            raise InvalidProject(f"the project has no function {name}{nearest(name, names)}; it has {', '.join(names)}")
    wanted = set(shared.options.only)
    return tuple(each for each in functions if {each.config.name, each.logical_id} & wanted)


def _note_others(stack: Stack) -> None:
    """Name the types that nothing here serves, and those that cannot exist."""
    others: dict[str, list[str]] = {}
    for logical_id, resource in stack.resources.items():
        kind = resource.get("Type", "")
        if not _TYPE.fullmatch(str(kind)) or (kind not in _KNOWN and get_close_matches(kind, _KNOWN, 1, 0.93)):
            stack.note(logical_id, f"the type {kind} is unknown{nearest(str(kind), _KNOWN)}; correct it")
        elif not _SERVED.fullmatch(kind):
            others.setdefault(kind, []).append(logical_id)
    if others:
        texts = [f"{kind} ({shorten_list(ids, 2)})" for kind, ids in others.items()]
        stack.shared.notes.append(f"{stack.file}: resources without a local counterpart: {shorten_list(texts, _NAMED)}")


def _note_unused_variables(shared: Shared, functions: tuple[Function, ...]) -> None:
    names = [*(each.config.name for each in functions), *(each.logical_id for each in functions)]
    for name in shared.options.env_vars:
        if name != "Parameters" and name not in names and not shared.options.only:
            shared.notes.append(f"the variables for {name} are for no function{nearest(name, names)}")
