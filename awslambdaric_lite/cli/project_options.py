"""The options of `serve` for a project, and what it takes: a project or one function's handler."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .errors import UsageError

if TYPE_CHECKING:
    from ..project.options import ProjectOptions

API_PORT = 3000
_PARAMETER = re.compile(
    r"\s*(?:ParameterKey=(?P<key>[^,=\s]+),ParameterValue=|(?P<name>[^=\s]+)=)"
    r"""(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<plain>.*?))(?=\s+[^=\s]+=|\s*$)""",
    re.DOTALL,
)
_LAYER_ARN = re.compile(r"arn:[^=]+")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9.]*")
_TEMPLATE_SUFFIXES = (".yaml", ".yml", ".json", ".template", ".toml")

# Options of one function, which a project's files set.
_IN_FILES = {
    "task_root": "give the folder as PATH",
    "name": "give --only NAME to serve one function",
    "timeout": "set Timeout in the template",
    "memory": "set MemorySize in the template",
    "ephemeral_storage": "set EphemeralStorage in the template",
    "env": "give a file by --env-vars",
    "env_file": "give a file by --env-vars",
    "alias": "set AutoPublishAlias in the template",
    "managed_concurrency": "set CapacityProviderConfig in the template",
    "log_format": "set LoggingConfig in the template",
    "log_level": "set LoggingConfig in the template",
    "concurrency": "set ReservedConcurrentExecutions in the template",
    "provisioned": "set ProvisionedConcurrencyConfig in the template",
    "url_mode": "set InvokeMode of FunctionUrlConfig in the template",
    **dict.fromkeys(
        ("cors_origin", "cors_header", "cors_expose_header", "cors_credentials", "cors_max_age"),
        "set Cors of FunctionUrlConfig in the template",
    ),
    "retries": "set EventInvokeConfig in the template",
    "retry_delay_scale": "set EventInvokeConfig in the template",
    "on_success": "set EventInvokeConfig in the template",
    "on_failure": "set EventInvokeConfig in the template",
}


def add_project_options(parser: argparse.ArgumentParser) -> Iterable[str]:
    """Declare the options of a project, and return the names of their values."""
    group = parser.add_argument_group("a project")
    actions = [
        group.add_argument(
            "-t", "--template", metavar="FILE", help="template, cdk.out folder or pyproject.toml of the project"
        ),
        group.add_argument(
            *("--parameter", "--parameter-overrides"),
            metavar="K=V",
            action="append",
            default=[],
            help="set a parameter of the template; several K=V in one argument and SAM's "
            "ParameterKey=K,ParameterValue=V work, too (repeatable)",
        ),
        group.add_argument(
            "--config-env",
            metavar="NAME",
            help="environment of samconfig.toml whose parameters apply (default: default)",
        ),
        group.add_argument(
            "--resource",
            metavar="LOGICAL_ID=VALUE",
            action="append",
            default=[],
            help="name or ARN of a resource that the template creates, e.g. Orders=orders-dev (repeatable)",
        ),
        group.add_argument(
            "--only",
            metavar="NAME",
            action="append",
            default=[],
            help="serve this function only, by its name or logical id (repeatable)",
        ),
        group.add_argument(
            "--env-vars", metavar="FILE", help="JSON file with variables by function, as SAM's --env-vars takes it"
        ),
        group.add_argument(
            "--api-port",
            metavar="PORT",
            type=port,
            default=API_PORT,
            help=f"port of the first API; further APIs get the next ones (default: {API_PORT}; 0 selects free ports)",
        ),
        group.add_argument(
            "--endpoint-url",
            metavar="SERVICE=URL",
            action="append",
            default=[],
            help="address of a service for the functions and for the polling of queues, "
            "e.g. sqs=http://127.0.0.1:9324 (repeatable; default: AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL)",
        ),
        group.add_argument(
            "--create-resources", action="store_true", help="create missing queues of the template at a local endpoint"
        ),
        group.add_argument(
            "--poll-aws",
            metavar="LOGICAL_ID",
            action="append",
            default=[],
            help="poll this queue at AWS itself, which takes its messages (repeatable)",
        ),
    ]
    return [action.dest for action in actions]


def port(text: str) -> int:
    """Return the port that a text names.

    Raises:
        ArgumentTypeError: it is not a port.
    """
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 (a free port) to 65535")
    return number


def project_path(arguments: argparse.Namespace) -> tuple[bool, Path | None]:
    """Return whether a project is served, and the file or folder that the user has named for it.

    Raises:
        UsageError: the command line names two projects, or a file that does not exist.
    """
    named, template = arguments.handler, arguments.template
    if template is not None:
        if named is not None:
            raise UsageError(f"--template {template} and {named} name two things to serve; leave one of them out")
        if not Path(template).exists():
            raise UsageError(f"--template {template} does not exist; check the path")
        return True, Path(template)
    if named is None:
        return True, None
    try:
        exists = Path(named).exists()
    except (OSError, ValueError):
        exists = False
    if exists:
        return True, Path(named)
    if named.endswith((*_TEMPLATE_SUFFIXES, "/")):
        raise UsageError(f"{named} does not exist; check the path, or give a handler, e.g. app.handler")
    return False, None


def refuse_other_face(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, of_project: Iterable[str]
) -> None:
    """Refuse the options that have no effect on what is served.

    Raises:
        UsageError: such an option is there; the message names it and the cure.
    """
    is_project, _ = project_path(arguments)
    for name in _IN_FILES if is_project else of_project:
        if getattr(arguments, name) is parser.get_default(name):  # equal to it is what a user may have written
            continue
        option = f"--{name.replace('_', '-')}"
        if is_project:
            raise UsageError(f"{option} is for one function with a HANDLER, and this is a project; {_IN_FILES[name]}")
        cure = "give --env-file instead" if name == "env_vars" else "leave it out, or leave the handler out"
        raise UsageError(f"{option} is for a project, and {arguments.handler} is a handler; {cure}")
    if is_project and arguments.debug and len(arguments.only) != 1:
        raise UsageError("--debug gives this terminal to one function; name it by --only NAME")


def read_options(arguments: argparse.Namespace, say: Callable[[str], None]) -> ProjectOptions:
    """Return how the project is read; `say` shows what takes long.

    Raises:
        UsageError: an option has a value that cannot be used.
        InvalidFunction: region or account cannot exist.
    """
    from ..common.regions import ACCOUNT, users_region
    from ..emulator.config.checks import check_place
    from ..project.options import ProjectOptions

    check_place(arguments.region or users_region(), arguments.account or ACCOUNT)
    settings: dict[str, Any] = {"aws_credentials": arguments.aws, "debug": arguments.debug}
    settings["allow_hosts"] = tuple(arguments.allow_host)
    settings["read_only"] = False if arguments.writable else None
    return ProjectOptions(
        parameters=dict(_parameters(arguments.parameter)),
        resources=dict(_pair("--resource", "LOGICAL_ID=NAME_OR_ARN", text) for text in arguments.resource),
        layers=dict(_layer(text) for text in arguments.layer),
        runtimes=dict(_runtime(text) for text in arguments.runtime),
        only=tuple(arguments.only),
        env_vars={} if arguments.env_vars is None else _variables(arguments.env_vars),
        config_env=arguments.config_env,
        region=arguments.region,
        account=arguments.account or ACCOUNT,
        endpoints=dict(_endpoint(text) for text in arguments.endpoint_url),
        settings=settings,
        progress=say,
    )


def _parameters(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        at = 0
        while match := _PARAMETER.match(text, at):
            value = match["plain"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
            yield match["key"] or match["name"], value
            at = match.end()
        if not text.strip() or text[at:].strip():
            raise UsageError(f"--parameter {text!r} has no value; write NAME=VALUE, e.g. Stage=dev")


def _pair(option: str, form: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise UsageError(f"{option} {text!r} has no value; write {form}")
    return name, value


def _layer(text: str) -> tuple[str, Path]:
    arn, value = _pair("--layer", "ARN=FOLDER or ARN=FILE.zip, because the template names layers by ARN", text)
    if not _LAYER_ARN.fullmatch(arn):
        raise UsageError(f"--layer {text!r} does not begin with an ARN; write ARN=FOLDER or ARN=FILE.zip")
    path = Path(value)
    if not path.exists():
        raise UsageError(f"--layer {arn}: {value} does not exist; give a folder or a zip file")
    return arn, path


def _runtime(text: str) -> tuple[str, list[str]]:
    identifier, equals, command = text.partition("=")
    if not equals or not _IDENTIFIER.fullmatch(identifier):
        raise UsageError(
            f"--runtime {text!r} does not name a runtime; write IDENTIFIER=CMD, e.g. nodejs22.x=./bootstrap"
        )
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--runtime {text!r} cannot be split into arguments: {error}; close its quotes") from None
    if not words:
        raise UsageError(f"--runtime {text!r} has no command; write IDENTIFIER=CMD, e.g. {identifier}=./bootstrap")
    return identifier, words


def _endpoint(text: str) -> tuple[str, str]:
    service, _, url = text.partition("=")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 -- raises for a port that is not a number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not _IDENTIFIER.fullmatch(service):
        raise UsageError(f"--endpoint-url {text!r} is not SERVICE=URL; write e.g. sqs=http://127.0.0.1:9324")
    return service, url


def _variables(path: str) -> dict[str, Any]:
    from ..common import json_text
    from .env_file import read_text

    text = read_text("--env-vars", path)
    try:
        groups = json_text.parse(text)
    except ValueError as error:
        raise UsageError(f"--env-vars {path} is not JSON: {error}") from None
    if not isinstance(groups, dict) or not all(isinstance(group, dict) for group in groups.values()):
        raise UsageError(
            f'--env-vars {path} is not variables by function; write e.g. {{"Orders": {{"TABLE": "orders"}}}}'
        )
    return groups
