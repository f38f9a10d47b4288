"""Checks of blocks that are not run: syntax of every language, and options of this project's commands."""

from __future__ import annotations

import argparse
import configparser
import contextlib
import importlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator

import yaml

from awslambdaric_lite.cli import COMMANDS
from tests.docs.blocks import Block

_PARSERS = {
    "layers/build.py": "layers.build",
    "layers/publish.py": "layers.publish",
    "benchmarks": "benchmarks.__main__",
    "benchmarks aws": "benchmarks.aws.options",
    "benchmarks guard": "benchmarks.guard.command",
    "benchmarks soak": "benchmarks.soak.command",
}  # command -> module with its `parser`


class _Yaml(yaml.SafeLoader):  # type: ignore[misc]  # it has no stubs
    """YAML with the tags of CloudFormation, e.g. `!GetAtt`."""


_Yaml.add_multi_constructor("!", lambda loader, tag, node: None)


def check_syntax(block: Block) -> None:
    """Parse a block by its language.

    Raises:
        ValueError: the block is malformed, or its language is not known.
    """
    if block.kind == "sh":
        _check_shell(block.text)
    elif block.kind == "python":
        compile(block.text, str(block), "exec")
    elif block.kind == "yaml":
        yaml.load(block.text, _Yaml)
    elif block.kind == "json":
        json.loads(block.text)
    elif block.kind == "ini":
        configparser.ConfigParser().read_string(block.text)
    elif block.kind == "dockerfile":
        _check_dockerfile(block.text)
    elif block.kind != "text" or not block.title:
        raise ValueError(f"{block}: no check for language {block.kind!r}")


def _check_shell(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    for command in commands(text):
        check_options(command)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command in a shell text, without assignments before it."""
    words: list[str] = []
    text = re.sub(r"(?<=\s)\d(?=[<>])", "", text.replace("\\\n", " "))  # without the descriptors of redirections
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for token in [*lexer, ";"]:
            if set(token) <= set("();<>|&"):
                if words:
                    yield words
                words = []
            elif words or "=" not in token.partition("-")[0]:
                words.append(token)


def check_options(command: list[str]) -> None:
    """Parse a command of this project with its own parser; accept any other command.

    Raises:
        ValueError: the parser rejects the command.
    """
    program, *arguments = command
    if program.endswith("awslambdaric-lite"):
        name, *arguments = arguments
        if name not in COMMANDS:
            raise ValueError(f"awslambdaric-lite has no command {name}")
        parser = argparse.ArgumentParser(prog=f"awslambdaric-lite {name}", allow_abbrev=False)
        importlib.import_module(f"awslambdaric_lite.cli.{name.replace('-', '_')}").configure(parser)
    elif program.endswith(("python", "python3")) and arguments:
        if arguments[0] == "-m":
            arguments = arguments[1:]
        script, *arguments = arguments
        if script == "benchmarks" and arguments[0] in ("aws", "guard", "soak"):
            script, arguments = f"benchmarks {arguments[0]}", arguments[1:]
        if script not in _PARSERS:
            return
        parser = importlib.import_module(_PARSERS[script]).parser()
    else:
        return
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            parser.parse_args(arguments)
    except SystemExit as error:
        if error.code:
            raise ValueError(f"{shlex.join(command)}: {printed.getvalue()}") from error


def _check_dockerfile(text: str) -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=sysconfig.get_path("scripts"))
    if hadolint is None:
        return
    arguments = [hadolint, "--failure-threshold", "error", "-"]
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stdout + done.stderr)
