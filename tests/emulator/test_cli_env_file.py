"""`--env-file`: which lines are valid and which are rejected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.cli.env_file import read_env_file
from awslambdaric_lite.cli.errors import UsageError

from .command_line import run, shell

WriteHandler = Callable[[str], Path]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A=", ""),
        ("  export A = some text  ", "some text"),
        ("A=x=y", "x=y"),
        ("A=one # two", "one"),
        ("A=one#two", "one#two"),
        ("A=# nothing", ""),
        ("A='it is $HOME \\n # \"so\"' # yes", 'it is $HOME \\n # "so"'),
        ('A="one\\ntwo\\t\\"three\\" \\$4 \\\\ \\x"', 'one\ntwo\t"three" $4 \\ \\x'),
        ('A=""', ""),
        ("A=$HOME", "$HOME"),
        ("A=Ünï", "Ünï"),
        ("A=1\r", "1"),
    ],
)
def test_value_is_parsed_as_dotenv(line: str, value: str, tmp_path: Path) -> None:
    """A value is parsed like other tools parse dotenv files, without expansion of variables."""
    path = tmp_path / ".env"
    path.write_bytes(f"# a comment\n\n{line}\n".encode())
    assert read_env_file(str(path), "function") == {"A": value}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"NAME", "line 3: 'NAME' has no value; write NAME=value"),
        (b"1A=x", "line 3: '1A' is not a name"),
        (b"=x", "line 3: '' is not a name"),
        (b"A B=x", "line 3: 'A B=x' has no value"),
        (b"A='x", "line 3: the value of A does not end with its quote '"),
        (b'A="x\ny"', 'line 3: the value of A does not end with its quote "'),
        (b"A='x'y", "quote all of it, in one line"),
        (b"A=\xff", "is not UTF-8 (byte 9); save it as UTF-8"),
        (b"A=x\0y", "line 3: the value of A has a NUL character, with which no variable can be set; remove it"),
        (b'A="\0"', "line 3: the value of A has a NUL character"),
        (b"A='\0'", "line 3: the value of A has a NUL character"),
    ],
)
def test_invalid_line_is_rejected_with_cure(line: bytes, message: str, tmp_path: Path) -> None:
    """An invalid line is rejected; the error states the file, the line and how to correct it."""
    path = tmp_path / "bad.env"
    path.write_bytes(b"# one\n\n" + line)
    with pytest.raises(UsageError) as raised:
        read_env_file(str(path), "function")
    assert str(raised.value).startswith(f"--env-file {path}")
    assert message in str(raised.value)


ORDERS = {"Orders": {"TABLE": "own"}, "Other": {"TABLE": "other"}}


@pytest.mark.parametrize(
    ("content", "variables"),
    [
        ({"Parameters": {"STAGE": "dev"}}, {"STAGE": "dev"}),
        ({"Orders": {"TABLE": "own"}}, {"TABLE": "own"}),
        ({"Orders": {"TABLE": "own"}, "Parameters": {"TABLE": "all", "B": "2"}}, {"TABLE": "own", "B": "2"}),
        ({"Variables": {"STAGE": "dev"}}, {"STAGE": "dev"}),
        (ORDERS, {"TABLE": "own"}),
        (
            {"Parameters": {"N": 1, "F": 1.5, "T": True, "NO": False, "X": None}},
            {"N": "1", "F": "1.5", "T": "true", "NO": "false", "X": ""},
        ),
        ({"Parameters": {}}, {}),
        ({"Parameters": {"A": "1"}, "Other": {"A": "2"}}, {"A": "1"}),
    ],
)
def test_json_of_sam_is_read(content: object, variables: dict[str, str], tmp_path: Path) -> None:
    """SAM's JSON has variables of every function and of functions by name; the function's own ones win."""
    for text in (json.dumps(content), "\ufeff\n" + json.dumps(content, indent=2)):
        path = tmp_path / "env.json"
        path.write_text(text, encoding="utf-8")
        assert read_env_file(str(path), "Orders") == variables


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Parameters": {"A": "1"}', "Expecting"),
        ("{}", "no variables for the function 'function'; name one of its functions by --name (it has none), or put"),
        (json.dumps(ORDERS), "no variables for the function 'function'; name one of its functions by --name (Orders, "),
        ('{"Parameters": "A=1"}', "Parameters is not a JSON object; write e.g. {"),
        ('{"Parameters": {"A B": "1"}}', "'A B' is not a name"),
        ('{"Parameters": {"A": ["1"]}}', "the value of A is not text or a number; write it as text"),
        (r'{"Parameters": {"A": "x\u0000"}}', "the value of A has a NUL character"),
        (
            r'{"Parameters": {"A": "\ud83d"}}',
            "the value of A has a lone surrogate, which is not a character; remove it",
        ),
    ],
)
def test_other_json_is_rejected_with_cure(text: str, message: str, tmp_path: Path) -> None:
    """JSON that has no variables for the function is rejected; the message names the file and the cure."""
    path = tmp_path / "env.json"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_env_file(str(path), "function")
    assert str(raised.value).startswith(f"--env-file {path}: ")
    assert message in str(raised.value)


def test_missing_file_or_directory_is_rejected(tmp_path: Path) -> None:
    """A missing file and a directory are rejected as environment files."""
    with pytest.raises(UsageError, match="does not exist; check the path"):
        read_env_file(str(tmp_path / "missing"), "function")
    with pytest.raises(UsageError, match="is a directory"):
        read_env_file(str(tmp_path), "function")


def test_later_file_and_env_option_win(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A later environment file overrides an earlier one, and `--env` overrides both."""
    root = write_handler("import os\ndef handler(event, context):\n    return [os.environ[name] for name in 'ABC']")
    (root / "one.env").write_text("A=1\nB=1\nC=1\n")
    (root / "two.env").write_text("\ufeffB=2\nC=2\n", encoding="utf-8")
    done = run(
        *("invoke", "app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--env", "C=3"),
        *("--env-file", str(root / "one.env"), "--env-file", str(root / "two.env")),
    )
    assert json.loads(done.stdout) == ["1", "2", "3"]
