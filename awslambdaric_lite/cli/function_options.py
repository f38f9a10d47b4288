"""The options that describe a function, for every command that runs one."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

from .env_file import read_env_file, variable
from .errors import UsageError

NAME = "function"
"""The name of a function that has no other."""


def add_function_options(parser: argparse.ArgumentParser, *, handler_required: bool = True) -> None:
    """Declare the handler and the options of a function."""
    parser.add_argument(
        "handler",
        metavar="HANDLER",
        nargs=None if handler_required else "?",
        help="the handler as MODULE.FUNCTION, e.g. app.handler",
    )
    add_settings(parser)


def add_settings(parser: argparse.ArgumentParser, *, of_projects: bool = False) -> None:
    """Declare the options of a function, without the handler; `of_projects` adds the forms for several functions."""
    options = parser.add_argument_group("the function")
    options.add_argument(
        "--task-root",
        metavar="PATH",
        default=".",
        help="folder or zip file with the function's code (default: the current folder)",
    )
    options.add_argument("--name", help=f"the function's name (default: {NAME})")
    options.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=3.0,
        help="the function's timeout in seconds (default: 3, as on AWS)",
    )
    options.add_argument(
        "--memory",
        metavar="MB",
        type=int,
        default=128,
        help="the function's memory in MB (default: 128, as on AWS; with --managed-concurrency 2048)",
    )
    options.add_argument(
        "--ephemeral-storage",
        metavar="MB",
        type=int,
        help="limit of the files in /tmp in MB, 512 to 10240, where mounts are allowed (default: none; on AWS 512)",
    )
    options.add_argument(
        "--writable",
        action="store_true",
        help="let the function write to its folder (default: read-only as on AWS, where mounts are allowed)",
    )
    options.add_argument(
        "--layer",
        metavar="PATH",
        action="append",
        default=[],
        help="add a layer: a folder or a zip file"
        + ("; in a project ARN=PATH, the content of a layer that it names by ARN" if of_projects else "")
        + " (repeatable)",
    )
    options.add_argument(
        "--env", metavar="K=V", action="append", default=[], help="set an environment variable (repeatable)"
    )
    options.add_argument(
        "--env-file",
        metavar="FILE",
        action="append",
        default=[],
        help="set the environment variables of a file, one K=V a line or SAM's JSON; --env overrides them (repeatable)",
    )
    options.add_argument(
        "--alias",
        metavar="NAME=VERSION",
        action="append",
        default=[],
        help="add an alias of a version, e.g. live=3 (repeatable)",
    )
    options.add_argument(
        "--region",
        help="AWS region of the function's variables and ARNs (default: AWS_REGION, AWS_DEFAULT_REGION or us-east-1)",
    )
    options.add_argument(
        "--account",
        metavar="NUMBER",
        help="number of the AWS account in the function's ARNs, 12 digits (default: 012345678912)",
    )
    options.add_argument(
        "--aws", action="store_true", help="pass your AWS credentials to the function (default: placeholders)"
    )
    options.add_argument(
        "--runtime",
        metavar="CMD",
        action="append",
        default=[],
        help="command that starts another runtime, run in the task root; {handler} in it is replaced by HANDLER "
        "(default: this runtime)"
        + ("; in a project IDENTIFIER=CMD, e.g. nodejs22.x='./bootstrap' (repeatable)" if of_projects else ""),
    )
    options.add_argument(
        "--managed-concurrency",
        metavar="N",
        type=int,
        help="emulate Lambda Managed Instances with N concurrent invocations per environment",
    )
    options.add_argument(
        "--log-format",
        choices=["Text", "JSON"],
        help="the function's log format (default: Text; with --managed-concurrency always JSON)",
    )
    options.add_argument(
        "--log-level",
        choices=["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"],
        help="minimum level of the function's log in JSON format (default: INFO)",
    )
    options.add_argument(
        "--debug",
        action="store_true",
        help="disable timeouts and attach this terminal to the function, so that breakpoint() works",
    )


def function_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of `FunctionConfig` except handler and name.

    Raises:
        UsageError: an option has a value that cannot be used.
    """
    runtime = _runtime_command(
        arguments.runtime[-1] if arguments.runtime else None, arguments.task_root, arguments.layer
    )
    if runtime is None and "." not in arguments.handler:
        raise UsageError(
            f"handler {arguments.handler!r} has no dot; write MODULE.FUNCTION, e.g. {arguments.handler}.handler"
        )
    if arguments.managed_concurrency is not None and arguments.log_format == "Text":
        raise UsageError("--log-format Text does not work with --managed-concurrency: those logs are JSON; remove it")
    place = {name: getattr(arguments, name) for name in ("region", "account")}
    return {
        **{name: value for name, value in place.items() if value is not None},
        "task_root": arguments.task_root,
        "timeout_s": arguments.timeout,
        "memory_mb": arguments.memory,
        "read_only": False if arguments.writable else None,
        "ephemeral_storage_mb": arguments.ephemeral_storage,
        "runtime": runtime,
        "env": _variables(arguments),
        "aliases": dict(_alias(text) for text in arguments.alias),
        "layers": arguments.layer,
        "aws_credentials": arguments.aws,
        "managed_concurrency": arguments.managed_concurrency,
        "log_format": arguments.log_format or "Text",
        "log_level": arguments.log_level,
        "debug": arguments.debug,
    }


def _alias(text: str) -> tuple[str, str]:
    name, equals, version = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--alias {text!r} has no version; write NAME=VERSION, e.g. live=3")
    return name, version


def _variables(arguments: argparse.Namespace) -> dict[str, str]:
    variables: dict[str, str] = {}
    if arguments.debug and "TERM" in os.environ:
        variables["TERM"] = os.environ["TERM"]  # debuggers edit lines
    for path in arguments.env_file:
        variables |= read_env_file(path, arguments.name or NAME)
    return variables | dict(variable(text) for text in arguments.env)


def _runtime_command(text: str | None, task_root: str, layers: list[str]) -> list[str] | None:
    if text is None:
        return None
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--runtime {text!r} cannot be split into arguments: {error}") from None
    if not command:
        raise UsageError("--runtime is empty; give a command, e.g. ./bootstrap")
    program = command[0] if os.sep not in command[0] else os.path.join(os.path.abspath(task_root), command[0])
    if layers and program.startswith("/opt/"):
        return command  # a file of a layer
    if Path(task_root).is_dir() and shutil.which(program) is None:
        place = "on PATH" if os.sep not in command[0] else "in the task root, where relative paths start"
        raise UsageError(f"--runtime: no executable {command[0]} {place}; correct the command or make it executable")
    return command
