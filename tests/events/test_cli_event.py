"""`awslambdaric-lite event`, as a user runs it."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.cli import main
from awslambdaric_lite.cli.event_kinds import KINDS, Kind

from .command_lines import AT, SAME
from .examples import TIME_MS, Event

REPOSITORY = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "awslambdaric_lite.cli", "event", "sqs", "hello")
Run = Callable[..., Event]


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run the command and parse its output."""

    def run_and_parse(*arguments: str) -> Event:
        assert main(["event", *arguments]) == 0, capsysbinary.readouterr().err
        output = capsysbinary.readouterr()
        assert output.err == b""
        assert output.out.endswith(b"}\n")
        event: Event = json.loads(output.out)
        return event

    return run_and_parse


@pytest.mark.parametrize(("arguments", "build"), SAME, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_options_are_arguments_of_builders(arguments: list[str], build: Callable[[], Event], run: Run) -> None:
    """The command prints the event that the builder returns for the same arguments."""
    assert run(*arguments) == build()


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["INSERT", "--new", '{"name": "Ada"}'], {"NewImage": "Ada"}),
        (["modify", "--new", '{"name": "Ada"}', "--old", '{"name": "Bob"}'], {"NewImage": "Ada", "OldImage": "Bob"}),
        (["REMOVE", "--old", '{"name": "Bob"}'], {"OldImage": "Bob"}),
    ],
)
def test_dynamodb_change_keeps_all_digits(arguments: list[str], fields: dict[str, str], run: Run) -> None:
    """The command converts plain JSON to attribute values and keeps all digits of its numbers."""
    keys = '{"id": 12345678901234567.89}'
    (record,) = run("dynamodb", *arguments, "--keys", keys, "--table", "users", *AT)["Records"]
    stream = record["dynamodb"]
    assert record["eventName"] == arguments[0].upper()
    assert {name: stream[name]["name"]["S"] for name in ("NewImage", "OldImage") if name in stream} == fields
    assert stream["Keys"] == {"id": {"N": "12345678901234567.89"}}
    assert ":table/users/" in record["eventSourceARN"]


def test_command_without_kind_lists_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a kind, the command lists each kind in one line of at most 80 characters and exits with 0."""
    assert main(["event"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "event KIND --help" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == [kind.name for kind in KINDS]
    assert all(len(line) <= 80 for line in lines)


def test_every_builder_is_a_kind() -> None:
    """Each public builder has a kind on the command line."""
    assert {kind.build.__name__ for kind in KINDS} == set(events.__all__)


# Parameters whose name on the command line is neither the name nor its singular.
SPELLINGS = {"bodies": "BODY", "message_attributes": "--attribute", "version": "--trigger-version"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_help_describes_every_parameter(
    kind: Kind, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help of a kind has its summary and one described option or argument for each parameter of the builder."""
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit) as done:
        main(["event", kind.name, "--help"])
    assert done.value.code == 0
    output = capsys.readouterr().out
    assert f"Print {kind.summary}." in output
    described = set(re.findall(r"^  (\S+)(?: \S+)?(?:  +|\n {24})\S", output, re.MULTILINE)) - {"-h,"}
    parameters = inspect.signature(kind.build).parameters
    assert len(described) == len(parameters)
    for name in parameters:
        flag = f"--{name.replace('_', '-')}"
        assert described & {
            flag,
            flag.removesuffix("s"),
            name.upper(),
            name.upper().removesuffix("S"),
            SPELLINGS.get(name),
        }


