r"""Environment variables from the command line, `NAME=value`, and from a file with one of them a line.

Files have the syntax that all dotenv tools share: blank lines, `# comments` (also after a value and a space), `export`
before a name, 'single' quotes around literal text, "double" quotes in which \n, \r, \t, \", \$ and \\ are escapes.
Variables are not expanded: a dollar sign is a dollar sign. A value ends with its line.

A file that begins with a brace is JSON, as SAM's `--env-vars` has it: variables by the name of a function, or under
`Parameters` for every function; AWS's own `--environment` has them under `Variables`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..common import json_text
from .errors import UsageError

_LINE = re.compile(r"(?:export\s+)?(?P<name>[^=\s]*)\s*=\s*(?P<value>.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMENT = re.compile(r"(^|\s+)#.*", re.DOTALL)
_OF_EVERY_FUNCTION = ("Variables", "Parameters")
_QUOTED = {
    "'": re.compile(r"'([^']*)'\s*(?:\s#.*)?"),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:\s#.*)?'),
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "$": "$", "\\": "\\"}


def variable(text: str) -> tuple[str, str]:
    """Return the name and the value of an argument of `--env`.

    Raises:
        UsageError: it is not a variable.
    """
    name, equals, value = text.partition("=")
    if not name or not equals or "\0" in text:
        raise UsageError(f"--env {text!r} has no value; write NAME=value")
    return name, value


def read_env_file(path: str, function_name: str) -> dict[str, str]:
    """Return the variables of a file; the last of several with one name counts.

    Raises:
        UsageError: the file cannot be read, or a line of it cannot be parsed; the message names the line.
    """
    variables: dict[str, str] = {}
    text = read_text("--env-file", path)
    if text.lstrip().startswith("{"):
        try:
            return _of_functions(json_text.parse(text), function_name)
        except ValueError as error:
            raise UsageError(f"--env-file {path}: {error}") from None
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if line and not line.startswith("#"):
            try:
                name, value = _parse(line)
            except ValueError as error:
                raise UsageError(f"--env-file {path}, line {number}: {error}") from None
            variables[name] = value
    return variables


def read_text(option: str, path: str) -> str:
    """Return the text of a file that an option names.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{option} {path} does not exist; check the path") from None
    except IsADirectoryError:
        raise UsageError(f"{option} {path} is a directory; give the path of a file in it") from None
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{option} {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None


def _of_functions(groups: dict[str, Any], function_name: str) -> dict[str, str]:
    """Return the variables of one function from a JSON object; its own replace those of every function."""
    variables: dict[str, str] = {}
    wanted = [name for name in (*_OF_EVERY_FUNCTION, function_name) if name in groups]
    if not wanted:
        raise ValueError(
            f"the JSON has no variables for the function {function_name!r}; name one of its functions by --name "
            f'({", ".join(groups) or "it has none"}), or put them under "Parameters"'
        )
    for group in wanted:
        if not isinstance(groups[group], dict):
            raise ValueError(f'{group} is not a JSON object; write e.g. {{"{group}": {{"TABLE": "orders"}}}}')
        for name, value in groups[group].items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a name; use letters, digits and underscores")
            if isinstance(value, dict | list):
                raise ValueError(f"the value of {name} is not text or a number; write it as text")
            variables[name] = _checked(name, _as_text(value))
    return variables


def _as_text(value: str | int | float | bool | None) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parse(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} has no value; write NAME=value")
    name, value = match["name"], match["value"]
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name; use letters, digits and underscores, and a digit not first")
    if value[:1] not in _QUOTED:
        return name, _checked(name, _COMMENT.sub("", value))
    quoted = _QUOTED[value[0]].fullmatch(value)
    if quoted is None:
        raise ValueError(f"the value of {name} does not end with its quote {value[0]}; quote all of it, in one line")
    return name, _checked(name, quoted[1] if value[0] == "'" else re.sub(r"\\(.)", _unescape, quoted[1]))


def _checked(name: str, value: str) -> str:
    """Return a value that a process can have as a variable.

    Raises:
        ValueError: it has a NUL character, which ends a variable, or half of a character, which UTF-8 does not have.
    """
    if "\0" in value:
        raise ValueError(f"the value of {name} has a NUL character, with which no variable can be set; remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the value of {name} has a lone surrogate, which is not a character; remove it") from None
    return value


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[0])
