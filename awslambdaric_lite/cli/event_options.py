"""Command line options of an event builder, derived from its signature and its docstring.

Each parameter is one option; positional parameters are positional arguments. The help is the first sentence of the
parameter's text in `Args`, with its default.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..common.regions import require_region, users_region
from .events import refuse_constant

# Prefix of the builder's arguments in the namespace, which also contains `version` of the command itself.
PREFIX = "builder."
_FLAGS = {"message_attributes": "--attribute", "version": "--trigger-version"}
_REGION_HELP = "AWS region (default: AWS_REGION, AWS_DEFAULT_REGION or us-east-1)"
_OBJECT = "; a JSON object, or @FILE"
_CONTENT = ": text, @FILE, or @- for standard input"
_REPEATABLE = "; repeatable"


class _IntoDict(argparse.Action):
    """Action that collects repeated `NAME=VALUE`."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        name, value = values
        setattr(namespace, self.dest, {**getattr(namespace, self.dest, {}), name: value})


def declare(parser: argparse.ArgumentParser, builder: Callable[..., Any]) -> None:
    """Declare an option or a positional argument for each parameter of a builder."""
    texts = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", inspect.getdoc(builder) or "", re.MULTILINE))
    for name, parameter in inspect.signature(builder).parameters.items():
        kind = str(parameter.annotation).removesuffix(" | None")
        hint, settings = _VALUES[kind]
        settings = {**settings, "help": _help(texts.get(name, ""), hint, parameter.default)}
        if name == "region":
            settings |= {"type": _region, "default": users_region(), "help": _REGION_HELP}
        elif name == "account":
            settings["type"] = _account
        is_batch = parameter.kind is parameter.VAR_POSITIONAL
        is_required = parameter.default is parameter.empty
        singular = _singular(name) if is_batch or "action" in settings else name
        flag = _FLAGS.get(name, f"--{singular.replace('_', '-')}")
        if kind == "bool":
            parser.add_argument(flag, dest=PREFIX + name, action="store_true", **settings)
        elif parameter.kind is parameter.KEYWORD_ONLY or kind == "Mapping[str, Any]":
            settings.setdefault("metavar", flag.rpartition("-")[2].upper())
            parser.add_argument(flag, dest=PREFIX + name, required=is_required, **settings)
        else:
            settings["type"] = _if_given(settings.get("type", str))
            nargs = "+" if is_batch else None if is_required else "?"
            parser.add_argument(PREFIX + name, metavar=singular.upper(), nargs=nargs, **settings)


def content(text: str) -> str | bytes:
    """Return text unchanged, and for `@FILE` or `@-` the content of the file or of standard input.

    The result is text if it is UTF-8.
    """
    data = os.fsencode(text)
    if text.startswith("@"):
        try:
            data = sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
        except OSError as error:
            raise argparse.ArgumentTypeError(f"file {text[1:]!r} cannot be read: {error.strerror}") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def is_json(text: str) -> bool:
    """Return whether text is a JSON object or array."""
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _text_content(text: str) -> str:
    found = content(text)
    if isinstance(found, bytes):
        name = text.removeprefix("@")
        raise argparse.ArgumentTypeError(f"{name!r} is not UTF-8, and the service carries text; encode it first")
    return found


def _region(text: str) -> str:
    try:
        return require_region(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _account(text: str) -> str:
    if not re.fullmatch("[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of an AWS account; give its 12 digits")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} has no value; write NAME=value")
    return name, value


def _object(text: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    source = _text_content(text)
    try:
        value = json.loads(source, parse_float=parse_float, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object; write it in braces, e.g. '{{\"id\": 1}}'")
    return value


def _item(text: str) -> dict[str, Any]:
    return _object(text, Decimal)  # DynamoDB keeps all digits


def _moment(text: str) -> datetime | float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        # Python 3.10 does not read the Z.
        time = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; write e.g. 2024-06-10T19:26:16Z, or seconds since the epoch"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _if_given(read: Callable[[str], Any]) -> Callable[[str], Any]:
    # Up to Python 3.13 argparse reads the default of `nargs="?"`, even the one that means "omit it".
    return lambda text: text if text is argparse.SUPPRESS else read(text)


def _singular(name: str) -> str:
    return "body" if name == "bodies" else name.removesuffix("s")


def _help(text: str, hint: str, default: object) -> str:
    text = " ".join(text.replace("`", "").split())
    sentence = re.split(r"(?<!e\.g)\.(?: |$)", text)[0] + hint
    stated = re.search(r"Default: (.*?)\.(?: |$)", text)
    if stated:
        default = stated[1]
    elif isinstance(default, bool) or not isinstance(default, str | int):
        return sentence.replace("%", "%%")
    return f"{sentence} (default: {default})".replace("%", "%%")


_PAIR: dict[str, Any] = {"type": _pair, "metavar": "NAME=VALUE"}
# What the help adds and what argparse needs, for each annotation of a builder's parameter.
_VALUES: dict[str, tuple[str, dict[str, Any]]] = {
    "bool": ("", {}),
    "str": ("", {}),
    "int": ("", {"type": int, "metavar": "N"}),
    "When": (", e.g. 2024-06-10T19:26:16Z, or seconds since the epoch", {"type": _moment}),
    "Content": (_CONTENT, {"type": content}),
    "TextContent": (_CONTENT, {"type": _text_content}),
    "Mapping[str, Any]": (_OBJECT, {"type": _object, "metavar": "JSON"}),
    "Item": (_OBJECT, {"type": _item, "metavar": "JSON"}),
    **dict.fromkeys(("Cookies", "Sequence[str]", "tuple[str, ...]"), (_REPEATABLE, {"action": "append"})),
    **dict.fromkeys(("Query", "Headers"), (_REPEATABLE, {**_PAIR, "action": "append"})),
    **dict.fromkeys(
        ("Mapping[str, str]", "MessageAttributes", "RecordHeaders"), (_REPEATABLE, {**_PAIR, "action": _IntoDict})
    ),
}