def test_options_exist_without_docstrings() -> None:
    """Under -OO, which removes docstrings, the command has the same options, without their descriptions."""
    done = subprocess.run(
        [sys.executable, "-OO", *cli("event", "alb", "GET", "/a", "--multi-value")[1:]],
        capture_output=True,
        env=environment(),
        timeout=110,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["multiValueHeaders"]


@pytest.mark.parametrize("kind", ["apigw-v1", "apigw-v2", "function-url", "alb"])
def test_json_body_is_labelled(kind: str, run: Run, tmp_path: Path) -> None:
    """The command labels a JSON body unless a header has a content type, and sends the bytes of a file unchanged."""

    def sent(*arguments: str) -> tuple[str, bool, str | None]:
        event = run(kind, "POST", "/", *arguments)
        headers = {name.lower(): value for name, value in event["headers"].items()}
        return event["body"], event["isBase64Encoded"], headers.get("content-type")

    (tmp_path / "order.json").write_text('{ "é": 1 }\n', encoding="utf-8")
    (tmp_path / "image").write_bytes(b"\xff")
    assert sent("--body", '{"a": 1}') == ('{"a": 1}', False, "application/json")
    assert sent("--body", "[broken") == ("[broken", False, "text/plain; charset=utf-8")
    assert sent("--body", "7") == ("7", False, "text/plain; charset=utf-8")
    assert sent("--body", "{}", "--header", "CONTENT-TYPE=text/html") == ("{}", False, "text/html")
    assert sent("--body", f"@{tmp_path}/order.json") == ('{ "é": 1 }\n', False, "application/json")
    assert sent("--body", f"@{tmp_path}/image") == ("/w==", True, None)


def test_content_comes_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content `@-` is standard input, as text or as bytes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xc3\xa9")))
    assert run("sqs", "@-")["Records"][0]["body"] == "café"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert run("kinesis", "@-")["Records"][0]["kinesis"]["data"] == "/w=="


@pytest.mark.parametrize("arguments", [["sqs", "a"], ["http-api"], ["scheduled"], ["cognito"], ["msk", "a"]])
def test_region_is_the_users(arguments: list[str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --region, an event comes from the region of the user's variables, in its partition."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    text = json.dumps(run(*arguments))
    assert "cn-north-1" in text and "us-east-1" not in text
    assert "arn:aws:" not in text and not re.search(r"amazonaws\.com(?!\.cn)", text)


@pytest.mark.parametrize(
    "text", ["2020-03-12T19:03:58.390Z", "2020-03-12T20:03:58.390+01:00", "2020-03-12 19:03:58.390", "1584039838.390"]
)
def test_time_formats_mean_one_moment(text: str, run: Run) -> None:
    """The option --time accepts ISO 8601, in UTC unless it has an offset, and seconds since the epoch."""
    assert run("sqs", "a", "--time", text)["Records"][0]["attributes"]["SentTimestamp"] == str(TIME_MS)


def cli(*arguments: str | bytes) -> list[str | bytes]:
    """Return the command line of a new process."""
    return [sys.executable, "-m", "awslambdaric_lite.cli", *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a new process, which finds the package where this test found it."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}


def test_event_pipes_into_invoke(tmp_path: Path) -> None:
    """The command `invoke` reads the event from a pipe, with non-ASCII text."""
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n    return [record['body'] for record in event['Records']]\n"
    )
    with subprocess.Popen(cli("event", "sqs", "hello", "wörld"), stdout=subprocess.PIPE, env=environment()) as source:
        done = subprocess.run(
            cli("invoke", "app.handler", "--task-root", str(tmp_path), "--event", "-"),
            stdin=source.stdout,
            capture_output=True,
            env=environment(),
            timeout=110,
        )
    assert (source.returncode, done.returncode) == (0, 0), done.stderr
    assert json.loads(done.stdout) == ["hello", "wörld"]


def test_invalid_utf8_arguments_stay_json() -> None:
    """Invalid UTF-8 on the command line does not break the JSON, and a service that carries bytes receives it."""
    done = subprocess.run(
        cli("event", "eventbridge", b"a\xffb"),
        capture_output=True,
        env={**environment(), "PYTHONUTF8": "1"},
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["detail-type"] == "a\udcffb"
    done = subprocess.run(
        cli("event", "kinesis", b"a\xffb"),
        capture_output=True,
        env={**environment(), "PYTHONUTF8": "1"},
        timeout=110,
    )
    assert json.loads(done.stdout)["Records"][0]["kinesis"]["data"] == "Yf9i"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_is_one_error_line() -> None:
    """On a full disk, the command prints one line that says how to continue, and exits with 1."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "awslambdaric-lite: cannot write: No space left on device; make room, or write elsewhere\n"


def test_closed_output_is_not_an_error() -> None:
    """With a closed standard output, the command exits with 0 and prints no error."""
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND], stderr=subprocess.PIPE, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")
