"""Command line options that stand for the arguments of event builders, and the values they take."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

CONTENT = "text, or @FILE, or @- for standard input"


class Options:
    """Declares options named like a builder's arguments, with the builder's defaults in their help."""

    def __init__(self, parser: argparse.ArgumentParser, builder: Callable[..., Any]) -> None:
        self.parser = parser
        self._arguments = inspect.signature(builder).parameters

    def positional(self, name: str, metavar: str, text: str, **more: Any) -> None:
        """Declare an argument without a flag."""
        read = more.pop("type", str)

        def read_if_given(given: str) -> Any:
            # Up to Python 3.13 argparse reads the default of `nargs="?"` too, even the one that means "leave it out".
            return given if given is argparse.SUPPRESS else read(given)

        self.parser.add_argument(name, metavar=metavar, help=self._help(name, text), type=read_if_given, **more)

    def option(self, flag: str, metavar: str, text: str, **more: Any) -> None:
        """Declare `--flag METAVAR`."""
        name = more.pop("dest", flag.strip("-").replace("-", "_"))
        self.parser.add_argument(flag, dest=name, metavar=metavar, help=self._help(name, text), **more)

    def switch(self, flag: str, text: str) -> None:
        """Declare a flag without a value."""
        self.parser.add_argument(flag, action="store_true", help=text)

    def pairs(self, flag: str, text: str, dest: str, action: str | type[argparse.Action] = "append") -> None:
        """Declare `--flag K=V`, any number of times: a list of pairs, or with `IntoDict` a dict."""
        self.option(flag, "K=V", f"{text}; repeatable", dest=dest, action=action, type=pair)

    def place_and_time(self) -> None:
        """Declare account, region and time, as far as the builder has them."""
        for name, text in (("account", "the AWS account's number"), ("region", "the AWS region")):
            if name in self._arguments:
                self.option(f"--{name}", name.upper(), text)
        if "time" in self._arguments:
            self.option("--time", "TIME", "such as 2024-06-10T19:26:16Z, or seconds since the epoch", type=moment)

    def _help(self, name: str, text: str) -> str:
        default = self._arguments[name].default if name in self._arguments else None
        shown = isinstance(default, str | int) and not isinstance(default, bool)
        return (f"{text} (default: {default})" if shown else text).replace("%", "%%")


class IntoDict(argparse.Action):
    """Collects repeated `K=V`."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        name, value = values
        setattr(namespace, self.dest, {**getattr(namespace, self.dest, {}), name: value})


def pair(text: str) -> tuple[str, str]:
    """`NAME=value`"""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} has no value; write NAME=value")
    return name, value


def json_object(text: str) -> dict[str, Any]:
    """A JSON object, or `@FILE` with one."""
    return _object(text, float)


def item(text: str) -> dict[str, Any]:
    """A JSON object whose numbers keep all their digits, or `@FILE` with one."""
    return _object(text, Decimal)


def content(text: str) -> str | bytes:
    """Text as it is; `@FILE` is the file's content, as text if it is UTF-8; `@-` standard input."""
    if not text.startswith("@"):
        return _text_or_bytes(os.fsencode(text))
    try:
        data = sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"file {text[1:]!r} cannot be read: {error.strerror}") from None
    return _text_or_bytes(data)


def text_content(text: str) -> str:
    """As `content`, for a service that carries text only."""
    found = content(text)
    if isinstance(found, bytes):
        name = text.removeprefix("@")
        raise argparse.ArgumentTypeError(f"{name!r} is not UTF-8, and the service carries text; encode it first")
    return found


def moment(text: str) -> datetime | float:
    """An ISO 8601 time, in UTC unless it says otherwise, or seconds since the epoch."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        # Python 3.10 does not read the Z.
        time = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2024-06-10T19:26:16Z or seconds since the epoch"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def is_json(text: str) -> bool:
    """Whether text is a JSON object or array."""
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed; use null or a number")


def _object(text: str, parse_float: Callable[[str], Any]) -> dict[str, Any]:
    source = text_content(text)
    try:
        value = json.loads(source, parse_float=parse_float, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON object; write it in braces, such as '{{\"id\": 1}}'")
    return value
