"""The options that say what the function is: the same for every command that runs one."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

from .env_file import read_env_file, variable
from .errors import UsageError


def add_function_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    options = parser.add_argument_group("the function")
    parser.add_argument("handler", metavar="HANDLER", help="module.function, such as app.handler")
    options.add_argument("--task-root", metavar="DIR", default=".", help="the function's folder (default: this one)")
    options.add_argument("--name", default="function", help="the function's name (default: function)")
    options.add_argument("--timeout", metavar="S", type=float, default=3.0, help="seconds (default: 3, as on AWS)")
    options.add_argument(
        "--memory",
        metavar="MB",
        type=int,
        default=128,
        help="megabytes (default: 128, as on AWS; with --managed-concurrency 2048)",
    )
    options.add_argument(
        "--layer", metavar="DIR", action="append", default=[], help="a layer's folder or zip file; repeatable"
    )
    options.add_argument(
        "--env", metavar="K=V", action="append", default=[], help="an environment variable; repeatable"
    )
    options.add_argument(
        "--env-file", metavar="FILE", action="append", default=[], help="lines of K=V; --env wins; repeatable"
    )
    options.add_argument("--aws", action="store_true", help="pass your AWS credentials on (default: worthless ones)")
    options.add_argument(
        "--runtime",
        metavar="CMD",
        help="any runtime's command, run in the task root; {handler} in it stands for HANDLER (default: this runtime)",
    )
    options.add_argument(
        "--managed-concurrency",
        metavar="N",
        type=int,
        help="as on Lambda Managed Instances: so many invocations at once in each environment",
    )
    options.add_argument(
        "--log-format",
        choices=["Text", "JSON"],
        help="of the function's log (default: Text; with --managed-concurrency always JSON)",
    )
    options.add_argument(
        "--log-level",
        choices=["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"],
        help="what the function logs at least, in JSON format (default: INFO)",
    )
    options.add_argument(
        "--debug",
        action="store_true",
        help="wait for no deadline and give the function this terminal, so that breakpoint() works",
    )


def function_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Settings for `FunctionConfig`, but for handler and name.

    Raises:
        UsageError: an option has a value that cannot be used.
    """
    runtime = _runtime_command(arguments.runtime, arguments.task_root)
    if runtime is None and "." not in arguments.handler:
        raise UsageError(
            f"handler {arguments.handler!r} has no dot; write module.function, such as {arguments.handler}.handler"
        )
    if arguments.managed_concurrency is not None and arguments.log_format == "Text":
        raise UsageError("--log-format Text does not go with --managed-concurrency: logs are always JSON there")
    return {
        "task_root": arguments.task_root,
        "timeout_s": arguments.timeout,
        "memory_mb": arguments.memory,
        "runtime": runtime,
        "env": _variables(arguments),
        "layers": arguments.layer,
        "aws_credentials": arguments.aws,
        "managed_concurrency": arguments.managed_concurrency,
        "log_format": arguments.log_format or "Text",
        "log_level": arguments.log_level,
        "debug": arguments.debug,
    }


def _variables(arguments: argparse.Namespace) -> dict[str, str]:
    variables: dict[str, str] = {}
    if arguments.debug and "TERM" in os.environ:
        variables["TERM"] = os.environ["TERM"]  # debuggers edit lines
    for path in arguments.env_file:
        variables |= read_env_file(path)
    return variables | dict(variable(text) for text in arguments.env)


def _runtime_command(text: str | None, task_root: str) -> list[str] | None:
    if text is None:
        return None
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--runtime {text!r} cannot be split into arguments: {error}") from None
    if not command:
        raise UsageError("--runtime is empty; give a command, such as './bootstrap'")
    program = command[0] if os.sep not in command[0] else os.path.join(os.path.abspath(task_root), command[0])
    if Path(task_root).is_dir() and shutil.which(program) is None:
        place = "on PATH" if os.sep not in command[0] else "(paths start at the task root)"
        raise UsageError(f"--runtime: there is no executable {command[0]} {place}")
    return command
